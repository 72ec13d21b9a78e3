// A Gaussian along one axis. AXIS 0 blurs x, 1 blurs y. Texels beyond an edge are those at the edge.
uniform sampler2D source;
uniform float deviation; // texels
uniform int tail;        // texels on each side
out vec4 blurred;

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    int last = textureSize(source, 0)[AXIS] - 1;
    float narrow = -0.5 / (deviation * deviation);
    vec4 sum = vec4(0.0);
    float weights = 0.0;
    for (int i = -tail; i <= tail; i++) {
        ivec2 at = here;
        at[AXIS] = clamp(here[AXIS] + i, 0, last);
        float weight = exp(narrow * float(i * i));
        sum += weight * texelFetch(source, at, 0);
        weights += weight;
    }
    blurred = sum / weights;
}
