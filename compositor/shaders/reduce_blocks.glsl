// Area average where an output texel is a block of whole texels. GATHER: one component, blocks of even size; the small
// shift keeps it on its four texels, whatever the rounding.
uniform sampler2D source;
uniform ivec2 origin; // the first block's first texel
uniform ivec2 block;  // texels
uniform vec2 size;    // 1 / texture size
out vec4 mean;

void main() {
    ivec2 first = origin + ivec2(gl_FragCoord.xy) * block;
    vec4 sum = vec4(0.0);
#ifdef GATHER
    for (int y = 0; y < block.y; y += 2) {
        for (int x = 0; x < block.x; x += 2) {
            sum.r += dot(textureGather(source, (vec2(first + ivec2(x, y)) + 1.002) * size), vec4(1.0));
        }
    }
#else
    for (int y = 0; y < block.y; y++) {
        for (int x = 0; x < block.x; x++) {
            sum += texelFetch(source, first + ivec2(x, y), 0);
        }
    }
#endif
    mean = sum / float(block.x * block.y);
}
