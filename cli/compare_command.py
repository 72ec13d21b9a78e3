"""`reelmill compare`: V1 and V2 on one project, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from reelmill.cli.invocation import Invocation, verbose_option
from reelmill.cli.options import (
    cache_size_option,
    memory_limit_option,
    network_option,
    no_fast_paths_option,
    range_option,
    renderer_option,
    set_option,
)
from reelmill.cli.parameters import PATH
from reelmill.cli.progress import HEARTBEAT_SECONDS, rate, size_text
from reelmill.cli.table import print_table
from reelmill.cli.talk import is_terminal, printable, show_json, talk, wants_colour, warn
from reelmill.export.opening.job import ExportOptions, Renderer
from reelmill.planner.clock import format_time
from reelmill.planner.outputs import VideoSettings

if TYPE_CHECKING:
    import rich.progress

    from reelmill.export.checks.comparison import Comparison, Difference
    from reelmill.export.checks.comparison_run import SystemRun

DIFFERENT = 3


@click.command(short_help="Render with V1 and with V2, and compare the pictures bit by bit.")
@click.argument("project", type=PATH)
@range_option
@set_option
@click.option("--pix-fmt", metavar="FORMAT", help="Pixel format to compare in, such as yuv420p10le.")
@cache_size_option
@memory_limit_option
@renderer_option
@no_fast_paths_option
@click.option(
    "--difference",
    type=PATH,
    default="difference.png",
    show_default="difference.png",
    metavar="FILE",
    help="Where the picture of the first differing frame goes; replaced if it exists.",
)
@network_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")
@verbose_option
@click.pass_obj
def compare(invocation: Invocation, /, project: Path, difference: Path, as_json: bool, **flags: Any) -> int:
    """Render PROJECT with V1 and with V2, and compare the pictures bit by bit; exit code 3 where they differ."""
    from reelmill.export.checks.comparison import compare_systems

    options = ExportOptions(
        variables=dict(flags["variables"]),
        range=flags["range_"],
        video=VideoSettings(pix_fmt=flags["pix_fmt"]),
        cache_bytes=flags["cache_size"],
        memory_limit_bytes=flags["memory_limit"],
        renderer=cast(Renderer, flags["renderer"]),
        fast_paths=not flags["no_fast_paths"],
        allow_network=flags["allow_network"],
    )
    invocation.interruption.checkpoint()
    told = _Told(invocation.interruption.checkpoint)
    try:
        found = compare_systems(project, options, difference, told)
    finally:
        told.close()
    if as_json:
        show_json(found.as_dict())
    else:
        _print(found)
    return 0 if found.difference is None else DIFFERENT


class _Told:
    """Progress of the two renderings: a bar on a terminal, elsewhere a line a minute."""

    def __init__(self, checkpoint: Callable[[], None]) -> None:
        self._checkpoint = checkpoint
        self._last = time.monotonic()
        self._bar: rich.progress.Progress | None = None
        self._tasks: dict[str, rich.progress.TaskID] = {}
        if is_terminal():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True, no_color=not wants_colour(), highlight=False),
                auto_refresh=False,
                transient=True,
                expand=True,
            )
            self._bar.start()

    def checkpoint(self) -> None:
        self._checkpoint()

    def progressed(self, system: str, frames: int, total: int) -> None:
        if self._bar is not None:
            if system not in self._tasks:
                self._tasks[system] = self._bar.add_task(system.upper(), total=total)
            self._bar.update(self._tasks[system], completed=min(frames, total))
            self._bar.refresh()
        elif time.monotonic() - self._last >= HEARTBEAT_SECONDS:
            self._last = time.monotonic()
            talk(f"{system}: {frames} of {total} frames")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _print(found: Comparison) -> None:
    for warning in found.warnings:
        warn(warning)
    rows = [[name, tell(found.v1), tell(found.v2)] for name, tell in _MEASURES]
    print_table(["", "V1", "V2"], rows)
    click.echo()
    ratio = found.v1.seconds / found.v2.seconds
    click.echo(f"V2 is {ratio:.2f} × as fast as V1")
    picture = f"{found.width}×{found.height}, {found.pixel_format}, at {rate(found.fps)} frames/s"
    if found.difference is None:
        click.echo(f"identical: {_count(len(found.frames), 'frame')}, {picture}")
    else:
        for line in _difference_lines(found, found.difference, picture):
            click.echo(line)


def _difference_lines(found: Comparison, difference: Difference, picture: str) -> list[str]:
    figures = difference.figures
    first = f"frame {difference.frames[0]}, at {format_time(difference.time)}"
    apart = f"{_count(figures.samples, 'sample')} in {_count(figures.pixels, 'pixel')}, by {figures.largest} at most"
    return [
        f"different: {len(difference.frames)} of {_count(len(found.frames), 'frame')}, {picture}",
        f"  first:    {first}: {apart}",
        f"  picture:  {printable(str(difference.picture))} (V1, V2, where they differ)",
    ]


_MEASURES: tuple[tuple[str, Callable[[SystemRun], str]], ...] = (
    ("time", lambda run: f"{run.seconds:.2f} s"),
    ("frames/s", lambda run: f"{len(run.digests) / run.seconds:.1f}"),
    ("decoding (busy)", lambda run: f"{run.decode_seconds:.2f} s"),
    ("compositing", lambda run: f"{run.composite_seconds:.2f} s"),
    ("peak memory", lambda run: "unknown" if run.peak_memory_bytes is None else size_text(run.peak_memory_bytes)),
    ("frames decoded", lambda run: str(run.frames_decoded)),
    ("frames needed", lambda run: str(run.frames_requested)),
    ("seeks", lambda run: str(run.seeks)),
    ("decoders opened", lambda run: str(run.decoders_opened)),
    ("open at once", lambda run: str(run.peak_open)),
    ("cache hits", lambda run: "" if run.cache_hit_rate is None else f"{run.cache_hit_rate:.1%}"),
    ("cache peak", lambda run: size_text(run.cache_peak_bytes) if run.cache_peak_bytes else ""),
)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
