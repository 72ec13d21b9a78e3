"""Paints layers and transitions on a target: one quad each. One-thread (the render thread).

In: layers whose pictures are already textures. Out: premultiplied, gamma-encoded RGBA in the target's surface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reelmill.compositor.blend_modes import BLEND_MODES, BlendMode
from reelmill.compositor.geometry import Box
from reelmill.compositor.opengl.shader_library import ShaderLibrary, Value
from reelmill.compositor.opengl.surfaces import Surface, SurfacePool
from reelmill.compositor.pictures import Picture
from reelmill.compositor.placement import Placement, Raster, place, sampling
from reelmill.compositor.resample import Resampler
from reelmill.compositor.transitions import DIRECTIONS, TRANSITIONS
from reelmill.planner.colour import TRANSPARENT, Colour
from reelmill.planner.frame_plan import Layer, TransitionLayer
from reelmill.planner.timeline import Blend

_NORMAL = BLEND_MODES["normal"]


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """A layer, its picture, and where it lies."""

    layer: Layer
    picture: Picture
    """Reduced to about its size on the target."""
    placement: Placement

    @property
    def fills(self) -> bool:
        """Nothing of what lies below is seen."""
        return (
            self.picture.opaque and self.placement.covers and self.layer.opacity >= 1 and self.layer.blend == "normal"
        )


@dataclass(frozen=True, slots=True)
class PlacedTransition:
    """A transition and its two layers; None for one that shows nothing."""

    transition: TransitionLayer
    before: PlacedLayer | None
    after: PlacedLayer | None


Placed = PlacedLayer | PlacedTransition


class Painter:
    """Draws placed layers. Owns nothing: surfaces come from the pool and go back to it within each call."""

    def __init__(self, pool: SurfacePool, shaders: ShaderLibrary, resampler: Resampler) -> None:
        self._pool = pool
        self._shaders = shaders
        self._resampler = resampler

    def place(self, layer: Layer, picture: Picture, raster: Raster, *, render: int) -> PlacedLayer | None:
        """Place a picture, and reduce it where it has more pixels than the raster shows; None where nothing shows."""
        placement = place(layer, picture, raster)
        if placement is None or layer.opacity <= 0:
            return None
        small = self._resampler.reduced(picture, placement.region, placement.size, render)
        return PlacedLayer(layer, small, placement)

    def paint(self, surface: Surface, background: Colour, layers: Sequence[Placed]) -> None:
        """Paint the background and the layers, bottom to top; what was in the surface is gone."""
        if not (layers and isinstance(layers[0], PlacedLayer) and layers[0].fills):
            red, green, blue, alpha = background
            surface.framebuffer.clear(red * alpha, green * alpha, blue * alpha, alpha)
        for placed in layers:
            if isinstance(placed, PlacedLayer):
                self._paint_layer(surface, placed, placed.layer.blend, placed.layer.opacity)
            else:
                self._paint_transition(surface, placed)

    def _paint_layer(self, surface: Surface, placed: PlacedLayer, blend: Blend, opacity: float) -> None:
        picture, placement, mode = placed.picture, placed.placement, BLEND_MODES[blend]
        grids, selected = sampling(placement, picture)
        defines = {**picture.defines, **selected}
        uniforms: dict[str, Value] = {**picture.uniforms, **grids, "opacity": opacity}
        if placement.edges is not None:
            defines["EDGES"] = 1
            uniforms.update(placement.edges)
        if opacity < 1:
            defines["TRANSLUCENT"] = 1
        textures = {f"plane{index}": plane.surface for index, plane in enumerate(picture.planes)}
        replaces = picture.opaque and opacity >= 1 and placement.edges is None
        self._draw(
            surface,
            "layer.glsl",
            defines,
            uniforms,
            textures,
            mode=mode,
            corners=placement.corners,
            bounds=placement.visible,
            replaces=replaces,
        )

    def _paint_transition(self, surface: Surface, placed: PlacedTransition) -> None:
        plan = placed.transition
        progress = min(max(plan.progress, 0.0), 1.0)
        if plan.opacity <= 0 or (placed.before is None and placed.after is None):
            return
        if self._dissolve_in_place(surface, placed, progress):
            return
        canvas = (surface.width, surface.height)
        sides = {}
        for name, side in (("before", placed.before), ("after", placed.after)):
            sides[name] = self._pool.take(*canvas, 4, surface.key[3], what="a transition")
            sides[name].framebuffer.clear(*TRANSPARENT)
            if side is not None:
                self._paint_layer(sides[name], side, "normal", side.layer.opacity)
        bounds = Box(0, 0, *canvas)
        if plan.type != "push":
            bounds = _union([side.placement.visible for side in (placed.before, placed.after) if side is not None])
        bounds = bounds.whole_pixels
        uniforms: dict[str, Value] = {
            "progress": progress,
            "direction": DIRECTIONS[plan.direction],
            "color": (*(component * plan.color[3] for component in plan.color[:3]), plan.color[3]),
            "canvas": canvas,
            "opacity": plan.opacity,
        }
        self._draw(
            surface,
            "transition.glsl",
            {"TRANSITION_FILE": TRANSITIONS[plan.type]},
            uniforms,
            sides,
            mode=BLEND_MODES[plan.blend],
            corners=bounds.corners,
            bounds=bounds,
            replaces=False,
        )
        for side_surface in sides.values():
            self._pool.give(side_surface)

    def _dissolve_in_place(self, surface: Surface, placed: PlacedTransition, progress: float) -> bool:
        """Two full pictures: A, then B over it with opacity p, is A·(1 − p) + B·p without the two extra targets."""
        plan, before, after = placed.transition, placed.before, placed.after
        if plan.type != "dissolve" or plan.blend != "normal" or plan.opacity < 1 or before is None or after is None:
            return False
        if not (_covers_opaquely(before) and _covers_opaquely(after)):
            return False
        if progress < 1:
            self._paint_layer(surface, before, "normal", 1.0)
        if progress > 0:
            self._paint_layer(surface, after, "normal", progress)
        return True

    def _draw(
        self,
        surface: Surface,
        shader: str,
        defines: dict[str, str | int],
        uniforms: dict[str, Value],
        textures: dict[str, Surface],
        *,
        mode: BlendMode,
        corners: Sequence[tuple[float, float]],
        bounds: Box,
        replaces: bool,
    ) -> None:
        """Draw with a blend mode; those with a shader get a copy of the backdrop under the layer."""
        inputs = {name: plane.texture for name, plane in textures.items()}
        if mode.shader is None:
            factors = None if replaces and mode is _NORMAL else mode.factors
            self._shaders.shader(shader, defines).draw(surface.framebuffer, corners, uniforms, inputs, blending=factors)
            return
        backdrop = self._pool.take(surface.width, surface.height, 4, surface.key[3], what="a backdrop")
        copied = bounds.whole_pixels.corners
        self._shaders.shader("copy.glsl", {}).draw(backdrop.framebuffer, copied, {}, {"source": surface.texture})
        blending = {**defines, "BLEND": 1, "BLEND_FILE": mode.shader}
        self._shaders.shader(shader, blending).draw(
            surface.framebuffer, corners, uniforms, {**inputs, "backdrop": backdrop.texture}
        )
        self._pool.give(backdrop)


def _covers_opaquely(placed: PlacedLayer) -> bool:
    return placed.picture.opaque and placed.placement.covers and placed.layer.opacity >= 1


def _union(boxes: Sequence[Box]) -> Box:
    return Box(
        min(b.left for b in boxes),
        min(b.top for b in boxes),
        max(b.right for b in boxes),
        max(b.bottom for b in boxes),
    )
