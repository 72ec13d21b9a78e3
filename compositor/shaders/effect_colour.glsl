// A matrix on the colour of each texel, which is multiplied by alpha.
uniform sampler2D source;
uniform vec4 red, green, blue; // what is taken of R'G'B' and of 1
out vec4 coloured;

void main() {
    vec4 was = texelFetch(source, ivec2(gl_FragCoord.xy), 0);
    coloured = vec4(dot(red, was), dot(green, was), dot(blue, was), was.a);
}
