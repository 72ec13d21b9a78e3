"""`reelmill init`, `validate`, `frame` and `schema`: flags → one call → a few lines."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from reelmill.cli.invocation import Invocation, verbose_option
from reelmill.cli.options import decoding_options, network_option, no_fast_paths_option, renderer_option, set_option
from reelmill.cli.parameters import PATH, SIZE, TIME
from reelmill.cli.progress import Narrator, rate
from reelmill.cli.talk import printable, show_json, styled, talk, warn
from reelmill.export.opening.job import ExportOptions, Renderer, SystemChoice
from reelmill.planner.clock import Time, format_time
from reelmill.planner.errors import ProjectError, SetupError

if TYPE_CHECKING:
    from reelmill.export.validation import Validation

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")


@click.command(short_help="Write a small project to start from.")
@click.argument("directory", type=PATH, default=".", metavar="[DIR]")
@click.option("--force", is_flag=True, help="Replace a project.json that exists.")
@verbose_option
@click.pass_obj
def init(invocation: Invocation, directory: Path, force: bool) -> None:
    """Write a small project to start from: DIR/project.json."""
    from reelmill.export.outputs.part_file import write_whole
    from reelmill.planner.project_file.starter import starter_project

    path = directory / "project.json"
    invocation.interruption.checkpoint()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not force and os.path.lexists(path):
            raise FileExistsError
        write_whole(path, [starter_project().encode()])
    except FileExistsError as error:
        what = "the project file exists" if os.path.lexists(path) else "the folder's name belongs to a file"
        raise SetupError(
            what, component="Project", file=str(path), suggestion="--force replaces it, or name another folder"
        ) from error
    except OSError as error:
        raise SetupError(
            f"the project file can't be written: {error.strerror}",
            component="Project",
            file=str(path),
            suggestion="name a folder that you may write to",
        ) from error
    talk(f"wrote {printable(str(path))}; a film of it:")
    talk(f"  reelmill export {shlex.quote(str(path))} {shlex.quote(str(directory / 'film.mp4'))}")


@click.command(short_help="Find every problem in a project, without rendering.")
@click.argument("project", type=PATH)
@set_option
@network_option
@_json_option
@verbose_option
def validate(project: Path, variables: tuple[tuple[str, str], ...], allow_network: bool, as_json: bool) -> None:
    """Find every problem in PROJECT and its media, without rendering."""
    from reelmill.export.api import validate as validate_project

    options = ExportOptions(variables=dict(variables), allow_network=allow_network)
    try:
        found = validate_project(project, options=options)
    except ProjectError as error:
        if as_json:
            fields = error.as_dict()
            told = {name: fields[name] for name in ("problems", "more_problems")}
            show_json({"valid": False, **told, "warnings": []})
        raise
    if as_json:
        show_json(_facts(found))
        return
    for warning in found.warnings:
        warn(warning)
    picture = f"{found.width}×{found.height} at {rate(found.fps)} frames/s, {found.frames} frames"
    content = f"{format_time(found.duration)}, {_count(found.clips, 'clip')}, {_count(found.media, 'file')}"
    talk(f"{styled('valid', colour='green', bold=True)}: {printable(str(project))}: {picture}, {content}")


def _facts(found: Validation) -> dict[str, Any]:
    return {
        "valid": True,
        "problems": [],
        "more_problems": 0,
        "warnings": list(found.warnings),
        "frames": found.frames,
        "duration_seconds": float(found.duration),
        "fps": str(found.fps),
        "width": found.width,
        "height": found.height,
        "clips": found.clips,
        "media": found.media,
        "outputs": list(found.outputs),
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@click.command(short_help="Write one picture of a project.")
@click.argument("project", type=PATH)
@click.argument("output", type=PATH)
@click.option("--at", type=TIME, required=True, metavar="TIME", help='Seconds, "N/D", frames ("120f") or a timecode.')
@set_option
@click.option(
    "--size", type=SIZE, metavar="WxH", help="Scale the finished picture, with bars where the aspect differs."
)
@decoding_options
@renderer_option
@no_fast_paths_option
@click.option("--force", is_flag=True, help="Replace a picture that exists.")
@network_option
@verbose_option
@click.pass_obj
def frame(invocation: Invocation, /, project: Path, output: Path, at: Time, **flags: Any) -> None:
    """Write the picture of PROJECT that is on screen at a time to OUTPUT; its extension names the format."""
    from reelmill.export.api import frame as write_frame

    options = ExportOptions(
        variables=dict(flags["variables"]),
        size=flags["size"],
        system=cast(SystemChoice, flags["system"]),
        cache_bytes=flags["cache_size"],
        memory_limit_bytes=flags["memory_limit"],
        renderer=cast(Renderer, flags["renderer"]),
        fast_paths=not flags["no_fast_paths"],
        force=flags["force"],
        allow_network=flags["allow_network"],
    )
    invocation.interruption.checkpoint()
    write_frame(project, at, output, listener=_FrameNarrator(invocation.interruption.checkpoint), options=options)
    talk(f"{styled('wrote', colour='green', bold=True)} {printable(str(output))}")


class _FrameNarrator(Narrator):
    """Prints warnings; one frame needs no progress."""

    def warned(self, message: str) -> None:
        warn(message)


@click.command(short_help="Print the JSON Schema of the project file.")
@verbose_option
def schema() -> None:
    """Print the JSON Schema of the project file, for editors and checks."""
    from reelmill.planner.project_file.schema import json_schema

    show_json(json_schema())
