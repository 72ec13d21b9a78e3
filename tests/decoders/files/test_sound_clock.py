"""Timestamps of sound that drift, leap, jitter or are rounded: where the samples come to lie."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from reelmill.decoders.probe import probe
from reelmill.decoders.sound.sound import FileSoundReader
from reelmill.planner.timeline import Media
from tests.support.clips import ffmpeg
from tests.support.filtering import Floats
from tests.support.sounds import Samples, write_wav

RATE = 8000
SIZE = 160
"""Samples of a packet: 20 ms."""


def clicks(seconds: int, pace: float = 1.0, rate: int = RATE) -> Floats:
    """Ten milliseconds of a tone at each second of a clock of which the sound's takes `pace` seconds."""
    made = np.zeros(round(seconds / pace * rate))
    for second in range(seconds):
        at = round(second / pace * rate)
        made[at : at + rate // 100] = 0.8 * np.cos(2 * np.pi * 500 * np.arange(rate // 100) / rate)
    return made


def recorded(path: Path, samples: Floats, milliseconds: Floats, size: int = SIZE, rate: int = RATE) -> Path:
    """A Matroska file of PCM whose packets begin at these times."""
    codes = (samples * 32767).astype("<i2")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate)
        stream.layout = "mono"
        for number, time in enumerate(milliseconds):
            packet = av.Packet(codes[number * size : (number + 1) * size].tobytes())
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = round(time)
            packet.duration = round(1000 * size / rate)
            container.mux(packet)
    return path


def heard(path: Path, rate: int = RATE, block: int = 0) -> Samples:
    """All samples of the first channel, read in blocks."""
    facts = probe(Media("m", str(path)))
    assert facts.audio is not None
    reader = FileSoundReader(Media("m", str(path)), facts, rate)
    if block:
        count = round(facts.audio.duration * rate)
        read = [reader.read_at(at, min(block, count - at)) for at in range(0, count, block)]
    else:
        read = list(reader.blocks())
    reader.close()
    return np.concatenate(read)[:, 0]


def times(samples: Samples, rate: int = RATE) -> Floats:
    """Seconds at which clicks begin."""
    loud = np.flatnonzero(np.abs(samples) > 0.1)
    return loud[np.diff(loud, prepend=-rate) > rate // 5] / rate


def packet_times(samples: Floats, pace: float = 1.0) -> Floats:
    return np.arange(len(samples) // SIZE) * 1000 * SIZE / RATE * pace


@pytest.mark.parametrize("pace", [0.996, 1.004])
def test_a_clock_that_is_fast_or_slow_is_followed(tmp_path: Path, pace: float) -> None:
    samples = clicks(30, pace)
    found = times(heard(recorded(tmp_path / "a.mkv", samples, packet_times(samples, pace))))
    assert len(found) == 30
    assert np.abs(found - np.arange(30)).max() < 0.03


@pytest.mark.parametrize("pace", [0.996, 1.004])
def test_following_a_clock_makes_no_clicks(tmp_path: Path, pace: float) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 100 * np.arange(15 * RATE) / RATE)
    samples = heard(recorded(tmp_path / "a.mkv", tone, packet_times(tone, pace)))
    assert abs(len(samples) - 15 * RATE * pace) < 0.03 * RATE
    steepest = 0.5 * 2 * np.pi * 100 / RATE
    assert np.abs(np.diff(samples)).max() < 1.01 * steepest
    assert np.abs(samples[: len(tone) // 10] - tone[: len(tone) // 10]).max() < 1e-4, "untouched until it drifts"


@pytest.mark.parametrize(
    "late",
    [
        np.zeros(500),
        np.random.default_rng(1).uniform(-9, 9, 500),  # times of capture
        np.where(np.arange(500) // 8 == 25, 90.0 - 10 * (np.arange(500) % 8), 0.0),  # the machine was busy
    ],
    ids=["even", "jitter", "catching up"],
)
def test_jitter_changes_no_sample(tmp_path: Path, late: Floats) -> None:
    samples = clicks(10)
    read = heard(recorded(tmp_path / "a.mkv", samples, packet_times(samples) + (late - late[0])))
    assert np.array_equal(read, (samples * 32767).astype("<i2") / np.float32(32768))


def test_rounding_to_milliseconds_changes_no_sample(tmp_path: Path) -> None:
    samples = clicks(10, rate=44100)
    count = len(samples) // 1024
    path = recorded(tmp_path / "a.mkv", samples, np.arange(count) * 1024 / 44.1, 1024, 44100)
    expected = (samples[: count * 1024] * 32767).astype("<i2") / np.float32(32768)
    assert np.array_equal(heard(path, 44100), expected)


def test_a_leap_ahead_is_silence(tmp_path: Path) -> None:
    tone = 0.5 * np.cos(2 * np.pi * 100 * np.arange(4 * RATE) / RATE)
    read = heard(recorded(tmp_path / "a.mkv", tone, packet_times(tone) + 30 * (np.arange(200) >= 100)))
    expected = (tone * 32767).astype("<i2") / np.float32(32768)
    assert np.array_equal(read, np.concatenate((expected[: 2 * RATE], np.zeros(240), expected[2 * RATE :])))


def test_what_overlaps_after_a_leap_back_is_left_out(tmp_path: Path) -> None:
    tone = 0.5 * np.cos(2 * np.pi * 100 * np.arange(4 * RATE) / RATE)
    path = recorded(tmp_path / "a.mkv", tone, packet_times(tone) - 15 * (np.arange(200) >= 100))
    expected = (tone * 32767).astype("<i2") / np.float32(32768)
    assert np.array_equal(heard(path), np.concatenate((expected[: 2 * RATE], expected[2 * RATE + 120 :])))
    assert np.array_equal(heard(path, block=777), heard(path))


def test_a_clock_that_begins_anew_loses_nothing(tmp_path: Path) -> None:
    tone = 0.5 * np.cos(2 * np.pi * 100 * np.arange(4 * RATE) / RATE)
    write_wav(tmp_path / "a.wav", tone, RATE)
    for name, offset in (("1.ts", "100"), ("2.ts", "50")):
        ffmpeg("-i", tmp_path / "a.wav", "-c:a", "mp2", "-ar", "16000", "-output_ts_offset", offset, tmp_path / name)
    joined = tmp_path / "joined.ts"
    joined.write_bytes((tmp_path / "1.ts").read_bytes() + (tmp_path / "2.ts").read_bytes())
    once = heard(tmp_path / "1.ts", 16000)
    assert len(heard(joined, 16000)) == 2 * len(once)
    facts = probe(Media("m", str(joined)))
    assert facts.audio is not None
    assert abs(facts.audio.duration * 16000 - 2 * len(once)) <= 1


def test_segments_that_were_encoded_apart_keep_time(tmp_path: Path) -> None:
    """The sound of each begins with its encoder's delay and ends with a frame that is not full."""
    write_wav(tmp_path / "a.wav", clicks(5, rate=48000), 48000)
    joined = tmp_path / "joined.ts"
    for second in range(5):
        cut = ("-ss", str(second), "-t", "1", "-i", tmp_path / "a.wav", "-c:a", "aac")
        times_go_on = ("-output_ts_offset", str(second + 10), "-muxdelay", "0", "-muxpreload", "0", "-f", "mpegts", "-")
        joined.write_bytes((joined.read_bytes() if second else b"") + ffmpeg(*cut, *times_go_on))
    start = Fraction(1024, 48000)
    found = times(heard(joined, 48000), 48000) - float(start)
    assert len(found) == 5
    assert np.abs(found - np.arange(5)).max() < 0.006
