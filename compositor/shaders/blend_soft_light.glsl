vec3 blend(vec3 cb, vec3 cs) {
    vec3 curve = mix(((16.0 * cb - 12.0) * cb + 4.0) * cb, sqrt(cb), greaterThan(cb, vec3(0.25)));
    vec3 darker = cb - (1.0 - 2.0 * cs) * cb * (1.0 - cb);
    vec3 lighter = cb + (2.0 * cs - 1.0) * (curve - cb);
    return mix(darker, lighter, greaterThan(cs, vec3(0.5)));
}
