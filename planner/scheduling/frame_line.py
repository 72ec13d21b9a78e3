"""A straight line from output frames to the time of something nested: exact, in integers, and inverted exactly.

Between two cuts every moment that a frame plan reaches is such a line: speeds multiply, in points add, and playing
backwards turns the side from which times are approached (planner.source_time). So the frames in which a clip is
active, or a source frame is shown, are found by one division each. Passive, immutable.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from reelmill.planner.timeline import Clip


@dataclass(frozen=True, slots=True)
class FrameLine:
    """value(n) = (slope·n + offset) / unit. Equal lines have equal fields."""

    slope: int
    offset: int
    unit: int
    """Above 0; the least with which slope and offset are integers."""
    backwards: bool = False
    """Values are approached from below: the picture just before, not the one at it."""

    @classmethod
    def of(cls, slope: Fraction, offset: Fraction, backwards: bool = False) -> FrameLine:
        """The line slope·n + offset."""
        unit = lcm(slope.denominator, offset.denominator)
        return cls(int(slope * unit), int(offset * unit), unit, backwards)

    @classmethod
    def constant(cls, value: Fraction, backwards: bool = False) -> FrameLine:
        """The same value at every frame."""
        return cls.of(Fraction(0), value, backwards)

    def at(self, frame: int) -> Fraction:
        """The value at an output frame."""
        return Fraction(self.slope * frame + self.offset, self.unit)

    def through(self, clip: Clip) -> FrameLine:
        """For a line of the composition's time: that of the clip's source time, s = in + (t − start) × speed."""
        assert clip.in_point is not None
        backwards = False if clip.speed == 0 else self.backwards != (clip.speed < 0)
        slope, offset = Fraction(self.slope, self.unit), Fraction(self.offset, self.unit)
        return FrameLine.of(slope * clip.speed, clip.in_point + (offset - clip.start) * clip.speed, backwards)

    def scaled(self, factor: Fraction, plus: Fraction | int = 0) -> FrameLine:
        """The line of value × factor + plus, approached from the same side. `factor` is above 0."""
        return FrameLine.of(
            Fraction(self.slope, self.unit) * factor, Fraction(self.offset, self.unit) * factor + plus, self.backwards
        )

    def frames_within(self, low: Fraction | int | None, high: Fraction | int | None, frames: range) -> range:
        """Those of `frames` whose value lies in [low, high), or (low, high] backwards. None for no bound."""
        if self.slope == 0:
            return frames if self._contains(low, high) else frames[:0]
        if self.slope < 0:
            low, high = high, low
        start = frames.start if low is None else min(max(frames.start, self._first(low)), frames.stop)
        stop = frames.stop if high is None else max(min(frames.stop, self._first(high)), start)
        return range(start, stop)

    def _first(self, bound: Fraction | int) -> int:
        """The first frame on the other side of a bound than the frames before it."""
        numerator = self.unit * bound.numerator - self.offset * bound.denominator
        denominator = self.slope * bound.denominator
        if (self.slope > 0) != self.backwards:
            return -(-numerator // denominator)
        return numerator // denominator + 1

    def _contains(self, low: Fraction | int | None, high: Fraction | int | None) -> bool:
        value = Fraction(self.offset, self.unit)
        if self.backwards:
            return (low is None or low < value) and (high is None or value <= high)
        return (low is None or low <= value) and (high is None or value < high)
