// Area average along one axis: an output texel is the mean of the source between its two edges, in which texels
// that lie only partly inside count by that part. AXIS 0 reduces x, 1 reduces y.
uniform sampler2D source;
uniform float start;  // texel position of the first output texel's near edge
uniform float step_;  // source texels of one output texel
uniform int last;     // the last texel that is part of the picture
uniform int other;    // first texel on the other axis
out vec4 mean;

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    float near = start + float(here[AXIS]) * step_;
    float far = start + float(here[AXIS] + 1) * step_;
    ivec2 at;
    at[1 - AXIS] = other + here[1 - AXIS];
    vec4 sum = vec4(0.0);
    int end = int(ceil(far));
    for (int i = int(floor(near)); i < end; i++) {
        at[AXIS] = clamp(i, 0, last);
        sum += texelFetch(source, at, 0) * (min(far, float(i + 1)) - max(near, float(i)));
    }
    mean = sum / (far - near);
}
