// Planes that were composited in finer steps, rounded to whole code values.
uniform sampler2D plane0, plane1, plane2;
uniform float codes; // what is stored → code value
uniform float top;   // the largest code value
uniform float unit;  // code value → what the target stores as that integer
layout(location = 0) out vec4 out0;
#if OUTPUTS > 1
layout(location = 1) out vec4 out1;
#endif
#if OUTPUTS > 2
layout(location = 2) out vec4 out2;
#endif

vec4 rounded(sampler2D plane) {
    return vec4(floor(clamp(texelFetch(plane, ivec2(gl_FragCoord.xy), 0).r * codes, 0.0, top) + 0.5) * unit);
}

void main() {
    out0 = rounded(plane0);
#if OUTPUTS > 1
    out1 = rounded(plane1);
#endif
#if OUTPUTS > 2
    out2 = rounded(plane2);
#endif
}
