"""What every effect has in common: its value on the timeline, and its plan for one frame.

In: an effect of a clip, a track or a composition, and the time since that began. Out: an `EffectPlan` of plain numbers,
or None where the effect changes nothing. `compositor/effects/<type>.py` draws the plan. Pure data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar, Self

from reelmill.planner.animation import Animated, stands_still

ColourMatrix = tuple[tuple[float, float, float, float], ...]
"""Three rows for R', G' and B': what is taken of R', G', B' (gamma-encoded, straight alpha, 0 to 1) and of 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectPlan:
    """One effect in one frame. Lengths are pixels of the picture that it works on."""

    type: ClassVar[str]
    lengths: ClassVar[tuple[str, ...]] = ()
    """Fields that are a length for each axis, (x, y)."""
    mix: float = 1.0
    """0 is the picture as it was, 1 the effect in full. Above 0."""

    def scaled(self, x: float, y: float) -> Self:
        """The same effect on a picture of `x` times the width and `y` times the height."""
        changed: dict[str, Any] = {}
        for name in self.lengths:
            across, down = getattr(self, name)
            changed[name] = (across * x, down * y)
        return replace(self, **changed)

    @property
    def reach(self) -> tuple[float, float]:
        """Pixels by which the picture grows on each side, horizontally and vertically."""
        return 0.0, 0.0

    @property
    def keeps_opaque(self) -> bool:
        """An opaque picture stays opaque."""
        return False

    @property
    def on_planes(self) -> bool:
        """The compositor may apply the effect to Y'CbCr planes. A colour matrix also has to leave planes apart."""
        return False

    @property
    def colour_matrix(self) -> ColourMatrix | None:
        """The whole effect, `mix` included, where it is a matrix on the colour of each pixel; else None."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An effect on the timeline. Times count from where its clip, track or composition starts."""

    enabled: bool = True
    mix: Animated = Animated.constant(1)
    start: Fraction = Fraction(0)
    """Seconds."""
    duration: Fraction | None = None
    """Seconds; None for no end."""

    def at(self, time: Fraction, *, backwards: bool = False) -> EffectPlan | None:
        """The plan for a time; None where the effect changes nothing. `backwards`: the moment just before that time."""
        if not self.enabled or not self._active(time, backwards=backwards):
            return None
        mix = self.mix.share(time, backwards=backwards)
        return self.planned(time, mix, backwards=backwards) if mix > 0 else None

    def planned(self, time: Fraction, mix: float, *, backwards: bool) -> EffectPlan | None:
        """The plan of an effect that is active; None where its parameters are neutral."""
        raise NotImplementedError

    def _active(self, time: Fraction, *, backwards: bool) -> bool:
        begun = time > self.start if backwards else time >= self.start
        if self.duration is None or not begun:
            return begun
        end = self.start + self.duration
        return time <= end if backwards else time < end

    @property
    def is_constant(self) -> bool:
        """Every frame of the clip has the same plan."""
        return stands_still(self) and self.start <= 0 and self.duration is None


def plans_at(effects: Iterable[Effect], time: Fraction, *, backwards: bool = False) -> tuple[EffectPlan, ...]:
    """The plans of those effects of a list that change something."""
    found = (effect.at(time, backwards=backwards) for effect in effects)
    return tuple(plan for plan in found if plan is not None)
