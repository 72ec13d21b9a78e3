"""V1 against V2 on one project: every frame bit by bit, and what each took. `reelmill compare`.

In: a project, options. Out: a Comparison, and a picture of the first frame that differs. Each system renders in a child
process, one after the other: so time and memory are its own. The pictures are compared in the output's pixel format,
before any encoder. Active: owns the children, one at a time; whatever happens, none outlives the call.
"""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass, replace
from fractions import Fraction
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

from reelmill.decoders.system.interrupts import interrupts_held
from reelmill.export.checks.comparison_run import (
    Differing,
    Message,
    RunJob,
    SystemCrashed,
    SystemFailed,
    SystemRun,
    SystemRunning,
    run_system,
)
from reelmill.export.checks.difference_picture import DifferenceFigures, draw_difference, measure
from reelmill.export.films.codecs import settings_of_project
from reelmill.export.films.video_encoding import VideoEncoding
from reelmill.export.opening.film_range import frames_asked
from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import OpenedProject, open_project
from reelmill.export.outputs.output_file import OutputFile
from reelmill.export.pictures.picture_formats import check_picture_path
from reelmill.export.pictures.picture_writer import write_picture
from reelmill.planner.errors import ExportError, RenderError
from reelmill.planner.timelines.selection import System

POLL_SECONDS = 0.2
"""How long a wait may last until a signal is noticed."""
END_SECONDS = 5.0
"""That a child has to end by itself when it is told to."""


class ComparisonListener(Protocol):
    """Hears how a comparison goes on; called on the thread that compares."""

    def progressed(self, system: System, frames: int, total: int) -> None: ...

    def checkpoint(self) -> None:
        """Called several times a second. May raise (KeyboardInterrupt, say) to end the comparison."""


