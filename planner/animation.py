"""Values that may change over time: constants, keyframes and the easings between them. Pure data and arithmetic."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction

Value = tuple[float, ...]
"""One or more numbers; a plain number is a tuple of one."""


@dataclass(frozen=True, slots=True)
class Easing:
    """A CSS cubic-bezier through (0, 0), (x1, y1), (x2, y2), (1, 1); or `hold`, which stays until the end."""

    x1: float = 0.0
    y1: float = 0.0
    x2: float = 1.0
    y2: float = 1.0
    hold: bool = False

    def __call__(self, progress: float) -> float:
        """The eased progress at `progress` in 0…1 (CSS Easing Functions Level 1)."""
        if self.hold:
            return 0.0 if progress < 1 else 1.0
        if progress <= 0 or progress >= 1:
            return min(max(progress, 0.0), 1.0)
        if self.x1 == self.y1 and self.x2 == self.y2:
            return progress
        return _bezier(self.y1, self.y2, self._parameter(progress))

    def _parameter(self, x: float) -> float:
        """The curve's parameter t with x(t) = x. x(t) ascends since x1 and x2 lie in 0…1; bisection is exact."""
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            if _bezier(self.x1, self.x2, middle) < x:
                low = middle
            else:
                high = middle
        return (low + high) / 2


def _bezier(a: float, b: float, t: float) -> float:
    """One coordinate of the cubic Bézier curve with end points 0 and 1."""
    return 3 * a * t * (1 - t) ** 2 + 3 * b * t * t * (1 - t) + t**3


LINEAR = Easing()
EASINGS: dict[str, Easing] = {
    "linear": LINEAR,
    "hold": Easing(hold=True),
    "ease_in": Easing(0.42, 0.0, 1.0, 1.0),
    "ease_out": Easing(0.0, 0.0, 0.58, 1.0),
    "ease_in_out": Easing(0.42, 0.0, 0.58, 1.0),
}
"""The named curves of CSS."""


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A value at a time, and the way to the next one."""

    time: Fraction
    """Seconds from the clip's start in the composition it lies in."""
    value: Value
    easing: Easing = LINEAR


@dataclass(frozen=True, slots=True)
class Animated:
    """A constant, or keyframes in ascending order of time."""

    keyframes: tuple[Keyframe, ...]
    """At least one. A constant is one keyframe at 0."""

    @classmethod
    def constant(cls, *value: float) -> Animated:
        return cls((Keyframe(Fraction(0), tuple(float(v) for v in value)),))

    @property
    def is_constant(self) -> bool:
        return len(self.keyframes) == 1

    def at(self, time: Fraction, *, backwards: bool = False) -> Value:
        """The value at a time; the first holds before the first keyframe, the last after the last.

        Backwards it is the value just before the time, which differs after a `hold`.
        """
        frames = self.keyframes
        find = bisect_left if backwards else bisect_right
        index = find(frames, time, key=lambda k: k.time) - 1
        if index < 0:
            return frames[0].value
        here = frames[index]
        if index + 1 == len(frames):
            return here.value
        after = frames[index + 1]
        if here.easing.hold:
            return here.value
        eased = here.easing(float((time - here.time) / (after.time - here.time)))
        return tuple(a + (b - a) * eased for a, b in zip(here.value, after.value, strict=True))

    def scalar(self, time: Fraction, *, backwards: bool = False) -> float:
        """The value at a time, of an animation of one number."""
        return self.at(time, backwards=backwards)[0]

    def share(self, time: Fraction, *, backwards: bool = False) -> float:
        """The same for a number from 0 to 1, where an easing may overshoot."""
        return min(max(self.scalar(time, backwards=backwards), 0.0), 1.0)


def stands_still(value: object) -> bool:
    """Whether nothing in a value moves: an Animated, a dataclass, a tuple of these, or anything else."""
    if isinstance(value, Animated):
        return value.is_constant
    if isinstance(value, tuple):
        return all(map(stands_still, value))
    return not is_dataclass(value) or all(stands_still(getattr(value, field.name)) for field in fields(value))
