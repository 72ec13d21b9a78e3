"""Markers become chapters: checked against the film, cut to the part that is exported. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from reelmill.planner.clock import format_time, frame_count
from reelmill.planner.errors import Problem
from reelmill.planner.timeline import Marker, Timeline


@dataclass(frozen=True, slots=True)
class Chapter:
    """A named stretch of an output."""

    title: str
    start: Fraction
    """Seconds of the output."""
    end: Fraction


def find_marker_problems(markers: tuple[Marker, ...], duration: Fraction | None) -> list[Problem]:
    """What is wrong with markers in ascending order of time. `duration`: of the film, seconds; None if not known."""
    problems: list[Problem] = []
    for marker, after in zip(markers, (*markers, None)[1:], strict=False):
        if marker.end is not None and marker.end <= marker.time:
            message = f'the marker "{marker.name}" ends at {format_time(marker.end)}, not after its beginning'
            problems.append(Problem(f"{marker.path}.end", message, f'give an "end" after {format_time(marker.time)}'))
        if after is not None and after.time == marker.time:
            message = f'begins at {format_time(marker.time)}, as "{marker.name}" at {marker.path} does'
            problems.append(Problem(f"{after.path}.time", message, "give each marker a time of its own"))
        elif after is not None and marker.end is not None and marker.end > after.time:
            message = f'the marker "{marker.name}" reaches into "{after.name}", which begins at'
            hint = 'leave "end" out: a marker lasts until the next one'
            problems.append(Problem(f"{marker.path}.end", f"{message} {format_time(after.time)}", hint))
        problems += _check_late(marker, duration) if duration is not None else ()
    return problems


def _check_late(marker: Marker, duration: Fraction) -> Iterator[Problem]:
    hint = "leave it out, or make the film longer"
    if marker.time >= duration:
        message = f'the marker "{marker.name}" begins at {format_time(marker.time)}, and the film ends at'
        yield Problem(f"{marker.path}.time", f"{message} {format_time(duration)}", hint)
    elif marker.end is not None and marker.end > duration:
        message = f'the marker "{marker.name}" ends at {format_time(marker.end)}, and the film at'
        yield Problem(f"{marker.path}.end", f"{message} {format_time(duration)}", hint)


def chapters(timeline: Timeline, frames: range) -> tuple[Chapter, ...]:
    """The chapters of an output that shows some frames of a resolved timeline, which become its beginning and end."""
    film = timeline.duration
    start = frames.start / timeline.fps
    end = film if frames.stop == frame_count(film, timeline.fps) else frames.stop / timeline.fps
    found: list[Chapter] = []
    for marker, after in zip(timeline.markers, (*timeline.markers, None)[1:], strict=False):
        last = marker.end or (after.time if after is not None else film)
        if marker.time < end and last > start:
            found.append(Chapter(marker.name, max(marker.time, start) - start, min(last, end) - start))
    return tuple(found)
