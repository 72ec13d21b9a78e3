"""The outputs of an export, planned: which frames and samples each shows, its size, its settings, what it copies.

In: an opened project, the outputs that were asked for, options. Out: a `PlannedOutput` for each. Everything that can be
refused without a file being opened is refused here. Passive; the render thread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reelmill.export.films.codecs import OutputSettings, choose_output
from reelmill.export.films.copying import Copying, plan_copying
from reelmill.export.opening.film_range import frames_asked, frames_between, samples_of, time_asked
from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import OpenedProject
from reelmill.export.outputs.output_settings import FILMS, WITH_PICTURES, AskedOutput, about, asked_outputs
from reelmill.export.outputs.picture_sink import ShownFrames
from reelmill.planner.clock import Time
from reelmill.planner.errors import SetupError
from reelmill.planner.outputs import Output, OutputKind
from reelmill.planner.sound.sound_cues import plan_sound
from reelmill.planner.sound.sound_plan import SoundPlan


@dataclass(frozen=True, slots=True, eq=False)
class PlannedOutput:
    """One output, with every question answered."""

    output: Output
    """Merged: what it says over what the project says, under the flags of the command line."""
    kind: OutputKind
    shown: ShownFrames
    """The frames of the timeline that it shows, or sounds during."""
    part: range
    """Of the timeline: all its frames, whether shown or not."""
    samples: range
    """Of the film, that are heard meanwhile."""
    canvas: tuple[int, int]
    """Width and height of what is composited, pixels."""
    size: tuple[int, int]
    """Width and height of its pictures; of a sheet, the most that they have."""
    settings: OutputSettings | None
    """Of what a muxer of libav writes; None for pictures."""
    copying: Copying | None
    """Which of its frames are copied; None for what is no film."""

    @property
    def path(self) -> Path:
        return Path(self.output.path)

    @property
    def has_pictures(self) -> bool:
        return self.kind in WITH_PICTURES

    @property
    def has_sound(self) -> bool:
        return self.settings is not None and self.settings.audio is not None

    @property
    def frames(self) -> int:
        """Frames of the timeline that its pictures are, or are chosen from; 0 for sound alone."""
        if self.kind == "poster":
            return 1
        return len(self.shown.frames) if self.has_pictures else 0


@dataclass(frozen=True, slots=True, eq=False)
class OutputPlan:
    """All outputs of an export."""

    outputs: tuple[PlannedOutput, ...]
    sound: SoundPlan | None
    """The sound of the film; None where no output has any."""

    @property
    def pictured(self) -> tuple[PlannedOutput, ...]:
        """Those that have pictures."""
        return tuple(each for each in self.outputs if each.has_pictures)


def plan_outputs(opened: OpenedProject, given: Sequence[Output], options: ExportOptions) -> OutputPlan:
    """Plan the outputs that were given, or the project's own.

    Raises SetupError, with the output's path where it is about one.
    """
    frames = frames_asked(opened.timeline, options.range)
    asked = asked_outputs(opened.timeline, given, options)
    wants_sound = any(each.kind == "sound" or (each.kind in FILMS and not each.output.no_audio) for each in asked)
    sound = plan_sound(opened.timeline, opened.facts) if wants_sound else None
    has_sound = sound is not None and bool(sound.cues)
    outputs = []
    for each in asked:
        with about(each.output):
            outputs.append(_planned(opened, each, options, frames, has_sound=has_sound))
    return OutputPlan(tuple(outputs), sound if any(each.has_sound for each in outputs) else None)


def needless_alpha(plan: OutputPlan, opened: OpenedProject) -> list[str]:
    """Warnings for outputs that keep alpha where the canvas has none to keep."""
    if opened.timeline.root.background[3] < 1:
        return []
    return [
        f'{each.path.name}: alpha is kept, and the canvas is opaque, unless its background is "transparent"'
        for each in plan.outputs
        if each.output.alpha == "keep"
    ]


def _planned(
    opened: OpenedProject, asked: AskedOutput, options: ExportOptions, frames: range, *, has_sound: bool
) -> PlannedOutput:
    timeline, output = opened.timeline, asked.output
    if output.pictures.at is not None:
        at = Time(time_asked(timeline, output.pictures.at, "--at"))
        output = replace(output, pictures=replace(output.pictures, at=at))
    if output.range is not None:
        frames = _inside(frames, frames_between(timeline, output.range, "the output's range"), asked)
    shown = ShownFrames(frames[:: output.fps_divisor], timeline.fps)
    canvas = (
        math.ceil(timeline.root.width * options.canvas_scale),
        math.ceil(timeline.root.height * options.canvas_scale),
    )
    size = output.size or canvas
    if options.draft and output.size is None and asked.kind in FILMS:
        size = ((canvas[0] + 1) // 2 * 2, (canvas[1] + 1) // 2 * 2)
    settings = None
    if asked.kind in (*FILMS, "sound"):
        settings = choose_output(
            asked.path,
            width=size[0],
            height=size[1],
            fps=shown.fps,
            sample_rate=timeline.sample_rate,
            channels=timeline.channels,
            has_sound=has_sound and not output.no_audio,
            video=output.video,
            audio=output.audio,
            threads=options.threads,
            alpha=output.alpha,
            named=output.container,
            fragmented=output.fragmented,
        )
    copying = None
    if asked.kind == "film" and settings is not None and settings.video is not None:
        copying = plan_copying(opened, shown.frames, settings.video, options)
    return PlannedOutput(
        output=output,
        kind=asked.kind,
        shown=shown,
        part=frames,
        samples=samples_of(timeline, frames),
        canvas=canvas,
        size=size,
        settings=settings,
        copying=copying,
    )


def _inside(frames: range, wanted: range, asked: AskedOutput) -> range:
    inside = range(max(frames.start, wanted.start), min(frames.stop, wanted.stop))
    if not inside:
        raise SetupError(
            f"{asked.path.name}: no frame that is exported lies in its range",
            component="Output",
            suggestion="give it a range inside of the film, and of --range",
        )
    return inside
