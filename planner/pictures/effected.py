"""Layers with effects: the picture becomes a composition of its own, to which the effects are applied.

In: a layer, and the plans of its effects. Out: a layer that shows an `EffectedPicture`. The composition is as large as
the fitted picture, in pixels of the canvas, so that lengths of effects mean the same for every source; it has more
pixels where the transform magnifies it, and a transparent margin where something reaches beyond the picture. Pure.
"""

from __future__ import annotations

import math
from dataclasses import replace

from reelmill.planner.effect import EffectPlan
from reelmill.planner.frame_plan import WHOLE, Affine, CompositionPlan, EffectedPicture, Layer, TransitionLayer
from reelmill.planner.frames import InstancePath
from reelmill.planner.timeline import TRANSPARENT, Composition, Shape, Text, Track

MAX_MAGNIFIED = 8
"""Times that a picture is drawn larger for effects, at most; beyond it is magnified."""
MAX_SIDE_PX = 8192
"""Of a picture with effects, unless the fitted picture itself is larger."""
_ALMOST = 1e-6


def with_effects(layer: Layer, effects: tuple[EffectPlan, ...]) -> Layer:
    """The layer with effects on its fitted picture, before its transform."""
    grown = _margin(layer, effects)
    magnified = _magnified(layer, grown)
    width, height = layer.width * magnified, layer.height * magnified
    if layer.stays_in_box:
        # Its edges lie between pixels: it is stretched to whole ones, and back where it is shown, by less than one.
        width, height = float(_pixels(width)), float(_pixels(height))
    per_pixel = (layer.width / width, layer.height / height)
    margin = (math.ceil(grown[0] / per_pixel[0] - _ALMOST), math.ceil(grown[1] / per_pixel[1] - _ALMOST))
    inner = replace(
        layer,
        width=width,
        height=height,
        matrix=Affine(e=float(margin[0]), f=float(margin[1])),
        opacity=1.0,
        blend="normal",
        zooms=False,
    )
    size = (math.ceil(width) + 2 * margin[0], math.ceil(height) + 2 * margin[1])
    plan = CompositionPlan(f"{layer.instance[-1]} with effects", *size, TRANSPARENT, (inner,))
    opaque = layer.has_opaque_picture and margin == (0, 0) and all(effect.keeps_opaque for effect in effects)
    left, top = margin[0] * per_pixel[0], margin[1] * per_pixel[1]
    matrix = layer.matrix
    return replace(
        layer,
        source=EffectedPicture(
            plan, tuple(effect.scaled(1 / per_pixel[0], 1 / per_pixel[1]) for effect in effects), opaque
        ),
        part=WHOLE,
        width=size[0] * per_pixel[0],
        height=size[1] * per_pixel[1],
        matrix=replace(
            matrix, e=matrix.e - matrix.a * left - matrix.c * top, f=matrix.f - matrix.b * left - matrix.d * top
        ),
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
    return with_effects(replace(_whole(alone, shown), opacity=opacity, blend=item.blend), effects)


def with_composition_effects(
    plan: CompositionPlan, instance: InstancePath, effects: tuple[EffectPlan, ...]
) -> CompositionPlan:
    """A composition whose finished picture has effects. It keeps its size: what reaches beyond is cut off."""
    layer = with_effects(_whole(plan, instance), effects)
    return CompositionPlan(plan.id, plan.width, plan.height, TRANSPARENT, (layer,))


def _whole(plan: CompositionPlan, instance: InstancePath) -> Layer:
    return Layer(instance, plan, WHOLE, plan.width, plan.height, Affine(), 1.0, "normal")


def _pixels(length: float) -> int:
    return max(math.ceil(length - 0.5), 1)


def _margin(layer: Layer, effects: tuple[EffectPlan, ...]) -> tuple[float, float]:
    """Pixels of the fitted picture that something is drawn on beside it."""
    own = _drawn_outside(layer)
    reached = [effect.reach for effect in effects]
    return own + sum(x for x, _ in reached), own + sum(y for _, y in reached)


def _drawn_outside(layer: Layer) -> float:
    """By how much a drawing may reach beyond its nominal size, pixels of the fitted picture; not too little."""
    match layer.source:
        case Text() as text:
            # Letters of italic or decorative fonts leave their line by less than an em.
            beyond = text.size + (text.outline.width if text.outline else 0.0)
            if text.shadow is not None:
                beyond += max(map(abs, text.shadow.offset)) + 3 * text.shadow.blur
            return beyond
        case Shape(stroke=stroke) if stroke is not None:
            # A mitred corner reaches farther than half the line.
            return 5 * stroke.width
    return 0.0


def _magnified(layer: Layer, grown: tuple[float, float]) -> int:
    """How many times as many pixels the picture has on each axis, for its effects: a power of two.

    So a title that is scaled up stays sharp, and an animated scale seldom draws it anew.
    """
    matrix = layer.matrix
    wanted = max(math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d))
    largest = max(layer.width + 2 * grown[0], layer.height + 2 * grown[1])
    times = 1
    while times < min(wanted - _ALMOST, MAX_MAGNIFIED) and 2 * times * largest <= MAX_SIDE_PX:
        times *= 2
    return times
