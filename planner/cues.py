"""What sounds when: one cue for every instance of a clip with sound, on the samples of the root timeline.

In: a resolved timeline and the facts of its media. Out: cues, pure data. A cue knows the samples it covers, the
line that leads from root time to its source time, and the gain stages of its clip and of every composition clip
above it. Nothing is decoded here and nothing is rounded but the two ends of a cue.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from planner.animation import Animated
from planner.clock import sample_at
from planner.errors import SetupError
from planner.frames import InstancePath
from planner.media import MediaFacts
from planner.timeline import Clip, Composition, CompositionContent, MediaContent, Timeline, Track

MAX_CUES = 1_000_000
"""Clips that sound, and passes of compositions with sound. A file can hold as many clips one behind the other."""

Span = tuple[Fraction, Fraction]
"""Start and end, seconds of the root timeline."""


@dataclass(frozen=True, slots=True)
class TimeLine:
    """A straight line from root time to a time of something nested: local = speed × root + offset."""

    speed: Fraction = Fraction(1)
    """Not 0."""
    offset: Fraction = Fraction(0)
    """Local seconds at root time 0."""

    def at(self, root_time: Fraction) -> Fraction:
        """Local seconds."""
        return self.speed * root_time + self.offset

    def through(self, clip: Clip) -> TimeLine:
        """From root time to the source time of a clip that lies on this line: s = in + (t − start) × speed."""
        assert clip.in_point is not None
        return TimeLine(self.speed * clip.speed, clip.in_point + (self.offset - clip.start) * clip.speed)

    def shifted(self, seconds: Fraction) -> TimeLine:
        """The line whose local time is earlier by `seconds`."""
        return TimeLine(self.speed, self.offset - seconds)

    def span(self, start: Fraction, end: Fraction) -> Span:
        """The root times whose local times lie between `start` and `end`."""
        a, b = (start - self.offset) / self.speed, (end - self.offset) / self.speed
        return (a, b) if a <= b else (b, a)


@dataclass(frozen=True, slots=True)
class GainStage:
    """What one clip does to the sound that passes through it."""

    time: TimeLine
    """From root time to seconds since the clip's start, in the composition it lies in."""
    duration: Fraction
    """Of the clip, seconds of that composition."""
    gain_db: Animated
    pan: Animated
    fade_in: Fraction = Fraction(0)
    """Seconds."""
    fade_out: Fraction = Fraction(0)
    overlap_in: Fraction = Fraction(0)
    """Seconds at the clip's start in which the clip before it in the track still sounds: an equal-power crossfade."""
    overlap_out: Fraction = Fraction(0)
    """Seconds at its end in which the clip after it sounds already."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One instance of a clip with sound."""

    instance: InstancePath
    composition: str | None
    """Id of the composition that the clip lies in; None for the root."""
    media: str
    """Name of the media entry."""
    first_sample: int
    """Of the whole film."""
    sample_count: int
    """At least 1."""
    source: TimeLine
    """From root time to source time. A negative speed plays backwards."""
    loop_end: Fraction | None
    """The source repeats over [0, loop_end), seconds; None where it does not repeat."""
    stages: tuple[GainStage, ...]
    """The clip's own stage, then those of the composition clips that it lies in, innermost first."""

    @property
    def end_sample(self) -> int:
        return self.first_sample + self.sample_count

    @property
    def clip(self) -> str:
        return self.instance[-1]


def plan_cues(timeline: Timeline, facts: Mapping[str, MediaFacts]) -> tuple[Cue, ...]:
    """Every cue of a resolved timeline, in the order of tracks and clips.

    `facts` has an entry for each media that an enabled clip shows. Raises SetupError for a timeline in which clips
    sound more often than MAX_CUES.
    """
    root: Span = (Fraction(0), timeline.duration)
    walk = _Walk(timeline, facts)
    return tuple(walk.composition(timeline.root, TimeLine(), root, (), ()))


@dataclass(frozen=True, slots=True)
class _SoundingTrack:
    """The clips of a track from which sound comes, ready for bisection."""

    track: Track
    clips: tuple[Clip, ...]
    """All that are enabled: silent neighbours count for crossfades."""
    sounding: tuple[int, ...]
    """Positions in `clips`."""
    starts: tuple[Fraction, ...]
    """Of those that sound, ascending."""
    ends: tuple[Fraction, ...]

    def between(self, low: Fraction, high: Fraction) -> tuple[int, ...]:
        """Positions in `clips` of those that may sound from `low` to `high`."""
        return self.sounding[bisect_left(self.ends, low) : bisect_right(self.starts, high)]


