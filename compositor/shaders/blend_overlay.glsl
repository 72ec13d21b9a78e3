// hard_light with the layers exchanged.
vec3 blend(vec3 cb, vec3 cs) {
    return mix(2.0 * cb * cs, 1.0 - 2.0 * (1.0 - cb) * (1.0 - cs), greaterThan(cb, vec3(0.5)));
}
