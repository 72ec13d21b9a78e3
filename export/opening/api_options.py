"""The options of the Python interface: keyword arguments, by the names of the command line's flags.

In: what a script gives: texts, numbers, paths. Out: `ExportOptions`. Light: imports no media library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, TypedDict

from reelmill.export.opening.job import Copy, ExportOptions, Renderer, SystemChoice
from reelmill.export.opening.option_texts import parse_bitrate, parse_bytes, parse_range, parse_size
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
    system: SystemChoice
    range: tuple[TimeLike, TimeLike] | str
    """Start (inclusive) and end (exclusive) on the timeline; also as a text such as "2.5..10"."""
    video_codec: str | None
    crf: float | None
    bitrate: int | str | None
    """Of the pictures, bits a second; also as a text such as "8M"."""
    preset: str | None
    pix_fmt: str | None
    gop: int | None
    audio_codec: str | None
    audio_bitrate: int | str | None
    no_audio: bool
    size: tuple[int, int] | str | None
    """Width and height of the output, pixels; also as a text such as "1280x720"."""
    draft: bool
    threads: int | None
    """Of the encoder."""
    copy: Copy
    cache_bytes: int | str
    memory_limit_bytes: int | str
    """Bytes, or a text such as "500MB"."""
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
_TEXTS: dict[str, Callable[[str], object]] = {
    "range": parse_range,
    "size": parse_size,
    "bitrate": parse_bitrate,
    "audio_bitrate": parse_bitrate,
    "cache_bytes": parse_bytes,
    "memory_limit_bytes": parse_bytes,
}
"""How options are read that are given as the texts of the command line."""
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
    for name, parse in _TEXTS.items():
        if isinstance(told.get(name), str):
            told[name] = _parsed(name, parse, told[name])
    if told.get("size") is not None:
        told["size"] = _as_size(told["size"])
    video = {_VIDEO[name]: told.pop(name) for name in _VIDEO if name in told}
    audio = {_AUDIO[name]: told.pop(name) for name in _AUDIO if name in told}
    if told.get("range") is not None:
        told["range"] = _as_range(told["range"])
    if told.get("depfile") is not None:
        told["depfile"] = Path(told["depfile"])
    return replace(base, video=_merged(base.video, video), audio=_merged(base.audio, audio), **told)


def _parsed(name: str, parse: Callable[[str], object], text: str) -> object:
    try:
        return parse(text)
    except ValueError as error:
        raise _refused(f"{name}: {error}", f"docs/guide/python.md tells what {name} may be") from error


def _as_range(value: object) -> tuple[Time, Time]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise _refused(f"range is {value!r}, and must be two times", 'write (2.5, 10), ("60f", "300f") or "2.5..10"')
    return as_time(value[0]), as_time(value[1])


def _as_size(value: object) -> tuple[int, int]:
    whole = isinstance(value, tuple | list) and [each for each in value if type(each) is int and each > 0]
    if not whole or len(whole) != 2 or whole != list(value):  # type: ignore[call-overload]
        raise _refused(f"size is {value!r}, and must be two whole numbers of pixels", 'write (1280, 720) or "1280x720"')
    return whole[0], whole[1]


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