class _Walk:
    """Goes down from the root and knows at each clip which line and which span of root time lead to it."""

    def __init__(self, timeline: Timeline, facts: Mapping[str, MediaFacts]) -> None:
        self.timeline = timeline
        self.facts = facts
        self._tracks: dict[str | None, tuple[_SoundingTrack, ...]] = {}
        """Of each composition met so far, those that are not silent."""
        self._count = 0
        """Clips and passes of compositions met so far."""

    def _sounding_tracks(self, composition: Composition) -> tuple[_SoundingTrack, ...]:
        found = self._tracks.get(composition.id)
        if found is None:
            found = tuple(self._find_sound(composition))
            self._tracks[composition.id] = found
        return found

    def _find_sound(self, composition: Composition) -> Iterator[_SoundingTrack]:
        for track in composition.tracks:
            clips = tuple(c for c in track.clips if c.enabled) if track.enabled else ()
            sounding = tuple(index for index, clip in enumerate(clips) if self._has_sound(clip, track))
            if sounding:
                starts = tuple(clips[index].start for index in sounding)
                yield _SoundingTrack(track, clips, sounding, starts, tuple(clips[index].end for index in sounding))

    def _has_sound(self, clip: Clip, track: Track) -> bool:
        if clip.speed == 0 or clip.audio.mute:
            return False
        if isinstance(clip.content, CompositionContent):
            nested = self.timeline.compositions[clip.content.composition]
            assert nested.duration is not None
            return nested.duration > 0 and bool(self._sounding_tracks(nested))
        return isinstance(clip.content, MediaContent) and self._sound_end(clip.content.media, track) is not None

    def _sound_end(self, media: str, track: Track) -> Fraction | None:
        """Source time at which media ends on a track; None where it has no sound."""
        facts = self.facts[media]
        end = facts.end(sound_only=track.kind == "audio")
        return end if facts.audio is not None and end is not None and end > 0 else None

    def _count_in(self, number: int, clip: Clip, composition: str | None) -> None:
        """Raises SetupError where so many more clips or passes, all of one clip, are too many."""
        self._count += number
        if self._count > MAX_CUES:
            raise SetupError(
                f"the timeline has more than {MAX_CUES:,} sounds, counted for each way that leads to a clip and each "
                f'pass of a repeated composition; clip "{clip.id}" leads beyond this limit',
                component="ExportPlanner",
                clip=clip.id,
                composition=composition,
                suggestion="mute the clip, make its composition longer, or render the composition to a file and use "
                "that",
            )

    def composition(
        self,
        composition: Composition,
        time: TimeLine,
        span: Span,
        instance: InstancePath,
        stages: tuple[GainStage, ...],
    ) -> Iterator[Cue]:
        """The cues of one instance of a composition: `time` leads to its time, `span` is where it is heard."""
        ends = (time.at(span[0]), time.at(span[1]))
        for track in self._sounding_tracks(composition):
            for index in track.between(min(ends), max(ends)):
                clip = track.clips[index]
                heard = _intersection(span, time.span(clip.start, clip.end))
                if heard is None:
                    continue
                below = (composition.id, time.through(clip), heard)
                above = ((*instance, clip.id), (_stage(track.clips, index, time), *stages))
                if isinstance(clip.content, CompositionContent):
                    yield from self._nested(clip, clip.content.composition, *below, *above)
                elif isinstance(clip.content, MediaContent):
                    yield from self._media(clip, clip.content.media, track.track, *below, *above)

    def _nested(
        self,
        clip: Clip,
        name: str,
        composition: str | None,
        source: TimeLine,
        span: Span,
        instance: InstancePath,
        stages: tuple[GainStage, ...],
    ) -> Iterator[Cue]:
        """The cues of a composition that a clip shows: of each pass over it, if it repeats."""
        nested = self.timeline.compositions[name]
        duration = nested.duration
        assert duration is not None
        passes = range(1)
        if clip.after_end == "loop":
            low, high = sorted((source.at(span[0]), source.at(span[1])))
            passes = range(math.floor(low / duration), math.ceil(high / duration))
        self._count_in(len(passes), clip, composition)
        for number in passes:
            line = source.shifted(number * duration)
            heard = _intersection(span, line.span(Fraction(0), duration))
            if heard is not None:
                yield from self.composition(nested, line, heard, instance, stages)

    def _media(
        self,
        clip: Clip,
        name: str,
        track: Track,
        composition: str | None,
        source: TimeLine,
        span: Span,
        instance: InstancePath,
        stages: tuple[GainStage, ...],
    ) -> Iterator[Cue]:
        self._count_in(1, clip, composition)
        end = self._sound_end(name, track)
        assert end is not None
        heard: Span | None = span
        if clip.after_end in ("hold", "blank"):
            heard = _intersection(span, source.span(Fraction(0), end))
        if heard is None:
            return
        rate = self.timeline.sample_rate
        first, stop = (sample_at(t, rate) for t in heard)
        if first < stop:
            loop_end = end if clip.after_end == "loop" else None
            yield Cue(instance, composition, name, first, stop - first, source, loop_end, stages)


def _stage(clips: tuple[Clip, ...], index: int, time: TimeLine) -> GainStage:
    """The stage of a clip among the enabled clips of its track."""
    clip = clips[index]
    overlap_in = max(clips[index - 1].end - clip.start, Fraction(0)) if index else Fraction(0)
    overlap_out = max(clip.end - clips[index + 1].start, Fraction(0)) if index + 1 < len(clips) else Fraction(0)
    return GainStage(
        time=time.shifted(clip.start),
        duration=clip.end - clip.start,
        gain_db=clip.audio.gain_db,
        pan=clip.audio.pan,
        fade_in=clip.audio.fade_in,
        fade_out=clip.audio.fade_out,
        overlap_in=overlap_in,
        overlap_out=overlap_out,
    )


def _intersection(a: Span, b: Span) -> Span | None:
    """What two spans have in common; None for nothing."""
    start, end = max(a[0], b[0]), min(a[1], b[1])
    return (start, end) if start < end else None
