"""Decoded frames of all files, kept for as long as the plan has a use for them and the budget allows.

In: frames from decode workers. Out: the same frames, to the render thread. What is needed when is not guessed: the
planner tells the next output frame that shows each source frame. A frame that is never shown again is not kept. Where
room has to be made, the frame goes whose next use is farthest, of equal ones the least recently used; files that hold
more than their share give first. Frames that the current output frame shows are pinned. Passive; thread-safe.

Bytes are those of the planes. A frame that was let go is referenced by nothing here, and its memory is free as soon as
the render thread and the decoder have let go of it too.
"""

from __future__ import annotations

import heapq
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import RLock

from reelmill.planner.errors import RenderError
from reelmill.planner.source_frames import CacheStatistics, FileCacheStatistics, Frame

COMPONENT = "FrameCache"
SCATTERED_FRAMES = 60
"""Share of a file of which single, scattered frames are needed."""
USUAL_FRAMES = 120
HEAVY_FRAMES = 150
"""Share of a file that more than a fifth of the output frames need."""
NEAR_FRAMES = 12
"""Output frames for which a frame is held if there is room, whatever is planned: clips in slow motion, blended ones."""
MOST_THRASHING = 3
"""Times that a frame which was promised to stay may be decoded again."""

FrameKey = tuple[str, int]
"""What a frame is decoded from (a file, read in one way), and its pts."""
NextUse = Callable[[str, int, int], int | None]
"""Of a source and a pts: the first output frame after a given one that shows it; None for never again."""
Keeps = Callable[[str, int, int], bool]
"""Of a source and a pts: whether it is planned to be held until the output frame that shows it next."""

_log = logging.getLogger("reelmill.decoders")


@dataclass(slots=True)
class _Entry:
    frame: Frame
    size_bytes: int
    next_use: int


@dataclass(slots=True)
class _Held:
    """The frames of one source."""

    share: int = USUAL_FRAMES
    """Frames that it may hold while others want the room."""
    entries: dict[int, _Entry] = field(default_factory=dict)
    uses: dict[int, dict[int, None]] = field(default_factory=dict)
    """pts by next use, the least recently used first."""
    latest: list[int] = field(default_factory=list)
    """Heap of the negated keys of `uses`, and of some that are gone."""
    size_bytes: int = 0
    dropped: set[int] = field(default_factory=set)
    """pts of frames that were let go, or not kept, with a use to come."""
    lost: set[int] = field(default_factory=set)
    """Those of them that the budget of now had no room for."""
    broken: dict[int, int] = field(default_factory=dict)
    """Times that a frame was let go which had been promised to stay, by pts."""
    statistics: FileCacheStatistics = field(default_factory=FileCacheStatistics)

    def drop(self, pts: int) -> None:
        """Note that a frame is not held although it has a use to come."""
        self.dropped.add(pts)
        self.lost.add(pts)

    def add(self, pts: int, entry: _Entry) -> None:
        self.entries[pts] = entry
        self.size_bytes += entry.size_bytes
        self._enter(pts, entry.next_use)
        self.statistics.frames = max(self.statistics.frames, len(self.entries))
        self.statistics.peak_bytes = max(self.statistics.peak_bytes, self.size_bytes)

    def remove(self, pts: int) -> _Entry:
        entry = self.entries.pop(pts)
        self.size_bytes -= entry.size_bytes
        self._leave(pts, entry.next_use)
        return entry

    def move(self, pts: int, next_use: int) -> None:
        """Note another next use, and that the frame was used just now."""
        entry = self.entries[pts]
        self._leave(pts, entry.next_use)
        entry.next_use = next_use
        self._enter(pts, next_use)

    def farthest(self) -> int | None:
        """The latest next use of all."""
        while self.latest and -self.latest[0] not in self.uses:
            heapq.heappop(self.latest)
        return -self.latest[0] if self.latest else None

    def _enter(self, pts: int, next_use: int) -> None:
        if next_use not in self.uses:
            self.uses[next_use] = {}
            heapq.heappush(self.latest, -next_use)
        self.uses[next_use][pts] = None

    def _leave(self, pts: int, next_use: int) -> None:
        bucket = self.uses[next_use]
        del bucket[pts]
        if not bucket:
            del self.uses[next_use]


