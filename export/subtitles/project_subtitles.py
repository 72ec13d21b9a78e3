"""The subtitles of a project: all of its files read, and those that are burnt in put onto the timeline.

In: a timeline. Out: cues, the timeline that shows them, problems and warnings. Loads pysubs2, and fonts only for what
is burnt in. Passive; plain functions.
"""

from __future__ import annotations

from fractions import Fraction

from reelmill.export.subtitles.subtitle_file import read_subtitles
from reelmill.planner.clock import format_time
from reelmill.planner.errors import Problem, SetupError
from reelmill.planner.pictures.burnt_subtitles import BurntSubtitles, burn_subtitles
from reelmill.planner.subtitles import CueSheet
from reelmill.planner.timeline import CueLook, Subtitles, Timeline

ProjectSubtitles = tuple[tuple[Subtitles, CueSheet], ...]


def read_project_subtitles(timeline: Timeline) -> tuple[ProjectSubtitles, list[Problem]]:
    """Every file of the project's subtitles, and what is wrong with the others."""
    read: list[tuple[Subtitles, CueSheet]] = []
    problems: list[Problem] = []
    for entry in timeline.subtitles:
        try:
            read.append((entry, read_subtitles(entry)))
        except SetupError as error:
            problems.append(Problem(f"{entry.place}.path", f"{entry.path}: {error.message}", error.suggestion))
    return tuple(read), problems


def burn_project_subtitles(timeline: Timeline, subtitles: ProjectSubtitles) -> BurntSubtitles:
    """The resolved timeline with its burnt-in subtitles."""
    burnt = [(entry, sheet) for entry, sheet in subtitles if entry.mode == "burn"]
    if not burnt:
        return BurntSubtitles(timeline, {}, (), ())
    from reelmill.export.subtitles.subtitle_shaper import SubtitleShaper

    return burn_subtitles(timeline, [(entry, sheet, SubtitleShaper(entry.fonts)) for entry, sheet in burnt])


def subtitle_warnings(subtitles: ProjectSubtitles, film: Fraction) -> list[str]:
    """Cues outside of the film, and keys without effect. `film`: its length, seconds."""
    warnings: list[str] = []
    for entry, sheet in subtitles:
        for where, late in (
            (f"after the film's end at {format_time(film)}", [cue for cue in sheet.cues if cue.end > film]),
            ("before the film's beginning", [cue for cue in sheet.cues if cue.start < 0]),
        ):
            if late:
                count = f"{len(late)} cue{'s' if len(late) > 1 else ''}"
                reach = "reaches" if len(late) == 1 else "reach"
                warnings.append(f"{entry.place}: {count} {reach} {where} (line {late[0].line})")
        if entry.mode == "mux":
            given = (("font", entry.fonts), ("style", entry.look != CueLook()))
            warnings += (f'{entry.place}.{key}: only for "mode": "burn"' for key, is_given in given if is_given)
        elif sheet.format == "ass" and entry.look != CueLook():
            warnings.append(f"{entry.place}.style: without effect on a file that brings styles of its own")
    return warnings
