"""The places in one file from which frames are decoded, and which of them reaches a frame at the least cost.

In: what a file's table says, and which of its frames are still to come. Out: for a wanted frame, a `Route`: the place
that goes there, and what it passes on the way. Costs are in decoded frames. Passive; one thread.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from reelmill.decoders.video.cursor import READ_ON_FRAMES
from reelmill.decoders.video.video_reader import MediaReader
from reelmill.planner.pts_table import PtsTable

OPEN_COST = 16
"""Decoded frames that take as long as opening a file."""
SEEK_COST = 4
"""Decoded frames that take as long as seeking, those included that were in flight and are thrown away."""
_STILL = array("q", [0])


@dataclass(slots=True, eq=False)
class DecodePlace:
    """An open decoder, and where in the file it stands."""

    reader: MediaReader
    position: int | None = None
    """Index of the frame that was read last; None at the beginning of the file."""
    last_used: int = 0
    """The output frame that was current when it was read from last."""


@dataclass(frozen=True, slots=True)
class Route:
    """A way to a frame."""

    place: DecodePlace | None
    """None: open another one."""
    start: int
    """Index of the first frame that is decoded on the way."""
    cost: int
    jumps: bool
    """By seeking, or opening."""
    strands: bool
    """Leaves frames behind that will have to be decoded for again."""


Needed = Callable[[int], bool]
"""Whether the frame at an index is shown in a time to come, and is not held."""
Kept = Callable[[int], bool]
"""Whether such a frame would be held if it were decoded now."""


@dataclass(slots=True)
class DecodePlaces:
    """Finds ways in one file."""

    pts: array[int]
    """Of every frame, ascending; a single 0 for stills."""
    keyframes: array[int]
    """pts."""
    most: int
    """Places at a time."""
    places: list[DecodePlace] = field(default_factory=list)

    @classmethod
    def of(cls, table: PtsTable | None, most: int) -> DecodePlaces:
        """Of a file with this table; None for a still."""
        if table is None:
            return cls(_STILL, _STILL, most)
        return cls(table.pts, table.keyframes, most)

    def index_of(self, pts: int) -> int:
        """Position of a frame in presentation order."""
        return bisect_left(self.pts, pts)

    def keyframe_of(self, index: int) -> int:
        """Index of the frame from which decoding has to begin to get to another; 0 for the beginning of the file."""
        found = bisect_right(self.keyframes, self.pts[index]) - 1
        return self.index_of(self.keyframes[found]) if found > 0 else 0

    def route(self, target: int, needed: Needed, kept: Kept, room: int, *, may_open: bool) -> Route:
        """The cheapest way to a frame.

        `room`: frames passed on the way that can be kept. `may_open`: whether a new place is allowed at all.
        """
        routes = [self._from_place(place, target, needed, kept, room) for place in self.places]
        if not routes or (may_open and len(self.places) < self.most):
            start = self.keyframe_of(target)
            routes.insert(0, Route(None, start, target - start + 1 + OPEN_COST, jumps=True, strands=False))
        return min(routes, key=lambda route: route.cost)

    def reach(self, index: int) -> range:
        """Indices of the frames that are reached from one by decoding on."""
        return range(index + 1, min(index + 1 + READ_ON_FRAMES, len(self.pts)))

    def continues(self, index: int, needed: Needed) -> bool:
        """Whether frames just behind this one are needed: a clip plays on forwards from it."""
        return any(needed(each) for each in self.reach(index))

    def _from_place(self, place: DecodePlace, target: int, needed: Needed, kept: Kept, room: int) -> Route:
        position = place.position
        keyframe = self.keyframe_of(target)
        if position is None:
            return Route(place, keyframe, target - keyframe + 1 + (SEEK_COST if keyframe else 0), True, strands=False)
        if position == target:
            return Route(place, target, 0, jumps=False, strands=False)
        if position < target and keyframe <= position + READ_ON_FRAMES:
            cost = target - position
            passed = [each for each in range(position + 1, target) if needed(each)] if cost > 1 else []
            lost = len(passed) > room or not all(map(kept, passed))
            strands = lost and self._serves(place, position, needed)
            return Route(place, position + 1, cost + (self._return_cost(position) if strands else 0), False, strands)
        cost = target - keyframe + 1 + SEEK_COST
        strands = self._serves(place, position, needed)
        return Route(place, keyframe, cost + (self._return_cost(position) if strands else 0), True, strands)

    def _serves(self, place: DecodePlace, position: int, needed: Needed) -> bool:
        """Whether a place stands just before frames that will be needed, and no other one does."""
        first = next((each for each in self.reach(position) if needed(each)), None)
        if first is None:
            return False
        others = (other.position for other in self.places if other is not place)
        return not any(other is not None and position <= other < first for other in others)

    def _return_cost(self, position: int) -> int:
        """Of coming back to the frame after a position."""
        following = min(position + 1, len(self.pts) - 1)
        return following - self.keyframe_of(following) + 1 + OPEN_COST
