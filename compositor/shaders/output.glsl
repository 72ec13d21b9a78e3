// A finished composition as the samples of one or more planes of the same size, read back as they are.
//
// PLANES n      planes written at once, one value a pixel each; or
// INTERLEAVED n one plane of n components a pixel
// PACK n        samples in one texel of the target: 4 where rows are a multiple of 4 samples, else 1
// SITING_X      0 full resolution, 1 chroma on even pixels, 2 chroma between two pixels
// SITING_Y      0, 1, 2 likewise, 3 chroma on odd rows
// STRAIGHT      divide by alpha
// FILL n        what is fully transparent gets the colour next to it, out of n reductions of the picture
uniform sampler2D picture;
#ifdef FILL
uniform sampler2D reduced;
#endif
uniform mat4 weights; // column n: R'G'B'A → code value of plane or component n, without its offset
uniform vec4 offsets;
uniform float top;    // the largest code value
uniform float unit;   // code value → what the target stores as that integer
uniform ivec2 last;   // the last pixel
layout(location = 0) out vec4 out0;
#if PLANES > 1
layout(location = 1) out vec4 out1;
#endif
#if PLANES > 2
layout(location = 2) out vec4 out2;
#endif
#if PLANES > 3
layout(location = 3) out vec4 out3;
#endif

// Rows may be padded: what is fetched beyond the picture for samples in the padding is not looked at by anyone.
vec4 pixel(int x, int y) {
    return texelFetch(picture, ivec2(x, y), 0);
}

vec4 across(int x, int y) {
#if SITING_X == 1
    return (pixel(max(x - 1, 0), y) + 2.0 * pixel(x, y) + pixel(min(x + 1, last.x), y)) * 0.25;
#elif SITING_X == 2
    return (pixel(x, y) + pixel(min(x + 1, last.x), y)) * 0.5;
#else
    return pixel(x, y);
#endif
}

vec4 tap(int x, int y) {
#if SITING_X > 0
    x *= 2;
#endif
#if SITING_Y > 0
    y *= 2;
#endif
#if SITING_Y == 1
    vec4 c = (across(x, max(y - 1, 0)) + 2.0 * across(x, y) + across(x, min(y + 1, last.y))) * 0.25;
#elif SITING_Y == 2
    vec4 c = (across(x, y) + across(x, min(y + 1, last.y))) * 0.5;
#elif SITING_Y == 3
    int below = min(y + 1, last.y);
    vec4 c = (across(x, y) + 2.0 * across(x, below) + across(x, min(y + 2, last.y))) * 0.25;
#else
    vec4 c = across(x, y);
#endif
#ifdef STRAIGHT
    vec4 colour = c;
#ifdef FILL
    for (int level = 1; level <= FILL && colour.a <= 0.0; level++) {
        colour = texelFetch(reduced, ivec2(x, y) >> level, level);
    }
#endif
    c.rgb = colour.a > 0.0 ? colour.rgb / colour.a : vec3(0.0);
#endif
    return c;
}

float code(vec4 c, int row) {
    return floor(clamp(dot(weights[row], c) + offsets[row], 0.0, top) + 0.5) * unit;
}

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    int first = here.x * PACK;
#if INTERLEAVED == 4 && PACK == 4
    vec4 c = tap(here.x, here.y);
    out0 = vec4(code(c, 0), code(c, 1), code(c, 2), code(c, 3));
#elif INTERLEAVED
    for (int k = 0; k < PACK; k++) {
        int sample_ = first + k;
        out0[k] = code(tap(sample_ / INTERLEAVED, here.y), sample_ % INTERLEAVED);
    }
#else
    for (int k = 0; k < PACK; k++) {
        vec4 c = tap(first + k, here.y);
        out0[k] = code(c, 0);
#if PLANES > 1
        out1[k] = code(c, 1);
#endif
#if PLANES > 2
        out2[k] = code(c, 2);
#endif
#if PLANES > 3
        out3[k] = code(c, 3);
#endif
    }
#endif
}
