"""The text of an error: what failed, where, why, and a hint. In: an ExportError or a wrong command line. Out: lines.

error: no frame could be decoded at 12.5 s
  component:      ClipDecoder
  clip:           opening (composition card)
  file:           media/beach.mp4
  output frame:   375
  timeline time:  00:00:12:15 (12.5 s)
  source time:    15 s
hint: …
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from reelmill.cli.talk import printable, styled
from reelmill.planner.clock import TimeError, format_time, timecode
from reelmill.planner.errors import ExportError, Interrupted, ProjectError


def error_block(error: ExportError) -> str:
    """The lines of a failure, without a newline at the end; the last one begins with `hint: `."""
    return _block(error.summary, _places(error), _hint(error))


def usage_block(error: click.ClickException) -> str:
    """The lines for a wrong command line."""
    message = error.format_message()
    command = "reelmill"
    if isinstance(error, click.UsageError) and error.ctx is not None:
        command = error.ctx.command_path
    return _block(message[:1].lower() + message[1:], (), f"`{command} --help` lists what can be given")


def crash_block(error: BaseException) -> str:
    """The lines for an exception that nobody foresaw."""
    message = f"internal error: {type(error).__name__}: {error}; this is a bug in reelmill"
    return _block(message, (), "run the same command with -v for the traceback, and report it")


def _block(message: str, places: Iterator[str] | tuple[()], hint: str) -> str:
    first = styled("error:", colour="red", bold=True)
    last = styled("hint:", colour="cyan", bold=True)
    return "\n".join([f"{first} {_line(message)}", *(f"  {printable(p)}" for p in places), f"{last} {_line(hint)}"])


def _line(text: str) -> str:
    """A text of ours or of a library that may have several lines, on one."""
    return printable(" ".join(text.split()))


def _places(error: ExportError) -> Iterator[str]:
    where = {
        "component": error.component,
        "clip": error.clip,
        "composition": error.composition,
        "file": error.file,
        "output frame": error.output_frame,
        "timeline time": _timeline_time(error),
        "source time": None if error.source_time is None else format_time(error.source_time),
    }
    for name, value in where.items():
        if value is not None:
            yield f"{name + ':':<15} {value}"
    if isinstance(error, ProjectError):
        several = len(error.problems) > 1
        for problem in error.problems:
            # A single problem's hint stands in the last line.
            yield _line(str(problem) if several else f"{problem.where}: {problem.message}")
        if error.more:
            yield f"and {error.more:,} more"


def _timeline_time(error: ExportError) -> str | None:
    time, frame = error.timeline_time, error.output_frame
    if time is None:
        return None
    if not frame or not time:
        return format_time(time)
    try:
        # Output frame n shows the time n / fps, exactly: that gives the rate back.
        return f"{timecode(frame, frame / time)} ({format_time(time)})"
    except TimeError:  # too slow for timecodes
        return format_time(time)


def _hint(error: ExportError) -> str:
    if isinstance(error, ProjectError) and len(error.problems) > 1:
        return f"correct these; `reelmill validate {error.file or 'PROJECT'}` checks again without rendering"
    if error.suggestion:
        return error.suggestion
    if isinstance(error, ProjectError):
        return (
            "docs/reference/project-file.md describes every field; `reelmill schema` lets editors check while you type"
        )
    if isinstance(error, Interrupted):
        return "run the same command to start again"
    return "run the same command with -v to see where this comes from"
