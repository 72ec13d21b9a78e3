"""Containers, codecs and what goes with what: an output's settings are chosen, or refused, before rendering.

In: the output's path, the canvas, what the user asked for. Out: `OutputSettings`. Pure tables and rules but for
one look at the processor (`_X264_PARAMS`) and at the encoders that this build of libav has.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

import av
import av.codec
import numpy as np

from export.panning import PROJECT_LAYOUTS
from export.video_codecs import INTERLEAVED, VIDEO_CODECS, VideoCodec
from planner.colour import SRGB, VIDEO, ColourTags
from planner.errors import SetupError
from planner.pixel_format import PIXEL_FORMATS, PixelFormat
from planner.timeline import AudioSettings, VideoSettings

DEFAULT_THREADS = 6
"""Encoder threads. A constant: the bytes that x264 writes depend on it, and must not depend on the machine."""


@dataclass(frozen=True, slots=True)
class VideoEncoding:
    """How pictures are encoded."""

    codec: str
    encoder: str
    """libav's name."""
    width: int
    height: int
    fps: Fraction
    pix_fmt: PixelFormat
    colour: ColourTags
    options: tuple[tuple[str, str], ...]
    """Options of the encoder, by libav's names."""
    threads: int
    bitrate: int | None
    gop: int | None
    tag: str | None
    """Four characters in mp4 and mov, where not the muxer's own."""
    encoder_format: str | None = None
    """libav's name of the format that the encoder takes, where that is `pix_fmt` in another order of samples."""
    hardware: bool = False
    """The encoder needs a device."""


@dataclass(frozen=True, slots=True)
class AudioEncoding:
    """How sound is encoded."""

    codec: str
    encoder: str
    sample_rate: int
    channels: int
    layout: str
    sample_format: str
    """libav's name of what the encoder takes."""
    bitrate: int | None


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """A file to be written."""

    container: str
    """libav's name of the muxer."""
    container_options: tuple[tuple[str, str], ...]
    video: VideoEncoding | None
    audio: AudioEncoding | None


@dataclass(frozen=True, slots=True)
class _Container:
    muxer: str
    video: tuple[str, ...]
    """Codecs that fit; the first is the default. None at all: sound alone."""
    audio: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()


_MAX_RATE_PART = 2**31 - 1
"""Of numerator and denominator of a frame rate: libav's rationals are 32 bits wide."""
_BITEXACT = (("fflags", "+bitexact"),)
"""Without it Matroska writes a random number."""
_FASTSTART = (("movflags", "+faststart"),)
"""The index in front, so that players can begin before they have it all."""
_PCM = ("pcm", "pcm_s24le", "pcm_f32le")
CONTAINERS: dict[str, _Container] = {
    ".mp4": _Container("mp4", ("h264", "hevc", "av1", "vp9"), ("aac", "opus", "flac"), _FASTSTART),
    ".mov": _Container("mov", ("h264", "hevc", "prores"), ("aac", *_PCM), _FASTSTART),
    ".mkv": _Container(
        "matroska",
        ("h264", "hevc", "av1", "vp9", "prores", "ffv1"),
        # AAC last: readers as old as FFmpeg 5.1 take its first 1,024 samples of padding for sound.
        ("opus", "flac", *_PCM, "aac"),
        _BITEXACT,
    ),
    ".webm": _Container("webm", ("vp9", "av1"), ("opus",), _BITEXACT),
    ".wav": _Container("wav", (), _PCM, (*_BITEXACT, ("rf64", "auto"))),
    ".flac": _Container("flac", (), ("flac",), _BITEXACT),
}


_ALIASES = {"h265": "hevc", "avc": "h264", "pcm_s16le": "pcm"} | {c.encoder: n for n, c in VIDEO_CODECS.items()}


@dataclass(frozen=True, slots=True)
class _AudioCodec:
    encoder: str
    sample_format: str
    bitrate_per_channel: int | None


