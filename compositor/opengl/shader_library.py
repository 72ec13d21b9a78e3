"""GLSL files → linked programs, each made once for a set of #defines and kept. One-thread (the render thread).

A file may hold lines `#include "other.glsl"`; each file is inserted once. Every program draws one quad, whose
corners the caller gives in pixels of the target: row 0 of every texture is the picture's top row, so that pixel
(x, y) of a picture is gl_FragCoord (x + 0.5, y + 0.5) and nothing is ever flipped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, cast

import moderngl

from reelmill.compositor.opengl.context import GLContext
from reelmill.planner.errors import RenderError

_INCLUDE = re.compile(r'^#include "([\w.]+)"$', re.MULTILINE)
Corners = Sequence[tuple[float, float]]
"""Four points in pixels of the target, in the order of a triangle strip."""
Value = float | int | Sequence[float]


class Shader:
    """A linked program and its quad."""

    def __init__(self, context: GLContext, name: str, vertex: str, fragment: str) -> None:
        self._gl = context.gl
        try:
            self._program = context.gl.program(vertex_shader=vertex, fragment_shader=fragment)
        except moderngl.Error as error:
            raise RenderError(
                f"the shader {name} does not compile on {context.name}: {error}",
                component="Compositor",
                suggestion="`--renderer software` uses another OpenGL implementation",
            ) from error
        self._array = context.gl.vertex_array(self._program, [])
        members = {key: self._program[key] for key in self._program}
        self._uniforms = {key: member for key, member in members.items() if isinstance(member, moderngl.Uniform)}

    def draw(
        self,
        framebuffer: moderngl.Framebuffer,
        corners: Corners,
        uniforms: Mapping[str, Value],
        textures: Mapping[str, moderngl.Texture],
        *,
        blending: tuple[int, int, int, int] | None = None,
    ) -> None:
        """Draw the quad, with these factors of fixed-function blending or over what is there.

        Uniforms and textures that this variant of the program does not use are left out.
        """
        width, height = framebuffer.size
        self._uniforms["corners"].value = corners
        self._uniforms["target"].value = (width, height)
        for key, value in uniforms.items():
            if (uniform := self._uniforms.get(key)) is not None:
                uniform.value = value
        for unit, (key, texture) in enumerate(textures.items()):
            if (uniform := self._uniforms.get(key)) is not None:
                uniform.value = unit
                texture.use(unit)
        framebuffer.use()
        if blending is None:
            self._gl.enable_only(moderngl.NOTHING)
        else:
            self._gl.enable_only(moderngl.BLEND)
            self._gl.blend_func = cast(Any, blending)  # the stubs know only two factors
        self._array.render(moderngl.TRIANGLE_STRIP, vertices=4)

    def release(self) -> None:
        self._array.release()
        self._program.release()


class ShaderLibrary:
    """Makes and keeps programs; owns them."""

    def __init__(self, context: GLContext) -> None:
        self._context = context
        self._shaders: dict[tuple[str, tuple[tuple[str, str | int], ...]], Shader] = {}
        self._vertex = shader_source("quad.glsl", {})

    def shader(self, name: str, defines: Mapping[str, str | int]) -> Shader:
        """The program of a fragment shader file. A define `X_FILE` fills in `#include "X_FILE"`."""
        key = (name, tuple(sorted(defines.items())))
        found = self._shaders.get(key)
        if found is None:
            found = Shader(self._context, name, self._vertex, shader_source(name, defines))
            self._shaders[key] = found
        return found

    def release(self) -> None:
        for shader in self._shaders.values():
            shader.release()
        self._shaders.clear()


def shader_source(name: str, defines: Mapping[str, str | int]) -> str:
    """The text of a shader: version, defines, and the file with its includes."""
    included: set[str] = set()

    def insert(match: re.Match[str]) -> str:
        file = str(defines.get(match[1], "" if match[1].endswith("_FILE") else match[1]))
        if not file or file in included:
            return ""
        included.add(file)
        return _INCLUDE.sub(insert, _read(file))

    lines = [f"#define {key} {value}" for key, value in sorted(defines.items()) if not key.endswith("_FILE")]
    return "\n".join(["#version 400 core", *lines, _INCLUDE.sub(insert, _read(name))])


def _read(name: str) -> str:
    return resources.files("reelmill.compositor.shaders").joinpath(name).read_text(encoding="utf-8")
