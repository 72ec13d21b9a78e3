vec3 blend(vec3 cb, vec3 cs) {
    return abs(cb - cs);
}
