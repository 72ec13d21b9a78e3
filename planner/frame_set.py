"""The output frames of which pictures are made: what all outputs of an export show, each frame once. Pure data."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby


@dataclass(frozen=True, slots=True)
class FrameSet:
    """The union of some ranges with steps of their own; ascending, each frame once."""

    solid: tuple[range, ...]
    """Of step 1: ascending, apart from each other."""
    stepped: tuple[range, ...]
    """Of other steps."""

    @classmethod
    def of(cls, parts: Iterable[range]) -> FrameSet:
        """The frames of ranges that ascend, in whatever order; empty ones are left out."""
        distinct = {range(part[0], part[0] + 1) if len(part) == 1 else part for part in parts if part}
        solid = _joined(part for part in distinct if part.step == 1)
        stepped = [part for part in distinct if part.step > 1]
        return cls(tuple(solid), tuple(sorted(stepped, key=lambda part: (part.start, part.step))))

    @property
    def parts(self) -> tuple[range, ...]:
        """The ranges that it is the union of."""
        return self.solid + self.stepped

    def __contains__(self, frame: int) -> bool:
        place = bisect_right(self.solid, frame, key=lambda part: part.start) - 1
        return (place >= 0 and frame in self.solid[place]) or any(frame in part for part in self.stepped)

    def __iter__(self) -> Iterator[int]:
        return (frame for frame, _ in groupby(merge(*self.parts)))

    def __len__(self) -> int:
        return sum(1 for _ in self) if self.stepped else sum(map(len, self.solid))

    def next(self, frame: int) -> int | None:
        """The first frame that is not before this one; None behind the last."""
        found = []
        place = max(bisect_right(self.solid, frame, key=lambda part: part.start) - 1, 0)
        for part in (*self.solid[place : place + 2], *self.stepped):
            steps = max(-((part.start - frame) // part.step), 0)
            if steps < len(part):
                found.append(part[steps])
        return min(found, default=None)

    @property
    def spans(self) -> tuple[range, ...]:
        """Stretches from a first frame to a last one, apart from each other; what steps leave out lies inside."""
        return tuple(_joined(range(part[0], part[-1] + 1) for part in self.parts))

    @property
    def hull(self) -> range:
        """From the first frame to the last one."""
        spans = self.spans
        return range(spans[0].start, spans[-1].stop) if spans else range(0)


def _joined(parts: Iterable[range]) -> list[range]:
    """Ranges of step 1: those that overlap or touch as one."""
    joined: list[range] = []
    for part in sorted(parts, key=lambda part: part.start):
        if joined and part.start <= joined[-1].stop:
            joined[-1] = range(joined[-1].start, max(joined[-1].stop, part.stop))
        else:
            joined.append(part)
    return joined
