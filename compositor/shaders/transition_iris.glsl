// A circle opens from the centre and reaches the corners at the end; its edge is one pixel wide.
vec4 transition(vec2 p) {
    float radius = progress * (length(canvas) / 2.0 + 0.5) - 0.5;
    float inside = clamp(radius - distance(p, canvas / 2.0) + 0.5, 0.0, 1.0);
    return mix(before_at(p), after_at(p), inside);
}
