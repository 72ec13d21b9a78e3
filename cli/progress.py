"""What an export tells while it works: listeners that turn its events into lines, a bar or JSON on stderr.

Passive, on the render thread (the main thread). No drawing thread: the bar moves when the export tells something.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from reelmill.cli.log_lines import log_line
from reelmill.cli.talk import is_terminal, printable, styled, talk, wants_colour
from reelmill.export.opening.job import Listening, Progress, SilentListener, Started, StartedOutput
from reelmill.planner.clock import format_time

if TYPE_CHECKING:
    import rich.progress

ProgressStyle = Literal["auto", "bar", "json", "none"]
JSON_INTERVAL_SECONDS = 0.5
HEARTBEAT_SECONDS = 60.0
"""A log that stays empty for long looks like a hanging export, to people and to watchdogs."""


class Narrator(SilentListener):
    """Says nothing, and lets the export be stopped at its checkpoints. The others build on it."""

    def __init__(self, checkpoint: Callable[[], None]) -> None:
        self._checkpoint = checkpoint

    def checkpoint(self) -> None:
        self._checkpoint()

    def finished(self, report: dict[str, Any]) -> None:
        """Told by the command when the film lies under its name."""

    def failed(self, error: dict[str, Any], exit_code: int) -> None:
        """Told by the command before the error is printed; `error` as in the report."""

    def logged(self, level: str, message: str) -> None:
        """Something that a room logged; any thread."""

    def close(self) -> None:
        """The last call: leaves the terminal as it was."""


def narrator(style: ProgressStyle, quiet: bool, checkpoint: Callable[[], None]) -> Narrator:
    """The listener for `--progress` and `-q`. There is no bar where stderr is no terminal."""
    if style == "json":
        return JsonNarrator(checkpoint)
    if quiet:
        return Narrator(checkpoint)
    if style in ("auto", "bar") and is_terminal():
        return BarNarrator(checkpoint)
    return LineNarrator(checkpoint, heartbeat=style != "none")


class LineNarrator(Narrator):
    """Lines: what was chosen, warnings, a sign of life each minute, and what came out."""

    def __init__(self, checkpoint: Callable[[], None], *, heartbeat: bool) -> None:
        super().__init__(checkpoint)
        self._heartbeat = heartbeat
        self._told = time.monotonic()

    def started(self, event: Started) -> None:
        for line in start_lines(event):
            self._say(line)

    def listened(self, event: Listening) -> None:
        if self._is_time():
            self._say(listening_line(event))

    def progressed(self, event: Progress) -> None:
        if self._is_time():
            self._say(progress_line(event))

    def _is_time(self) -> bool:
        """For a sign of life."""
        now = time.monotonic()
        if not self._heartbeat or now - self._told < HEARTBEAT_SECONDS:
            return False
        self._told = now
        return True

    def warned(self, message: str) -> None:
        self._say(f"{styled('warning:', colour='yellow', bold=True)} {printable(message)}")

    def logged(self, level: str, message: str) -> None:
        self._say(log_line(level, message))

    def finished(self, report: dict[str, Any]) -> None:
        for output in report["outputs"]:
            self._say(summary_line(report, output))
        if report["bottleneck"] is not None:
            self._say(f"bottleneck: {printable(report['bottleneck'])}")

    def _say(self, line: str) -> None:
        talk(line)


class BarNarrator(LineNarrator):
    """The lines, and a bar below them while frames are rendered."""

    def __init__(self, checkpoint: Callable[[], None]) -> None:
        super().__init__(checkpoint, heartbeat=False)
        self._bar: rich.progress.Progress | None = None

    def started(self, event: Started) -> None:
        self.close()
        super().started(event)
        if event.frames:
            self._show(0, event.frames, "", "")

    def listened(self, event: Listening) -> None:
        again = "" if event.times == 1 else f", time {event.times}"
        self._show(int(event.seconds), math.ceil(event.total_seconds), f"s of sound heard, for its loudness{again}", "")

    def progressed(self, event: Progress) -> None:
        left = "" if event.remaining_seconds is None else f"{clock(event.remaining_seconds)} left"
        speed = f"{event.frames_per_second:.1f} frames/s · {event.realtime_factor:.2f}×"
        self._show(event.frames, event.total, speed, left)

    def _show(self, done: int, total: int, speed: str, left: str) -> None:
        if self._bar is None:
            self._bar = _make_bar()
            self._bar.start()
            self._bar.add_task("", total=total, speed="", left="")
        self._bar.update(self._bar.task_ids[0], completed=done, speed=speed, left=left)
        self._bar.refresh()

    def finished(self, report: dict[str, Any]) -> None:
        self.close()
        super().finished(report)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _say(self, line: str) -> None:
        if self._bar is None:
            talk(line)
        else:
            from rich.text import Text

            self._bar.console.print(Text.from_ansi(line), soft_wrap=True)


def _make_bar() -> rich.progress.Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn

    return Progress(
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True, no_color=not wants_colour(), highlight=False),
        auto_refresh=False,
        transient=True,
        expand=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


class JsonNarrator(Narrator):
    """One JSON object a line: started, progress (twice a second, and the last), warning, done, error."""

    def __init__(self, checkpoint: Callable[[], None]) -> None:
        super().__init__(checkpoint)
        self._told: float | None = None

    def started(self, event: Started) -> None:
        first = event.outputs[0]
        self._tell(
            "started",
            output=first.path,
            frames=event.frames,
            fps=str(event.fps),
            width=first.width,
            height=first.height,
            system=event.system,
            system_reason=event.system_reason,
            renderer=event.renderer,
            renderer_kind=event.renderer_kind,
            hwaccel=event.hwaccel,
            hwaccel_reason=event.hwaccel_reason,
            video_codec=first.video_codec,
            audio_codec=first.audio_codec,
            copying=first.copying,
            outputs=[{**asdict(output), "fps": str(output.fps)} for output in event.outputs],
        )

    def logged(self, level: str, message: str) -> None:
        self._tell("log", level=level, message=message)

    def listened(self, event: Listening) -> None:
        if self._is_time() or event.seconds == event.total_seconds:
            self._tell("listening", **asdict(event))

    def progressed(self, event: Progress) -> None:
        if self._is_time() or event.frames == event.total:
            left = event.remaining_seconds
            self._tell(
                "progress",
                frames=event.frames,
                total=event.total,
                elapsed_seconds=round(event.elapsed_seconds, 3),
                frames_per_second=round(event.frames_per_second, 3),
                realtime_factor=round(event.realtime_factor, 4),
                remaining_seconds=None if left is None else round(left, 3),
            )

    def warned(self, message: str) -> None:
        self._tell("warning", message=message)

    def finished(self, report: dict[str, Any]) -> None:
        names = ("frames", "duration_seconds", "wall_seconds", "realtime_factor", "bottleneck", "outputs")
        self._tell("done", **{name: report[name] for name in names})

    def failed(self, error: dict[str, Any], exit_code: int) -> None:
        self._tell("error", exit_code=exit_code, **error)

    def _is_time(self) -> bool:
        now = time.monotonic()
        if self._told is not None and now - self._told < JSON_INTERVAL_SECONDS:
            return False
        self._told = now
        return True

    def _tell(self, event: str, **fields: object) -> None:
        talk(json.dumps({"event": event, **fields}))


_SYSTEMS = {"v1": "one decoder for each clip", "v2": "decoders that clips share"}


def start_lines(event: Started) -> list[str]:
    """What will be made, and by what."""
    lines = [_output_line(output) for output in event.outputs]
    if not event.frames:
        return lines
    lines.append(f"system {event.system}, {_SYSTEMS[event.system]}: {printable(event.system_reason)}")
    if event.renderer is not None:
        lines.append(f"renderer: {printable(event.renderer)}, {event.renderer_kind}")
    if event.hwaccel_reason is not None:
        lines.append(f"hwaccel {event.hwaccel}: {printable(event.hwaccel_reason)}")
    for output in event.outputs:
        if output.copying is not None:
            of = f" of {printable(output.path)}" if len(event.outputs) > 1 else ""
            lines.append(f"copy auto{of}: {printable(output.copying)}")
    return lines


def _output_line(output: StartedOutput) -> str:
    name = styled(printable(output.path), bold=True)
    codecs = " + ".join(codec for codec in (output.video_codec, output.audio_codec) if codec)
    if not output.frames:
        return f"{name}: sound alone, {codecs}"
    picture = f"{output.width}×{output.height}"
    match output.kind:
        case "poster":
            return f"{name}: a picture, {picture}"
        case "sheet":
            return f"{name}: a contact sheet"
    duration = format_time(output.frames / output.fps)
    made = f", {codecs}" if codecs else ""
    return f"{name}: {picture} at {rate(output.fps)} frames/s, {output.frames} frames ({duration}){made}"


def progress_line(event: Progress) -> str:
    """The bar's facts as one line."""
    left = "" if event.remaining_seconds is None else f", {clock(event.remaining_seconds)} left"
    percent = 100 * event.frames // event.total
    speed = f"{event.frames_per_second:.1f} frames/s, {event.realtime_factor:.2f} × real time"
    return f"{percent} %: {event.frames} of {event.total} frames, {speed}{left}"


