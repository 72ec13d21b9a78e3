"""What every effect may say in the project file. Each effect adds its parameters in a model of its own."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

from reelmill.planner.animation import Animated
from reelmill.planner.fields.animated import Animation
from reelmill.planner.fields.base import ObjectModel
from reelmill.planner.fields.kinds import Switch
from reelmill.planner.fields.places import Seconds


class EffectModel(ObjectModel):
    """An effect on a picture. `value` is the dataclass on the timeline."""

    enabled: Annotated[bool, Switch()] = True
    """false switches it off."""
    mix: Annotated[Animated, Animation(0, 1)] | None = None
    """0 leaves the picture as it was, 1 is the full effect. Default: 1."""
    start: Annotated[Fraction, Seconds("not negative")] = Fraction(0)
    """When the effect begins, counted from the start of its clip, or of the composition. Default: 0."""
    duration: Annotated[Fraction, Seconds("positive")] | None = None
    """How long it lasts. Default: to the end."""
