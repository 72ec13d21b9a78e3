// The two pictures lie side by side and move together; positions between pixels are interpolated.
vec4 strip(ivec2 p) {
    ivec2 size = ivec2(canvas);
    ivec2 beyond = p + direction * size; // the same point of the later picture, which follows the earlier one
    bool first = all(greaterThanEqual(p, ivec2(0))) && all(lessThan(p, size));
    return first ? texelFetch(before, p, 0) : texelFetch(after, clamp(beyond, ivec2(0), size - 1), 0);
}

vec4 transition(vec2 p) {
    vec2 from = p - 0.5 - vec2(direction) * canvas * progress;
    ivec2 low = ivec2(floor(from));
    float weight = dot(from - vec2(low), abs(vec2(direction)));
    return mix(strip(low), strip(low + abs(direction)), weight);
}
