"""The pictures of layers: made when they are first shown, kept while every render uses them. One-thread.

In: what a layer shows. Out: a `Picture`. Whatever has equal content is read, drawn or rendered once, however many
layers show it, and kept for the next render if that uses it too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from reelmill.compositor.contents.drawer import drawer_of
from reelmill.compositor.geometry import ALMOST
from reelmill.compositor.opengl.shader_library import ShaderLibrary
from reelmill.compositor.opengl.surfaces import SurfacePool
from reelmill.compositor.pictures import Picture, frame_picture, picture_of_drawing, solid_picture
from reelmill.planner.content import Drawing
from reelmill.planner.contents.solid import Solid
from reelmill.planner.frame_plan import Layer, PictureSource
from reelmill.planner.source_frames import Frame, FrameRequest
from reelmill.planner.tracing import NO_TRACE, Tracer

MAX_DRAWING_SCALE = 8
"""Texts and shapes that are magnified more are drawn at this scale, and filtered."""
MAX_DRAWN_SIDE_PX = 8192
FrameGetter = Callable[[FrameRequest], Frame]


@dataclass(slots=True, eq=False)
class _Kept:
    """A picture in the store."""

    picture: Picture
    wide: bool
    used: int
    """Number of the render that used it last."""


class PictureStore:
    """Makes and owns pictures."""

    def __init__(self, pool: SurfacePool, shaders: ShaderLibrary, tracer: Tracer = NO_TRACE) -> None:
        self.render = 0
        """Number of the render that is going on."""
        self._pool, self._shaders, self._tracer = pool, shaders, tracer
        self._kept: dict[Hashable, _Kept] = {}
        self._retired: list[Picture] = []

    def picture(self, layer: Layer, frame: FrameGetter, *, scale: float, wide: bool) -> Picture:
        """What a layer shows, a nested composition excepted. `scale`: target pixels for a canvas pixel.

        Raises RenderError; errors of `frame` come through.
        """
        source = layer.source
        if isinstance(source, Solid):
            return solid_picture(source.color, layer.width, layer.height)
        if isinstance(source, PictureSource):
            request = source.request
            return self.keep(source, lambda: self._upload(frame(request), request.clip, wide=wide), wide=wide)
        assert isinstance(source, Drawing)
        return self._drawing(source, _drawing_scale(layer, source, scale))

    def _upload(self, frame: Frame, clip: str, *, wide: bool) -> Picture:
        with self._tracer.span("upload", clip=clip):
            return frame_picture(frame, self._pool, self._shaders, wide=wide)

    def keep(self, key: Hashable, make: Callable[[], Picture], *, wide: bool) -> Picture:
        """The picture of a key, made unless it is held; one of 16-bit floats is made anew for 32 bits."""
        kept = self.held(key, wide=wide)
        if kept is not None:
            return kept
        picture = make()
        self._kept[key] = _Kept(picture, wide, self.render)
        return picture

    def held(self, key: Hashable, *, wide: bool) -> Picture | None:
        """The picture of a key where it is held."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if wide and not kept.wide and _has_depth(kept.picture):
            self._retired.append(kept.picture)
            del self._kept[key]
            return None
        kept.used = self.render
        return kept.picture

    def end_render(self) -> None:
        """Give back what this render did not use."""
        for key, kept in list(self._kept.items()):
            if kept.used == self.render:
                kept.picture.give_back_reductions(keep=self.render)
            else:
                kept.picture.give_back()
                del self._kept[key]
        for picture in self._retired:
            picture.give_back()
        self._retired.clear()
        self._pool.end_render()
        self.render += 1

    def clear(self) -> None:
        """Forget everything; textures are the pool's to release."""
        self._kept.clear()
        self._retired.clear()

    def _drawing(self, source: Drawing, scale: int) -> Picture:
        def draw() -> Picture:
            return picture_of_drawing(drawer_of(source.kind).draw(source, scale), scale, self._pool)

        return self.keep((source, scale), draw, wide=False)


def _drawing_scale(layer: Layer, source: Drawing, target_scale: float) -> int:
    """How many times as large a drawing is made, so that it stays sharp where it is magnified.

    A power of two, and area-averaged from there: an animated scale does not draw it again for each frame.
    """
    matrix, part = layer.matrix, layer.part
    width, height = drawer_of(source.kind).size(source)
    # What the fit magnifies counts, too: the matrix begins at the fitted picture.
    wanted = target_scale * max(
        math.hypot(matrix.a, matrix.b) * layer.width / max(width * (part.right - part.left), ALMOST),
        math.hypot(matrix.c, matrix.d) * layer.height / max(height * (part.bottom - part.top), ALMOST),
    )
    scale = 1
    while scale < min(wanted - ALMOST, MAX_DRAWING_SCALE):
        if 2 * scale * max(width, height) > MAX_DRAWN_SIDE_PX:
            break
        scale *= 2
    return scale


def _has_depth(picture: Picture) -> bool:
    """Whether the picture would gain from 32-bit floats: it was rendered or converted to 16-bit ones."""
    return any(texels.dtype == "f2" for texels in picture.planes)
