"""Compositions of a plan, each worked on once and one object where they are equal. Passive; one thread.

A composition may be reached by very many paths (2^n where one is shown twice on each of n levels): all that walks a
plan goes by identities, so that work grows with compositions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reelmill.planner.frame_plan import CompositionPlan, Layer, TransitionLayer

Layers = tuple[Layer | TransitionLayer, ...]


class SharedPlans:
    """One object for equal compositions of two frames in a row, so that to compare them is to look at identities."""

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


def rebuilt(plan: CompositionPlan, kept: Callable[[CompositionPlan], Layers], plans: SharedPlans) -> CompositionPlan:
    """The plan with those layers of each composition that `kept` gives; what is left out is not walked."""
    return _rebuilt(plan, kept, {}, plans)


def _rebuilt(
    plan: CompositionPlan,
    kept: Callable[[CompositionPlan], Layers],
    done: dict[int, CompositionPlan],
    plans: SharedPlans,
) -> CompositionPlan:
    """`done`: what became of each composition, by its identity."""
    if id(plan) in done:
        return done[id(plan)]

    def nested(layer: Layer) -> Layer:
        return layer if layer.nested is None else layer.with_nested(_rebuilt(layer.nested, kept, done, plans))

    layers: list[Layer | TransitionLayer] = []
    for layer in kept(plan):
        if isinstance(layer, TransitionLayer):
            before, after = (None if side is None else nested(side) for side in (layer.before, layer.after))
            layers.append(replace(layer, before=before, after=after))
        else:
            layers.append(nested(layer))
    result = done[id(plan)] = plans.shared(replace(plan, layers=tuple(layers)))
    return result
