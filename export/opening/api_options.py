"""The options of the Python interface: keyword arguments, by the names of the command line's flags.

In: what a script gives: texts, numbers, paths. Out: `ExportOptions`. Light: imports no media library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, TypedDict

from reelmill.export.opening.job import Copy, ExportOptions, Renderer, System
from reelmill.planner.clock import Time, TimeError, parse_time
from reelmill.planner.errors import SetupError
from reelmill.planner.hardware import Hwaccel

TimeLike = Time | str | int | float | Decimal | Fraction
"""Seconds, or a text such as "120f", "1001/30000" or a timecode."""
PathLike = Path | str


class RenderOptions(TypedDict, total=False):
    """What a render may be asked for; what is left out is the project's, or the default of `reelmill export`."""

    variables: Mapping[str, object]
    """Values by name: anything that JSON has, and paths and fractions."""
    system: System
    range: tuple[TimeLike, TimeLike]
    """Start (inclusive) and end (exclusive) on the timeline."""
    video_codec: str | None
    crf: float | None
    bitrate: int | None
    """Of the pictures, bits a second."""
    preset: str | None
    pix_fmt: str | None
    gop: int | None
    audio_codec: str | None
    audio_bitrate: int | None
    no_audio: bool
    size: tuple[int, int] | None
    """Width and height of the output, pixels."""
    draft: bool
    threads: int | None
    """Of the encoder."""
    copy: Copy
    cache_bytes: int
    memory_limit_bytes: int
    audio_workers: int | None
    renderer: Renderer
    hwaccel: Hwaccel
    fast_paths: bool
    depfile: PathLike | None
    """Where to write a rule for make: what the outputs were made from."""
    force: bool
    """Replace an output that exists."""
    allow_network: bool


_VIDEO = {"video_codec": "codec", **{name: name for name in ("crf", "bitrate", "preset", "pix_fmt", "gop")}}
_AUDIO = {"audio_codec": "codec", "audio_bitrate": "bitrate"}
"""Names of ours, and those of the fields that they are."""


def export_options(base: ExportOptions | None, given: RenderOptions) -> ExportOptions:
    """The options that keyword arguments make of others, or of the defaults. Raises SetupError."""
    told: dict[str, Any] = dict(given)
    unknown = told.keys() - RenderOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"unknown option: {', '.join(sorted(unknown))}")
    if told.get("crf") is not None and told.get("bitrate") is not None:
        raise _refused("crf and bitrate exclude each other", "one gives the quality, the other the size")
    base = base or ExportOptions()
    video = {_VIDEO[name]: told.pop(name) for name in _VIDEO if name in told}
    audio = {_AUDIO[name]: told.pop(name) for name in _AUDIO if name in told}
    if told.get("range") is not None:
        told["range"] = tuple(as_time(each) for each in told["range"])
    if told.get("depfile") is not None:
        told["depfile"] = Path(told["depfile"])
    return replace(base, video=_merged(base.video, video), audio=_merged(base.audio, audio), **told)


def _merged(settings: Any, given: dict[str, Any]) -> Any:
    return replace(settings, **given) if given else settings


def as_time(value: TimeLike) -> Time:
    """A time as scripts write it. Raises SetupError."""
    if isinstance(value, Time):
        return value
    try:
        return parse_time(Decimal(repr(value)) if isinstance(value, float) else value)
    except (TimeError, ArithmeticError) as error:
        raise _refused(f"{value!r} is not a time: {error}", 'write seconds, "N/D", "120f" or a timecode') from error


def _refused(message: str, suggestion: str) -> SetupError:
    return SetupError(message, component="Options", suggestion=suggestion)
