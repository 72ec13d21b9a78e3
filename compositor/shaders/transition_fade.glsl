// To the colour in the first half, from it in the second. The colour lies only where the pictures do.
vec4 transition(vec2 p) {
    vec4 a = before_at(p), b = after_at(p);
    vec4 flat_color = color * mix(a.a, b.a, progress);
    return progress < 0.5 ? mix(a, flat_color, 2.0 * progress) : mix(flat_color, b, 2.0 * progress - 1.0);
}
