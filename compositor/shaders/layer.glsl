// A layer, painted: picture × coverage × opacity, then blended, by the fixed function or, with BLEND, here.
#include "sampling.glsl"
#include "painting.glsl"

uniform float opacity; // with TRANSLUCENT
uniform vec2 edge_size; // from the left to the right and from the top to the bottom edge, target pixels
noperspective in vec2 edge;

out vec4 painted;

void main() {
    vec4 source = picture();
#ifdef TRANSLUCENT
    source *= opacity;
#endif
#ifdef EDGES
    vec2 cover = clamp(edge + 0.5, 0.0, 1.0) + clamp(edge_size - edge + 0.5, 0.0, 1.0) - 1.0;
    source *= max(cover.x, 0.0) * max(cover.y, 0.0);
#endif
    painted = paint(source);
}
