"""What sounds when: one cue for every instance of a clip with sound, on the samples of the root timeline.

In: a resolved timeline and the facts of its media. Out: a `SoundPlan`, pure data. A cue knows the samples it covers,
the line that leads from root time to its source time, the gain stages of its clip and of every track and composition
clip above it as far as to its bus, and that bus. Nothing is decoded here and nothing is rounded but the two ends of
a cue and of a bus.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from reelmill.planner.animation import Animated
from reelmill.planner.clock import sample_at
from reelmill.planner.errors import SetupError
from reelmill.planner.media import MediaFacts
from reelmill.planner.sound.sound_plan import Bus, Ducking, GainStage, SoundCue, SoundPlan, Span, TimeLine
from reelmill.planner.source_frames import InstancePath
from reelmill.planner.timeline import Clip, Composition, Duck, Timeline, Track

__all__ = ["MAX_BUSES", "MAX_CUES", "GainStage", "SoundCue", "TimeLine", "plan_sound"]

MAX_CUES = 1_000_000
"""Clips that sound, and passes of compositions with sound. A file can hold as many clips one behind the other."""
MAX_BUSES = 100_000
"""Clips and tracks with filters or ducking, counted for each way that leads to them."""


def plan_sound(timeline: Timeline, facts: Mapping[str, MediaFacts]) -> SoundPlan:
    """Every cue and every bus of a resolved timeline, in the order of tracks and clips.

    `facts` has an entry for each media that an enabled clip shows. Raises SetupError for a timeline in which clips
    sound more often than MAX_CUES, which needs more than MAX_BUSES, or whose sound can't be decoded.
    """
    master = timeline.master
    sample_count = sample_at(timeline.duration, timeline.sample_rate)
    stages = () if _is_zero(master.gain_db) else (GainStage(TimeLine(), timeline.duration, master.gain_db),)
    walk = _Walk(timeline, facts)
    walk.buses.append(Bus(None, 0, max(sample_count, 1), master.filters, stages=stages, path="$.audio"))
    cues = tuple(walk.composition(timeline.root, _Way(TimeLine(), (Fraction(0), timeline.duration))))
    return SoundPlan(
        sample_rate=timeline.sample_rate,
        channels=timeline.channels,
        sample_count=sample_count,
        cues=cues,
        buses=tuple(walk.buses),
        loudness=master.loudness,
        true_peak=master.true_peak,
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """What leads from the root to something nested, and what its sound passes through on the way back."""

    time: TimeLine
    """From root time to its time."""
    span: Span
    """Where it is heard."""
    instance: InstancePath = ()
    stages: tuple[GainStage, ...] = ()
    """As far as to the bus."""
    bus: int = 0
    pitch: Fraction = Fraction(1)


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

    def listens_to(self) -> Iterator[str]:
        """Ids of the tracks that the track and its sounding clips are ducked by."""
        ducks = [self.track.audio.duck, *(self.clips[index].audio.duck for index in self.sounding)]
        yield from (duck.by for duck in ducks if duck is not None)


class _Walk:
    """Goes down from the root and knows at each clip which line and which span of root time lead to it."""

    def __init__(self, timeline: Timeline, facts: Mapping[str, MediaFacts]) -> None:
        self.timeline = timeline
        self.facts = facts
        self.buses: list[Bus] = []
        """Those met so far."""
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
        enabled = [track for track in composition.tracks if track.enabled]
        any_solo = any(track.audio.solo for track in enabled)
        for track in enabled:
            if track.audio.mute or (any_solo and not track.audio.solo):
                continue
            clips = tuple(c for c in track.clips if c.enabled)
            sounding = tuple(index for index, clip in enumerate(clips) if self._has_sound(clip, track))
            if sounding:
                starts = tuple(clips[index].start for index in sounding)
                yield _SoundingTrack(track, clips, sounding, starts, tuple(clips[index].end for index in sounding))

    def _has_sound(self, clip: Clip, track: Track) -> bool:
        if clip.speed == 0 or clip.audio.mute:
            return False
        media, composition = clip.content.media_shown, clip.content.composition_shown
        if composition is not None:
            nested = self.timeline.compositions[composition]
            assert nested.duration is not None
            return nested.duration > 0 and bool(self._sounding_tracks(nested))
        if media is None:
            return False
        problem = self.facts[media].sound_problem
        if problem is not None:
            raise SetupError(
                f'clip "{clip.id}" sounds, but {problem.message}',
                component="AudioMixer",
                clip=clip.id,
                file=self.facts[media].path,
                suggestion=problem.suggestion,
            )
        return self._sound_end(media, track) is not None

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

    def composition(self, composition: Composition, way: _Way) -> Iterator[SoundCue]:
        """The cues of one instance of a composition; its buses are noted."""
        ends = (way.time.at(way.span[0]), way.time.at(way.span[1]))
        tracks = self._sounding_tracks(composition)
        listened = self._listened_buses(tracks)
        for track, through in zip(tracks, self._through_tracks(composition, tracks, way, listened), strict=True):
            for index in track.between(min(ends), max(ends)):
                clip = track.clips[index]
                heard = _intersection(way.span, way.time.span(clip.start, clip.end))
                if heard is None:
                    continue
                stage = _clip_stage(track.clips, index, way.time)
                inside = self._through_clip(clip, composition, replace(through, span=heard), stage, listened)
                media, nested = clip.content.media_shown, clip.content.composition_shown
                if nested is not None:
                    yield from self._nested(clip, nested, composition.id, inside)
                elif media is not None:
                    yield from self._media(clip, media, track.track, composition.id, inside)

    def _listened_buses(self, tracks: Sequence[_SoundingTrack]) -> dict[str, int]:
        """The numbers of the buses that the next instance of a composition will have for its tracks, by their ids."""
        wanted = {name for track in tracks for name in track.listens_to()}
        sounding = {track.track.id for track in tracks}
        with_bus = [
            track.track.id
            for track in tracks
            if track.track.id in wanted
            or track.track.audio.filters is not None
            or (track.track.audio.duck is not None and track.track.audio.duck.by in sounding)
        ]
        return {name: len(self.buses) + number for number, name in enumerate(with_bus)}

    def _through_tracks(
        self, composition: Composition, tracks: Sequence[_SoundingTrack], way: _Way, numbers: Mapping[str, int]
    ) -> list[_Way]:
        """The way to the clips of each track of an instance; the buses in `numbers` are opened."""
        ways = []
        for sounding in tracks:
            track, audio = sounding.track, sounding.track.audio
            stages = way.stages
            if not (_is_zero(audio.gain_db) and _is_zero(audio.pan)):
                assert composition.duration is not None
                stages = (GainStage(way.time, composition.duration, audio.gain_db, audio.pan), *stages)
            inside = replace(way, stages=stages)
            if track.id in numbers:
                bus = self._bus(inside, audio.filters, audio.duck, numbers, path=f"{track.path}.audio")
                inside = self._open(replace(bus, composition=composition.id), inside)
                assert inside.bus == numbers[track.id]
            ways.append(inside)
        return ways

    def _through_clip(
        self, clip: Clip, composition: Composition, way: _Way, stage: GainStage, numbers: Mapping[str, int]
    ) -> _Way:
        """The way into a clip that lies on `way`, from where the clip is heard."""
        followed = abs(clip.speed) if clip.audio.pitch == "follow" else Fraction(1)
        inside = replace(
            way,
            time=way.time.through(clip),
            instance=(*way.instance, clip.id),
            stages=(stage, *way.stages),
            pitch=way.pitch * followed,
        )
        bus = self._bus(inside, clip.audio.filters, clip.audio.duck, numbers, path=f"{clip.path}.audio")
        if (bus.filters is None and bus.ducking is None) or bus.sample_count < 1:
            return inside
        return self._open(replace(bus, clip=clip.id, composition=composition.id), inside)

    def _bus(self, way: _Way, filters: str | None, duck: Duck | None, numbers: Mapping[str, int], path: str) -> Bus:
        """A bus for all that the stages of a way stand for."""
        ducking = None
        if duck is not None and duck.by in numbers:
            ducking = Ducking(numbers[duck.by], duck.amount_db, duck.threshold_db, duck.attack, duck.release)
        first, end = (sample_at(t, self.timeline.sample_rate) for t in way.span)
        return Bus(way.bus, first, end - first, filters, ducking, way.stages, path)

    def _open(self, bus: Bus, way: _Way) -> _Way:
        """The way that leads into a new bus. Raises SetupError where there are too many."""
        if len(self.buses) == MAX_BUSES:
            raise SetupError(
                f"more than {MAX_BUSES:,} clips and tracks have filters or ducking, counted for each way that leads "
                f"to them; {bus.path} is beyond this limit",
                component="ExportPlanner",
                clip=bus.clip,
                composition=bus.composition,
                suggestion="give filters to the track instead of its clips, or render the composition to a file and "
                "use that",
            )
        self.buses.append(bus)
        return replace(way, stages=(), bus=len(self.buses) - 1)

    def _nested(self, clip: Clip, name: str, composition: str | None, way: _Way) -> Iterator[SoundCue]:
        """The cues of a composition that a clip shows: of each pass over it, if it repeats."""
        nested = self.timeline.compositions[name]
        duration = nested.duration
        assert duration is not None
        passes = range(1)
        if clip.after_end == "loop":
            low, high = sorted((way.time.at(way.span[0]), way.time.at(way.span[1])))
            passes = range(math.floor(low / duration), math.ceil(high / duration))
        self._count_in(len(passes), clip, composition)
        for number in passes:
            line = way.time.shifted(number * duration)
            heard = _intersection(way.span, line.span(Fraction(0), duration))
            if heard is not None:
                yield from self.composition(nested, replace(way, time=line, span=heard))

    def _media(self, clip: Clip, name: str, track: Track, composition: str | None, way: _Way) -> Iterator[SoundCue]:
        self._count_in(1, clip, composition)
        end = self._sound_end(name, track)
        assert end is not None
        heard: Span | None = way.span
        if clip.after_end in ("hold", "blank"):
            heard = _intersection(way.span, way.time.span(Fraction(0), end))
        if heard is None:
            return
        rate = self.timeline.sample_rate
        first, stop = (sample_at(t, rate) for t in heard)
        if first < stop:
            loop_end = end if clip.after_end == "loop" else None
            span = (first, stop - first)
            yield SoundCue(
                way.instance, composition, name, *span, way.time, loop_end, way.stages, bus=way.bus, pitch=way.pitch
            )


def _clip_stage(clips: tuple[Clip, ...], index: int, time: TimeLine) -> GainStage:
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
        fade_in_curve=clip.audio.fade_in_curve,
        fade_out_curve=clip.audio.fade_out_curve,
    )


def _is_zero(value: Animated) -> bool:
    return value.is_constant and value.keyframes[0].value == (0.0,)


def _intersection(a: Span, b: Span) -> Span | None:
    """What two spans have in common; None for nothing."""
    start, end = max(a[0], b[0]), min(a[1], b[1])
    return (start, end) if start < end else None
