"""How pictures are encoded: chosen, or refused, before rendering.

In: the container, the size and rate, what the user asked for. Out: `VideoEncoding`. Tables and rules, and a look at
the processor (`_reproducible`) and at the encoders that this build of libav has.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from fractions import Fraction

import av.codec
import numpy as np

from reelmill.export.films.codec_names import encoder_of_this_build, pick_codec
from reelmill.export.films.containers import CONTAINERS, Container, refuse
from reelmill.export.films.video_codecs import PRORES_4444, REORDERED, VIDEO_CODECS, VideoCodec
from reelmill.planner.colour import SRGB, VIDEO, ColourTags
from reelmill.planner.outputs import Alpha, VideoSettings
from reelmill.planner.pixel_format import PIXEL_FORMATS, PixelFormat

DEFAULT_THREADS = 6
"""Encoder threads. A constant: the bytes that x264 writes depend on it, and must not depend on the machine."""
GOP_SECONDS = 2
"""From keyframe to keyframe, of what is cut into segments."""
SEGMENT_SECONDS = 6
_MACROBLOCK = 16
_AVX512_MACROBLOCKS = 8
"""As many of a row as x264's AVX-512 code takes at a time."""
_MAX_RATE_PART = 2**31 - 1
"""Of numerator and denominator of a frame rate: libav's rationals are 32 bits wide."""
VIDEO_ALIASES = {"h265": "hevc", "avc": "h264"} | {codec.encoder: name for name, codec in VIDEO_CODECS.items()}
_STANDARDS = {name: codec.standard for name, codec in VIDEO_CODECS.items() if codec.standard is not None}


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
    segment_frames: int | None = None
    """Pictures in each segment, a whole number of `gop`s; None: the file is one."""


def choose_video(
    container: Container,
    *,
    width: int,
    height: int,
    fps: Fraction,
    asked: VideoSettings,
    alpha: Alpha,
    threads: int | None,
) -> VideoEncoding:
    """The encoding of an output's pictures. Raises SetupError for what can't work, with what can."""
    name = _codec(container, asked.codec, alpha)
    if max(fps.numerator, fps.denominator) > _MAX_RATE_PART:
        refuse(f"{fps} frames a second can't be written", 'give "fps" as a shorter number, such as "30000/1001"')
    codec = VIDEO_CODECS[name]
    encoder = encoder_of_this_build(codec.encoder, "video")
    profile = _profile(name, codec, asked)
    pix_fmt, encoder_format = _pix_fmt(name, codec, encoder, asked.pix_fmt, profile, alpha)
    if name == "prores":
        profile = _prores_profile(profile, pix_fmt)
    _check_size(pix_fmt, width, height)
    if asked.gop is not None and not codec.gop:
        refuse(f"{name} has only keyframes", "leave gop out")
    gop = asked.gop
    if container.segmented and gop is None:
        gop = max(round(fps * GOP_SECONDS), 1)
    threads = threads or DEFAULT_THREADS
    bitrate = asked.bitrate
    if bitrate is None and codec.bits_per_pixel is not None:
        bitrate = int(width * height * fps * Fraction(str(codec.bits_per_pixel)))
    options = dict(codec.options) | _quality(name, codec, asked) | _preset(name, codec, asked.preset)
    if "slices" in options and not _can_be_quartered(pix_fmt, width, height):
        options["slices"] = "1"
    if profile is not None:
        options["profile"] = profile
    for option, value in (
        *_reproducible(name, width, threads, has_bitrate=asked.bitrate is not None).items(),
        *(_fixed_gop(name, codec) if container.segmented else ()),
    ):
        options[option] = f"{options[option]}:{value}" if option in options else value
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
        gop=gop,
        tag=codec.tag if container.muxer in ("mp4", "mov") else None,
        encoder_format=encoder_format,
        hardware=codec.hardware,
        segment_frames=gop * max(round(SEGMENT_SECONDS * fps / gop), 1) if container.segmented and gop else None,
    )


