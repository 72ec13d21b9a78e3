"""`blur`: a Gaussian blur."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from reelmill.planner.animation import Animated
from reelmill.planner.effect import Effect, EffectPlan
from reelmill.planner.effects.effect_model import EffectModel
from reelmill.planner.fields.animated import Animation
from reelmill.planner.fields.kinds import Choice

Edges = Literal["extend", "transparent"]
MAX_RADIUS_PX = 1000.0
REACH = 3.0
"""Standard deviations beyond which nothing of a Gaussian is seen: 0.13 %, a third of a code."""
LEAST_PX = 0.05
"""Radii below it change no code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlurPlan(EffectPlan):
    """A Gaussian with a standard deviation for each axis."""

    type: ClassVar[str] = "blur"
    lengths: ClassVar[tuple[str, ...]] = ("radius",)
    radius: tuple[float, float]
    """Standard deviation, pixels, horizontally and vertically."""
    edges: Edges = "extend"

    @property
    def reach(self) -> tuple[float, float]:
        if self.edges == "extend":
            return 0.0, 0.0
        return math.ceil(REACH * self.radius[0]), math.ceil(REACH * self.radius[1])

    @property
    def keeps_opaque(self) -> bool:
        return self.edges == "extend"

    @property
    def on_planes(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Blur(Effect):
    """A Gaussian blur on the timeline."""

    radius: Animated
    edges: Edges = "extend"

    def planned(self, time: Fraction, mix: float, *, backwards: bool) -> EffectPlan | None:
        x, y = (max(value, 0.0) for value in self.radius.at(time, backwards=backwards))
        return BlurPlan(radius=(x, y), edges=self.edges, mix=mix) if max(x, y) > LEAST_PX else None


class BlurModel(EffectModel):
    """A Gaussian blur."""

    value = Blur
    type: Literal["blur"]
    """The effect."""
    radius: Annotated[Animated, Animation(0, MAX_RADIUS_PX, 2, "[x, y]", spread=True)]
    """Standard deviation in pixels of the fitted picture: a number, or [x, y]."""
    edges: Annotated[Edges, Choice()] = "extend"
    """extend repeats the outermost pixels, and the picture keeps its edges; transparent lets them fade away, and the
    picture grows."""
