"""`saturation`: more or less colour."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from reelmill.planner.animation import Animated
from reelmill.planner.effect import ColourMatrix, Effect, EffectPlan
from reelmill.planner.effects.effect_model import EffectModel
from reelmill.planner.fields.animated import Animation

LUMA = (0.2126, 0.7152, 0.0722)
"""Weights of R', G' and B' (ITU-R BT.709-6, item 3.2)."""
MAX_AMOUNT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SaturationPlan(EffectPlan):
    """Distances from gray, multiplied."""

    type: ClassVar[str] = "saturation"
    amount: float

    @property
    def keeps_opaque(self) -> bool:
        return True

    @property
    def on_planes(self) -> bool:
        # More colour may leave the range of R'G'B', which only R'G'B' itself cuts off.
        return self.amount <= 1

    @property
    def colour_matrix(self) -> ColourMatrix:
        amount = 1 + (self.amount - 1) * self.mix
        red, green, blue = ((1 - amount) * weight for weight in LUMA)
        return (
            (red + amount, green, blue, 0.0),
            (red, green + amount, blue, 0.0),
            (red, green, blue + amount, 0.0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation(Effect):
    """Saturation on the timeline."""

    amount: Animated

    def planned(self, time: Fraction, mix: float, *, backwards: bool) -> EffectPlan | None:
        amount = max(self.amount.scalar(time, backwards=backwards), 0.0)
        return SaturationPlan(amount=amount, mix=mix) if amount != 1 else None


class SaturationModel(EffectModel):
    """More or less colour."""

    value = Saturation
    type: Literal["saturation"]
    """The effect."""
    amount: Annotated[Animated, Animation(0, MAX_AMOUNT)]
    """0 is gray, 1 leaves the colour as it is, above 1 it is stronger."""