AUDIO_CODECS: dict[str, _AudioCodec] = {
    "aac": _AudioCodec("aac", "fltp", 96_000),
    "opus": _AudioCodec("libopus", "flt", 64_000),
    "flac": _AudioCodec("flac", "s16", None),
    "pcm": _AudioCodec("pcm_s16le", "s16", None),
    "pcm_s24le": _AudioCodec("pcm_s24le", "s32", None),
    "pcm_f32le": _AudioCodec("pcm_f32le", "flt", None),
}


def natural_output(video: VideoSettings, audio: AudioSettings) -> Path:
    """A film that the settings of a project are meant for: the first container that takes its codecs."""
    for suffix, container in CONTAINERS.items():
        path = Path(f"film{suffix}")
        if all(
            asked is None or any(same_codec(path, asked, fitting) for fitting in codecs)
            for asked, codecs in ((video.codec, container.video), (audio.codec, container.audio))
        ):
            return path
    return Path("film.mp4")


def has_picture(path: Path) -> bool:
    """Whether an output of that name has pictures. Raises SetupError for an unknown extension."""
    return bool(_container(path).video)


def choose_output(
    path: Path,
    *,
    width: int,
    height: int,
    fps: Fraction,
    sample_rate: int,
    channels: int,
    has_sound: bool,
    video: VideoSettings,
    audio: AudioSettings,
    threads: int | None = None,
) -> OutputSettings:
    """The settings of an output: what was asked for, the container's defaults for the rest.

    Raises SetupError for what can't work, with what can.
    """
    container = _container(path)
    if not container.video and not has_sound:
        _refuse(f"{path.name}: the timeline has no sound to write", "name a film, such as out.mp4")
    pictures = _video(path, container, width, height, fps, video, threads) if container.video else None
    sound = None
    if has_sound or audio != AudioSettings():
        # What was asked for is checked also where the timeline has no sound.
        sound = _audio(path, container, sample_rate, channels, audio)
    return OutputSettings(container.muxer, container.options, pictures, sound if has_sound else None)


def same_codec(path: Path, one: str | None, other: str | None) -> bool:
    """Whether two names mean one codec in an output of that name; None is the container's default."""
    container = _container(path)

    def resolved(name: str | None) -> str | None:
        return None if name is None else _ALIASES.get(name.lower(), name.lower())

    defaults = {container.video[0] if container.video else None, container.audio[0]}
    one, other = resolved(one), resolved(other)
    return one == other or (None in (one, other) and (one or other) in defaults)


def _refuse(message: str, suggestion: str) -> NoReturn:
    raise SetupError(message, component="Encoder", suggestion=suggestion)


def _container(path: Path) -> _Container:
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        known = ", ".join(CONTAINERS)
        _refuse(f'{path.name}: "{path.suffix}" is no output that reelmill writes', f"end the name with one of {known}")
    return container


def _pick(kind: str, asked: str, known: Iterable[str], fitting: tuple[str, ...], path: Path) -> str:
    """The codec of that name, if it exists and fits the container. `fitting`: what the container takes."""
    name = _ALIASES.get(asked.lower(), asked.lower())
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f'did you mean "{close[0]}"? ' if close else ""
        _refuse(f'unknown {kind} codec "{asked}"', f"{hint}{path.suffix} takes {', '.join(fitting)}")
    standard = (VIDEO_CODECS[name].standard if name in VIDEO_CODECS else None) or name
    if standard not in fitting:
        others = [suffix for suffix, c in CONTAINERS.items() if standard in (*c.video, *c.audio)]
        _refuse(
            f"{kind} codec {name} does not fit into {path.suffix}",
            f"use one of {', '.join(fitting)}, or an output that ends in {' or '.join(others)}",
        )
    return name


def _encoder_of_this_build(name: str, kind: str) -> av.codec.Codec:
    try:
        return av.codec.Codec(name, "w")
    except av.codec.codec.UnknownCodecError as error:
        raise SetupError(
            f"this build of libav lacks the encoder {name}",
            component="Encoder",
            suggestion=f"choose another {kind} codec; `reelmill doctor` lists what is there",
        ) from error


