#include "nonseparable.glsl"

vec3 blend(vec3 cb, vec3 cs) {
    return set_lum(cb, lum(cs));
}
