"""The settings of each output: what it says itself, over the project's, under the flags of the command line.

In: outputs as they were asked for, options, the project's own settings. Out: the same outputs with nothing left to
merge. Pure functions.

What concerns which output: flags of pictures (`--video-codec`, `--crf`, …) and `--threads` are for films and playlists;
flags of sound for the sound of these, and for sound files where there are no films; `--size` and `--draft` for all
that has pictures; `--at` for posters; `--copy` for films. A flag that concerns none is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TypeVar

from reelmill.export.films.codecs import same_codec
from reelmill.export.films.containers import CONTAINERS, container_of
from reelmill.export.opening.job import ExportOptions
from reelmill.export.outputs.output_names import kind_of_output
from reelmill.planner.errors import SetupError
from reelmill.planner.outputs import (
    AnimationSettings,
    AudioSettings,
    Output,
    OutputKind,
    PictureSettings,
    VideoSettings,
)
from reelmill.planner.timeline import Timeline

FILMS: tuple[OutputKind, ...] = ("film", "hls")
"""Kinds with an encoder of pictures, and sound."""
WITH_PICTURES: tuple[OutputKind, ...] = ("film", "hls", "animation", "pictures", "poster", "sheet")
_PICTURE_FILES: tuple[OutputKind, ...] = ("pictures", "poster", "sheet")
_NOUNS: dict[OutputKind, str] = {
    "film": "a film",
    "sound": "sound alone",
    "animation": "an animation",
    "pictures": "numbered pictures",
    "poster": "a picture",
    "sheet": "a contact sheet",
    "hls": "a playlist",
}


@dataclass(frozen=True, slots=True)
class AskedOutput:
    """An output whose kind is known, with all that was said of it merged."""

    output: Output
    kind: OutputKind

    @property
    def path(self) -> Path:
        return Path(self.output.path)


@dataclass(frozen=True, slots=True)
class _Flags:
    """Flags that go together, and the outputs that they concern."""

    given: Callable[[ExportOptions], bool]
    kinds: tuple[OutputKind, ...]
    names: str


_FLAGS = (
    _Flags(
        lambda o: o.video != VideoSettings(), FILMS, "--video-codec, --crf, --bitrate, --preset, --pix-fmt or --gop"
    ),
    _Flags(lambda o: o.threads is not None, FILMS, "--threads"),
    _Flags(lambda o: o.audio != AudioSettings(), (*FILMS, "sound"), "--audio-codec or --audio-bitrate"),
    _Flags(lambda o: o.no_audio, FILMS, "--no-audio"),
    _Flags(lambda o: o.size is not None, WITH_PICTURES, "--size"),
    _Flags(lambda o: o.draft, WITH_PICTURES, "--draft"),
    _Flags(lambda o: o.hwaccel != "none", WITH_PICTURES, "--hwaccel"),
    _Flags(lambda o: o.copy != "off", ("film",), "--copy"),
    _Flags(lambda o: o.at is not None, ("poster",), "--at"),
)


def asked_outputs(timeline: Timeline, given: Sequence[Output], options: ExportOptions) -> list[AskedOutput]:
    """What is to be written: the outputs that were given, else the project's own.

    Raises SetupError where there are none, and for flags and settings that concern none of them.
    """
    outputs = given or timeline.outputs
    if not outputs:
        raise SetupError(
            "no output was named, and the project has none",
            component="Output",
            suggestion='name one, such as film.mp4, or give the project "outputs": [{"path": "film.mp4"}]',
        )
    found = [AskedOutput(replace(output, kind=kind), kind) for output in outputs for kind in [kind_of_output(output)]]
    _check_flags(found, options)
    has_films = any(asked.kind in FILMS for asked in found)
    merged = []
    for asked in found:
        with about(asked.output):
            _check_own(asked)
            merged.append(_merge(asked, timeline, options, has_films))
    return merged


@contextmanager
def about(output: Output) -> Iterator[None]:
    """A SetupError from within names the output."""
    try:
        yield
    except SetupError as error:
        error.locate(file=output.path)
        raise


def _check_flags(found: Sequence[AskedOutput], options: ExportOptions) -> None:
    kinds = {asked.kind for asked in found}
    for flags in _FLAGS:
        if flags.given(options) and not kinds.intersection(flags.kinds):
            if len(found) == 1:
                what = f"{found[0].path.name} is {_NOUNS[found[0].kind]}"
            else:
                what = f"none of the {len(found)} outputs is one of {', '.join(_NOUNS[kind] for kind in flags.kinds)}"
            raise SetupError(
                f"{what}, and {flags.names} concerns no other output",
                component="Output",
                suggestion=f"leave out {flags.names}, or add an output that it is for",
            )


def _check_own(asked: AskedOutput) -> None:
    """Settings of an output that mean nothing for its kind."""
    output, kind = asked.output, asked.kind
    for name, given, kinds in (
        ("video", output.video != VideoSettings(), FILMS),
        ("audio", output.audio != AudioSettings(), (*FILMS, "sound")),
        ("no_audio", output.no_audio, FILMS),
        ("no_subtitles", output.no_subtitles, FILMS),
        ("size", output.size is not None, WITH_PICTURES),
        ("fps_divisor", output.fps_divisor != 1, ("film", "hls", "animation", "pictures")),
        ("alpha", output.alpha != "flatten", ("film", "hls", "animation", "pictures", "poster")),
        ("container", output.container is not None, ("film", "hls", "sound")),
        ("fragmented", output.fragmented, ("film", "hls", "sound")),
        ("animation", output.animation != AnimationSettings(), ("animation",)),
        ("pictures", output.pictures != PictureSettings(), _PICTURE_FILES),
    ):
        if given and kind not in kinds:
            raise SetupError(
                f'{asked.path.name} is {_NOUNS[kind]}, and "{name}" is not for that',
                component="Output",
                suggestion=f'leave out "{name}"',
            )


def _merge(asked: AskedOutput, timeline: Timeline, options: ExportOptions, has_films: bool) -> AskedOutput:
    output, kind = asked.output, asked.kind
    if kind in FILMS:
        video = _merged(_meant_for(output, timeline.video), output.video, output)
        audio = _merged(_meant_for(output, timeline.audio), output.audio, output)
        output = replace(
            output,
            video=_merged(video, options.video, output),
            audio=_merged(audio, options.audio, output),
            no_audio=output.no_audio or options.no_audio,
        )
    elif kind == "sound" and not has_films:
        output = replace(output, audio=_merged(output.audio, options.audio, output))
    elif kind == "poster" and options.at is not None:
        output = replace(output, pictures=replace(output.pictures, at=options.at))
    if kind in WITH_PICTURES and options.size is not None:
        output = replace(output, size=options.size)
    return AskedOutput(output, kind)


_Settings = TypeVar("_Settings", VideoSettings, AudioSettings)


def _meant_for(output: Output, project: _Settings) -> _Settings:
    """The project's settings where the output's container takes their codec; else they were meant for another one."""
    if project.codec is None or _takes(Path(output.path), output.container, project.codec):
        return project
    known = any(_takes(Path(f"film{suffix}"), None, project.codec) for suffix in CONTAINERS)
    return type(project)() if known else project


def _takes(path: Path, named: str | None, codec: str) -> bool:
    container = container_of(path, named)
    return any(same_codec(path, codec, fitting, named) for fitting in (*container.video, *container.audio))


def _merged(base: _Settings, over: _Settings, output: Output) -> _Settings:
    """Settings, replaced by what was said closer to the output, or on the command line.

    With another codec nothing of the others is left: their preset or bitrate meant the codec they were written for.
    """
    path = Path(output.path)
    if over.codec is not None and not same_codec(path, over.codec, base.codec, output.container):
        return over
    given = {f.name: value for f in fields(over) if (value := getattr(over, f.name)) is not None}
    if "crf" in given:
        given.setdefault("bitrate", None)
    if "bitrate" in given and isinstance(base, VideoSettings):
        given.setdefault("crf", None)
    return replace(base, **given)