def listening_line(event: Listening) -> str:
    """How far the sound was heard that is brought to a loudness, as one line."""
    again = "" if event.times == 1 else f", for the {event.times}. time"
    percent = int(100 * event.seconds / event.total_seconds)
    return f"measuring loudness{again}: {percent} %, {clock(event.seconds)} of {clock(event.total_seconds)}"


def summary_line(report: dict[str, Any], output: dict[str, Any]) -> str:
    """What came out. `report` and `output` as in the report."""
    frames = f"{output['frames']} frames, " if output["frames"] > 1 else ""
    factor = report["realtime_factor"]
    speed = "" if factor is None else f" ({factor:.2f} × real time)"
    made = styled("wrote", colour="green", bold=True)
    size = size_text(output["bytes"])
    return f"{made} {printable(output['path'])}: {frames}{size}, in {report['wall_seconds']:.1f} s{speed}"


def rate(fps: Fraction) -> str:
    """Frames a second for people: 30, 29.97."""
    return f"{float(fps):.3f}".rstrip("0").rstrip(".")


def size_text(size: int) -> str:
    """Bytes for people, in units of 1000."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"


def clock(seconds: float) -> str:
    """`M:SS` or `H:MM:SS`."""
    whole = round(seconds)
    minutes = f"{whole // 60 % 60}:{whole % 60:02}"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else minutes
