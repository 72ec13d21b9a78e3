// Lum, ClipColor, SetLum, Sat and SetSat of W3C Compositing and Blending Level 1, section 9.2. A grey has components
// that differ by rounding where it comes from YUV: what differs by less than GREY has no hue.
const float GREY = 1e-4;

float lum(vec3 c) {
    return dot(c, vec3(0.3, 0.59, 0.11));
}

vec3 set_lum(vec3 c, float l) {
    c += l - lum(c);
    l = lum(c);
    float low = min(c.r, min(c.g, c.b));
    float high = max(c.r, max(c.g, c.b));
    if (low < 0.0) c = l + (c - l) * l / max(l - low, GREY);
    if (high > 1.0) c = l + (c - l) * (1.0 - l) / max(high - l, GREY);
    return clamp(c, 0.0, 1.0);
}

float sat(vec3 c) {
    return max(c.r, max(c.g, c.b)) - min(c.r, min(c.g, c.b));
}

vec3 set_sat(vec3 c, float s) {
    float range = sat(c);
    return range > GREY ? (c - min(c.r, min(c.g, c.b))) * s / range : vec3(0.0);
}
