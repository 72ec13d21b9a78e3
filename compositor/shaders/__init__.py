"""GLSL sources, read by compositor.shader_library. One file a blend mode, a transition or a pass."""
