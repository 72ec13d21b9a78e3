"""NestedCompRenderer: a composition plan and a source of frames → a finished picture. Active on the render thread only.

Compositions are rendered when they are met, deepest first, at the time their plan was made for; nothing is rendered
ahead. Whatever has equal content (frames, drawn pictures, nested compositions) is uploaded, drawn and rendered once
in a frame, and kept for the next frame if that uses it too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from fractions import Fraction

import moderngl

from compositor.blend_modes import BLEND_MODES
from compositor.context import GLContext
from compositor.geometry import ALMOST
from compositor.painter import Painter, Placed, PlacedLayer, PlacedTransition
from compositor.pictures import (
    COMPOSITION_DTYPE,
    Picture,
    finished_picture,
    solid_picture,
    upload_drawn,
    upload_frame,
)
from compositor.shader_library import ShaderLibrary
from compositor.surfaces import Surface, SurfacePool, Target
from planner.errors import ExportError, RenderError
from planner.frame_plan import CompositionPlan, Layer, PictureSource, TransitionLayer
from planner.frames import Frame, FrameRequest
from planner.timeline import Shape, Solid, Text

MAX_DRAWING_SCALE = 8
"""Texts and shapes that are magnified more are drawn at this scale, and filtered."""
MAX_DRAWN_SIDE_PX = 8192
FrameGetter = Callable[[FrameRequest], Frame]


@dataclass(slots=True)
class CompositorStatistics:
    """Counters of a renderer."""

    frames_composited: int = 0
    """Roots that were rendered."""
    nested_rendered: int = 0
    nested_reused: int = 0
    """Nested compositions that were shown again without being rendered."""


@dataclass(slots=True, eq=False)
class _Kept:
    """A picture in the store."""

    picture: Picture
    wide: bool
    used: int
    """Number of the render that used it last."""


class NestedCompRenderer:
    """Renders composition plans. Owns its shaders, textures and targets, not the context."""

    def __init__(self, context: GLContext, *, scale: Fraction = Fraction(1)) -> None:
        """`scale`: target pixels for a canvas pixel; 1/2 in a draft."""
        self.statistics = CompositorStatistics()
        self._context = context
        self._scale = scale
        self._shaders = ShaderLibrary(context)
        self._pool = SurfacePool(context)
        self._painter = Painter(self._pool, self._shaders)
        self._kept: dict[Hashable, _Kept] = {}
        self._retired: list[Picture] = []
        self._root: Surface | None = None
        self._render = 0
        self._closed = False

    def render(self, plan: CompositionPlan, frame: FrameGetter) -> Target:
        """Render a plan; the target is valid until the next call. Frames that are still held are not asked for again.

        Raises RenderError with the clip and the composition it happened in; errors of `frame` get them too.
        """
        if self._root is not None:
            self._pool.give(self._root)
            self._root = None
        try:
            self._root = self._composition(plan, frame, wide=False)
        except moderngl.Error as error:
            raise RenderError(f"OpenGL failed: {error}", component="Compositor") from error
        self._context.check("compositing")
        self.statistics.frames_composited += 1
        self._forget_unused()
        return Target(self._root, self._root.width, self._root.height)

    def close(self) -> None:
        """Release every OpenGL object; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._kept.clear()
            self._retired.clear()
            self._pool.release()
            self._shaders.release()

    @property
    def surface_count(self) -> int:
        """Textures that exist, pooled ones included."""
        return self._pool.count

    def _composition(self, plan: CompositionPlan, frame: FrameGetter, *, wide: bool) -> Surface:
        """Render one canvas: first everything that it shows, then the canvas itself, in one go."""
        wide = wide or _needs_wide(plan)
        size = (math.ceil(plan.width * self._scale), math.ceil(plan.height * self._scale))
        layers: list[Placed] = []
        for item in plan.layers:
            if isinstance(item, TransitionLayer):
                before, after = (
                    None if side is None else self._placed(side, plan, size, frame, wide=wide)
                    for side in (item.before, item.after)
                )
                layers.append(PlacedTransition(item, before, after))
            elif (placed := self._placed(item, plan, size, frame, wide=wide)) is not None:
                layers.append(placed)
        what = "the canvas" if plan.id is None else f"composition {plan.id}"
        surface = self._pool.take(*size, 4, COMPOSITION_DTYPE[wide], what=what)
        self._painter.paint(surface, plan.background, layers)
        return surface

    def _placed(
        self, layer: Layer, plan: CompositionPlan, size: tuple[int, int], frame: FrameGetter, *, wide: bool
    ) -> PlacedLayer | None:
        try:
            picture = self._picture(layer, frame, wide=wide)
            return self._painter.place(layer, picture, size, scale=float(self._scale), render=self._render)
        except ExportError as error:
            error.locate(clip=layer.instance[-1], composition=plan.id)
            raise

    def _picture(self, layer: Layer, frame: FrameGetter, *, wide: bool) -> Picture:
        """The layer's picture, made unless it is still held."""
        source = layer.source
        if isinstance(source, Solid):
            return solid_picture(source.color, layer.width, layer.height)
        scale = self._drawing_scale(layer, source) if isinstance(source, Text | Shape) else 1
        key = (source, scale)
        kept = self._kept.get(key)
        nested = isinstance(source, CompositionPlan)
        if kept is not None and (kept.wide or not wide or not _has_depth(kept.picture)):
            kept.used = self._render
            self.statistics.nested_reused += nested
            return kept.picture
        if kept is not None:
            self._retired.append(kept.picture)
        if isinstance(source, PictureSource):
            picture = upload_frame(frame(source.request), self._pool, self._shaders, wide=wide)
        elif isinstance(source, CompositionPlan):
            picture = self._nested(source, frame, wide=wide)
            self.statistics.nested_rendered += 1
        elif isinstance(source, Text):
            from compositor.text import draw_text  # loads Pillow, which a film without text does not need

            picture = upload_drawn(draw_text(source, scale), scale, self._pool)
        else:
            from compositor.shapes import draw_shape

            picture = upload_drawn(draw_shape(source, scale), scale, self._pool)
        self._kept[key] = _Kept(picture, wide, self._render)
        return picture

    def _drawing_scale(self, layer: Layer, source: Text | Shape) -> int:
        """How many times as large a text or a shape is drawn, so that it stays sharp where it is magnified.

        A power of two, and area-averaged from there: an animated scale does not draw it again for each frame.
        """
        matrix, part = layer.matrix, layer.part
        width, height = _natural_size(source)
        # What the fit magnifies counts, too: the matrix begins at the fitted picture.
        wanted = float(self._scale) * max(
            math.hypot(matrix.a, matrix.b) * layer.width / max(width * (part.right - part.left), ALMOST),
            math.hypot(matrix.c, matrix.d) * layer.height / max(height * (part.bottom - part.top), ALMOST),
        )
        scale = 1
        while scale < min(wanted - ALMOST, MAX_DRAWING_SCALE):
            if 2 * scale * max(width, height) > MAX_DRAWN_SIDE_PX:
                break
            scale *= 2
        return scale

    def _nested(self, plan: CompositionPlan, frame: FrameGetter, *, wide: bool) -> Picture:
        surface = self._composition(plan, frame, wide=wide)
        return finished_picture(
            surface, plan.width, plan.height, opaque=plan.background[3] >= 1, scale=float(self._scale)
        )

    def _forget_unused(self) -> None:
        """Give back what this render did not use."""
        for key, kept in list(self._kept.items()):
            if kept.used == self._render:
                kept.picture.give_back_reductions(self._pool, keep=self._render)
            else:
                kept.picture.give_back(self._pool)
                del self._kept[key]
        for picture in self._retired:
            picture.give_back(self._pool)
        self._retired.clear()
        self._pool.end_render()
        self._render += 1


def _natural_size(source: Text | Shape) -> tuple[float, float]:
    """Width and height that a text or a shape has at scale 1, pixels."""
    if isinstance(source, Shape):
        return source.size
    from compositor.text import text_size

    return text_size(source)


def _needs_wide(plan: CompositionPlan) -> bool:
    """Whether a layer's blend mode magnifies the rounding of 16-bit floats."""
    return any(BLEND_MODES[layer.blend].wide for layer in plan.layers)


def _has_depth(picture: Picture) -> bool:
    """Whether the picture would gain from 32-bit floats: it was rendered or converted to 16-bit ones."""
    return any(surface.key[3] == "f2" for surface in picture.surfaces)
