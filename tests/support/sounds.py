"""Sound files for tests, made and measured with the command lines of ffmpeg and ffprobe."""

from __future__ import annotations

import json
import subprocess
import wave
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reelmill.planner.contents.composition_content import CompositionContent
from reelmill.planner.contents.media_content import MediaContent
from reelmill.planner.media import AudioFacts, MediaFacts
from reelmill.planner.timeline import Clip, Composition, Media, Timeline, Track

Samples = npt.NDArray[np.float32]


def write_wav(path: Path, samples: npt.ArrayLike, rate: int) -> Path:
    """16-bit PCM; samples [n, channels] or [n], full scale 32768."""
    array = np.atleast_2d(np.asarray(samples, np.float64).T).T
    codes = np.clip(np.round(array * 32768), -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(codes.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(codes.tobytes())
    return path


def encode(source: Path, target: Path, *options: str) -> Path:
    """Convert a file with ffmpeg."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-i", str(source), *options, str(target)], check=True, capture_output=True
    )
    return target


def decode(path: Path, rate: int, channels: int) -> Samples:
    """What ffmpeg hears in a file, [n, channels]."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", "-ar", str(rate), "-f", "f32le", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, channels)


def recording(rate: int, seconds: float, channels: int = 2, seed: int = 1) -> Samples:
    """Tones that glide, with noise: no two moments are alike."""
    t = np.arange(round(rate * seconds)) / rate
    noise = np.random.default_rng(seed).normal(0, 0.05, (len(t), channels))
    tones = [0.3 * np.sin(2 * np.pi * (200 + 90 * c + 40 * t) * t) for c in range(channels)]
    return (np.stack(tones, axis=1) + noise).astype(np.float32)


def impulse(rate: int, seconds: float, at: int, channels: int = 1) -> Samples:
    """One sample of 0.9 in silence."""
    samples = np.zeros((round(rate * seconds), channels), np.float32)
    samples[at] = 0.9
    return samples


@cache
def sound_facts(path: Path, name: str = "sound") -> MediaFacts:
    """The facts of a file of sound alone, as ffprobe tells them."""
    stream = _probe(path)
    rate = int(stream["sample_rate"])
    samples = len(decode(path, rate, int(stream["channels"])))
    audio = AudioFacts(
        stream=0,
        codec=stream["codec_name"],
        sample_rate=rate,
        channels=int(stream["channels"]),
        layout=stream.get("channel_layout") or f"{stream['channels']} channels",
        start=Fraction(0),
        duration=Fraction(samples, rate),
    )
    return MediaFacts(name, str(path), "sound", "0" * 16, None, audio)


def first_frame_time(path: Path, stream: str) -> Fraction:
    """Timestamp of the first frame that ffprobe decodes of a stream, seconds."""
    command = ["ffprobe", "-v", "error", "-select_streams", stream, "-show_frames", "-show_streams", "-of", "json"]
    out = subprocess.run([*command, "-read_intervals", "%+1", str(path)], check=True, capture_output=True).stdout
    told = json.loads(out)
    return int(told["frames"][0]["pts"]) * Fraction(told["streams"][0]["time_base"])


def _probe(path: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_streams", "-of", "json", str(path)]
    stream: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["streams"][0]
    return stream


def media_clip(
    name: str, start: Fraction | int, duration: Fraction | int, in_point: Fraction | int = 0, **more: Any
) -> Clip:
    """A resolved clip of the media "sound", or of `media=`."""
    content = MediaContent(more.pop("media", "sound"))
    return Clip(name, content, Fraction(start), Fraction(duration), Fraction(in_point), **more)


def composition_clip(
    name: str, shown: str, start: Fraction | int, duration: Fraction | int, in_point: Fraction | int = 0, **more: Any
) -> Clip:
    return Clip(name, CompositionContent(shown), Fraction(start), Fraction(duration), Fraction(in_point), **more)


def composition(name: str | None, duration: Fraction | int, *tracks: tuple[Clip, ...]) -> Composition:
    """A composition whose tracks carry sound alone."""
    made = tuple(Track(f"t{i}", clips, kind="audio") for i, clips in enumerate(tracks))
    return Composition(name, 64, 36, made, duration=Fraction(duration))


def sound_timeline(
    root: Composition, *nested: Composition, media: dict[str, Path], rate: int = 48000, channels: int = 2, **more: Any
) -> Timeline:
    return Timeline(
        name=None,
        fps=Fraction(25),
        root=root,
        compositions={c.id or "": c for c in nested},
        media={name: Media(name, str(path), **more) for name, path in media.items()},
        sample_rate=rate,
        channels=channels,
    )
