"""`reelmill plan`: what an export would do, as a table, JSON or a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from reelmill.cli.invocation import Invocation, verbose_option
from reelmill.cli.options import (
    cache_size_option,
    copy_option,
    hwaccel_option,
    network_option,
    range_option,
    set_option,
    system_option,
)
from reelmill.cli.parameters import PATH
from reelmill.cli.progress import clock, rate, size_text
from reelmill.cli.table import print_table
from reelmill.cli.talk import printable, show_json, styled, talk, warn
from reelmill.export.opening.job import Copy, ExportOptions, SystemChoice
from reelmill.planner.clock import format_time
from reelmill.planner.hardware import Hwaccel

if TYPE_CHECKING:
    from reelmill.export.films.copying import CopyPart
    from reelmill.export.telling.plan_description import FileUse, OutputBox, PlanDescription

MAX_REASONS = 12
"""For not copying, that are listed."""
MAX_RANGES = 3
"""Of a file that the table lists."""


@click.command(short_help="Tell what an export would do, without rendering.")
@click.argument("project", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")
@click.option("--html", type=PATH, metavar="FILE", help="Write one self-contained page: timeline and decode ranges.")
@system_option
@range_option
@set_option
@copy_option
@hwaccel_option
@cache_size_option
@network_option
@verbose_option
@click.pass_obj
def plan(invocation: Invocation, /, project: Path, as_json: bool, html: Path | None, **flags: Any) -> None:
    """Tell what an export of PROJECT would do: the system, the use of each file, an estimate. Renders nothing."""
    from reelmill.export.api import plan as describe_plan
    from reelmill.export.outputs.text_file import check_page_path

    if html is not None:
        check_page_path(html, (project,))
    options = ExportOptions(
        variables=dict(flags["variables"]),
        system=cast(SystemChoice, flags["system"]),
        range=flags["range_"],
        hwaccel=cast(Hwaccel, flags["hwaccel"]),
        copy=cast(Copy, flags["copy"]),
        cache_bytes=flags["cache_size"],
        allow_network=flags["allow_network"],
    )
    found = describe_plan(project, options=options)
    if html is not None:
        from reelmill.export.telling.plan_page import write_plan_page

        invocation.interruption.checkpoint()
        write_plan_page(html, found)
    if as_json:
        show_json(found.as_dict())
        return
    for warning in found.warnings:
        warn(warning)
    for line in _lines(found):
        click.echo(printable(line))
    if found.files:
        click.echo()
        _print_files(found)
    if html is not None:
        talk(f"{styled('wrote', colour='green', bold=True)} {printable(str(html))}")


def _lines(found: PlanDescription) -> Iterator[str]:
    picture = f"{found.width}×{found.height} at {rate(found.fps)} frames/s"
    where = f" from {format_time(found.start)}" if found.start else ""
    amount = f"{found.frames} frames ({format_time(found.end - found.start)}{where})"
    content = f"{_count(found.clips, 'clip')}, {_count(len(found.nested), 'nested composition')}"
    yield f"{found.project}: {picture}, {amount}, {content}"
    yield f"system {found.system}: {found.system_reason}"
    if found.hwaccel_reason is not None:
        yield f"hwaccel {found.hwaccel}: {found.hwaccel_reason}"
    yield f"estimate: {_about(found.estimated_seconds)} on this machine, before anything was measured"
    if found.system == "v2":
        share = sum(file.cache_share for file in found.files)
        yield f"cache: {share:.0%} of {size_text(found.cache_bytes)} at most"
    for output in found.outputs:
        yield f"output {output.path}: {_output(output)}"
    if found.copying is not None:
        yield from _copying(found.copying)


def _output(output: OutputBox) -> str:
    parts: list[str] = [output.kind]
    if output.width is not None:
        parts.append(f"{output.width}×{output.height}")
    if output.kind not in ("poster", "sheet", "sound"):
        parts.append(f"{output.frames} frames at {rate(output.fps)} frames/s")
    parts.append(f"{_seconds(output.start)}–{_seconds(output.end)} s")
    codecs = " + ".join(codec for codec in (output.video_codec, output.audio_codec) if codec)
    return ", ".join([*parts, *([codecs] if codecs else [])])


def _copying(parts: Sequence[CopyPart]) -> Iterator[str]:
    from reelmill.export.films.copying import copy_summary, encoded_frames

    yield f"copy: {copy_summary(parts)}"
    reasons = encoded_frames(parts)
    for why, frames in list(reasons.items())[:MAX_REASONS]:
        yield f"  {_count(frames, 'frame')} encoded: {why}"
    if len(reasons) > MAX_REASONS:
        yield f"  {len(reasons) - MAX_REASONS} more reasons: see --json"


def _print_files(found: PlanDescription) -> None:
    heads = ["file", "ranges", "clips", "frames", "shown", "decoders"]
    cached = found.system == "v2"
    rows = [_row(file, found.frames, cached) for file in found.files]
    print_table([*heads, *(["cache"] if cached else [])], rows, left=2)


def _row(file: FileUse, film_frames: int, cached: bool) -> list[str]:
    numbers = ["", "", "", ""]
    if file.frames:
        share = f"{file.output_frames / film_frames:.0%}{' heavy' if file.heavy else ''}"
        numbers = [str(file.frames), share, str(file.cursors), f"{file.cache_share:.0%}"]
    return [file.path, _ranges(file), str(file.clips), *(numbers if cached else numbers[:-1])]


def _ranges(file: FileUse) -> str:
    if not file.ranges:
        return "still" if file.frames else "sound alone"
    told = ", ".join(f"{_seconds(start)}–{_seconds(end)} s" for start, end in file.ranges[:MAX_RANGES])
    left = len(file.ranges) - MAX_RANGES
    return f"{told}, {left} more" if left > 0 else told


def _seconds(time: Fraction) -> str:
    return f"{float(time):.2f}".rstrip("0").rstrip(".")


def _about(seconds: float) -> str:
    whole = max(round(seconds), 1)
    return f"{whole} s" if whole < 60 else clock(whole)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
