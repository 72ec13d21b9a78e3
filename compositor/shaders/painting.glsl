// What a source does to the backdrop. With BLEND: co = cs·αs·(1 − αb) + cb·αb·(1 − αs) + αs·αb·B(cb, cs),
// premultiplied (W3C Compositing and Blending Level 1, section 10); B takes straight values, clamped to 0…1.
#ifdef BLEND
#include "BLEND_FILE"
uniform sampler2D backdrop;

vec3 straight(vec4 c) {
    return c.a > 0.0 ? clamp(c.rgb / c.a, 0.0, 1.0) : vec3(0.0);
}

vec4 paint(vec4 source) {
    vec4 below = texelFetch(backdrop, ivec2(gl_FragCoord.xy), 0);
    if (source.a <= 0.0) return below;
    vec3 mixed = blend(straight(below), straight(source)) * below.a * source.a;
    return vec4(
        source.rgb * (1.0 - below.a) + below.rgb * (1.0 - source.a) + mixed,
        source.a + below.a - source.a * below.a
    );
}
#else
vec4 paint(vec4 source) {
    return source;
}
#endif
