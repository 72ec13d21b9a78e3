"""Sound whose form changes on the way, in joined files and in streams, and its length to the sample."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from reelmill.decoders.probe import probe
from reelmill.decoders.sound.sound import FileSoundReader
from reelmill.decoders.sound.sound_parts import MAX_PARTS, sound_parts
from reelmill.planner.media import AudioFacts
from reelmill.planner.timeline import Media
from tests.support.clips import ffmpeg
from tests.support.sounds import Samples, decode, encode, recording, sound_facts, write_wav

RATE = 48000


def heard(path: Path) -> tuple[AudioFacts, Samples]:
    """The facts of a file, and its sound from first to last."""
    facts = probe(Media("m", str(path)))
    assert facts.audio is not None
    reader = FileSoundReader(Media("m", str(path)), facts, RATE)
    samples = np.concatenate(list(reader.blocks()))
    reader.close()
    return facts.audio, samples


def made(folder: Path, name: str, rate: int, channels: int, *options: str) -> Path:
    source = write_wav(folder / f"{name}.wav", recording(rate, 1.5, channels, seed=rate + channels), rate)
    return encode(source, folder / name, *options)


def in_stereo(path: Path) -> Samples:
    """What ffmpeg hears in a file of one or two channels; one of them as both."""
    channels = sound_facts(path).audio
    assert channels is not None
    return np.asarray(decode(path, RATE, channels.channels) * np.ones(2, np.float32))


def joined(*parts: Path) -> Path:
    target = parts[0].with_stem("joined")
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


@pytest.mark.parametrize(
    ("extension", "first", "rate", "options"),
    [
        ("opus", 2, 48000, ("-c:a", "libopus")),
        ("ogg", 1, 44100, ("-c:a", "libvorbis")),
        ("oga", 2, 44100, ("-c:a", "flac")),
        ("mp3", 1, 44100, ("-c:a", "libmp3lame")),
        ("mp3", 2, 44100, ("-c:a", "libmp3lame", "-id3v2_version", "0")),
        ("flac", 1, 44100, ()),
    ],
)
def test_files_that_were_joined_are_heard_one_after_the_other(
    tmp_path: Path, extension: str, first: int, rate: int, options: tuple[str, ...]
) -> None:
    parts = [
        made(tmp_path, f"1.{extension}", RATE, first, *options),
        made(tmp_path, f"2.{extension}", rate, 3 - first, *options),
    ]
    expected = np.concatenate([in_stereo(part) for part in parts])
    audio, samples = heard(joined(*parts))
    assert (audio.channels, audio.layout) == (2, "stereo")
    assert abs(audio.duration * RATE - len(expected)) <= 1
    assert abs(len(samples) - len(expected)) <= 1
    assert np.abs(samples[: len(expected)] - expected[: len(samples)]).max() < 1e-5


def test_parts_of_a_file_that_is_one(tmp_path: Path) -> None:
    for name, demuxer in (("a.opus", "ogg"), ("a.mp3", "mp3"), ("a.flac", "flac"), ("a.m4a", "mov")):
        assert sound_parts(str(made(tmp_path, name, RATE, 1)), demuxer) == ()
    films = ("-f", "lavfi", "-i", "testsrc2=s=64x48:d=1", "-c:v", "libtheora", "-c:a", "libvorbis", "-ac", "2")
    film = encode(tmp_path / "a.opus.wav", tmp_path / "film.ogv", *films)
    assert sound_parts(str(joined(film, film)), "ogg") == (), "not sound alone"


def test_a_file_of_nothing_but_tags_is_one(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    tag = b"ID3\3\0\0\0\0\0\0\xff\xfb\x90\0"
    path.write_bytes(tag * MAX_PARTS)
    assert len(sound_parts(str(path), "mp3")) == MAX_PARTS
    path.write_bytes(tag * (MAX_PARTS + 1))
    assert sound_parts(str(path), "mp3") == ()


@pytest.mark.parametrize("rates", [(48000, 24000), (24000, 48000)])
def test_the_rate_of_adts_changes(tmp_path: Path, rates: tuple[int, int]) -> None:
    parts = [made(tmp_path, f"{rate}.aac", rate, 2 if rate == 48000 else 1, "-aac_pns", "0") for rate in rates]
    expected = [in_stereo(part) for part in parts]
    audio, samples = heard(joined(*parts))
    assert (audio.channels, audio.sample_rate) == (2, 48000)
    assert abs(audio.duration * RATE - sum(map(len, expected))) <= 1
    assert np.abs(samples[: len(expected[0])] - expected[0]).max() < 1e-5
    # The decoder goes on: the first frame behind the join begins with what it remembers of the last one before.
    behind, skipped = samples[len(expected[0]) :], 2 * 2048
    assert np.abs(behind[skipped : len(expected[1]) - 100] - expected[1][skipped:-100]).max() < 1e-4


@pytest.mark.parametrize("container", ["ac3", "ts"])
def test_a_broadcast_goes_from_stereo_to_surround(tmp_path: Path, container: str) -> None:
    parts = [made(tmp_path, f"{n}.ac3", RATE, n, "-ac", str(n), "-c:a", "ac3", "-b:a", "384k") for n in (2, 6)]
    path = joined(*parts)
    if container == "ts":
        ffmpeg("-i", path, "-c", "copy", path.with_suffix(".ts"))
        path = path.with_suffix(".ts")
    audio, samples = heard(path)
    assert (audio.channels, audio.layout) == (6, "5.1(side)")
    stereo, surround = decode(parts[0], RATE, 2), decode(parts[1], RATE, 6)
    assert len(samples) == len(stereo) + len(surround) == audio.duration * RATE
    assert np.abs(samples[: len(stereo), :2] - stereo).max() < 1e-5
    assert not samples[: len(stereo), 2:].any()
    for channel in range(6):
        # Not the same samples: a decoder fills bands without bits with noise, which goes on from the first part.
        assert np.corrcoef(samples[len(stereo) :, channel], surround[:, channel])[0, 1] > 0.98


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("a.webm", ("-c:a", "libopus"), 3 * RATE),
        ("b.webm", ("-c:a", "libvorbis"), 3 * RATE),
        ("a.mka", ("-c:a", "flac"), 3 * RATE),
        ("b.mka", ("-c:a", "aac"), 1024 * (1 + -(-3 * RATE // 1024))),  # with the encoder's delay, which it can't tell
    ],
)
def test_the_length_of_sound_in_matroska_is_exact(
    tmp_path: Path, name: str, options: tuple[str, ...], count: int
) -> None:
    """A loop of it would have a seam otherwise: its timestamps are rounded to milliseconds."""
    source = write_wav(tmp_path / "a.wav", recording(RATE, 3, 1), RATE)
    audio, samples = heard(encode(source, tmp_path / name, *options))
    assert audio.duration == Fraction(count, RATE)
    assert len(samples) == count
