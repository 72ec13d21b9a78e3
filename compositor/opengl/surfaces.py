"""Textures and their framebuffers, pooled by size and format so that no frame has to allocate. One-thread.

Whoever takes a surface gives it back; OpenGL keeps the order of commands, so a surface may be given back right after
the last draw that reads it. What lay unused through a whole render is freed.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

import moderngl

from reelmill.compositor.opengl.context import GLContext
from reelmill.planner.errors import RenderError

Dtype = Literal["f1", "nu2", "f2", "f4"]
"""moderngl's words: 8-bit and 16-bit normalised, 16-bit and 32-bit float."""
_Key = tuple[int, int, int, Dtype]


class Surface:
    """A texture, and a framebuffer over it once one is needed."""

    def __init__(self, context: GLContext, key: _Key) -> None:
        self._context = context
        self.key = key
        self.width, self.height, components, dtype = key
        self.texture = context.gl.texture((self.width, self.height), components, dtype=dtype)
        self.texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self.texture.repeat_x = self.texture.repeat_y = False
        self._framebuffer: moderngl.Framebuffer | None = None

    @property
    def framebuffer(self) -> moderngl.Framebuffer:
        if self._framebuffer is None:
            self._framebuffer = self._context.gl.framebuffer(self.texture)
        return self._framebuffer

    def write(self, data: memoryview, box: tuple[int, int, int, int] | None = None) -> None:
        """Copy samples in memory, rows without gaps, into the texture; `box`: left, top, width, height, or all."""
        started = time.perf_counter()
        self.texture.write(data, viewport=box, alignment=1)
        self._context.upload_seconds += time.perf_counter() - started

    def release(self) -> None:
        if self._framebuffer is not None:
            self._framebuffer.release()
            self._framebuffer = None
        self.texture.release()


@dataclass(frozen=True, slots=True)
class Target:
    """A finished composition: premultiplied, gamma-encoded RGBA. Belongs to the renderer that made it."""

    surface: Surface
    width: int
    """Pixels of the target (the canvas' in a draft: scaled, rounded up)."""
    height: int

    @property
    def texture(self) -> moderngl.Texture:
        return self.surface.texture

    @property
    def framebuffer(self) -> moderngl.Framebuffer:
        return self.surface.framebuffer


class SurfacePool:
    """Owns every surface, taken or free."""

    def __init__(self, context: GLContext) -> None:
        self._context = context
        self._free: dict[_Key, list[tuple[int, Surface]]] = defaultdict(list)
        self._taken: set[Surface] = set()
        self._render = 0

    def take(self, width: int, height: int, components: int, dtype: Dtype, *, what: str) -> Surface:
        """A surface with undefined content. `what` names it in the RenderError for one that OpenGL can't hold."""
        limit = self._context.max_texture_size
        if max(width, height) > limit:
            raise RenderError(
                f"{what} needs a texture of {width}×{height}; {self._context.name} holds at most {limit}×{limit}",
                component="Compositor",
                suggestion=f"scale it down to {limit} pixels or less in width and height",
            )
        key = (width, height, components, dtype)
        free = self._free[key]
        surface = free.pop()[1] if free else self._make(key, what)
        self._taken.add(surface)
        return surface

    def give(self, surface: Surface) -> None:
        """Hand a surface back."""
        self._taken.remove(surface)
        self._free[surface.key].append((self._render, surface))

    def end_render(self) -> None:
        """Free what was not used since the render before."""
        unused: list[Surface] = []
        for key, free in list(self._free.items()):
            unused += [surface for since, surface in free if since < self._render]
            self._free[key] = [(since, surface) for since, surface in free if since >= self._render]
            if not self._free[key]:
                del self._free[key]
        self._release(unused)
        self._render += 1

    @property
    def count(self) -> int:
        """Surfaces that exist."""
        return len(self._taken) + sum(len(free) for free in self._free.values())

    def release(self) -> None:
        self._release([*self._taken, *(surface for free in self._free.values() for _, surface in free)])
        self._taken.clear()
        self._free.clear()

    def _release(self, surfaces: list[Surface]) -> None:
        if surfaces:
            self._context.rest()
        for surface in surfaces:
            surface.release()

    def _make(self, key: _Key, what: str) -> Surface:
        try:
            return Surface(self._context, key)
        except moderngl.Error as error:
            raise RenderError(
                f"{what}: OpenGL can't make a texture of {key[0]}×{key[1]}: {error}", component="Compositor"
            ) from error
