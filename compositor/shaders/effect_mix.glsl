// Some of an effect.
uniform sampler2D source, effect;
uniform float share; // of the effect
out vec4 mixed;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    mixed = mix(texelFetch(source, at, 0), texelFetch(effect, at, 0), share);
}