class FrameCache:
    """Holds frames by source and pts."""

    def __init__(
        self, *, budget_bytes: int, limit_bytes: int, next_use: NextUse, keeps: Keeps = lambda *_: True
    ) -> None:
        """`budget_bytes` is passed only by frames that are shown now, `limit_bytes` never."""
        self._keeps = keeps
        self._budget_bytes = min(budget_bytes, limit_bytes)
        self._limit_bytes = limit_bytes
        self._next_use = next_use
        self._held: dict[str, _Held] = {}
        self._used_bytes = 0
        self._now = 0
        self._pinned: dict[FrameKey, int] = {}
        """What the current output frame shows, with the bytes that are expected of it."""
        self._promised: Mapping[FrameKey, int] = {}
        self._reserved_bytes = 0
        """For promised frames that are still to come."""
        self._peak_bytes = 0
        self._evictions = 0
        self._redecodes = 0
        self._lock = RLock()

    @property
    def budget_bytes(self) -> int:
        """What frames may fill now."""
        return self._budget_bytes

    def grow(self, budget_bytes: int) -> None:
        """Raise the budget, to the limit at most."""
        with self._lock:
            self._budget_bytes = min(max(budget_bytes, self._budget_bytes), self._limit_bytes)
            for held in self._held.values():
                held.lost.clear()

    @property
    def used_bytes(self) -> int:
        """Held now."""
        with self._lock:
            return self._used_bytes

    @property
    def room_bytes(self) -> int:
        """Left of the budget for frames that are not promised."""
        with self._lock:
            return max(self._budget_bytes - self._used_bytes - self._reserved_bytes, 0)

    @property
    def planned_redecodes(self) -> int:
        """Frames decoded again because the budget did not allow to keep them."""
        with self._lock:
            return self._redecodes

    def set_share(self, source: str, frames: int) -> None:
        """How many frames a source may hold while others want the room."""
        with self._lock:
            self._of(source).share = frames

    def begin(
        self, output_frame: int, needed: Mapping[FrameKey, int], promised: Mapping[FrameKey, int] | None = None
    ) -> None:
        """Go on to an output frame, no earlier one: pin what it needs, let go of what is not shown from here on.

        `needed`: with the bytes that are expected of each frame. `promised`: frames soon to be shown, for which the
        budget was found to suffice, and their bytes; None where this has not changed.
        """
        with self._lock:
            # What is held has its next use now or later.
            passed = range(self._now, output_frame + 1)
            self._now = output_frame
            self._pinned = dict(needed)
            for source, held in self._held.items():
                past = [use for use in (passed if len(passed) < len(held.uses) else held.uses) if use in held.uses]
                past = [use for use in past if use <= output_frame]
                for pts in [pts for next_use in past for pts in held.uses[next_use]]:
                    self._renew(source, held, pts)
            for source, pts in self._pinned:
                held = self._of(source)
                if pts in held.entries:
                    held.move(pts, output_frame)
            # What was shown at once may have passed the budget, and may be shown again later.
            self._make_room(0, output_frame)
            if promised is None:
                return
            self._promised = promised
            self._reserved_bytes = sum(
                size
                for (source, pts), size in self._promised.items()
                if source not in self._held or pts not in self._held[source].entries
            )

    def pin(self, source: str, pts: int) -> None:
        """The current output frame needs this frame as well."""
        with self._lock:
            self._pinned.setdefault((source, pts), 0)
            held = self._of(source)
            if pts in held.entries:
                held.move(pts, self._now)

    def put(self, source: str, frame: Frame) -> bool:
        """Keep a frame if it will be shown and is worth the room. Returns whether it is kept.

        Raises RenderError where the frames of the current output frame don't fit into the hard limit.
        """
        with self._lock:
            held = self._of(source)
            if frame.pts in held.entries:
                return True
            next_use = self._use_of(source, frame.pts)
            self._count_again(source, held, frame.pts)
            if next_use is None:
                return False
            size = frame_bytes(frame)
            if not (self._worth_it(source, frame.pts, next_use) and self._make_room(size, next_use)):
                if next_use <= self._now:
                    raise self._too_small((source, frame.pts), size)
                held.drop(frame.pts)
                return False
            held.add(frame.pts, _Entry(frame, size, next_use))
            self._reserved_bytes = max(self._reserved_bytes - self._promised.get((source, frame.pts), 0), 0)
            self._used_bytes += size
            self._peak_bytes = max(self._peak_bytes, self._used_bytes)
            return True

    def would_keep(self, source: str, pts: int, size_bytes: int) -> bool:
        """Whether `put` would keep a frame of this size; nothing is changed."""
        with self._lock:
            next_use = self._use_of(source, pts)
            if next_use is None or not self._worth_it(source, pts, next_use):
                return False
            if self._used_bytes + size_bytes <= self._budget_bytes:
                return True
            return any((held.farthest() or 0) > next_use for held in self._held.values())

    def note_lost(self, source: str, pts: int) -> None:
        """A frame was decoded that `would_keep` refuses: decoding it once more is counted."""
        with self._lock:
            self._of(source).drop(pts)

    def lost(self, source: str, pts: int) -> bool:
        """Whether a frame was decoded before, is still to be shown, and did not fit into the budget of now."""
        with self._lock:
            held = self._held.get(source)
            return held is not None and pts in held.lost

    def get(self, source: str, pts: int) -> Frame | None:
        """The frame with exactly this pts; None where it is not held."""
        with self._lock:
            held = self._held.get(source)
            entry = None if held is None else held.entries.get(pts)
            if held is None or entry is None:
                return None
            held.move(pts, entry.next_use)
            return entry.frame

    def has(self, source: str, pts: int) -> bool:
        """Whether `get` would find a frame. Does not count as a use."""
        with self._lock:
            held = self._held.get(source)
            return held is not None and pts in held.entries

    def prewarm(self, source: str, pts: Iterable[int]) -> list[int]:
        """Of frames that will be asked for, those that have to be decoded; the others count as used just now."""
        with self._lock:
            held = self._of(source)
            missing = []
            for each in pts:
                entry = held.entries.get(each)
                if entry is None:
                    missing.append(each)
                else:
                    held.move(each, entry.next_use)
            return missing

    def stats(self) -> CacheStatistics:
        """The counters so far, but for hits and misses, which whoever asks for frames knows."""
        with self._lock:
            return CacheStatistics(
                peak_bytes=self._peak_bytes,
                evictions=self._evictions,
                per_file={
                    source: FileCacheStatistics(held.statistics.frames, held.statistics.peak_bytes)
                    for source, held in self._held.items()
                },
            )

    def clear(self) -> None:
        """Let go of every frame; the counters stay."""
        with self._lock:
            for held in self._held.values():
                for pts in list(held.entries):
                    self._used_bytes -= held.remove(pts).size_bytes
                held.dropped.clear()
                held.lost.clear()
            self._pinned.clear()

    def _of(self, source: str) -> _Held:
        held = self._held.get(source)
        if held is None:
            held = self._held[source] = _Held()
        return held

    def _use_of(self, source: str, pts: int) -> int | None:
        """The output frame, this one or later, that shows a frame next."""
        if (source, pts) in self._pinned:
            return self._now
        return self._next_use(source, pts, self._now)

    def _renew(self, source: str, held: _Held, pts: int) -> None:
        """A use of a frame has passed: look for the next."""
        next_use = self._use_of(source, pts)
        if next_use is not None and (next_use <= self._now + NEAR_FRAMES or self._keeps(source, pts, next_use)):
            held.move(pts, next_use)
            return
        self._used_bytes -= held.remove(pts).size_bytes
        if next_use is not None:
            held.drop(pts)

    def _worth_it(self, source: str, pts: int, next_use: int) -> bool:
        """Whether a frame should be held until its next use: it is in the look-ahead, or planned to be."""
        near = next_use <= self._now + NEAR_FRAMES or (source, pts) in self._promised
        return near or self._keeps(source, pts, next_use)

    def _make_room(self, size: int, next_use: int) -> bool:
        """Let go of frames that are needed later than `next_use` until `size` bytes fit in."""
        pinned = next_use <= self._now
        while self._used_bytes + size > self._budget_bytes:
            victim = self._victim(next_use)
            if victim is None:
                return pinned and self._used_bytes + size <= self._limit_bytes
            self._evict(*victim)
        return True

    def _victim(self, next_use: int) -> tuple[str, int] | None:
        """The frame to go: one needed later than `next_use`."""
        best: tuple[bool, int, str] | None = None
        for source, held in self._held.items():
            farthest = held.farthest()
            if farthest is None or farthest <= max(next_use, self._now):
                continue
            rank = (len(held.entries) > held.share, farthest, source)
            if best is None or rank > best:
                best = rank
        if best is None:
            return None
        _, farthest, source = best
        return source, next(iter(self._held[source].uses[farthest]))

    def _evict(self, source: str, pts: int) -> None:
        held = self._held[source]
        self._used_bytes -= held.remove(pts).size_bytes
        self._evictions += 1
        held.drop(pts)
        if (source, pts) in self._promised:
            held.broken[pts] = held.broken.get(pts, 0) + 1
        _log.debug("output frame %d: frame %d of %s evicted", self._now, pts, source)

    def _count_again(self, source: str, held: _Held, pts: int) -> None:
        """A frame was decoded that had been here, or passed by, before. Raises RenderError for thrashing."""
        if pts not in held.dropped:
            return
        held.dropped.remove(pts)
        held.lost.discard(pts)
        self._redecodes += 1
        broken = held.broken.get(pts, 0)
        if not broken:
            return
        if broken > MOST_THRASHING and self._budget_bytes >= self._limit_bytes:
            raise RenderError(
                f"a frame was decoded {broken} times over, and evicted each time before it could be shown: what is "
                f"needed at the same time does not fit into the frame cache of {_megabytes(self._budget_bytes)}",
                component=COMPONENT,
                suggestion=f"raise --memory-limit to {math.ceil(2 * self._limit_bytes / 1e6)}MB",
            )
        held.share *= 2
        _log.info("frame %d of %s is decoded again; its share of the cache is now %d", pts, source, held.share)

    def _too_small(self, key: FrameKey, size: int) -> RenderError:
        """The error for a frame that doesn't fit in with the others of its output frame, all of them counted."""
        sizes = dict(self._pinned)
        for source, pts in self._pinned:
            if (held := self._held.get(source)) and pts in held.entries:
                sizes[source, pts] = held.entries[pts].size_bytes
        sizes[key] = size
        needed = sum(sizes.values())
        return RenderError(
            f"{len(sizes)} source frames that are shown at once take {_megabytes(needed)}; the frame cache may "
            f"hold {_megabytes(self._limit_bytes)} at most",
            component=COMPONENT,
            suggestion=f"raise --memory-limit to {math.ceil(needed / 1e6)}MB, or show fewer pictures at once",
        )


def frame_bytes(frame: Frame) -> int:
    """Memory of a frame's planes, padding included."""
    return sum(plane.data.nbytes for plane in frame.planes)


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
