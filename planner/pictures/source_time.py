"""From timeline time to the time in a clip's source, and what is shown past its ends.

Playing backwards is a limit from the left: at source time s the picture is the one *before* s. `Moment` carries
that side along, through nested compositions, where two reversals make a forward one.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from reelmill.planner.timeline import AfterEnd, Clip


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, and from which side it is approached."""

    time: Fraction
    """Seconds."""
    backwards: bool = False
    """The picture just before `time`, not the one at it."""

    def within(self, start: Fraction, end: Fraction) -> bool:
        """Whether [start, end) is active; for a moment approached backwards (start, end]."""
        return start < self.time <= end if self.backwards else start <= self.time < end


def source_moment(clip: Clip, moment: Moment) -> Moment:
    """s = in + (t − start) × speed. A negative speed turns the side around; speed 0 freezes the frame at `in`."""
    assert clip.in_point is not None
    time = clip.in_point + (moment.time - clip.start) * clip.speed
    backwards = False if clip.speed == 0 else moment.backwards != (clip.speed < 0)
    return Moment(time, backwards)


def within_source(moment: Moment, end: Fraction, after_end: AfterEnd) -> Moment | None:
    """The moment inside [0, end) that is shown for one that may lie outside; None where nothing is.

    `error` has been refused when the project was read but for less than one frame, for which the last one stays.
    """
    if moment.within(Fraction(0), end):
        return moment
    if after_end == "blank" or end <= 0:
        return None
    if after_end == "loop":
        time = moment.time % end
        return Moment(end if moment.backwards and time == 0 else time, moment.backwards)
    if moment.time >= end:
        return Moment(end, backwards=True)
    return Moment(Fraction(0))
