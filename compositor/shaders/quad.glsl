// The one vertex shader: four corners in target pixels, as a triangle strip. Positions in textures and distances from
// edges are affine in target pixels, and interpolating them costs less than computing them for each pixel.
uniform vec2 corners[4];
uniform vec2 target;
uniform vec3 texel_x0, texel_y0, texel_x1, texel_y1; // target pixel → texel − 0.5 of each grid, rows of affine maps
uniform vec3 edge_x, edge_y;                         // target pixel → distance from the left and the top edge
noperspective out vec2 texel0, texel1, edge;

void main() {
    vec3 p = vec3(corners[gl_VertexID], 1.0);
    texel0 = vec2(dot(texel_x0, p), dot(texel_y0, p));
    texel1 = vec2(dot(texel_x1, p), dot(texel_y1, p));
    edge = vec2(dot(edge_x, p), dot(edge_y, p));
    gl_Position = vec4(2.0 * p.xy / target - 1.0, 0.0, 1.0);
}
