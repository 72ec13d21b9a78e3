"""How sound is encoded: chosen, or refused, before rendering.

In: the container, the project's rate and channels, what the user asked for. Out: `AudioEncoding`. Tables and rules,
and a look at the encoders that this build of libav has.
"""

from __future__ import annotations

from dataclasses import dataclass

import av.codec

from reelmill.export.films.codec_names import encoder_of_this_build, pick_codec
from reelmill.export.films.containers import CONTAINERS, Container, refuse
from reelmill.export.sound.panning import PROJECT_LAYOUTS
from reelmill.planner.outputs import AudioSettings


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
class AudioCodec:
    """One encoder, under the name that people choose it by."""

    encoder: str
    """libav's name."""
    sample_format: str
    bitrate_per_channel: int | None
    """Default, bits a second; None: lossless."""
    max_channels: int = 6


AUDIO_CODECS: dict[str, AudioCodec] = {
    "aac": AudioCodec("aac", "fltp", 96_000),
    "opus": AudioCodec("libopus", "flt", 64_000),
    "mp3": AudioCodec("libmp3lame", "fltp", 96_000, max_channels=2),
    "flac": AudioCodec("flac", "s16", None),
    "alac": AudioCodec("alac", "s16p", None),
    "pcm": AudioCodec("pcm_s16le", "s16", None),
    "pcm_s24le": AudioCodec("pcm_s24le", "s32", None),
    "pcm_f32le": AudioCodec("pcm_f32le", "flt", None),
}
"""By the name that people choose."""
AUDIO_ALIASES = {"pcm_s16le": "pcm", "libopus": "opus", "libmp3lame": "mp3"}
_MP3_KBITS = {
    32_000: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    16_000: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    0: (8, 16, 24, 32, 40, 48, 56, 64),
}
"""Bitrates of layer 3 from a sample rate on: ISO/IEC 11172-3 and 13818-3, 2.4.2.3; the last are of "MPEG-2.5"."""


def choose_audio(
    name: str, container: Container, sample_rate: int, channels: int, asked: AudioSettings
) -> AudioEncoding:
    """The encoding of an output's sound. `name`: of the output, for errors. Raises SetupError."""
    if asked.codec is None:
        fitting = [n for n in container.audio if _takes_rate(n, sample_rate)]
        codec_name = fitting[0] if fitting else container.audio[0]
    else:
        codec_name = pick_codec(
            asked.codec,
            kind="audio",
            known=AUDIO_CODECS,
            aliases=AUDIO_ALIASES,
            fitting=container.audio,
            suffix=container.suffix,
        )
    codec = AUDIO_CODECS[codec_name]
    if not _takes_rate(codec_name, sample_rate):
        rates = ", ".join(str(r) for r in sorted(_encoder(codec).audio_rates or ()))
        others = [n for n in container.audio if _takes_rate(n, sample_rate)]
        elsewhere = [c.suffix for c in CONTAINERS.values() if any(_takes_rate(n, sample_rate) for n in c.audio)]
        other = f"the codec {' or '.join(others)}" if others else f"an output that ends in {' or '.join(elsewhere)}"
        refuse(
            f"{codec_name} can't have {sample_rate} samples a second",
            f"set audio.sample_rate in the project to one of {rates}, or use {other}",
        )
    if channels not in PROJECT_LAYOUTS:
        refuse(f"sound of {channels} channels can't be written", "set audio.channels to 1, 2 or 6")
    if channels > codec.max_channels:
        others = [n for n in container.audio if AUDIO_CODECS[n].max_channels >= channels]
        other = f"the codec {' or '.join(others)}" if others else "an output such as .m4a, .opus or .flac"
        refuse(
            f"{name}: {codec_name} has at most {codec.max_channels} channels, and the project has {channels}",
            f"set audio.channels in the project to {codec.max_channels}, or use {other}",
        )
    return AudioEncoding(
        codec=codec_name,
        encoder=codec.encoder,
        sample_rate=sample_rate,
        channels=channels,
        layout=PROJECT_LAYOUTS[channels],
        sample_format=codec.sample_format,
        bitrate=_bitrate(codec_name, codec, sample_rate, channels, asked.bitrate),
    )


def _bitrate(name: str, codec: AudioCodec, sample_rate: int, channels: int, asked: int | None) -> int | None:
    if codec.bitrate_per_channel is None:
        if asked is not None:
            refuse(f"{name} has no bitrate: it is lossless", "leave the audio bitrate out")
        return None
    usual = codec.bitrate_per_channel * channels
    if name != "mp3":
        return usual if asked is None else asked
    possible = next([1000 * k for k in kbits] for rate, kbits in _MP3_KBITS.items() if sample_rate >= rate)
    if asked is not None and asked not in possible:
        # LAME would take the nearest one, and not say so.
        known = ", ".join(str(rate) for rate in possible)
        refuse(f"mp3 of {sample_rate} samples a second can't have {asked} bit/s", f"use one of {known}")
    return min(usual, possible[-1]) if asked is None else asked


def _encoder(codec: AudioCodec) -> av.codec.Codec:
    return encoder_of_this_build(codec.encoder, "audio")


def _takes_rate(name: str, sample_rate: int) -> bool:
    rates = _encoder(AUDIO_CODECS[name]).audio_rates
    return rates is None or sample_rate in rates
