"""Containers: what each of them holds, how its muxer is told to work, and which one an output is. Pure tables.

In: the path of an output and what was said about it. Out: a `Container`, or a SetupError with those that there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from reelmill.planner.errors import SetupError
from reelmill.planner.outputs import STANDARD_OUTPUT

"""The path that stands for it."""
Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Container:
    """One kind of file."""

    suffix: str
    """Of its files' names, with the dot."""
    muxer: str
    """libav's name."""
    video: tuple[str, ...]
    """Codecs that fit; the first is the default. None at all: sound alone."""
    audio: tuple[str, ...]
    """Codecs that fit; the first that takes the project's sample rate is the default."""
    alpha: tuple[str, ...] = ()
    """Codecs that keep alpha in it."""
    options: Options = ()
    """Of the muxer."""
    fragments: Options | None = None
    """Options in place of `options` with which it is written in fragments; None: it has none."""
    piped: bool = False
    """It can be written from front to back, without going back to its beginning."""
    segmented: bool = False
    """A playlist, and many files that it names."""


_BITEXACT: Options = (("fflags", "+bitexact"),)
"""Without it Matroska and Ogg write random numbers."""
_FASTSTART: Options = (("movflags", "+faststart"),)
"""The index in front, so that players can begin before they have it all."""
_FRAGMENTS: Options = (("movflags", "+frag_keyframe+delay_moov+default_base_moof"),)
"""A fragment from keyframe to keyframe. The header waits for the first one, so that it can tell the encoders' delay."""
_SEGMENTS: Options = (("movflags", "+frag_keyframe+delay_moov+default_base_moof+skip_trailer"),)
_PCM = ("pcm", "pcm_s24le", "pcm_f32le")
CONTAINERS: dict[str, Container] = {
    container.suffix: container
    for container in (
        Container(
            ".mp4",
            *("mp4", ("h264", "hevc", "av1", "vp9"), ("aac", "opus", "flac", "alac", "mp3")),
            options=_FASTSTART,
            fragments=_FRAGMENTS,
        ),
        Container(
            ".mov",
            *("mov", ("h264", "hevc", "prores", "qtrle"), ("aac", *_PCM, "alac")),
            alpha=("prores", "qtrle"),
            options=_FASTSTART,
            fragments=_FRAGMENTS,
        ),
        Container(
            *(".mkv", "matroska", ("h264", "hevc", "av1", "vp9", "prores", "ffv1")),
            # AAC and MP3 last: readers as old as FFmpeg 5.1 take their encoders' padding for sound.
            ("opus", "flac", *_PCM, "alac", "aac", "mp3"),
            alpha=("vp9", "prores", "ffv1"),
            options=_BITEXACT,
            piped=True,
        ),
        Container(".webm", "webm", ("vp9", "av1"), ("opus",), alpha=("vp9",), options=_BITEXACT, piped=True),
        Container(".ts", "mpegts", ("h264", "hevc"), ("aac", "mp3"), piped=True),
        Container(".wav", "wav", (), _PCM, options=(*_BITEXACT, ("rf64", "auto"))),
        Container(".flac", "flac", (), ("flac",), options=_BITEXACT),
        Container(".mp3", "mp3", (), ("mp3",), options=(*_BITEXACT, ("id3v2_version", "3"))),
        Container(".m4a", "ipod", (), ("aac", "alac"), options=_FASTSTART),
        Container(".opus", "opus", (), ("opus",), options=_BITEXACT, piped=True),
        Container(".ogg", "ogg", (), ("opus", "flac"), options=_BITEXACT, piped=True),
        Container(".m3u8", "mp4", ("h264", "hevc", "av1"), ("aac", "opus", "flac"), options=_SEGMENTS, segmented=True),
    )
}
"""By suffix; films first."""
FRAGMENTED_WORD = "fmp4"


def container_of(path: Path, named: str | None = None) -> Container:
    """The container of an output. `named`: what was said where the path does not tell it.

    Raises SetupError for an unknown one.
    """
    if named is None and str(path) == STANDARD_OUTPUT:
        named = "mkv"
    container = CONTAINERS.get(path.suffix.lower() if named is None else f".{named.lower().removeprefix('.')}")
    if container is None:
        known = ", ".join(CONTAINERS)
        if named is not None:
            refuse(f'{path.name}: "{named}" is no container that reelmill writes', f"use one of {known}")
        refuse(f'{path.name}: "{path.suffix}" is no output that reelmill writes', f"end the name with one of {known}")
    return container


def container_kind(path: Path, named: str | None = None) -> Literal["film", "sound", "hls"] | None:
    """What an output of that name is; None where it is none of libav's containers."""
    try:
        container = container_of(path, named)
    except SetupError:
        return None
    if container.segmented:
        return "hls"
    return "film" if container.video else "sound"


def container_word(word: str) -> tuple[str, bool] | None:
    """What a word before an output's path says of its container, as in `ts=-`: its extension, and whether fragmented.

    None where it is no such word.
    """
    if word == FRAGMENTED_WORD:
        return "mp4", True
    return (word, False) if f".{word}" in CONTAINERS else None


def muxer_options(container: Container, path: Path, *, fragmented: bool) -> Options:
    """How an output is muxed. Raises SetupError where it can't be fragmented, or not be written to a pipe."""
    if fragmented and container.fragments is None:
        able = " and ".join(each.suffix for each in CONTAINERS.values() if each.fragments is not None)
        refuse(f"{path.name}: {container.suffix} has no fragments", f"leave out fragmented, or use {able}")
    if str(path) == STANDARD_OUTPUT and not (fragmented or container.piped):
        able = ", ".join(f"{each.suffix[1:]}=-" for each in CONTAINERS.values() if each.piped and each.video)
        refuse(
            f"{container.suffix} can't be written to standard output: its beginning is written last",
            f"use {able} or {FRAGMENTED_WORD}=-",
        )
    return container.fragments if fragmented and container.fragments is not None else container.options


def refuse(message: str, suggestion: str) -> NoReturn:
    """Raise SetupError for settings of an output that can't work."""
    raise SetupError(message, component="Encoder", suggestion=suggestion)
