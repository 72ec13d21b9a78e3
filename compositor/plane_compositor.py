"""Composites on the planes of the output: luma and chroma each at their own size, blended as code values.

In: a composition plan that blends normally alone, and a source of frames. Out: the samples, in memory that the caller
owns. Blending is linear and so is the way from R'G'B' to Y'CbCr, so it makes no difference where it is done; but
there are half as many samples to paint, none to convert, and frames that already have the output's colour keep their
own chroma. One-thread (the render thread).

Planes hold whole code values where the rounding of each blend can't add up to more than one of them, else finer steps
that are rounded at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from reelmill.compositor.effects.plane_effects import effected_planes
from reelmill.compositor.effects.stage import work_on_planes
from reelmill.compositor.matrix_planes import converts, matrix_planes
from reelmill.compositor.nested_watch import NestedWatch
from reelmill.compositor.opengl.context import GLContext
from reelmill.compositor.opengl.shader_library import ShaderLibrary
from reelmill.compositor.opengl.statistics import CompositorStatistics
from reelmill.compositor.opengl.surfaces import SurfacePool
from reelmill.compositor.picture_store import FrameGetter, PictureStore
from reelmill.compositor.pictures import Picture, frame_picture
from reelmill.compositor.placement import place
from reelmill.compositor.plane_canvas import (
    Depth,
    PlaneCanvas,
    PlaneCanvasPool,
    PlaneFormat,
    canvas_picture,
    canvas_view,
    ceil_size,
)
from reelmill.compositor.plane_painter import PlanePainter, ShownLayer
from reelmill.compositor.resample import Resampler
from reelmill.compositor.rgb_painter import PlacedLayer
from reelmill.compositor.still_planes import opaque_planes, rgba_picture, rgba_planes
from reelmill.planner.content import Drawing
from reelmill.planner.effect import EffectPlan
from reelmill.planner.errors import ExportError
from reelmill.planner.frame_plan import (
    CompositionPlan,
    EffectedPicture,
    Layer,
    PictureSource,
    TransitionLayer,
    sides_of,
)
from reelmill.planner.pixel_format import PixelFormat
from reelmill.planner.source_frames import Frame, WritablePlane
from reelmill.planner.tracing import Tracer

_MOST_ERROR = 1.5
"""Code values. Below it the result differs from one rounded once by less than two, that is by one at most."""
_MOST_NESTED_ERROR = 0.65
"""The same of a nested composition: it leaves room for what it is shown in."""


class _NeedsRgb(Exception):
    """Only when it was placed, a transition turned out not to be one of two full pictures."""


def needs_rgb(plan: CompositionPlan, format_: PlaneFormat, *, in_memory: bool) -> bool:
    """Whether something that a plan shows has to be done on R'G'B'.

    Those are blend modes, transitions other than a dissolve, and effects that planes don't take. `in_memory`: canvases
    are painted in memory, where effects on planes are.
    """

    def take(effects: tuple[EffectPlan, ...]) -> bool:
        return in_memory and work_on_planes(effects, format_)

    return _needs_rgb(plan, take, set())


def _needs_rgb(plan: CompositionPlan, take: Callable[[tuple[EffectPlan, ...]], bool], seen: set[int]) -> bool:
    """`take`: whether planes take some effects."""
    seen.add(id(plan))
    for item in plan.layers:
        layers = sides_of(item)
        if isinstance(item, TransitionLayer) and (item.type != "dissolve" or item.opacity < 1 or len(layers) < 2):
            return True
        if item.blend != "normal":
            return True
        if any(isinstance(layer.source, EffectedPicture) and not take(layer.source.effects) for layer in layers):
            return True
        nested = (layer.nested for layer in layers if layer.nested is not None)
        if any(_needs_rgb(each, take, seen) for each in nested if id(each) not in seen):
            return True
    return False


def _collect_nested(plan: CompositionPlan, found: set[CompositionPlan]) -> None:
    for item in plan.layers:
        for layer in sides_of(item):
            if layer.nested is not None and layer.nested not in found:
                found.add(layer.nested)
                _collect_nested(layer.nested, found)


class PlaneCompositor:
    """Composites for one output. Owns its canvases; textures, shaders and pictures are shared."""

    def __init__(
        self,
        context: GLContext,
        pool: SurfacePool,
        shaders: ShaderLibrary,
        store: PictureStore,
        resampler: Resampler,
        format_: PlaneFormat,
        *,
        scale: float,
        statistics: CompositorStatistics,
        watch: NestedWatch,
        tracer: Tracer,
    ) -> None:
        """`scale`: pixels for a canvas pixel."""
        self._statistics = statistics
        self._watch = watch
        self._context, self._tracer = context, tracer
        self._pool, self._shaders, self._store, self._resampler = pool, shaders, store, resampler
        self._format = format_
        self._scale = scale
        self._canvases = PlaneCanvasPool(context, pool, format_, mirrored=resampler.in_memory)
        self._colours = 1 if format_.format.model == "gray" else 3
        self._painter = PlanePainter(shaders, format_)
        self._planes_in_memory = resampler.in_memory and format_.format.model == "yuv"
        self._rgba_in_memory = resampler.in_memory and format_.dtype("fine") == "nu2"
        self._nested: dict[CompositionPlan, tuple[Picture, PlaneCanvas, int]] = {}
        """With the number of the render that used it last."""

    def draw(self, plan: CompositionPlan, frame: FrameGetter, planes: Sequence[WritablePlane]) -> bool:
        """Composite a plan into `planes`, which have its size. A canvas that is not opaque counts as over black.

        Returns False, with nothing drawn, where it has to be composited as R'G'B', which `needs_rgb` can't always
        tell. Raises RenderError with the clip and the composition it happened in.
        """
        self._make_room(plan)
        size = ceil_size(plan.width, plan.height, self._scale)
        try:
            shown = self._layers(plan, size, frame)
        except _NeedsRgb:
            return False
        depth: Depth = "codes" if self._painter.rounding_error(shown) < _MOST_ERROR else "fine"
        sample_bytes = self._format.format.bytes_per_sample
        widths = [planes[indices[0]].stride_bytes // sample_bytes for indices in self._format.passes]
        canvas = self._canvases.take(size, self._scale, depth, keeps_alpha=False, widths=widths, what="the canvas")
        target = canvas.onto(planes) if depth == "codes" else canvas
        in_memory = self._painter.paint(target, plan.background, shown)
        drawn = [not each for each in in_memory]
        if depth == "fine":
            canvas.round_into(planes, passes=in_memory)
            if any(drawn):
                finished = self._canvases.take(
                    size, self._scale, "codes", keeps_alpha=False, widths=widths, what="the output"
                )
                self._painter.round(canvas, finished, in_memory)
                self._canvases.give(canvas)
                canvas = finished
        if any(drawn):
            if self._tracer.enabled:
                self._context.finish()
            with self._tracer.span("readback"):
                self._painter.read(canvas, planes, passes=drawn)
        self._canvases.give(canvas)
        self._statistics.frames_on_planes += 1
        return True

    def end_render(self) -> None:
        """Give back the compositions that this render did not show."""
        for plan, (picture, _, used) in list(self._nested.items()):
            if used == self._store.render:
                picture.give_back_reductions(keep=used)
            else:
                self._give_back(plan)

    def release(self) -> None:
        """Release what is not the pools'."""
        self._nested.clear()
        self._canvases.release()

    def _make_room(self, plan: CompositionPlan) -> None:
        """Give back the compositions of earlier frames that this one does not show, before it takes canvases itself."""
        shown: set[CompositionPlan] = set()
        _collect_nested(plan, shown)
        for held, (_, _, used) in list(self._nested.items()):
            if used < self._store.render and held not in shown:
                self._give_back(held)

    def _give_back(self, plan: CompositionPlan) -> None:
        picture, canvas, _ = self._nested.pop(plan)
        picture.give_back_reductions(keep=None)
        self._canvases.give(canvas)

    def _layers(self, plan: CompositionPlan, size: tuple[int, int], frame: FrameGetter) -> list[ShownLayer]:
        """What is painted, bottom to top: everything that is below a layer which fills the canvas is left out."""
        shown: list[ShownLayer] = []
        for item in plan.layers:
            if isinstance(item, TransitionLayer):
                shown += self._dissolve(item, plan, size, frame)
            else:
                shown += self._shown(item, plan, size, frame, item.opacity)
        first = max((index for index, each in enumerate(shown) if each.fills), default=0)
        return shown[first:]

    def _shown(
        self, layer: Layer, plan: CompositionPlan, size: tuple[int, int], frame: FrameGetter, opacity: float
    ) -> list[ShownLayer]:
        if opacity <= 0:
            return []
        try:
            if isinstance(layer.source, CompositionPlan):
                picture = self._composition(layer.source, frame)
            elif isinstance(layer.source, EffectedPicture):
                picture = self._effected(layer.source, frame)
            else:
                picture = self._picture(layer, frame)
            # Planes of no colour of their own are in the canvas': those of a composition, or of R'G'B'A.
            direct = self._same_kind(picture) or (picture.layout == "planes" and picture.colour is None)
            passes: list[PlacedLayer | None] = []
            for indices in self._format.passes:
                view = self._view(picture, indices, direct=direct)
                placement = place(layer, view, self._format.raster(indices, size, self._scale))
                if placement is None:
                    passes.append(None)
                    continue
                small = self._resampler.reduced(view, placement.region, placement.size, self._store.render)
                passes.append(PlacedLayer(layer, small, placement))
        except ExportError as error:
            error.locate(clip=layer.instance[-1], composition=layer.composition or plan.id)
            raise
        if all(placed is None for placed in passes):
            return []
        return [ShownLayer(layer, picture, min(opacity, 1.0), tuple(passes), direct)]

    def _dissolve(
        self, item: TransitionLayer, plan: CompositionPlan, size: tuple[int, int], frame: FrameGetter
    ) -> list[ShownLayer]:
        """Two full pictures: A, then B over it with opacity p, is A·(1 − p) + B·p."""
        assert item.before is not None
        assert item.after is not None
        if min(item.before.opacity, item.after.opacity) < 1:
            raise _NeedsRgb
        progress = min(max(item.progress, 0.0), 1.0)
        before = self._shown(item.before, plan, size, frame, 1.0)
        after = self._shown(item.after, plan, size, frame, 1.0)
        if not (before and after and before[0].fills and after[0].fills):
            raise _NeedsRgb
        if progress >= 1:
            return after
        return before if progress <= 0 else [*before, replace(after[0], opacity=progress)]

    def _composition(self, plan: CompositionPlan, frame: FrameGetter) -> Picture:
        """A nested composition, rendered unless it is still held."""
        held = self._nested.get(plan)
        if held is not None:
            picture, canvas, _ = held
            self._statistics.nested_reused += 1
        else:
            size = ceil_size(plan.width, plan.height, self._scale)
            with self._watch.rendering(plan):
                shown = self._layers(plan, size, frame)
                keeps_alpha = plan.background[3] < 1 and not (shown and shown[0].fills)
                error = self._painter.rounding_error(shown)
                depth: Depth = "codes" if not keeps_alpha and error <= _MOST_NESTED_ERROR else "fine"
                what = f"composition {plan.id}"
                canvas = self._canvases.take(size, self._scale, depth, keeps_alpha=keeps_alpha, what=what)
                in_memory = self._painter.paint(canvas, plan.background, shown)
            picture = canvas_picture(
                canvas,
                self._pool,
                plan.width,
                plan.height,
                self._scale,
                error if depth == "codes" else max((each.error for each in shown), default=0.0),
                in_memory,
                readable=self._resampler.in_memory,
            )
            self._statistics.nested_rendered += 1
        self._nested[plan] = (picture, canvas, self._store.render)
        return picture

    def _effected(self, source: EffectedPicture, frame: FrameGetter) -> Picture:
        """A composition with effects, made unless it is still held."""

        def make() -> Picture:
            return effected_planes(self._composition(source.plan, frame), source.effects, self._format, self._pool)

        return self._store.keep(("effects", self._format, source), make, wide=False)

    def _picture(self, layer: Layer, frame: FrameGetter) -> Picture:
        """What a layer shows. Where planes are best handled in memory, R'G'B' that stays the same is converted once."""
        source = layer.source
        if isinstance(source, Drawing) and source.has_pixels and self._rgba_in_memory:
            drawn = self._store.picture(layer, frame, scale=self._scale, wide=False)
            return self._store.keep(
                (self._format, drawn),
                lambda: rgba_planes(drawn, self._format, self._painter.codes, self._pool, straight=False),
                wide=False,
            )
        key = ("planes", self._format, source)
        if self._planes_in_memory and isinstance(source, PictureSource) and source.still:
            return self._store.keep(key, lambda: self._still(frame(source.request)), wide=False)
        picture = self._store.picture(layer, frame, scale=self._scale, wide=False)
        if self._planes_in_memory and self._differs_in_matrix(picture):
            return self._store.keep(key, lambda: matrix_planes(picture, self._format, self._pool), wide=False)
        return picture

    def _still(self, frame: Frame) -> Picture:
        codes = self._painter.codes
        if frame.format.name == "rgba" and self._rgba_in_memory:
            return rgba_planes(rgba_picture(frame, self._pool), self._format, codes, self._pool, straight=True)
        picture = frame_picture(frame, self._pool, self._shaders, wide=False)
        if picture.layout == "packed" and picture.opaque:
            return opaque_planes(picture, self._format, codes, self._pool)
        return picture

    def _same_kind(self, picture: Picture) -> bool:
        """Whether the planes of a frame are those of the output, but for their range and depth."""
        coded = picture.colour
        if coded is None or picture.layout != "planes":
            return False
        own, other = self._format, coded
        return (
            other.format.model == own.format.model == "yuv"
            and other.tags.matrix == own.colour.matrix
            and other.tags.transfer == "sdr"
            and other.tags.primaries == "bt709"
            and self._takes_chroma(other.format)
        )

    def _differs_in_matrix(self, picture: Picture) -> bool:
        """Whether the planes of a frame would be those of the output, but for their matrix."""
        coded = picture.colour
        return (
            coded is not None
            and picture.layout == "planes"
            and coded.tags.matrix != self._format.colour.matrix
            and converts(coded, self._format)
            and self._takes_chroma(coded.format)
        )

    def _takes_chroma(self, source: PixelFormat) -> bool:
        """Whether planes of a format can be painted: chroma that is painted apart may lie on any grid of its own."""
        return len(self._format.passes) > 1 or not (source.log2_chroma_w or source.log2_chroma_h)

    def _view(self, picture: Picture, indices: tuple[int, ...], *, direct: bool) -> Picture:
        if not direct:
            return picture
        return picture.view(indices) if picture.colour is not None else canvas_view(picture, indices, self._colours)
