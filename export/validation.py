"""What `reelmill validate` does: opens a project, and checks that its outputs could be written."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import OpenedProject, open_project
from reelmill.planner.clock import frame_count
from reelmill.planner.errors import Problem, ProjectError, SetupError
from reelmill.planner.sound.sound_cues import plan_sound
from reelmill.planner.timelines.walk import reachable_clips


@dataclass(frozen=True, slots=True)
class Validation:
    """What `reelmill validate` tells of a project without problems."""

    warnings: tuple[str, ...]
    frames: int
    duration: Fraction
    """Seconds."""
    fps: Fraction
    width: int
    height: int
    clips: int
    media: int
    outputs: tuple[str, ...]
    """Paths of the outputs that the project lists."""


def validate_project(path: Path, options: ExportOptions) -> Validation:
    """Find every problem in a project and its media, without rendering. Raises ProjectError or SetupError."""
    project = open_project(path, options)
    timeline = project.timeline
    _check_export(project, path, options)
    return Validation(
        warnings=project.warnings,
        frames=frame_count(timeline.duration, timeline.fps),
        duration=timeline.duration,
        fps=timeline.fps,
        width=timeline.root.width,
        height=timeline.root.height,
        clips=sum(1 for _ in reachable_clips(timeline)),
        media=len(project.facts),
        outputs=tuple(output.path for output in timeline.outputs),
    )


def _check_export(project: OpenedProject, path: Path, options: ExportOptions) -> None:
    """Raises ProjectError where what the project lists, or else a film with its settings, could not be written."""
    from reelmill.export.films.codecs import settings_of_project

    timeline = project.timeline
    if timeline.outputs:
        from reelmill.export.outputs.output_check import find_output_problems

        if problems := find_output_problems(project, path, options):
            raise ProjectError(problems, file=str(path))
        return
    try:
        plan_sound(timeline, project.facts)
    except SetupError as error:
        raise ProjectError([Problem("$.tracks", error.message, error.suggestion)], file=str(path)) from error
    try:
        settings_of_project(timeline, has_sound=True)
    except SetupError as error:
        raise ProjectError([Problem("$.export", error.message, error.suggestion)], file=str(path)) from error
