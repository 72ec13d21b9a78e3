"""Which clip shows a file when: one interval of output frames for every instance of a clip, with the line to its ticks.

In: a resolved timeline and facts. Out: `ClipUse`s, from which the use of any source frame at any time follows by
arithmetic, without planning the frames between. Pure data and functions, any thread. What hides what is not looked at
here: a clip that is active counts as shown.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from reelmill.planner.errors import SetupError
from reelmill.planner.media import MediaFacts, VideoFacts
from reelmill.planner.scheduling.frame_line import FrameLine
from reelmill.planner.source_frames import InstancePath
from reelmill.planner.timeline import AfterEnd, Clip, Composition, Media, Timeline
from reelmill.planner.timelines.nesting import deepest_first
from reelmill.planner.timelines.walk import enabled_clips, reachable_compositions

MAX_USES = 500_000
"""Instances of clips, each pass of a repeated composition counted. More don't fit into a reasonable memory."""
_STILL = array("q", [0])


@dataclass(frozen=True, slots=True, eq=False)
class DecodeSource:
    """One stream of one file, decoded in one way. Media entries that mean the same share it."""

    file_hash: str
    media: tuple[str, ...]
    """Names of the entries, sorted."""
    video: VideoFacts
    pts: array[int]
    """Of every frame, ascending; a single 0 for stills."""
    period: int
    """Ticks from the first frame to the end of the last; 0 for stills."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipUse:
    """A stretch of output frames in which one instance of a clip shows its file on one line."""

    source: DecodeSource
    instance: InstancePath
    frames: range
    """Output frames; not empty."""
    line: FrameLine
    """To half ticks of the stream, with the half tick of grace that the rule of source times adds or takes."""
    loops: bool
    """The source repeats over [0, its end): the line runs on, the frames begin anew."""

    def index_at(self, frame: int) -> int:
        """Position in presentation order of the source frame that an output frame shows."""
        line = self.line
        value, unit = line.slope * frame + line.offset, 2 * line.unit
        if self.loops:
            value -= self._pass(frame) * self.source.period * unit
        if line.backwards:
            return max(bisect_left(self.source.pts, -(-value // unit)) - 1, 0)
        return max(bisect_right(self.source.pts, value // unit) - 1, 0)

    def index_range(self) -> tuple[int, int]:
        """The lowest and the highest position shown, or at least no position outside of these."""
        first, last = self.frames[0], self.frames[-1]
        if self.loops and self._pass(first) != self._pass(last):
            return 0, len(self.source.pts) - 1
        a, b = self.index_at(first), self.index_at(last)
        return (a, b) if a <= b else (b, a)

    def next_showing(self, index: int, frame: int) -> int | None:
        """The first output frame, `frame` or later, that shows the source frame at a position; None for never."""
        rest = range(max(self.frames.start, frame), self.frames.stop)
        if not self.loops:
            found = self._showing(index, rest, 0)
            return found.start if found else None
        while rest:
            number = self._pass(rest.start)
            start = self._start_of_pass(number)
            within = self.line.frames_within(start, start + 2 * self.source.period, rest)
            if found := self._showing(index, within, 2 * number * self.source.period):
                return found.start
            rest = range(within.stop, rest.stop)
        return None

    def _showing(self, index: int, frames: range, passed: int) -> range:
        """Those of `frames`, all in one pass, that show a position; `passed`: half ticks of the passes before."""
        pts = self.source.pts
        low = None if index == 0 else 2 * pts[index] + passed
        high = None if index + 1 == len(pts) else 2 * pts[index + 1] + passed
        return self.line.frames_within(low, high, frames)

    def _start_of_pass(self, number: int) -> int:
        """Half ticks, on the line, of source time 0 of a pass."""
        return 2 * (self.source.pts[0] + number * self.source.period) + (-1 if self.line.backwards else 1)

    def _pass(self, frame: int) -> int:
        """The pass that an output frame lies in."""
        line = self.line
        value = line.slope * frame + line.offset - self._start_of_pass(0) * line.unit
        length = 2 * self.source.period * line.unit
        return -(-value // length) - 1 if line.backwards else value // length


def decode_sources(media: Mapping[str, Media], facts: Mapping[str, MediaFacts]) -> dict[str, DecodeSource]:
    """What each media entry with a picture is decoded from, by name of the entry."""
    alike: dict[tuple[object, ...], list[str]] = {}
    for name in sorted(facts):
        video = facts[name].video
        if video is not None:
            entry = media.get(name) or Media(name, facts[name].path)
            way = (entry.deinterlace, entry.on_error, entry.fps, entry.start_number)
            alike.setdefault((facts[name].file_hash, video.stream, *way), []).append(name)
    sources: dict[str, DecodeSource] = {}
    for names in alike.values():
        found = facts[names[0]]
        assert found.video is not None
        table = found.video.table
        pts, period = (_STILL, 0) if table is None else (table.pts, table.end_pts - table.pts[0])
        source = DecodeSource(found.file_hash, tuple(names), found.video, pts, period)
        sources.update(dict.fromkeys(names, source))
    return sources


def clip_uses(timeline: Timeline, sources: Mapping[str, DecodeSource], frames: range) -> list[ClipUse]:
    """Every use of a file within `frames`, in the order of its first output frame.

    A composition that is shown at one moment by several clips is counted for the first. Raises SetupError for a
    timeline that shows clips more often than MAX_USES.
    """
    uses: list[ClipUse] = []
    for use in _Walk(timeline, sources).uses(frames):
        uses.append(use)
        if len(uses) > MAX_USES:
            raise _too_many()
    uses.sort(key=lambda use: use.frames.start)
    return uses


def _too_many() -> SetupError:
    return SetupError(
        f"the timeline shows clips more than {MAX_USES:,} times, counted for each way that leads to them and "
        "each pass of a repeated composition; so many can't be planned ahead",
        component="ExportPlanner",
        suggestion="nest compositions less deeply, or show them less often",
    )


_Arrival = tuple[FrameLine, range, InstancePath]
"""A composition is shown: the line of its time, the output frames, the clips that lead to it."""


@dataclass(frozen=True, slots=True)
class _TimedClips:
    """The clips of a track that lead to files, ready for bisection."""

    clips: tuple[Clip, ...]
    starts: tuple[Fraction, ...]
    ends: tuple[Fraction, ...]

    def between(self, low: Fraction, high: Fraction) -> tuple[Clip, ...]:
        """Those that may be active from `low` to `high`, both included."""
        return self.clips[bisect_left(self.ends, low) : bisect_right(self.starts, high)]


class _Walk:
    """Goes from the root down, each composition once, with all the lines on which it is shown."""

    def __init__(self, timeline: Timeline, sources: Mapping[str, DecodeSource]) -> None:
        self._timeline = timeline
        self._sources = sources
        self._arrivals: dict[str | None, list[_Arrival]] = {}

    def uses(self, frames: range) -> Iterator[ClipUse]:
        timeline = self._timeline
        self._arrivals[None] = [(FrameLine.of(1 / timeline.fps, Fraction(0)), frames, ())] if frames else []
        yield from self._composition(timeline.root)
        children = {
            composition.id: [
                shown for _, clip in enabled_clips(composition) if (shown := clip.content.composition_shown) is not None
            ]
            for composition in reachable_compositions(timeline)
            if composition.id is not None
        }
        for name in reversed(deepest_first(children)):
            yield from self._composition(timeline.compositions[name])

    def _composition(self, composition: Composition) -> Iterator[ClipUse]:
        arrivals = _distinct(self._arrivals.pop(composition.id, ()))
        for track in _timed_clips(composition) if arrivals else ():
            for line, frames, above in arrivals:
                ends = (line.at(frames[0]), line.at(frames[-1]))
                for clip in track.between(min(ends), max(ends)):
                    active = line.frames_within(clip.start, clip.end, frames)
                    if active:
                        yield from self._clip(clip, line.through(clip), active, (*above, clip.id))

    def _clip(self, clip: Clip, line: FrameLine, frames: range, instance: InstancePath) -> Iterator[ClipUse]:
        media, name = clip.content.media_shown, clip.content.composition_shown
        if media is not None:
            use = _media_use(clip, self._sources[media], line, frames, instance)
            if use is not None:
                yield use
        if name is not None:
            end = self._timeline.compositions[name].duration
            assert end is not None
            arrivals = self._arrivals.setdefault(name, [])
            arrivals.extend((inner, part, instance) for inner, part in _inside(line, frames, end, clip.after_end))
            if len(arrivals) > 2 * MAX_USES:
                arrivals[:] = _distinct(arrivals)
                if len(arrivals) > MAX_USES:
                    raise _too_many()


def _media_use(
    clip: Clip, source: DecodeSource, line: FrameLine, frames: range, instance: InstancePath
) -> ClipUse | None:
    """What one instance of a media clip needs; None where it is blank throughout."""
    table = source.video.table
    if table is None:
        return ClipUse(source, instance, frames, line, loops=False)
    loops = clip.after_end == "loop"
    if table.duration <= 0 and clip.after_end in ("loop", "blank"):
        return None
    if clip.after_end == "blank":
        frames = line.frames_within(Fraction(0), table.duration, frames)
        if not frames:
            return None
    grace = -1 if line.backwards else 1
    return ClipUse(source, instance, frames, line.scaled(2 / table.time_base, 2 * table.first_pts + grace), loops)


def _inside(line: FrameLine, frames: range, end: Fraction, after_end: AfterEnd) -> Iterator[tuple[FrameLine, range]]:
    """The stretches on which a composition is shown, its time inside of [0, end): planner.source_time.within_source."""
    if after_end == "loop":
        yield from _passes(line, frames, end)
        return
    inside = line.frames_within(Fraction(0), end, frames)
    if inside:
        yield line, inside
    if after_end == "blank":
        return
    if past := line.frames_within(end, None, frames):
        yield FrameLine.constant(end, backwards=True), past
    if before := line.frames_within(None, Fraction(0), frames):
        yield FrameLine.constant(Fraction(0)), before


def _passes(line: FrameLine, frames: range, end: Fraction) -> Iterator[tuple[FrameLine, range]]:
    """Each pass over a repeated composition that an output frame falls into."""
    rest = frames
    while rest:
        position = line.at(rest.start) / end
        number = -(-position.numerator // position.denominator) - 1 if line.backwards else position // 1
        within = line.frames_within(number * end, (number + 1) * end, rest)
        yield line.scaled(Fraction(1), -number * end), within
        rest = range(within.stop, rest.stop)


def _distinct(arrivals: Iterable[_Arrival]) -> list[_Arrival]:
    """Each moment of a composition once: what a later arrival shares with an earlier one is left to that."""
    on_line: dict[FrameLine, list[_Arrival]] = {}
    for arrival in arrivals:
        on_line.setdefault(arrival[0], []).append(arrival)
    kept: list[_Arrival] = []
    for same in on_line.values():
        reached = None
        for line, frames, above in sorted(same, key=lambda arrival: arrival[1].start):
            start = frames.start if reached is None else max(frames.start, reached)
            if start < frames.stop:
                kept.append((line, range(start, frames.stop), above))
                reached = frames.stop
    return kept


def _timed_clips(composition: Composition) -> list[_TimedClips]:
    """The tracks whose clips lead to pictures of files."""
    tracks = []
    for track in composition.tracks:
        if not track.enabled or track.kind != "video":
            continue
        clips = tuple(c for c in track.clips if c.enabled and _leads_to_files(c))
        if clips:
            tracks.append(_TimedClips(clips, tuple(c.start for c in clips), tuple(c.end for c in clips)))
    return tracks


def _leads_to_files(clip: Clip) -> bool:
    return clip.content.media_shown is not None or clip.content.composition_shown is not None