def _codec(container: Container, asked: str | None, alpha: Alpha) -> str:
    """The codec that was asked for, or the first that does what was asked for."""
    if asked is None:
        able = container.alpha if alpha == "keep" else container.video
        if not able:
            refuse(f"no codec of {container.suffix} keeps alpha", _that_keep_alpha())
        return able[0]
    name = pick_codec(
        asked,
        kind="video",
        known=VIDEO_CODECS,
        aliases=VIDEO_ALIASES,
        fitting=container.video,
        suffix=container.suffix,
        standards=_STANDARDS,
    )
    if alpha == "keep" and name not in container.alpha:
        where = f" in {container.suffix}" if VIDEO_CODECS[name].alpha else ""
        refuse(f"{name} can't keep alpha{where}", _that_keep_alpha())
    return name


def _that_keep_alpha() -> str:
    films = ", ".join(
        f"{name} ({', '.join(c.suffix for c in CONTAINERS.values() if name in c.alpha)})"
        for name, codec in VIDEO_CODECS.items()
        if codec.alpha
    )
    return f'use one of {films}, or pictures such as frames/%06d.png; "alpha": "flatten" puts the background below'


def _profile(name: str, codec: VideoCodec, asked: VideoSettings) -> str | None:
    """The profile that was asked for; for codecs without presets it may stand under `preset`."""
    as_preset = asked.preset if codec.profiles and not codec.presets else None
    if asked.profile is not None and as_preset not in (None, asked.profile):
        refuse(f"{name} can't be {asked.profile} and {as_preset}", "leave the preset out")
    profile = asked.profile or as_preset
    if profile is not None and profile not in codec.profiles:
        if not codec.profiles:
            refuse(f"{name} has no profiles to choose from", "leave the profile out")
        close = difflib.get_close_matches(profile, codec.profiles, 1)
        hint = f'did you mean "{close[0]}"? ' if close else ""
        refuse(f'{name} has no profile "{profile}"', f"{hint}use one of {', '.join(codec.profiles)}")
    return profile


def _pix_fmt(
    name: str, codec: VideoCodec, encoder: av.codec.Codec, asked: str | None, profile: str | None, alpha: Alpha
) -> tuple[PixelFormat, str | None]:
    """The format of the pictures, and that of the encoder where it takes the same samples in another order."""
    taken = [f.name for f in encoder.video_formats or ()]
    if alpha == "keep":
        possible = [n for n in codec.alpha if n in taken or REORDERED.get(n) in taken]
        usual = codec.alpha[0]
    else:
        possible = [n for n in taken if n in PIXEL_FORMATS and not PIXEL_FORMATS[n].alpha]
        possible += [n for n, other in REORDERED.items() if codec.hardware and other in taken and n not in taken]
        usual = "yuv444p10le" if profile in PRORES_4444 else codec.pix_fmt
    wanted = asked or usual
    if wanted not in possible:
        alike = [n for n in possible if wanted in PIXEL_FORMATS and _depth(n) == _depth(wanted)]
        close = alike or difflib.get_close_matches(wanted, possible, 1)
        hint = f'did you mean "{close[0]}"? ' if close else ""
        if wanted in codec.alpha:
            hint = 'add "alpha": "keep" to the output, or '
        refuse(f'{name} can\'t be written as pixel format "{wanted}"', f"{hint}use one of {', '.join(possible)}")
    return PIXEL_FORMATS[wanted], None if wanted in taken else REORDERED[wanted]


def _depth(pix_fmt: str) -> tuple[str, int, int, int]:
    """What decides whether a format holds another without loss."""
    layout = PIXEL_FORMATS[pix_fmt]
    return layout.model, layout.bits, layout.log2_chroma_w, layout.log2_chroma_h


def _prores_profile(profile: str | None, pix_fmt: PixelFormat) -> str:
    """4:4:4, and with it alpha, is only in the last two profiles."""
    full_chroma = pix_fmt.log2_chroma_w == 0
    profile = profile or (PRORES_4444[0] if full_chroma else "hq")
    if full_chroma != (profile in PRORES_4444):
        if pix_fmt.alpha:
            refuse(f"ProRes {profile} can't keep alpha", f"use the profile {' or '.join(PRORES_4444)}")
        fitting = "yuv422p10le" if full_chroma else "yuv444p10le"
        refuse(f"ProRes {profile} is not {pix_fmt.name}", f"use the pixel format {fitting}, or another profile")
    return profile


