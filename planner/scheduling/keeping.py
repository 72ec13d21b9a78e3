"""Which source frames are worth their room until they are shown again, and which are rather decoded again.

In: the uses of every file, and the bytes that may be filled. Out: for a frame and a later use of it, whether to keep it
until then. Decided by stretches: a clip that passes over a GOP which another clip passed before needs no decoder there
if all that it shows was kept, and all of one if anything is missing. So it is all or nothing for each clip and GOP, and
those come first that save most decoding for the room they take. An estimate, in the way that matters: what it does not
foresee is decoded again. Linear in uses and GOPs; passive, immutable once made, any thread.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reelmill.planner.scheduling.clip_uses import ClipUse, DecodeSource

BLOCK_FRAMES = 24
"""Short GOPs are taken together, so that there are no more stretches than seconds."""
BUCKET_FRAMES = 30
"""Output frames in one step of the account of what is held, at least."""
MOST_BUCKETS = 1000
_LEADERS_TRIED = 4


@dataclass(slots=True, eq=False)
class _Pass:
    """A clip plays forwards over frames of one block."""

    low: int
    """The first frame shown, as a position of the source."""
    high: int
    """The last one."""
    start: int
    """The output frame that shows `low`."""
    stop: int
    """The output frame that shows `high`."""
    keyframe: int
    """The position that a decoder has to begin at for `low`."""
    phase: int = 0
    """The output frame at which it would be at the block's beginning."""
    served: bool = False
    """Needs no decoder: all that it shows is kept for it."""
    refused: bool = False
    """Another pass at the same speed is ahead of it, but there is no room, or it comes too late for some frames."""
    leads: bool = False
    """Has to be decoded, because another pass is served by what is decoded on the way to its first frame."""

    def shows(self, index: int) -> int:
        """The output frame that shows a position."""
        return self.start + (index - self.low) * (self.stop - self.start) // max(self.high - self.low, 1)

    @property
    def frames_each(self) -> int:
        """Output frames for a thousand source frames."""
        return (self.stop - self.start) * 1000 // max(self.high - self.low, 1)

    def decoded(self, index: int) -> int:
        """The output frame for which a position is decoded: the lead-in all at once."""
        return self.start if index <= self.low else self.shows(index)

    def reached(self, output_frame: int) -> int:
        """The position after the last one that is decoded for output frames up to this one."""
        if output_frame < self.start:
            return self.keyframe
        played = (output_frame - self.start) * (self.high - self.low) // max(self.stop - self.start, 1)
        return min(self.low + played, self.high) + 1


