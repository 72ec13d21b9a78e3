"""Options that several commands take, each defined once."""

from __future__ import annotations

from typing import Any, get_args

import click

from reelmill.cli.parameters import BYTES, RANGE, VARIABLE
from reelmill.export.opening.job import DEFAULT_CACHE_BYTES, DEFAULT_MEMORY_LIMIT_BYTES, Copy, Renderer, SystemChoice
from reelmill.planner.hardware import HWACCELS

system_option = click.option(
    "--system", type=click.Choice(get_args(SystemChoice)), default="auto", help="How sources are decoded."
)
range_option = click.option(
    "--range", "range_", type=RANGE, metavar="START..END", help="Only the frames with START ≤ time < END."
)
set_option = click.option(
    "--set",
    "variables",
    type=VARIABLE,
    multiple=True,
    metavar="NAME=VALUE",
    help="Give a variable a value; repeatable.",
)
cache_size_option = click.option(
    "--cache-size",
    type=BYTES,
    default=DEFAULT_CACHE_BYTES,
    show_default="500MB",
    metavar="SIZE",
    help="Decoded frames that V2 keeps.",
)
memory_limit_option = click.option(
    "--memory-limit",
    type=BYTES,
    default=DEFAULT_MEMORY_LIMIT_BYTES,
    show_default="1GB",
    metavar="SIZE",
    help="Hard limit of that cache.",
)


def decoding_options(command: Any) -> Any:
    """How sources are decoded, and what that may take: of every command that makes pictures."""
    for option in (memory_limit_option, cache_size_option, system_option):
        command = option(command)
    return command


copy_option = click.option(
    "--copy",
    type=click.Choice(get_args(Copy)),
    default="off",
    help="auto: copy the packets of untouched stretches, encode the rest.",
)
renderer_option = click.option(
    "--renderer", type=click.Choice(get_args(Renderer)), default="auto", help="Which OpenGL may draw."
)
hwaccel_option = click.option(
    "--hwaccel",
    type=click.Choice(HWACCELS),
    default="none",
    help="What decodes videos: a kind of device, or the first that works (auto).",
)
no_fast_paths_option = click.option(
    "--no-fast-paths", is_flag=True, help="Take no short cuts: draw all that is there, every frame anew."
)
audio_workers_option = click.option(
    "--audio-workers",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Threads that decode sound; default one for each core, at most 4.",
)
network_option = click.option("--allow-network", is_flag=True, help="Let media be network addresses.")
