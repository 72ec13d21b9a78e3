// The colour of a picture at a pixel of the target: premultiplied RGBA.
//
// LAYOUT_PLANES n   n one-component textures: Y U V [A], G B R [A] or Y [A]
// LAYOUT_PACKED     one texture of three or four components, alpha last
// LAYOUT_FINISHED   one texture, premultiplied RGBA, nothing to convert
// LAYOUT_SOLID      no texture, one colour
// EXACT             target pixels fall on texels of the first grid: no filter
// CHROMA            planes 1 and 2 have a grid of their own, and are filtered
// CLAMPED           some pixel lies outside of bounds0 or bounds1
// HAS_ALPHA         the source has straight alpha
// HDR               values go through to_sdr() of hdr.glsl
//
// Filters are written out: those of OpenGL have 8 bits of fraction, and some round to 8 bits between. A gather fetches
// the four texels of one component at the price of one; its small shift keeps it on the texels that floor() chose.

uniform sampler2D plane0, plane1, plane2, plane3;
uniform vec4 bounds0, bounds1; // texel − 0.5 that may be asked for: least x, y, most x, y
uniform vec2 size0, size1;     // 1 / texture size of each grid
uniform mat3 to_rgb;
uniform vec3 rgb_offset;
uniform float to_alpha; // texture value → 0…1
uniform vec4 solid;
noperspective in vec2 texel0, texel1;

#ifdef HDR
#include "hdr.glsl"
#endif

vec2 clamped(vec2 texel, vec4 bounds) {
#ifdef CLAMPED
    return clamp(texel, bounds.xy, bounds.zw);
#else
    return texel;
#endif
}

float linear_plane(sampler2D plane, vec2 texel, vec2 size) {
    vec2 low = floor(texel);
    vec2 weight = texel - low;
    vec4 four = textureGather(plane, (low + 1.002) * size);
    vec2 column = mix(four.wx, four.zy, weight.x);
    return mix(column.x, column.y, weight.y);
}

float first_grid(sampler2D plane, vec2 texel) {
#ifdef EXACT
    return texelFetch(plane, ivec2(texel + 0.5), 0).r;
#else
    return linear_plane(plane, texel, size0);
#endif
}

vec4 packed_texel(vec2 texel) {
#ifdef EXACT
    return texelFetch(plane0, ivec2(texel + 0.5), 0);
#else
    ivec2 low = ivec2(floor(texel));
    ivec2 high = min(low + 1, ivec2(ceil(bounds0.zw)));
    vec2 weight = texel - vec2(low);
    vec4 above = mix(texelFetch(plane0, low, 0), texelFetch(plane0, ivec2(high.x, low.y), 0), weight.x);
    vec4 below = mix(texelFetch(plane0, ivec2(low.x, high.y), 0), texelFetch(plane0, high, 0), weight.x);
    return mix(above, below, weight.y);
#endif
}

vec4 picture() {
#ifdef LAYOUT_SOLID
    return solid;
#else
    vec2 texel = clamped(texel0, bounds0);
#ifdef LAYOUT_FINISHED
    return packed_texel(texel);
#else
    float alpha = 1.0;
#ifdef LAYOUT_PACKED
    vec4 components = packed_texel(texel);
    vec3 raw = components.rgb;
#ifdef HAS_ALPHA
    alpha = components.a * to_alpha;
#endif
#elif LAYOUT_PLANES <= 2
    vec3 raw = vec3(first_grid(plane0, texel));
#ifdef HAS_ALPHA
    alpha = first_grid(plane1, texel) * to_alpha;
#endif
#else
#ifdef CHROMA
    vec2 chroma = clamped(texel1, bounds1);
    vec3 raw = vec3(first_grid(plane0, texel), linear_plane(plane1, chroma, size1), linear_plane(plane2, chroma, size1));
#else
    vec3 raw = vec3(first_grid(plane0, texel), first_grid(plane1, texel), first_grid(plane2, texel));
#endif
#ifdef HAS_ALPHA
    alpha = first_grid(plane3, texel) * to_alpha;
#endif
#endif
    vec3 rgb = to_rgb * raw + rgb_offset;
#ifdef HDR
    rgb = to_sdr(rgb);
#endif
    return vec4(rgb * alpha, alpha);
#endif
#endif
}
