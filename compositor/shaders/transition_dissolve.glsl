vec4 transition(vec2 p) {
    return before_at(p) * (1.0 - progress) + after_at(p) * progress;
}
