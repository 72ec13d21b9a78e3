// A straight edge, one pixel wide, moves across the canvas and leaves the later picture behind it.
vec4 transition(vec2 p) {
    vec2 way = vec2(direction);
    float size = abs(dot(canvas, way));
    float along = dot(p, way) + (direction.x + direction.y < 0 ? size : 0.0); // from where the edge starts
    float passed = clamp(size * progress - along + 0.5, 0.0, 1.0);
    return mix(before_at(p), after_at(p), passed);
}
