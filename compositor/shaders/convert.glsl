// A frame with alpha, or of another light, as premultiplied RGBA of its own size.
#include "sampling.glsl"

out vec4 converted;

void main() {
    converted = picture();
}
