float dodge(float cb, float cs) {
    return cb <= 0.0 ? 0.0 : cs >= 1.0 ? 1.0 : min(1.0, cb / (1.0 - cs));
}

vec3 blend(vec3 cb, vec3 cs) {
    return vec3(dodge(cb.r, cs.r), dodge(cb.g, cs.g), dodge(cb.b, cs.b));
}
