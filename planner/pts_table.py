"""The frames of a file in the order of presentation, and the rule that picks one of them.

In: the pts that a demux-only pass found (decoders/). Out: for a source time, one pts. Integers and fractions only.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True, eq=False)
class PtsTable:
    """Every frame of one video stream that is shown, and its keyframes."""

    time_base: Fraction
    """Seconds of one tick."""
    pts: array[int]
    """Ascending, distinct, at least one; ticks."""
    end_pts: int
    """End of the last frame, ticks."""
    keyframes: array[int]
    """pts of the packets from which decoding can begin, ascending; for an intra-only file all of `pts`."""
    seek_targets: array[int] | None = None
    """Where to seek for each keyframe, ticks: its dts where the container seeks by these; None for its pts."""
    timed: bool = True
    """False for streams that carry no pts: frame i of the table is the i-th that a decoder puts out."""

    @property
    def first_pts(self) -> int:
        """Source time 0."""
        return self.pts[0]

    @property
    def duration(self) -> Fraction:
        """From the first frame shown to the end of the last, seconds."""
        return (self.end_pts - self.pts[0]) * self.time_base

    @property
    def last_frame_duration(self) -> Fraction:
        return (self.end_pts - self.pts[-1]) * self.time_base

    def frame_at(self, source_time: Fraction) -> int:
        """The frame on screen: the largest pts ≤ s + half a tick; before the first frame, the first.

        Containers round timestamps to their ticks; without the half tick, material of the canvas' own
        rate would judder.
        """
        ticks = source_time / self.time_base + self.pts[0] + Fraction(1, 2)
        index = bisect_right(self.pts, ticks.numerator // ticks.denominator) - 1
        return self.pts[max(index, 0)]

    def frame_before(self, source_time: Fraction) -> int:
        """The frame for playing backwards: the largest pts < s − half a tick; before the first, the first."""
        ticks = source_time / self.time_base + self.pts[0] - Fraction(1, 2)
        index = bisect_left(self.pts, -(-ticks.numerator // ticks.denominator)) - 1
        return self.pts[max(index, 0)]

    def source_time(self, pts: int) -> Fraction:
        """Seconds from the first shown frame."""
        return (pts - self.pts[0]) * self.time_base

    def index_of(self, pts: int) -> int:
        """Position of a frame in presentation order. Raises KeyError for a pts that no frame has."""
        index = bisect_left(self.pts, pts)
        if index == len(self.pts) or self.pts[index] != pts:
            raise KeyError(pts)
        return index
