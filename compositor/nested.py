"""NestedCompRenderer: a composition plan and a source of frames → a finished picture. Active on the render thread only.

Compositions are rendered when they are met, deepest first, at the time their plan was made for; nothing is rendered
ahead. Whatever has equal content (frames, drawn pictures, nested compositions) is uploaded, drawn and rendered once
in a frame, and kept for the next frame if that uses it too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import moderngl

from reelmill.compositor.blend_modes import BLEND_MODES
from reelmill.compositor.effects.stage import EffectStage
from reelmill.compositor.nested_watch import NestedWatch
from reelmill.compositor.opengl.context import GLContext
from reelmill.compositor.opengl.shader_library import ShaderLibrary
from reelmill.compositor.opengl.statistics import CompositorStatistics
from reelmill.compositor.opengl.surfaces import Surface, SurfacePool, Target
from reelmill.compositor.opengl.texels import PlaneScaler, Texels
from reelmill.compositor.picture_store import FrameGetter, PictureStore
from reelmill.compositor.pictures import COMPOSITION_DTYPE, Picture, finished_picture
from reelmill.compositor.placement import Raster
from reelmill.compositor.plane_canvas import PlaneFormat
from reelmill.compositor.plane_compositor import PlaneCompositor, needs_rgb
from reelmill.compositor.resample import Resampler
from reelmill.compositor.rgb_painter import Painter, Placed, PlacedLayer, PlacedTransition
from reelmill.planner.errors import ExportError, RenderError
from reelmill.planner.frame_plan import CompositionPlan, EffectedPicture, Layer, TransitionLayer
from reelmill.planner.source_frames import WritablePlane
from reelmill.planner.tracing import NO_TRACE, Tracer


class NestedCompRenderer:
    """Renders composition plans. Owns its textures and targets, not the context."""

    def __init__(
        self,
        context: GLContext,
        *,
        scale: Fraction = Fraction(1),
        scaler: PlaneScaler | None = None,
        shaders: ShaderLibrary | None = None,
        tracer: Tracer = NO_TRACE,
    ) -> None:
        """`scale`: target pixels for a canvas pixel; 1/2 in a draft. `scaler`: of planes that are still in memory.
        `shaders`: of this context, and the caller's; None for shaders of its own.
        """
        self.statistics = CompositorStatistics()
        self._context = context
        self._tracer = tracer
        self._watch = NestedWatch(context)
        self._scale = scale
        self._owns_shaders = shaders is None
        self._shaders = shaders or ShaderLibrary(context)
        self._pool = SurfacePool(context)
        self._resampler = Resampler(self._pool, self._shaders, scaler)
        self._painter = Painter(self._pool, self._shaders, self._resampler)
        self._store = PictureStore(self._pool, self._shaders, tracer)
        self._effects = EffectStage(self._pool, self._shaders, in_memory=scaler is not None)
        self._planes: dict[PlaneFormat, PlaneCompositor] = {}
        self._drawn: set[PlaneCompositor] = set()
        """Those that drew a picture of the frame that is going on."""
        self._root: Surface | None = None
        self._closed = False

    def render(self, plan: CompositionPlan, frame: FrameGetter) -> Target:
        """Render a plan; the target is valid until the next call. Frames that are still held are not asked for again.

        It is the last picture of its frame. Raises RenderError with the clip and the composition it happened in;
        errors of `frame` get them too.
        """
        if self._root is not None:
            self._pool.give(self._root)
            self._root = None
        try:
            self._root = self._composition(plan, self._watch.waiting(frame), wide=False)
        except moderngl.Error as error:
            raise RenderError(f"OpenGL failed: {error}", component="Compositor") from error
        self._context.check("compositing")
        self._end_frame()
        return Target(self._root, self._root.width, self._root.height)

    def draw_planes(
        self,
        plan: CompositionPlan,
        frame: FrameGetter,
        format_: PlaneFormat,
        planes: Sequence[WritablePlane],
        *,
        more: bool = False,
    ) -> bool:
        """Composite a plan on the planes of a picture of its size, which the caller owns.

        `more`: another picture of the same frame is asked for next, and what both show is made once. Returns False,
        with nothing drawn, where the plan has to be composited as R'G'B'. Raises as `render` does.
        """
        if needs_rgb(plan, format_, in_memory=self._resampler.in_memory):
            return False
        compositor = self._planes.get(format_)
        if compositor is None:
            compositor = self._planes[format_] = PlaneCompositor(
                self._context,
                self._pool,
                self._shaders,
                self._store,
                self._resampler,
                format_,
                scale=float(self._scale),
                statistics=self.statistics,
                watch=self._watch,
                tracer=self._tracer,
            )
        try:
            drawn = compositor.draw(plan, self._watch.waiting(frame), planes)
        except moderngl.Error as error:
            raise RenderError(f"OpenGL failed: {error}", component="Compositor") from error
        self._context.check("compositing")
        if drawn:
            self._drawn.add(compositor)
            if not more:
                self._end_frame()
        return drawn

    def _end_frame(self) -> None:
        """Give back what the frame did not use."""
        self.statistics.frames_composited += 1
        for compositor in self._drawn:
            compositor.end_render()
        self._drawn.clear()
        self._store.end_render()

    def close(self) -> None:
        """Release every OpenGL object; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._store.clear()
            for compositor in self._planes.values():
                compositor.release()
            self._pool.release()
            if self._owns_shaders:
                self._shaders.release()

    @property
    def warnings(self) -> list[str]:
        """For the report: what is slow."""
        return self._watch.warnings

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
            raster = Raster.scaled(size, float(self._scale))
            return self._painter.place(layer, picture, raster, render=self._store.render)
        except ExportError as error:
            error.locate(clip=layer.instance[-1], composition=layer.composition or plan.id)
            raise

    def _picture(self, layer: Layer, frame: FrameGetter, *, wide: bool) -> Picture:
        """The layer's picture, made unless it is still held."""
        source = layer.source
        if isinstance(source, EffectedPicture):
            return self._effected(source, frame, wide=wide)
        if not isinstance(source, CompositionPlan):
            return self._store.picture(layer, frame, scale=float(self._scale), wide=wide)
        return self._nested_picture(source, frame, wide=wide)

    def _effected(self, source: EffectedPicture, frame: FrameGetter, *, wide: bool) -> Picture:
        """A composition with effects, made unless it is still held."""
        held = self._store.held(source, wide=wide)
        if held is not None:
            return held
        plain = self._nested_picture(source.plan, frame, wide=wide)
        surface = self._effects.apply(source.effects, plain.planes[0].surface, float(self._scale))
        picture = finished_picture(
            Texels.of(surface, self._pool), plain.width, plain.height, opaque=source.opaque, scale=float(self._scale)
        )
        return self._store.keep(source, lambda: picture, wide=wide)

    def _nested_picture(self, source: CompositionPlan, frame: FrameGetter, *, wide: bool) -> Picture:
        """A nested composition, made unless it is still held."""
        held = self._store.held(source, wide=wide)
        if held is not None:
            self.statistics.nested_reused += 1
            return held
        self.statistics.nested_rendered += 1
        return self._store.keep(source, lambda: self._nested(source, frame, wide=wide), wide=wide)

    def _nested(self, plan: CompositionPlan, frame: FrameGetter, *, wide: bool) -> Picture:
        with self._watch.rendering(plan):
            surface = self._composition(plan, frame, wide=wide)
        return finished_picture(
            Texels.of(surface, self._pool),
            plan.width,
            plan.height,
            opaque=plan.background[3] >= 1,
            scale=float(self._scale),
        )


def _needs_wide(plan: CompositionPlan) -> bool:
    """Whether a layer's blend mode magnifies the rounding of 16-bit floats."""
    return any(BLEND_MODES[layer.blend].wide for layer in plan.layers)
