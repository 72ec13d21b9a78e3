"""Simplify before rendering: pure functions from a plan to one with the same pixels and less work.

What a rule may change is said in docs/colour.md; each rule here is one function.
"""

from __future__ import annotations

from dataclasses import replace

from planner.frame_plan import WHOLE, Affine, CompositionPlan, Layer, PictureSource, TransitionLayer
from planner.frames import FrameRequest
from planner.timeline import Solid

_IDENTITY = Affine()


class SharedPlans:
    """One object for equal compositions of two frames in a row, so that to compare them is to look at identities.

    Without it two equal pictures would be compared along every path to every composition: 2^n for one that is shown
    twice on each of n levels.
    """

    def __init__(self) -> None:
        self._before: dict[CompositionPlan, CompositionPlan] = {}
        self._now: dict[CompositionPlan, CompositionPlan] = {}

    def next_frame(self) -> None:
        """Forget what the frame before the last one showed."""
        self._before, self._now = self._now, {}

    def shared(self, plan: CompositionPlan) -> CompositionPlan:
        """The object for a composition whose nested ones are shared already."""
        found = self._now.get(plan) or self._before.get(plan) or plan
        self._now[found] = found
        return found


def without_hidden(plan: CompositionPlan, plans: SharedPlans | None = None) -> CompositionPlan:
    """Drop the layers that an opaque layer of the canvas' size hides, in nested compositions too.

    What is dropped is never decoded. A composition that is one object in several layers stays one.
    """
    return _without_hidden(plan, {}, plans or SharedPlans())


_Done = dict[int, CompositionPlan]
"""What became of each composition of the plan, by its identity: work grows with compositions, not with paths."""


def _without_hidden(plan: CompositionPlan, done: _Done, plans: SharedPlans) -> CompositionPlan:
    if id(plan) in done:
        return done[id(plan)]
    kept: list[Layer | TransitionLayer] = []
    for layer in reversed(plan.layers):
        kept.append(_simplified(layer, done, plans))
        if _covers(layer, plan):
            break
    simplified = done[id(plan)] = plans.shared(replace(plan, layers=tuple(reversed(kept))))
    return simplified


def _simplified(layer: Layer | TransitionLayer, done: _Done, plans: SharedPlans) -> Layer | TransitionLayer:
    if isinstance(layer, TransitionLayer):
        return replace(
            layer,
            before=None if layer.before is None else _simplified_nested(layer.before, done, plans),
            after=None if layer.after is None else _simplified_nested(layer.after, done, plans),
        )
    return _simplified_nested(layer, done, plans)


def _simplified_nested(layer: Layer, done: _Done, plans: SharedPlans) -> Layer:
    if isinstance(layer.source, CompositionPlan):
        return replace(layer, source=_without_hidden(layer.source, done, plans))
    return layer


def _covers(layer: Layer | TransitionLayer, plan: CompositionPlan) -> bool:
    """Whether nothing below the layer can be seen."""
    if layer.opacity < 1 or layer.blend != "normal":
        return False
    if isinstance(layer, TransitionLayer):
        return (
            layer.before is not None
            and layer.after is not None
            and 0 <= layer.progress <= 1
            and layer.color[3] == 1
            and _fills(layer.before, plan)
            and _fills(layer.after, plan)
        )
    return _fills(layer, plan)


def _fills(layer: Layer, plan: CompositionPlan) -> bool:
    """Whether the layer's picture is opaque and reaches over all of the canvas; turned pictures don't count."""
    matrix = layer.matrix
    if layer.opacity < 1 or matrix.b or matrix.c or not _opaque(layer):
        return False
    x0, y0 = matrix.apply(0, 0)
    x1, y1 = matrix.apply(layer.width, layer.height)
    return min(x0, x1) <= 0 and min(y0, y1) <= 0 and max(x0, x1) >= plan.width and max(y0, y1) >= plan.height


def _opaque(layer: Layer) -> bool:
    source = layer.source
    match source:
        case PictureSource():
            return source.opaque
        case CompositionPlan():
            return source.background[3] == 1
        case Solid():
            return source.color[3] == 1
        case _:
            return False


def untouched(plan: CompositionPlan) -> FrameRequest | None:
    """The one source frame that is this picture, pixel for pixel, if there is one.

    The frame may go from decoder to encoder as it is if it also has the output's size and format.
    """
    if len(plan.layers) != 1:
        return None
    (layer,) = plan.layers
    if not isinstance(layer, Layer) or not isinstance(layer.source, PictureSource):
        return None
    same = (
        layer.source.opaque
        and layer.opacity == 1
        and layer.blend == "normal"
        and layer.part == WHOLE
        and layer.matrix == _IDENTITY
        and (layer.width, layer.height) == (plan.width, plan.height)
    )
    return layer.source.request if same else None
