// A part of a texture, texel for texel.
uniform sampler2D source;
out vec4 copied;

void main() {
    copied = texelFetch(source, ivec2(gl_FragCoord.xy), 0);
}
