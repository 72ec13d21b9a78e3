"""`reelmill check`: renders against goldens, for people and for CI."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from reelmill.cli.github_annotations import annotation_lines, in_github_actions
from reelmill.cli.invocation import Invocation, verbose_option
from reelmill.cli.log_lines import log_line
from reelmill.cli.options import decoding_options, network_option, renderer_option, set_option
from reelmill.cli.parameters import PATH, Parsed
from reelmill.cli.progress import HEARTBEAT_SECONDS
from reelmill.cli.table import print_table
from reelmill.cli.talk import is_terminal, printable, show_json, styled, talk, wants_colour, warn
from reelmill.export.checks.check_job import CheckOptions, SilentCheckListener
from reelmill.export.opening.job import ExportOptions, Renderer, SystemChoice
from reelmill.planner.checks import parse_moments, parse_tolerance
from reelmill.planner.clock import format_time
from reelmill.planner.errors import ProjectError

if TYPE_CHECKING:
    import rich.progress

    from reelmill.export.checks.check_result import CheckResult, FrameResult, ProjectResult

MAX_LINES = 20
"""Differences of a project that are listed."""
_COLOURS = {"passed": "green", "stored": "green", "different": "red", "error": "red"}


@click.command(short_help="Render and compare with stored golden frames and sound.")
@click.argument("projects", type=PATH, nargs=-1, required=True, metavar="PROJECT...")
@click.option("--golden", type=PATH, required=True, metavar="DIR", help="The folder of the goldens.")
@click.option("--update", is_flag=True, help="Store what is rendered now; nothing else writes into the folder.")
@click.option(
    "--frames",
    type=Parsed("frames", parse_moments),
    metavar="MOMENTS",
    help="Look at these: times, every:30 and auto, with commas; default: where things change.",
)
@click.option(
    "--tolerance",
    type=Parsed("tolerance", parse_tolerance),
    metavar="TOLERANCE",
    help="exact, renderer, encoder, or figures such as 2:0.1%,ssim=0.95.",
)
@click.option("--encoded", is_flag=True, help="Compare what comes out of the encoder.")
@click.option(
    "--trust-keys", is_flag=True, help="Don't render frames whose sources, settings and renderer are unchanged."
)
@click.option("--junit", type=PATH, metavar="FILE", help="Write a JUnit report.")
@click.option("--html", type=PATH, metavar="FILE", help="Write one self-contained page with pictures.")
@decoding_options
@set_option
@renderer_option
@network_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but differences and errors.")
@verbose_option
@click.pass_obj
def check(
    invocation: Invocation,
    /,
    projects: tuple[Path, ...],
    golden: Path,
    junit: Path | None,
    html: Path | None,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> int:
    """Render each PROJECT at chosen moments, and compare pictures and sound with the goldens in a folder.

    PROJECT may be a pattern, such as 'ads/**/project.json'.

    Exit code 3 where something differs; a golden that is missing is a difference.
    """
    from reelmill.export.api import check as check_projects
    from reelmill.export.checks.check_page import write_check_page
    from reelmill.export.checks.junit_file import check_junit_path, write_junit
    from reelmill.export.opening.project_patterns import matching_projects
    from reelmill.export.outputs.text_file import check_page_path

    options = CheckOptions(
        frames=flags["frames"],
        tolerance=flags["tolerance"],
        encoded=flags["encoded"],
        update=flags["update"],
        trust_keys=flags["trust_keys"],
        pictures=html is not None,
        export=ExportOptions(
            variables=dict(flags["variables"]),
            system=cast(SystemChoice, flags["system"]),
            cache_bytes=flags["cache_size"],
            memory_limit_bytes=flags["memory_limit"],
            renderer=cast(Renderer, flags["renderer"]),
            allow_network=flags["allow_network"],
        ),
    )
    projects = tuple(path for pattern in projects for path in matching_projects(str(pattern))[1])
    if junit is not None:
        check_junit_path(junit, projects)
    if html is not None:
        check_page_path(html, projects)
    invocation.interruption.checkpoint()
    told = _Told(invocation.interruption.checkpoint, quiet=quiet)
    invocation.log.write = told.logged
    try:
        found = check_projects(projects, golden, check_options=options, listener=told)
    finally:
        told.close()
    for project in found.projects if invocation.verbose else ():
        if project.error is not None:
            talk("".join(traceback.format_exception(project.error)).rstrip())
    if in_github_actions():
        for line in annotation_lines(found):
            talk(line)
    if as_json:
        show_json(found.as_dict())
    else:
        _print(found, quiet=quiet)
    # Last, so that what was found is told also where they can't be written.
    if junit is not None:
        write_junit(junit, found)
    if html is not None:
        write_check_page(html, found)
    for path in (junit, html):
        if path is not None and not quiet:
            talk(f"{styled('wrote', colour='green', bold=True)} {printable(str(path))}")
    return found.exit_code


class _Told(SilentCheckListener):
    """Progress: a bar on a terminal, elsewhere a line a project and one a minute."""

    def __init__(self, checkpoint: Callable[[], None], *, quiet: bool) -> None:
        self._checkpoint = checkpoint
        self._quiet = quiet
        self._last = time.monotonic()
        self._project = ""
        self._bar: rich.progress.Progress | None = None
        if is_terminal() and not quiet:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True, no_color=not wants_colour(), highlight=False),
                auto_refresh=False,
                transient=True,
                expand=True,
            )
            self._bar.start()
            self._bar.add_task("", total=None)

    def checkpoint(self) -> None:
        self._checkpoint()

    def started(self, project: str, number: int, total: int) -> None:
        self._project = f"{number}/{total} {printable(project)}" if total > 1 else printable(project)
        if self._bar is not None:
            self._bar.reset(self._bar.task_ids[0], description=self._project, total=None)
            self._bar.refresh()

    def progressed(self, frames: int, total: int) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=frames, total=total)
            self._bar.refresh()
        elif not self._quiet and time.monotonic() - self._last >= HEARTBEAT_SECONDS:
            self._last = time.monotonic()
            talk(f"{self._project}: {frames} of {total} frames")

    def logged(self, level: str, message: str) -> None:
        """Something that a room logged; any thread."""
        if self._bar is not None:
            from rich.text import Text

            self._bar.console.print(Text.from_ansi(log_line(level, message)), soft_wrap=True)
        elif not self._quiet:
            talk(log_line(level, message))

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _print(found: CheckResult, *, quiet: bool) -> None:
    for project in found.projects:
        if not quiet:
            for warning in project.warnings:
                warn(f"{project.project}: {warning}")
    if not quiet:
        heads = ["project", "result", "frames", "same", "close", "different", "missing", "sound", "time"]
        print_table(heads, [_row(project) for project in found.projects], left=2)
    for project in found.projects:
        lines = list(_lines(project, quiet=quiet))
        if lines:
            state = styled(project.status, colour=_COLOURS[project.status], bold=True)
            click.echo(f"\n{state} {printable(project.project)}")
            for line in lines:
                click.echo(f"  {printable(line)}")


def _row(project: ProjectResult) -> list[str]:
    if project.error is not None:
        return [project.project, "error", *[""] * 6, f"{project.seconds:.1f} s"]
    counts = project.counts
    return [
        project.project,
        project.status,
        str(len(project.frames)),
        str(counts["same"] + counts["trusted"] + counts["stored"]),
        str(counts["close"] or ""),
        str(counts["different"] or ""),
        str(counts["missing"] + counts["gone"] or ""),
        project.sound.status if project.sound is not None else "none",
        f"{project.seconds:.1f} s",
    ]


def _lines(project: ProjectResult, *, quiet: bool) -> Iterator[str]:
    """What is wrong, or worth a word."""
    if project.error is not None:
        yield from _error_lines(project)
        return
    yield from project.facts
    bad = [each for each in project.frames if each.message is not None and each.status != "close"]
    for each in bad[:MAX_LINES]:
        yield _frame_line(each)
    if len(bad) > MAX_LINES:
        yield f"{len(bad) - MAX_LINES} more frames: see --json or --html"
    if project.sound is not None and project.sound.message is not None:
        yield f"sound: {project.sound.message}"
    if not quiet or project.differences:
        for note in project.notes:
            yield f"note: {note}"
        if project.notes and project.tolerance.name != "exact":
            yield f"note: compared with the tolerance {project.tolerance.name}"


def _frame_line(each: FrameResult) -> str:
    where = f"frame {each.frame}, at {format_time(each.time)}"
    return f"{where} ({', '.join(each.reasons)}): {each.message}" if each.reasons else f"{where}: {each.message}"


def _error_lines(project: ProjectResult) -> Iterator[str]:
    error = project.error
    assert error is not None
    yield error.summary
    named = {"component": error.component, "clip": error.clip, "composition": error.composition, "file": error.file}
    for name, value in named.items():
        if value is not None:
            yield f"{name + ':':<13}{value}"
    if isinstance(error, ProjectError):
        yield from error.listed()
    elif error.suggestion is not None:
        yield f"hint: {error.suggestion}"
