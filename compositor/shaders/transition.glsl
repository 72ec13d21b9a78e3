// Two layers, each alone on a canvas of its own, mixed and then painted like one layer.
#include "painting.glsl"

uniform sampler2D before, after;
uniform float progress;  // 0…1
uniform ivec2 direction; // of a wipe or a push: (−1, 0), (1, 0), (0, −1) or (0, 1)
uniform vec4 color;      // of a fade, premultiplied
uniform vec2 canvas;     // target pixels
uniform float opacity;

out vec4 painted;

vec4 before_at(vec2 p) {
    return texelFetch(before, ivec2(p), 0);
}

vec4 after_at(vec2 p) {
    return texelFetch(after, ivec2(p), 0);
}

#include "TRANSITION_FILE"

void main() {
    painted = paint(transition(gl_FragCoord.xy) * opacity);
}