class SilentComparisonListener:
    """Hears nothing."""

    def progressed(self, system: System, frames: int, total: int) -> None:
        pass

    def checkpoint(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Difference:
    """Where V1 and V2 part."""

    frames: tuple[int, ...]
    """All that differ, n of the whole film."""
    time: Fraction
    """Of the first, timeline seconds."""
    figures: DifferenceFigures
    """Of the first."""
    picture: Path
    """V1, V2 and the difference of the first, side by side."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both systems on one project."""

    frames: range
    """Of the whole film."""
    fps: Fraction
    width: int
    height: int
    pixel_format: str
    v1: SystemRun
    v2: SystemRun
    difference: Difference | None
    """None where every frame is the same, bit by bit."""
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        found = self.difference
        return {
            "identical": found is None,
            "frames": len(self.frames),
            "first_frame": self.frames.start,
            "fps": str(self.fps),
            "width": self.width,
            "height": self.height,
            "pixel_format": self.pixel_format,
            "systems": {run_system.system: _run_dict(run_system) for run_system in (self.v1, self.v2)},
            "difference": None
            if found is None
            else {
                "frame": found.frames[0],
                "time_seconds": float(found.time),
                "frames": list(found.frames),
                "samples": found.figures.samples,
                "pixels": found.figures.pixels,
                "largest": found.figures.largest,
                "picture": str(found.picture),
            },
            "warnings": list(self.warnings),
        }


def _run_dict(run_system: SystemRun) -> dict[str, Any]:
    return {
        "seconds": round(run_system.seconds, 4),
        "frames_per_second": round(len(run_system.digests) / run_system.seconds, 3),
        "decode_seconds": round(run_system.decode_seconds, 4),
        "composite_seconds": round(run_system.composite_seconds, 4),
        "peak_memory_bytes": run_system.peak_memory_bytes,
        "decoders_opened": run_system.decoders_opened,
        "peak_open": run_system.peak_open,
        "frames_decoded": run_system.frames_decoded,
        "frames_requested": run_system.frames_requested,
        "seeks": run_system.seeks,
        "cache_hit_rate": run_system.cache_hit_rate,
        "cache_peak_bytes": run_system.cache_peak_bytes,
    }


def compare_systems(
    project: Path, options: ExportOptions, picture: Path, listener: ComparisonListener | None = None
) -> Comparison:
    """Render with V1, then with V2, and compare. `picture`: where the difference picture goes, if there is one.

    `options.system` does not count. Raises SetupError before, RenderError while frames are rendered.
    """
    listener = listener or SilentComparisonListener()
    check_picture_path(picture, has_alpha=False)
    opened = open_project(project, options, checkpoint=listener.checkpoint)
    frames = frames_asked(opened.timeline, options.range)
    video = _encoding(opened, options)
    job = RunJob(opened, options, "v1", frames, video.pix_fmt, video.colour, (video.width, video.height))
    v1, _ = _run(job, listener)
    v2, differing = _run(replace(job, system="v2", expected=v1.digests), listener)
    difference = None
    if differing is not None:
        difference = _difference(job, v1, v2, differing, picture, listener)
    return Comparison(
        frames=frames,
        fps=opened.timeline.fps,
        width=video.width,
        height=video.height,
        pixel_format=video.pix_fmt.name,
        v1=v1,
        v2=v2,
        difference=difference,
        warnings=opened.warnings,
    )


def _encoding(opened: OpenedProject, options: ExportOptions) -> VideoEncoding:
    """What an export would hand its pictures over as, in a container that takes the project's codec."""
    timeline = opened.timeline
    asked = timeline.video if options.video.pix_fmt is None else replace(timeline.video, pix_fmt=options.video.pix_fmt)
    settings = settings_of_project(timeline, has_sound=False, video=asked)
    assert settings.video is not None
    return settings.video


def _difference(
    job: RunJob, v1: SystemRun, v2: SystemRun, differing: Differing, picture: Path, listener: ComparisonListener
) -> Difference:
    """Render V1's side of the first differing frame once more, as a picture, and write the two."""
    # An expectation that nothing meets makes the child send its picture.
    again = replace(job, frames=range(differing.frame, differing.frame + 1), expected=(b"",))
    _, before = _run(again, listener)
    assert before is not None
    figures, _ = measure(before.picture, differing.picture)
    with OutputFile(picture, force=True) as target:
        write_picture(target.path, draw_difference(before.picture, differing.picture, job.colour))
        target.commit()
    numbers = (number for number, a, b in zip(job.frames, v1.digests, v2.digests, strict=True) if a != b)
    return Difference(tuple(numbers), differing.frame / job.opened.timeline.fps, figures, picture)


def _run(job: RunJob, listener: ComparisonListener) -> tuple[SystemRun, Differing | None]:
    """Render in a child process. Raises what failed there, with the system's name."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=run_system, args=(job, sending), name=f"compare-{job.system}", daemon=True)
    with interrupts_held():
        child.start()
    sending.close()
    try:
        return _listen(job, receiving, child, listener)
    finally:
        receiving.close()
        _end(child)


def _listen(
    job: RunJob, pipe: Connection, child: BaseProcess, listener: ComparisonListener
) -> tuple[SystemRun, Differing | None]:
    differing: Differing | None = None
    while True:
        listener.checkpoint()
        if not pipe.poll(POLL_SECONDS):
            continue
        try:
            message: Message = pipe.recv()
        except EOFError:
            # A signal to the whole group of processes ends the child first.
            listener.checkpoint()
            child.join(END_SECONDS)
            raise _died(job.system, child.exitcode) from None
        match message:
            case SystemRunning():
                listener.progressed(job.system, message.frames, len(job.frames))
            case Differing():
                differing = message
            case SystemRun():
                listener.progressed(job.system, len(job.frames), len(job.frames))
                return message, differing
            case SystemFailed():
                message.error.message = f"with {job.system.upper()}: {message.error.summary}"
                raise message.error
            case SystemCrashed():
                error = RenderError(
                    f"with {job.system.upper()}: internal error: {message.message}; this is a bug in reelmill",
                    component="Comparison",
                    suggestion="run the same command with -v for the traceback, and report it",
                )
                error.add_note(message.traceback)
                raise error


def _died(system: System, exit_code: int | None) -> ExportError:
    how = f"by signal {-exit_code}" if exit_code is not None and exit_code < 0 else f"with exit code {exit_code}"
    return RenderError(
        f"the process that rendered with {system.upper()} ended {how}, without a word",
        component="Comparison",
        suggestion="see whether the machine ran out of memory; --cache-size and --memory-limit take less",
    )


def _end(child: BaseProcess) -> None:
    """Wait for a child that is done; make one end that is not."""
    if child.is_alive():
        child.join(POLL_SECONDS)
    if child.is_alive():
        child.terminate()
        child.join(END_SECONDS)
    if child.is_alive():
        child.kill()
        child.join()
    child.close()