def _video(
    path: Path,
    container: _Container,
    width: int,
    height: int,
    fps: Fraction,
    asked: VideoSettings,
    threads: int | None,
) -> VideoEncoding:
    name = _pick("video", asked.codec or container.video[0], VIDEO_CODECS, container.video, path)
    if max(fps.numerator, fps.denominator) > _MAX_RATE_PART:
        _refuse(f"{fps} frames a second can't be written", 'give "fps" as a shorter number, such as "30000/1001"')
    codec = VIDEO_CODECS[name]
    encoder = _encoder_of_this_build(codec.encoder, "video")
    pix_fmt, encoder_format = _pix_fmt(name, codec, encoder, asked.pix_fmt, width, height)
    if asked.gop is not None and not codec.gop:
        _refuse(f"{name} has only keyframes", "leave gop out")
    threads = threads or DEFAULT_THREADS
    quality = _quality(name, codec, asked)
    bitrate = asked.bitrate
    if bitrate is None and codec.bits_per_pixel is not None:
        bitrate = int(width * height * fps * Fraction(str(codec.bits_per_pixel)))
    options = dict(codec.options) | quality | _preset(name, codec, asked.preset, pix_fmt)
    options |= _reproducible(name, threads, asked.bitrate is not None)
    return VideoEncoding(
        codec=name,
        encoder=codec.encoder,
        width=width,
        height=height,
        fps=fps,
        pix_fmt=pix_fmt,
        colour=SRGB if pix_fmt.model == "rgb" else replace(VIDEO, chroma_location="left"),
        options=tuple(options.items()),
        threads=threads,
        bitrate=bitrate,
        gop=asked.gop,
        tag=codec.tag if container.muxer in ("mp4", "mov") else None,
        encoder_format=encoder_format,
        hardware=codec.hardware,
    )


def _pix_fmt(
    name: str, codec: VideoCodec, encoder: av.codec.Codec, asked: str | None, width: int, height: int
) -> tuple[PixelFormat, str | None]:
    """The format of the pictures, and that of the encoder where it takes the same samples in another order."""
    wanted = asked or codec.pix_fmt
    taken = [f.name for f in encoder.video_formats or ()]
    possible = [n for n in taken if n in PIXEL_FORMATS]
    possible += [n for n, other in INTERLEAVED.items() if codec.hardware and other in taken and n not in taken]
    # Pictures are finished on an opaque background.
    possible = [n for n in possible if not PIXEL_FORMATS[n].alpha]
    if wanted not in possible:
        alike = [n for n in possible if wanted in PIXEL_FORMATS and _depth(n) == _depth(wanted)]
        close = alike or difflib.get_close_matches(wanted, possible, 1)
        hint = f'did you mean "{close[0]}"? ' if close else ""
        _refuse(f'{name} can\'t be written as pixel format "{wanted}"', f"{hint}use one of {', '.join(possible)}")
    pix_fmt = PIXEL_FORMATS[wanted]
    for side, length, shift in (("width", width, pix_fmt.log2_chroma_w), ("height", height, pix_fmt.log2_chroma_h)):
        unit = 1 << shift
        if length % unit:
            need = (
                f"an even {side}, and {length} is odd" if unit == 2 else f"a {side} in {unit}s, which {length} is not"
            )
            _refuse(
                f"pixel format {wanted} needs {need}",
                f"make the {side} {-(-length // unit) * unit}, or use --pix-fmt yuv444p where the codec has it",
            )
    return pix_fmt, None if wanted in taken else INTERLEAVED[wanted]


def _depth(pix_fmt: str) -> tuple[str, int, int, int]:
    """What decides whether a format holds another without loss."""
    layout = PIXEL_FORMATS[pix_fmt]
    return layout.model, layout.bits, layout.log2_chroma_w, layout.log2_chroma_h


