"""Fills in what the media decide: starts, durations and in points of clips, lengths of compositions and of the film.

In: a timeline as planner.loader made it, and the facts of its media (decoders). Out: the same timeline in which every
time is set and only what is shown is left; or every problem at once. Compositions are worked on deepest first. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from reelmill.planner.clock import MAX_SECONDS, format_time
from reelmill.planner.errors import Problem, Problems, ProjectError
from reelmill.planner.json_path import json_path
from reelmill.planner.limits import LOST_SOUND_SECONDS, WARN_NESTING
from reelmill.planner.media import MediaFacts
from reelmill.planner.timeline import Clip, Composition, Timeline, Track, Transition
from reelmill.planner.timelines.nesting import deepest_chain, deepest_first

_FILL_REMEDY = "write its duration as a time, or give the canvas a duration"
_PAST_END = 'or say what is shown there with "after_end": "hold", "loop" or "blank"'


@dataclass(frozen=True, slots=True)
class ResolvedProject:
    """A project that can be rendered."""

    timeline: Timeline
    """Every start, duration and in point is set. Tracks, clips and compositions that show nothing because they are
    switched off, or not reached, are left out; a clip has a `transition` exactly where it overlaps the one before."""
    warnings: tuple[str, ...]


def resolve(timeline: Timeline, facts: Mapping[str, MediaFacts]) -> ResolvedProject:
    """Resolve a timeline with the facts of its media by name (all of `loader.list_media_used`).

    Raises ProjectError with every problem.
    """
    resolver = _Resolver(timeline, facts)
    resolved = resolver.run()
    resolver.problems.extend(
        Problem(json_path(("media", name)), "nothing is known of this file, which is needed")
        for name in sorted(resolver.unknown_media)
    )
    if resolver.problems:
        raise ProjectError(resolver.problems)
    return ResolvedProject(resolved, tuple(resolver.warnings))


def find_problems(timeline: Timeline, facts: Mapping[str, MediaFacts]) -> Problems:
    """The problems that `resolve` would raise, of which some media may be missing from `facts`.

    What depends on a missing one is not checked; so the problems stand beside those of files that can't be read.
    """
    resolver = _Resolver(timeline, facts)
    resolver.run()
    return resolver.problems


def clips_needed(track: Track) -> Iterator[Clip]:
    """The clips whose times matter: of a track that is switched on those that are, and others that tell when
    the next one starts."""
    if track.enabled:
        for clip, after in zip(track.clips, (*track.clips, None)[1:], strict=True):
            if clip.enabled or (clip.duration is None and after is not None and after.follows):
                yield clip


def compositions_shown(composition: Composition) -> list[str]:
    """The composition of each clip that shows one, among the clips whose times matter."""
    return [
        shown
        for track in composition.tracks
        for clip in clips_needed(track)
        if (shown := clip.content.composition_shown) is not None
    ]


def compositions_reached(timeline: Timeline) -> dict[str, list[str]]:
    """Every composition that the root reaches, and what each shows."""
    reached: dict[str, list[str]] = {}
    waiting = compositions_shown(timeline.root)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name] = compositions_shown(timeline.compositions[name])
            waiting += reached[name]
    return reached


@dataclass(frozen=True, slots=True)
class _Source:
    """What a clip shows, as far as its times go. Seconds of source time."""

    name: str
    """For messages."""
    end: Fraction | None
    """None for what has no end."""
    begin: Fraction = Fraction(0)
    first_frame: Fraction = Fraction(0)
    """Duration of the first frame: so much may be missing before the beginning."""
    last_frame: Fraction = Fraction(0)


@dataclass(slots=True)
class _TrackState:
    """A track while its clips are resolved, one after the other."""

    track: Track
    needed: frozenset[int]
    """id() of the clips whose times matter."""
    shown: list[Clip | None] = field(default_factory=list)
    """The enabled clips so far; None where the times of one are not known."""
    previous: Clip | None = None
    end: Fraction | None = Fraction(0)
    """Of the clip before."""
    filling: Clip | None = None
    """The last clip, where it lasts as long as the others."""

    @property
    def clips(self) -> tuple[Clip, ...] | None:
        """The clips that are shown; None where the times of one are not known."""
        known = tuple(clip for clip in self.shown if clip is not None)
        return known if len(known) == len(self.shown) else None

    @property
    def last_end(self) -> Fraction | None:
        """When the last clip that is shown ends, 0 for none; None where that is not known."""
        clips = self.clips
        return None if clips is None else clips[-1].end if clips else Fraction(0)


class _Resolver:
    """One pass over a timeline. One use, one thread."""

    def __init__(self, timeline: Timeline, facts: Mapping[str, MediaFacts]) -> None:
        self._timeline = timeline
        self._facts = facts
        self._ends: dict[str, Fraction | None] = {}
        """Lengths of the compositions done; None where media are missing or wrong."""
        self.problems = Problems()
        self.warnings: list[str] = []
        self.unknown_media: set[str] = set()

    def run(self) -> Timeline:
        """The timeline as far as it could be resolved: entirely, where there are no problems."""
        timeline = self._timeline
        done: dict[str, Composition] = {}
        for name in deepest_first(compositions_reached(timeline)):
            done[name] = self._composition(timeline.compositions[name])
            self._ends[name] = done[name].duration
        root = self._composition(timeline.root)
        resolved = replace(timeline, root=root, compositions=done)
        shown = compositions_reached(resolved)
        self._check_length(root)
        self._check_depth(shown, compositions_shown(root))
        return replace(resolved, compositions={name: done[name] for name in timeline.compositions if name in shown})

    def _check_length(self, root: Composition) -> None:
        if root.duration == 0:
            message, hint = "the film has no length: no clip is shown", 'add a clip, or give the canvas a "duration"'
            self.problems.add(Problem("$.tracks", message, hint))
        elif root.duration is not None and root.duration > MAX_SECONDS:
            message = f"the film would be {format_time(root.duration)} long; {MAX_SECONDS} s is the limit"
            self.problems.add(Problem("$.tracks", message))

    def _check_depth(self, shown: Mapping[str, list[str]], roots: Iterable[str]) -> None:
        chain = deepest_chain(shown, roots)
        if len(chain) > WARN_NESTING:
            way = " → ".join(chain)
            self.warnings.append(f"compositions nest {len(chain)} deep, which is slow to render: {way}")

    def _composition(self, composition: Composition) -> Composition:
        begun = [self._begin_track(track) for track in composition.tracks if track.enabled]
        ends = [state.last_end for state in begun]
        end = max((end for end in ends if end is not None), default=Fraction(0)) if None not in ends else None
        duration = end if composition.duration is None else composition.duration
        for state in begun:
            if state.filling is not None:
                self._fill(state, state.filling, duration)
        tracks = [replace(state.track, clips=state.clips) for state in begun if state.clips is not None]
        if len(tracks) < len(begun) and composition.duration is None:
            duration = None
        for track in tracks if composition.duration is not None else ():
            self._warn_unseen(track, composition.duration or Fraction(0))
        return replace(composition, tracks=tuple(tracks), duration=duration)

    def _fill(self, state: _TrackState, clip: Clip, until: Fraction | None) -> None:
        """Add the last clip of a track, which lasts until the others have ended."""
        start = clip.start + (state.end or 0) if clip.follows else clip.start
        if until is None or (clip.follows and state.end is None):
            state.shown.append(None)
        elif until <= start:
            others = "no other clip is shown" if until == 0 else f"the others have ended at {format_time(until)}"
            self._note(clip, f"has nothing to fill: it starts at {format_time(start)}, and {others}", _FILL_REMEDY)
            state.shown.append(None)
        else:
            self._add(state, replace(clip, duration=until - start, fills=False))

    def _warn_unseen(self, track: Track, duration: Fraction) -> None:
        for clip in track.clips:
            if clip.start >= duration:
                when = f"starts at {format_time(clip.start)}, but the composition lasts {format_time(duration)}"
                self.warnings.append(f'{clip.path}: clip "{clip.id}" is never seen: it {when}')
            elif clip.audio.fade_out > 0 and clip.end > duration:
                self.warnings.append(
                    f'{clip.path}.audio: the "fade_out" of clip "{clip.id}" is cut off: the clip ends at '
                    f"{format_time(clip.end)}, and the composition lasts {format_time(duration)}; let the clip end "
                    'there, with "duration": "fill" if it is the last one of its track'
                )

    def _warn_unheard(self, clip: Clip, source: _Source, track: Track) -> None:
        """Of a clip that plays a film's first or last picture, and leaves out sound that lies before or behind it."""
        media, in_point, duration = clip.content.media_shown, clip.in_point, clip.duration
        if track.kind == "audio" or media is None or clip.audio.mute or clip.speed == 0:
            return
        sound = self._facts[media].audio
        if sound is None or source.end is None or in_point is None or duration is None:
            return
        first, last = sorted((in_point, in_point + duration * clip.speed))
        before, behind = -sound.start, sound.end - source.end
        mute = "put the media on an audio track, too, and mute this clip"
        if first <= 0 and before >= LOST_SOUND_SECONDS:
            self.warnings.append(
                f'{clip.path}: clip "{clip.id}" leaves out {format_time(before)} of sound that lie before the first '
                f'picture of {source.name}; to hear them, {mute}: there "in" may be {format_time(sound.start)}'
            )
        if last >= source.end - source.last_frame and behind >= LOST_SOUND_SECONDS:
            self.warnings.append(
                f'{clip.path}: clip "{clip.id}" leaves out {format_time(behind)} of sound that lie behind the last '
                f"picture of {source.name}; to hear them, {mute}: there it lasts as long as its sound"
            )

    def _begin_track(self, track: Track) -> _TrackState:
        """The clips of a track that are shown, without a last one that fills."""
        state = _TrackState(track, frozenset(map(id, clips_needed(track))))
        for clip in track.clips:
            if clip.fills:
                state.filling = clip if clip.enabled else None
                if clip is not track.clips[-1]:
                    raise AssertionError("rules let only the last clip of a track fill")
            else:
                self._add(state, clip)
        return state

    def _add(self, state: _TrackState, clip: Clip) -> None:
        """Add the next clip of a track, if it is shown; None where its times are not known."""
        needed = id(clip) in state.needed or clip.enabled
        source = self._source(clip, state.track) if needed else None
        timed = self._timed(clip, source, state.end)
        state.end = _end(timed) if timed is not None else None
        if clip.enabled:
            if timed is not None and source is not None and not state.track.audio.mute:
                self._warn_unheard(timed, source, state.track)
            complete = timed is not None and timed.duration is not None and timed.in_point is not None
            overlapped = self._transition(timed, state.shown, state.previous) if timed is not None else None
            state.shown.append(overlapped if complete else None)
        state.previous = clip

    def _source(self, clip: Clip, track: Track) -> _Source | None:
        """What the clip shows; None where nothing is known of it, or it does not fit the track."""
        name, media = clip.content.composition_shown, clip.content.media_shown
        if name is not None:
            end, frame = self._ends[name], 1 / self._timeline.fps
            if end == 0:
                self._note(clip, f'composition "{name}" has no length', 'add a clip to it, or give it a "duration"')
            return None if not end else _Source(f'composition "{name}"', end, first_frame=frame, last_frame=frame)
        if media is not None:
            return self._media(clip, media, track)
        return _Source("its content", None)

    def _media(self, clip: Clip, name: str, track: Track) -> _Source | None:
        facts = self._facts.get(name)
        if facts is None:
            self.unknown_media.add(name)
            return None
        words, frame = f'media "{name}"', 1 / self._timeline.fps
        if track.kind == "audio":
            if facts.audio is None and facts.sound_problem is not None:
                # What is heard of it is refused when sound is planned; its length is not known.
                return _Source(f"{words}, of which {facts.sound_problem.message}", None)
            if facts.audio is None:
                self._note(clip, f"{words} has no sound, and this is an audio track", "put it on a video track")
                return None
            begin = min(facts.audio.start, Fraction(0))
            return _Source(words, facts.end(sound_only=True), begin, first_frame=frame, last_frame=frame)
        if facts.video is None:
            hint = 'put it on a track of "kind": "audio"'
            self._note(clip, f"{words} has no picture, and this is a video track", hint)
            return None
        table = facts.video.table
        if table is None:
            return _Source(words, None)
        first = (table.pts[1] - table.pts[0]) * table.time_base if len(table.pts) > 1 else table.last_frame_duration
        return _Source(words, table.duration, first_frame=first, last_frame=table.last_frame_duration)

    def _timed(self, clip: Clip, source: _Source | None, before: Fraction | None) -> Clip | None:
        """The clip with its start, and with what the source tells; None where the start is not known."""
        if source is not None:
            clip = self._filled(clip, source)
        if clip.follows:
            if before is None:
                return None
            clip = replace(clip, start=before + clip.start, follows=False)
        fades = clip.audio.fade_in + clip.audio.fade_out
        if clip.duration is not None and fades > clip.duration:
            length = format_time(clip.duration)
            self.warnings.append(
                f'{clip.path}.audio: the fades of clip "{clip.id}" are longer than it; it lasts {length}'
            )
        return clip

    def _filled(self, clip: Clip, source: _Source) -> Clip:
        """In point and duration; the duration stays open where there is a problem."""
        in_point = clip.in_point
        if in_point is None:
            in_point = source.end if clip.speed < 0 and source.end is not None else Fraction(0)
        duration = clip.duration
        if duration is None:
            duration = self._rest(clip, source, in_point)
            if duration is not None and clip.after_end == "loop":
                self.warnings.append(
                    f'{clip.path}: clip "{clip.id}" has "after_end": "loop", but plays {source.name} only once; give '
                    'it a "duration", such as "fill" for the length of the other clips'
                )
        elif source.end is not None and clip.after_end == "error":
            self._check_range(clip, source, in_point, duration)
        return replace(clip, in_point=in_point, duration=duration)

    def _rest(self, clip: Clip, source: _Source, in_point: Fraction) -> Fraction | None:
        """How long the rest of the source lasts from the in point on."""
        if source.end is None or clip.speed == 0:
            what = "a frozen frame" if source.end is not None else source.name
            self._note(clip, f"{what} has no end of its own", 'give the clip a "duration"')
            return None
        rest = source.end - in_point if clip.speed > 0 else in_point - source.begin
        if rest <= 0:
            place = "end" if clip.speed > 0 else "beginning"
            limit = source.end if clip.speed > 0 else source.begin
            message = f'"in" is {format_time(in_point)}, and {source.name} has its {place} at {format_time(limit)}'
            self._note(clip, message, 'choose another "in", or give the clip a "duration" and "after_end"')
            return None
        duration = rest / abs(clip.speed)
        if clip.after_end == "error":
            self._check_range(clip, source, in_point, duration)
        return duration

    def _check_range(self, clip: Clip, source: _Source, in_point: Fraction, duration: Fraction) -> None:
        """Whether the source has what the clip needs, but for a frame at each end."""
        assert source.end is not None
        out_point = in_point + duration * clip.speed
        low, high = min(in_point, out_point), max(in_point, out_point)
        needs = f"needs {format_time(low)} to {format_time(high)} of {source.name}"
        if high > source.end + source.last_frame:
            room = (source.end - in_point) / clip.speed if clip.speed > 0 else Fraction(0)
            self._note(clip, f"{needs}, which ends at {format_time(source.end)}", _shorter(room))
        if low < source.begin - source.first_frame:
            room = (source.begin - in_point) / clip.speed if clip.speed < 0 else Fraction(0)
            self._note(clip, f"{needs}, which begins at {format_time(source.begin)}", _shorter(room))

    def _transition(self, clip: Clip, shown: list[Clip | None], previous: Clip | None) -> Clip:
        """Check the clip against those shown before it, and give it a transition where it overlaps the last."""
        before = shown[-1] if shown else None
        if shown and before is None:
            return clip
        if before is None:
            return self._alone(clip, None, previous)
        order = f'clip "{before.id}", which lasts from {format_time(before.start)} to {format_time(before.end)}'
        if clip.start <= before.start:
            message = f"starts at {format_time(clip.start)}, not later than {order}"
            self._note(clip, message, "list the clips of a track in order of time, or use another track")
            return clip
        end = _end(clip)
        if end is not None and end <= before.end:
            self._note(
                clip, f"ends at {format_time(end)}, not later than {order}", "put one of the two on another track"
            )
        third = shown[-2] if len(shown) > 1 else None
        if third is not None and clip.start < third.end:
            message = f'is shown together with "{third.id}" and "{before.id}" at {format_time(clip.start)}'
            self._note(clip, f"{message}; a track shows two clips at once at most", "put one on another track")
        if clip.start < before.end:
            return clip if clip.transition else replace(clip, transition=Transition())
        return self._alone(clip, before, previous)

    def _alone(self, clip: Clip, before: Clip | None, previous: Clip | None) -> Clip:
        """A clip that overlaps none; its transition may be from one that is switched off."""
        if clip.transition is None:
            return clip
        if previous is None or previous.enabled:
            overlap = "a transition takes place where a clip overlaps the one before; let it start earlier"
            hint = f"{overlap} than {format_time(before.end)}" if before else "the first clip of a track can't have one"
            self._note(clip, 'has a "transition", but overlaps no clip before it', hint)
        return replace(clip, transition=None)

    def _note(self, clip: Clip, message: str, hint: str) -> None:
        self.problems.add(Problem(clip.path, f'clip "{clip.id}": {message}', hint))


def _end(clip: Clip) -> Fraction | None:
    return None if clip.duration is None else clip.start + clip.duration


def _shorter(room: Fraction) -> str:
    """The advice for a clip that needs more than there is; `room` is the duration that would fit."""
    if room <= 0:
        return f'choose another "in", {_PAST_END}'
    microseconds = math.floor(room * 10**6)
    return f'shorten "duration" to {format_time(Fraction(microseconds, 10**6))}, {_PAST_END}'