@dataclass(frozen=True, slots=True)
class _Saving:
    """A pass that could be served by what is decoded for another one."""

    leader: _Pass
    follower: _Pass
    first: int
    last: int
    """The positions that both have."""
    frame_bytes: int
    worth: float
    """Frames not decoded, for each byte and bucket that is held."""

    def held(self, frames: int) -> Iterator[tuple[int, int]]:
        """In buckets of so many output frames: the most bytes that are held."""
        first, end = self.first, self.last + 1
        start = self.leader.decoded(first)
        for bucket in range(start // frames, self.follower.shows(self.last) // frames + 1):
            came = min(self.leader.reached((bucket + 1) * frames - 1), end)
            went = max(self.follower.reached(bucket * frames) - 1, first)
            yield bucket, max(came - went, 0) * self.frame_bytes


class KeepPlan:
    """Made once for an export."""

    def __init__(
        self, uses: Mapping[DecodeSource, Iterable[ClipUse]], frame_bytes: Mapping[DecodeSource, int], budget_bytes: int
    ) -> None:
        """`frame_bytes`: of one decoded frame. `budget_bytes`: what frames may fill that wait for another use."""
        self._blocks = {source: _block_starts(source) for source in uses}
        self._passes: dict[DecodeSource, dict[int, list[_Pass]]] = {}
        savings: list[_Saving] = []
        for source, of_source in uses.items():
            passes = self._passes[source] = _shared_blocks(source, self._blocks[source], of_source)
            for each in passes.values():
                savings += _savings(each, frame_bytes[source])
        savings.sort(key=lambda saving: -saving.worth)
        held: dict[int, int] = {}
        last = max((use.frames.stop for of_source in uses.values() for use in of_source), default=0)
        bucket_frames = max(BUCKET_FRAMES, last // MOST_BUCKETS)
        for saving in savings:
            _grant(saving, held, bucket_frames, budget_bytes)
        self.peak_bytes = max(held.values(), default=0)
        """The most that is held at a time."""

    def keeps(self, source: DecodeSource, index: int, output_frame: int) -> bool:
        """Whether a frame that was decoded is held until a later output frame shows it, if there is room.

        All uses are worth it that are not foreseen here: backwards, repeated, at speeds that differ.
        """
        block = bisect_right(self._blocks[source], index) - 1
        asked = [
            each
            for each in self._passes[source].get(block, ())
            if each.low <= index <= each.high and each.shows(index) - 1 <= output_frame <= each.shows(index + 1)
        ]
        return not asked or not all(each.refused for each in asked)


def _block_starts(source: DecodeSource) -> list[int]:
    """Positions of keyframes, at least BLOCK_FRAMES apart; 0 comes first."""
    starts = [0]
    table = source.video.table
    for pts in () if table is None else table.keyframes:
        index = bisect_left(table.pts, pts) if table is not None else 0
        if index - starts[-1] >= BLOCK_FRAMES:
            starts.append(index)
    return starts


def _shared_blocks(source: DecodeSource, starts: list[int], uses: Iterable[ClipUse]) -> dict[int, list[_Pass]]:
    """Every pass over the blocks that are passed more than once, by block, those that are ahead first."""
    passes: dict[int, list[_Pass]] = {}
    for use in uses:
        if use.loops or use.line.backwards or use.line.slope <= 0 or source.video.table is None:
            continue
        low, high = use.index_range()
        whole = _Pass(low, high, use.frames[0], use.frames[-1], low)
        first, last = bisect_right(starts, low) - 1, bisect_right(starts, high) - 1
        for block in range(first, last + 1):
            begin = max(starts[block], low)
            end = min(starts[block + 1] - 1 if block + 1 < len(starts) else high, high)
            each = _Pass(begin, end, whole.shows(begin), whole.shows(end), _keyframe(source, begin))
            each.phase = each.start - (begin - starts[block]) * (each.stop - each.start) // max(end - begin, 1)
            passes.setdefault(block, []).append(each)
    return {block: sorted(each, key=lambda p: p.phase) for block, each in passes.items() if len(each) > 1}


def _keyframe(source: DecodeSource, index: int) -> int:
    table = source.video.table
    assert table is not None
    found = bisect_right(table.keyframes, table.pts[index]) - 1
    return bisect_left(table.pts, table.keyframes[found]) if found > 0 else 0


def _savings(passes: list[_Pass], frame_bytes: int) -> Iterator[_Saving]:
    """For each pass those ahead of it, the nearest first, that decode what it shows in time."""
    for place, follower in enumerate(passes):
        for leader in reversed(passes[max(place - _LEADERS_TRIED, 0) : place]):
            # What it shows before the other one begins it has to decode itself.
            first = max(leader.keyframe, follower.low, follower.reached(leader.start) - 1)
            last = min(leader.high, follower.high)
            follower.refused |= leader.frames_each == follower.frames_each
            if first > last:
                continue
            waits = [follower.shows(index) - leader.decoded(index) for index in (first, max(leader.low, first), last)]
            if min(waits) < 0:
                continue
            saved = last + 1 - (follower.keyframe if first == follower.low else first)
            room = (last + 1 - first) * (sum(waits) / len(waits) + BUCKET_FRAMES) * frame_bytes
            yield _Saving(leader, follower, first, last, frame_bytes, saved / room)


def _grant(saving: _Saving, held: dict[int, int], bucket_frames: int, budget_bytes: int) -> None:
    """Keep for a pass what it shows, if there is room all the time."""
    leader, follower = saving.leader, saving.follower
    leads_in = saving.first < leader.low
    if follower.served or follower.leads or (leads_in and leader.served):
        return
    added = []
    for bucket, size in saving.held(bucket_frames):
        if held.get(bucket, 0) + size > budget_bytes:
            return
        added.append((bucket, size))
    for bucket, size in added:
        held[bucket] = held.get(bucket, 0) + size
    follower.served, follower.refused = True, False
    leader.leads |= leads_in
