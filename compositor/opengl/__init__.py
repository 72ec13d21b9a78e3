"""The OpenGL context, shaders, surfaces and textures."""
