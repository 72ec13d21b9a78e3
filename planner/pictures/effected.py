"""Layers with effects: the picture becomes a composition of its own, to which the effects are applied.

In: a layer, and the plans of its effects. Out: a layer that shows an `EffectedPicture`. The composition is as large as
the fitted picture, in pixels of the canvas, so that lengths of effects mean the same for every source; it has more
pixels where the transform magnifies it, and a transparent margin where something reaches beyond the picture. Pure.
"""

from __future__ import annotations

import math
from dataclasses import replace

from reelmill.planner.colour import TRANSPARENT
from reelmill.planner.content import Drawing
from reelmill.planner.effect import EffectPlan
from reelmill.planner.frame_plan import WHOLE, Affine, CompositionPlan, EffectedPicture, Layer, TransitionLayer
from reelmill.planner.source_frames import InstancePath
from reelmill.planner.timeline import Composition, Track

MAX_MAGNIFIED = 8
"""Times that a picture is drawn larger for effects, at most; beyond it is magnified."""
MAX_SIDE_PX = 8192
"""Of a picture with effects, unless the fitted picture itself is larger."""
_ALMOST = 1e-6


def with_effects(layer: Layer, effects: tuple[EffectPlan, ...], canvas: tuple[int, int]) -> Layer:
    """The layer with effects on its fitted picture, before its transform. `canvas`: its width and height, pixels."""
    grown = _grown(layer, effects, canvas)
    magnified = _magnified(layer, grown)
    width, height = layer.width * magnified, layer.height * magnified
    if layer.stays_in_box:
        # Its edges lie between pixels: it is stretched to whole ones, and back where it is shown, by less than one.
        width, height = float(_pixels(width)), float(_pixels(height))
    per_pixel = (layer.width / width, layer.height / height)
    left, top, right, bottom = (math.ceil(side / per_pixel[axis % 2] - _ALMOST) for axis, side in enumerate(grown))
    inner = replace(
        layer,
        width=width,
        height=height,
        matrix=Affine(e=float(left), f=float(top)),
        opacity=1.0,
        blend="normal",
        zooms=False,
    )
    size = (math.ceil(width) + left + right, math.ceil(height) + top + bottom)
    plan = CompositionPlan(f"{layer.instance[-1]} with effects", *size, TRANSPARENT, (inner,))
    opaque = layer.has_opaque_picture and not any(grown) and all(effect.keeps_opaque for effect in effects)
    x, y = left * per_pixel[0], top * per_pixel[1]
    matrix = layer.matrix
    return replace(
        layer,
        source=EffectedPicture(
            plan, tuple(effect.scaled(1 / per_pixel[0], 1 / per_pixel[1]) for effect in effects), opaque
        ),
        part=WHOLE,
        width=size[0] * per_pixel[0],
        height=size[1] * per_pixel[1],
        matrix=replace(matrix, e=matrix.e - matrix.a * x - matrix.c * y, f=matrix.f - matrix.b * x - matrix.d * y),
    )


def with_track_effects(
    item: Layer | TransitionLayer,
    composition: Composition,
    track: Track,
    opacity: float,
    effects: tuple[EffectPlan, ...],
) -> Layer:
    """A track's picture, as large as its canvas, with effects; then its opacity, and the blend mode of its clip."""
    alone = CompositionPlan(
        f"track {track.id}", composition.width, composition.height, TRANSPARENT, (replace(item, blend="normal"),)
    )
    shown = item.instance if isinstance(item, Layer) else next(iter(item.instances), (track.id,))
    layer = replace(_whole(alone, shown), opacity=opacity, blend=item.blend)
    return with_effects(layer, effects, (composition.width, composition.height))


def with_composition_effects(
    plan: CompositionPlan, instance: InstancePath, effects: tuple[EffectPlan, ...]
) -> CompositionPlan:
    """A composition whose finished picture has effects. It keeps its size: what reaches beyond is cut off."""
    layer = with_effects(_whole(plan, instance), effects, (plan.width, plan.height))
    return CompositionPlan(plan.id, plan.width, plan.height, TRANSPARENT, (layer,))


def _whole(plan: CompositionPlan, instance: InstancePath) -> Layer:
    return Layer(instance, plan, WHOLE, plan.width, plan.height, Affine(), 1.0, "normal")


def _pixels(length: float) -> int:
    return max(math.ceil(length - 0.5), 1)


_Sides = tuple[float, float, float, float]
"""Left, top, right, bottom; pixels of the fitted picture."""


def _grown(layer: Layer, effects: tuple[EffectPlan, ...], canvas: tuple[int, int]) -> _Sides:
    """By how much the picture has to grow on each side for what is drawn there and is seen.

    What an effect draws beyond the canvas is left out, as far as no later effect brings it back.
    """
    own = layer.source.overhang if isinstance(layer.source, Drawing) else 0.0
    reach = [sum(effect.reach[axis] for effect in effects) for axis in (0, 1)]
    later = [sum(effect.reach[axis] for effect in effects[1:]) for axis in (0, 1)]
    seen = _seen_outside(layer, canvas)

    def side(number: int) -> float:
        axis = number % 2
        if not reach[axis]:
            return own
        # A transparent pixel at the edge, which effects repeat beyond it.
        return own + min(reach[axis], max(seen[number] - own, 0.0) + later[axis]) + 1

    return side(0), side(1), side(2), side(3)


def _seen_outside(layer: Layer, canvas: tuple[int, int]) -> _Sides:
    """How far the canvas reaches beyond the fitted picture on each side; negative where it does not."""
    matrix = layer.matrix
    scale = matrix.a * matrix.d - matrix.b * matrix.c
    corners = []
    for x, y in ((0, 0), (canvas[0], 0), (0, canvas[1]), canvas):
        across, down = x - matrix.e, y - matrix.f
        corners.append(((matrix.d * across - matrix.c * down) / scale, (matrix.a * down - matrix.b * across) / scale))
    xs, ys = zip(*corners, strict=True)
    return -min(xs), -min(ys), max(xs) - layer.width, max(ys) - layer.height


def _magnified(layer: Layer, grown: _Sides) -> int:
    """How many times as many pixels the picture has on each axis, for its effects: a power of two.

    So a title that is scaled up stays sharp, and an animated scale seldom draws it anew.
    """
    matrix = layer.matrix
    wanted = max(math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d))
    largest = max(layer.width + grown[0] + grown[2], layer.height + grown[1] + grown[3])
    times = 1
    while times < min(wanted - _ALMOST, MAX_MAGNIFIED) and 2 * times * largest <= MAX_SIDE_PX:
        times *= 2
    return times
