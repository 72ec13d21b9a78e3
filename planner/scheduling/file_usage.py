"""What an export needs of each file, summed up from the uses of its clips.

In: the `ClipUse`s of a timeline. Out: a `FileUsage` by file hash. Linear in the uses and in the output frames that
they cover. Pure functions and immutable data, any thread.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from math import gcd

from reelmill.planner.scheduling.clip_uses import ClipUse, DecodeSource
from reelmill.planner.scheduling.schedule import CLOSE_SECONDS, DISTANT_FRAMES, HEAVY_SHARE, UsagePattern

SourceRange = tuple[Fraction, Fraction]
"""Start and end, source seconds."""


@dataclass(frozen=True, slots=True)
class FileUsage:
    """One file: what the schedule tells of it, and what the estimate needs."""

    pattern: UsagePattern
    source: DecodeSource
    """The first of the file."""
    shown: tuple[range, ...]
    """Output frames that need the file: ascending, apart from each other."""
    shown_before: tuple[int, ...]
    """How many output frames lie in the ranges before each one; then those of all."""

    def share_left(self, output_frame: int) -> float:
        """Of the output frames that need the file, those from `output_frame` on: 1 to 0."""
        total = self.shown_before[-1]
        place = bisect_right(self.shown, output_frame, key=lambda frames: frames.start) - 1
        if place < 0:
            return 1.0
        here = self.shown[place]
        past = self.shown_before[place] + min(output_frame - here.start, len(here))
        return 1 - past / total


def file_usages(uses: Iterable[ClipUse], output_frames: int) -> dict[str, FileUsage]:
    """By file hash, in the order of first use. `uses` ascend by first output frame."""
    by_file: dict[str, dict[DecodeSource, list[ClipUse]]] = {}
    for use in uses:
        by_file.setdefault(use.source.file_hash, {}).setdefault(use.source, []).append(use)
    return {file_hash: _file_usage(sources, output_frames) for file_hash, sources in by_file.items()}


def _file_usage(sources: dict[DecodeSource, list[ClipUse]], output_frames: int) -> FileUsage:
    """Entries that read one file in different ways share nothing but the file: their counts are added."""
    uses = sorted((use for each in sources.values() for use in each), key=lambda use: use.frames.start)
    shown = _merged_frames(use.frames for use in uses)
    shown_before = tuple(accumulate(map(len, shown), initial=0))
    total = least = positions = 0
    ranges: list[SourceRange] = []
    for source, of_source in sources.items():
        needed = _needed(source, of_source)
        total += needed.count(1)
        least += _least_decoded(source, needed)
        positions += _positions(of_source)
        if source.video.table is not None:
            ranges += [_source_range(use) for use in of_source]
    first = next(iter(sources))
    clip_ids = dict.fromkeys("/".join(use.instance) for use in uses)
    pattern = UsagePattern(
        file_hash=first.file_hash,
        media=tuple(sorted({name for source in sources for name in source.media})),
        clip_ids=tuple(clip_ids),
        time_ranges=_merged_ranges(ranges),
        total_frames=total,
        least_decoded=least,
        output_frames=shown_before[-1],
        heavy=shown_before[-1] > HEAVY_SHARE * output_frames,
        positions=positions,
    )
    return FileUsage(pattern, first, shown, shown_before)


def sharing(uses: Iterable[ClipUse]) -> float | None:
    """By how many clips a source frame is shown, on average; None where no frames of videos are. Stills don't count."""
    by_source: dict[DecodeSource, list[ClipUse]] = {}
    for use in uses:
        if use.source.video.table is not None:
            by_source.setdefault(use.source, []).append(use)
    shown = needed = 0
    for source, of_source in by_source.items():
        shown += sum(map(len, _shown_by_each(source, of_source)))
        needed += _needed(source, of_source).count(1)
    return shown / needed if needed else None


def _needed(source: DecodeSource, uses: Iterable[ClipUse]) -> bytearray:
    """One byte for each frame of the source: 1 where it is shown."""
    needed = bytearray(len(source.pts))
    for shown in _shown_by_each(source, uses):
        if isinstance(shown, range):
            needed[shown.start : shown.stop] = b"\1" * len(shown)
        else:
            for index in shown:
                needed[index] = 1
    return needed


def _shown_by_each(source: DecodeSource, uses: Iterable[ClipUse]) -> Iterator[range | set[int]]:
    """The frames of the source that each use shows, by position."""
    closest = min((after - before for before, after in pairwise(source.pts)), default=1)
    for use in uses:
        line = use.line
        if not use.loops and abs(line.slope) <= 2 * closest * line.unit:
            # No step is longer than a frame, so none is passed over.
            low, high = use.index_range()
            yield range(low, high + 1)
            continue
        frames = use.frames
        if use.loops and source.period:
            # After this many output frames the same frames come again.
            length = 2 * source.period * line.unit
            frames = frames[: length // gcd(length, line.slope)]
        yield {use.index_at(frame) for frame in frames}


def _least_decoded(source: DecodeSource, needed: bytearray) -> int:
    """The union of the stretches from the keyframe before each needed frame to that frame."""
    table = source.video.table
    if table is None or len(table.keyframes) == len(table.pts):
        return needed.count(1)
    starts = sorted({0, *(bisect_left(table.pts, pts) for pts in table.keyframes)})
    total = 0
    for start, stop in pairwise((*starts, len(needed))):
        last = needed.rfind(1, start, stop)
        total += max(last + 1 - start, 0)
    return total


def _source_range(use: ClipUse) -> SourceRange:
    """From the first frame of a use to the end of its last one."""
    table = use.source.video.table
    assert table is not None
    low, high = use.index_range()
    end = table.pts[high + 1] if high + 1 < len(table.pts) else table.end_pts
    return table.source_time(table.pts[low]), table.source_time(end)


def _merged_ranges(ranges: Iterable[SourceRange]) -> tuple[SourceRange, ...]:
    """Ranges that overlap or lie close to each other become one."""
    merged: list[SourceRange] = []
    for start, end in sorted(ranges):
        if merged and start - merged[-1][1] < CLOSE_SECONDS:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def _merged_frames(ranges: Iterable[range]) -> tuple[range, ...]:
    """Ranges, ascending by start, that touch or overlap become one."""
    merged: list[range] = []
    for frames in ranges:
        if merged and frames.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, frames.stop))
        else:
            merged.append(frames)
    return tuple(merged)


def _positions(uses: Sequence[ClipUse]) -> int:
    """The most distant positions that one output frame needs; `uses` ascend by first output frame.

    Goes from cut to cut. Between two the frames are looked at only where more clips are active than positions
    were found so far: for most timelines hardly ever.
    """
    best = 0
    active: list[ClipUse] = []
    entering = 0
    cuts = sorted({edge for use in uses for edge in (use.frames.start, use.frames.stop)})
    for start, stop in pairwise(cuts):
        active = [use for use in active if use.frames.stop > start]
        while entering < len(uses) and uses[entering].frames.start == start:
            active.append(uses[entering])
            entering += 1
        for frame in range(start, stop):
            if len(active) <= best:
                break
            best = max(best, _distant([use.index_at(frame) for use in active]))
    return best


def _distant(positions: list[int]) -> int:
    """How many groups they form whose neighbours are far from each other."""
    positions.sort()
    return 1 + sum(after - before > DISTANT_FRAMES for before, after in pairwise(positions))
