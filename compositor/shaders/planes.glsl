// A layer, painted on planes of code values: each output is one plane, alpha goes to the fixed-function blend.
//
// OUTPUTS n   planes that are written at once
// DIRECT      the picture's planes are those of the target, perhaps of another range or depth: value × gain + lift
// WITH_ALPHA  with DIRECT: the picture's last plane is its alpha, the others are premultiplied
// KEEPS_ALPHA the target's last plane is its alpha
// OVER        blended here, over a copy of the planes: fixed-function blends of whole codes may round more than once
#include "sampling.glsl"

uniform vec4 weights0, weights1, weights2; // premultiplied R'G'B'A → what the target stores
uniform vec3 gain, lift;
uniform sampler2D below0, below1, below2; // with OVER
uniform float opacity; // with TRANSLUCENT
uniform vec2 edge_size;
noperspective in vec2 edge;

layout(location = 0) out vec4 out0;
#if OUTPUTS > 1
layout(location = 1) out vec4 out1;
#endif
#if OUTPUTS > 2
layout(location = 2) out vec4 out2;
#endif
#if OUTPUTS > 3
layout(location = 3) out vec4 out3;
#endif

void main() {
    float cover = 1.0;
#ifdef TRANSLUCENT
    cover = opacity;
#endif
#ifdef EDGES
    vec2 inside = clamp(edge + 0.5, 0.0, 1.0) + clamp(edge_size - edge + 0.5, 0.0, 1.0) - 1.0;
    cover *= max(inside.x, 0.0) * max(inside.y, 0.0);
#endif
#ifdef DIRECT
    vec2 texel = clamped(texel0, bounds0);
    vec4 values = vec4(first_grid(plane0, texel), 0.0, 0.0, 1.0);
#if VALUES > 1
    values.y = first_grid(plane1, texel);
#endif
#if VALUES > 2
    values.z = first_grid(plane2, texel);
#endif
#ifdef WITH_ALPHA
    values.a = first_grid(ALPHA_PLANE, texel);
#endif
    values.xyz = values.xyz * gain + lift * values.a;
#else
    vec4 source = picture();
    vec4 values = vec4(dot(weights0, source), dot(weights1, source), dot(weights2, source), source.a);
#endif
    values *= cover;
#ifdef OVER
    ivec2 here = ivec2(gl_FragCoord.xy);
    values.x += texelFetch(below0, here, 0).r * (1.0 - values.a);
#if OUTPUTS > 1
    values.y += texelFetch(below1, here, 0).r * (1.0 - values.a);
#endif
#if OUTPUTS > 2
    values.z += texelFetch(below2, here, 0).r * (1.0 - values.a);
#endif
#endif
    vec4 stored[4] = vec4[4](
        vec4(values.x, 0.0, 0.0, values.a),
        vec4(values.y, 0.0, 0.0, values.a),
        vec4(values.z, 0.0, 0.0, values.a),
        vec4(values.a, 0.0, 0.0, values.a)
    );
    out0 = stored[0];
#if OUTPUTS > 1
    out1 = stored[KEEPS_ALPHA == 1 && OUTPUTS == 2 ? 3 : 1];
#endif
#if OUTPUTS > 2
    out2 = stored[KEEPS_ALPHA == 1 && OUTPUTS == 3 ? 3 : 2];
#endif
#if OUTPUTS > 3
    out3 = stored[3];
#endif
}
