"""Simplify before rendering: pure functions from a plan to one with the same pixels and less work.

What a rule may change is said in docs/reference/compositing.md; each rule is a function of its own.
"""

from __future__ import annotations

from fractions import Fraction

from reelmill.planner.frame_plan import WHOLE, Affine, CompositionPlan, Layer, PictureSource
from reelmill.planner.pictures.flatten import flattened
from reelmill.planner.pictures.hidden_layers import without_hidden
from reelmill.planner.pictures.shared_plans import SharedPlans, rebuilt
from reelmill.planner.source_frames import FrameRequest

_IDENTITY = Affine()


def simplified(plan: CompositionPlan, plans: SharedPlans, scale: Fraction = Fraction(1)) -> CompositionPlan:
    """All rules, one after the other. `scale`: target pixels for a canvas pixel."""
    return flattened(without_hidden(plan, plans), plans, scale)


def as_it_is(plan: CompositionPlan, plans: SharedPlans) -> CompositionPlan:
    """No rule at all, only one object for compositions that are equal."""
    return rebuilt(plan, lambda plan: plan.layers, plans)


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
        layer.is_plain
        and layer.part == WHOLE
        and layer.matrix == _IDENTITY
        and (layer.width, layer.height) == (plan.width, plan.height)
    )
    return layer.source.request if same else None