def _quality(name: str, codec: VideoCodec, asked: VideoSettings) -> dict[str, str]:
    if asked.crf is not None and asked.bitrate is not None:
        _refuse("crf and bitrate exclude each other", "give a quality (crf) or a size (bitrate)")
    if asked.bitrate is not None and not codec.bitrate:
        _refuse(f"{name} has no bitrate: its pictures decide its size", "leave the bitrate out")
    if codec.crf is None:
        if asked.crf is not None:
            _refuse(f"{name} has no crf", "leave crf out")
        return {}
    lowest, highest, default = codec.crf
    if asked.bitrate is not None:
        return {}
    crf = default if asked.crf is None else asked.crf
    if not lowest <= crf <= highest:
        _refuse(f"crf {crf:g} is out of range for {name}", f"use {lowest} (best) to {highest} (smallest)")
    if codec.whole_crf and crf != int(crf):
        _refuse(f"{name} takes a whole number as crf, not {crf:g}", f"use {round(crf)}")
    return dict(codec.with_crf) | dict.fromkeys(codec.crf_options, f"{crf:g}")


def _preset(name: str, codec: VideoCodec, asked: str | None, pix_fmt: PixelFormat) -> dict[str, str]:
    if asked is not None and asked not in codec.presets:
        if not codec.presets:
            _refuse(f"{name} has no presets", "leave the preset out")
        close = difflib.get_close_matches(asked, codec.presets, 1)
        hint = f'did you mean "{close[0]}"? ' if close else ""
        _refuse(f'{name} has no preset "{asked}"', f"{hint}use one of {', '.join(codec.presets)}")
    preset = asked or codec.preset
    if name == "prores":
        # ProRes' presets are its profiles; 4:4:4 is only in the last two.
        full_chroma = pix_fmt.log2_chroma_w == 0
        preset = preset or ("4444" if full_chroma else "hq")
        if full_chroma != preset.startswith("4444"):
            fitting = "yuv444p10le" if preset.startswith("4444") else "yuv422p10le"
            _refuse(f"ProRes {preset} is not {pix_fmt.name}", f"use --pix-fmt {fitting}, or another preset")
    return {codec.preset_option: preset} if preset else {}


def _reproducible(name: str, threads: int, has_bitrate: bool) -> dict[str, str]:
    """What makes an encoder give the same bytes on each run (measured; docs/output.md)."""
    match name:
        case "h264":
            return {"x264-params": "asm=avx2"} if _has_avx512() else {}
        case "hevc":
            return {"x265-params": f"log-level=error:pools={threads}:frame-threads={min(threads, 4)}"}
        case "av1":
            return {"svtav1-params": f"lp={1 if has_bitrate else threads}"}
        case _:
            return {}


def _has_avx512() -> bool:
    """x264's AVX-512 code gives other bytes from run to run, even with one thread."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return any(name.startswith(("AVX512", "X86_V4")) for name in found)


def _audio(path: Path, container: _Container, sample_rate: int, channels: int, asked: AudioSettings) -> AudioEncoding:
    if asked.codec is None:
        fitting = [n for n in container.audio if _takes_rate(n, sample_rate)]
        name = fitting[0] if fitting else container.audio[0]
    else:
        name = _pick("audio", asked.codec, AUDIO_CODECS, container.audio, path)
    codec = AUDIO_CODECS[name]
    if not _takes_rate(name, sample_rate):
        rates = ", ".join(str(r) for r in sorted(_encoder_of_this_build(codec.encoder, "audio").audio_rates or ()))
        _refuse(
            f"{name} can't have {sample_rate} samples a second",
            f"set audio.sample_rate in the project to one of {rates}, or use another codec",
        )
    if channels not in PROJECT_LAYOUTS:
        _refuse(f"sound of {channels} channels can't be written", "set audio.channels to 1, 2 or 6")
    if asked.bitrate is not None and codec.bitrate_per_channel is None:
        _refuse(f"{name} has no bitrate: it is lossless", "leave the audio bitrate out")
    bitrate = asked.bitrate
    if bitrate is None and codec.bitrate_per_channel is not None:
        bitrate = codec.bitrate_per_channel * channels
    return AudioEncoding(
        codec=name,
        encoder=codec.encoder,
        sample_rate=sample_rate,
        channels=channels,
        layout=PROJECT_LAYOUTS[channels],
        sample_format=codec.sample_format,
        bitrate=bitrate,
    )


def _takes_rate(name: str, sample_rate: int) -> bool:
    rates = _encoder_of_this_build(AUDIO_CODECS[name].encoder, "audio").audio_rates
    return rates is None or sample_rate in rates