def _check_size(pix_fmt: PixelFormat, width: int, height: int) -> None:
    for side, length, shift in (("width", width, pix_fmt.log2_chroma_w), ("height", height, pix_fmt.log2_chroma_h)):
        unit = 1 << shift
        if length % unit:
            need = (
                f"an even {side}, and {length} is odd" if unit == 2 else f"a {side} in {unit}s, which {length} is not"
            )
            refuse(
                f"pixel format {pix_fmt.name} needs {need}",
                f"make the {side} {-(-length // unit) * unit}, or use --pix-fmt yuv444p where the codec has it",
            )


def _quality(name: str, codec: VideoCodec, asked: VideoSettings) -> dict[str, str]:
    if asked.crf is not None and asked.bitrate is not None:
        refuse("crf and bitrate exclude each other", "give a quality (crf) or a size (bitrate)")
    if asked.bitrate is not None and not codec.bitrate:
        refuse(f"{name} has no bitrate: its pictures decide its size", "leave the bitrate out")
    if codec.crf is None:
        if asked.crf is not None:
            refuse(f"{name} has no crf", "leave crf out")
        return {}
    lowest, highest, default = codec.crf
    if asked.bitrate is not None:
        return {}
    crf = default if asked.crf is None else asked.crf
    if not lowest <= crf <= highest:
        refuse(f"crf {crf:g} is out of range for {name}", f"use {lowest} (best) to {highest} (smallest)")
    if codec.whole_crf and crf != int(crf):
        refuse(f"{name} takes a whole number as crf, not {crf:g}", f"use {round(crf)}")
    return dict(codec.with_crf) | dict.fromkeys(codec.crf_options, f"{crf:g}")


def _can_be_quartered(pix_fmt: PixelFormat, width: int, height: int) -> bool:
    """Whether FFV1 takes four slices: there must be two rows and two columns of samples in every plane."""
    return width > 1 << pix_fmt.log2_chroma_w and height > 1 << pix_fmt.log2_chroma_h


def _preset(name: str, codec: VideoCodec, asked: str | None) -> dict[str, str]:
    if not codec.presets:
        if asked is not None and not codec.profiles:
            refuse(f"{name} has no presets", "leave the preset out")
        return {}
    if asked is not None and asked not in codec.presets:
        close = difflib.get_close_matches(asked, codec.presets, 1)
        hint = f'did you mean "{close[0]}"? ' if close else ""
        refuse(f'{name} has no preset "{asked}"', f"{hint}use one of {', '.join(codec.presets)}")
    preset = asked or codec.preset
    return {codec.preset_option: preset} if preset else {}


def _fixed_gop(name: str, codec: VideoCodec) -> tuple[tuple[str, str], ...]:
    if codec.fixed_gop is None:
        able = [other for other in CONTAINERS[".m3u8"].video if VIDEO_CODECS[other].fixed_gop is not None]
        refuse(f"{name} does not put keyframes where segments begin", f"use one of {', '.join(able)} for HLS")
    return codec.fixed_gop


def _reproducible(name: str, width: int, threads: int, *, has_bitrate: bool) -> dict[str, str]:
    """What makes an encoder give the same bytes on each run (measured; docs/reference/output.md)."""
    match name:
        case "h264":
            macroblocks = -(-width // _MACROBLOCK)
            return {"x264-params": "asm=avx2"} if macroblocks % _AVX512_MACROBLOCKS and _has_avx512() else {}
        case "hevc":
            return {"x265-params": f"log-level=error:pools={threads}:frame-threads={min(threads, 4)}"}
        case "av1":
            return {"svtav1-params": f"lp={1 if has_bitrate else threads}"}
        case _:
            return {}


def _has_avx512() -> bool:
    """Whether the processor has AVX-512.

    There x264 hands on what later pictures use of this one for eight macroblocks of a row at a time, also for those
    behind the row's end, where the memory holds anything (`mbtree_propagate_list_internal`, common/x86/mc-a2.asm).
    Where a row is no multiple of eight, bytes differ from run to run, even with one thread.
    """
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return any(name.startswith(("AVX512", "X86_V4")) for name in found)
