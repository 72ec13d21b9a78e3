"""The sound of files, against what ffmpeg decodes; where it lies; damage; stretching."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from reelmill.decoders.probe import probe
from reelmill.decoders.sound.sound import FileSoundReader
from reelmill.decoders.sound.sound_playback import PlayedPart, PlayedSound
from reelmill.decoders.sound.sound_spool import SoundSpool
from reelmill.planner.errors import RenderError
from reelmill.planner.media import MediaFacts
from reelmill.planner.timeline import Media
from tests.support.sounds import Samples, decode, encode, first_frame_time, impulse, recording, sound_facts, write_wav

RATE = 48000
SECONDS = 3
FORMATS = {
    "pcm.wav": (),
    "flac.flac": (),
    "aac.m4a": ("-c:a", "aac"),
    "mp3.mp3": ("-c:a", "libmp3lame"),
    "opus.mkv": ("-c:a", "libopus"),
    "vorbis.ogg": ("-c:a", "libvorbis"),
    "ac3.mp4": ("-c:a", "ac3"),
    "aac.ts": ("-c:a", "aac"),
    "pcm24.mov": ("-c:a", "pcm_s24le"),
    "u8.wav": ("-c:a", "pcm_u8"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One recording at 44.1 and 48 kHz in every format, and an impulse in every format."""
    made = tmp_path_factory.mktemp("sounds")
    for rate in (44100, 48000):
        for kind, samples in (("tone", recording(rate, SECONDS)), ("click", impulse(rate, SECONDS, rate))):
            source = write_wav(made / f"{kind}{rate}.wav", samples, rate)
            for name, options in FORMATS.items():
                encode(source, made / f"{kind}{rate}-{name}", *options)
    return made


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def reader(
    path: Path,
    stack: ExitStack,
    *,
    facts: MediaFacts | None = None,
    on_error: Literal["fail", "conceal"] = "fail",
    start: Fraction | None = None,
) -> FileSoundReader:
    facts = facts or sound_facts(path)
    assert facts.audio is not None
    if start is not None:
        facts = replace(facts, audio=replace(facts.audio, start=start))
    facts = replace(facts, path=str(path))
    made = FileSoundReader(Media("sound", str(path), on_error=on_error), facts, RATE)
    stack.callback(made.close)
    return made


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("name", FORMATS)
def test_samples_are_those_that_ffmpeg_decodes(folder: Path, stack: ExitStack, name: str, rate: int) -> None:
    path = folder / f"tone{rate}-{name}"
    expected = decode(path, RATE, 2)
    assert len(expected) >= SECONDS * RATE - 1
    samples = reader(path, stack).read_at(0, len(expected) + 10)
    assert np.abs(samples[: len(expected)] - expected).max() < 1e-6
    assert not samples[len(expected) :].any()


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("name", [name for name in FORMATS if name != "aac.ts"])
def test_an_impulse_is_at_its_time(folder: Path, stack: ExitStack, name: str, rate: int) -> None:
    samples = reader(folder / f"click{rate}-{name}", stack).read_at(0, SECONDS * RATE)
    lossless = name.startswith(("pcm", "flac", "u8"))
    assert abs(int(np.abs(samples[:, 0]).argmax()) - RATE) <= (0 if lossless else 1)


@pytest.mark.parametrize("name", ["aac.m4a", "pcm.wav"])
def test_sizes_of_reads_and_what_was_skipped_do_not_matter(folder: Path, stack: ExitStack, name: str) -> None:
    path = folder / f"tone44100-{name}"
    whole = reader(path, stack).read_at(-50, 100_000)
    odd = reader(path, stack)
    position = -50
    for size in [1, 49, 3, 1000, 1024, 777, 9999]:
        assert np.array_equal(odd.read_at(position, size), whole[position + 50 : position + 50 + size])
        position += size
    assert np.array_equal(odd.read_at(60_000, 100), whole[60_050:60_150])


def test_reading_back_begins_the_file_again(folder: Path, stack: ExitStack) -> None:
    one = reader(folder / "tone44100-aac.m4a", stack)
    whole = one.read_at(0, 90_000)
    assert np.array_equal(one.read_at(70_000, 100), whole[70_000:70_100])
    assert np.array_equal(one.read_at(5, 100), whole[5:105])


def test_a_closed_reader_may_be_closed_again_and_begins_anew(folder: Path, stack: ExitStack) -> None:
    one = reader(folder / "tone48000-flac.flac", stack)
    first = one.read_at(0, 100)
    one.close()
    one.close()
    assert np.array_equal(one.read_at(0, 100), first)


@pytest.mark.parametrize("start", [Fraction(1, 7), Fraction(-1, 7)])
def test_sound_keeps_its_offset_to_the_picture(folder: Path, stack: ExitStack, start: Fraction) -> None:
    path = folder / "click48000-pcm.wav"
    samples = reader(path, stack, start=start).read_at(0, 2 * RATE)
    assert np.flatnonzero(samples[:, 0]).tolist() == [RATE + round(start * RATE)]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("film.mov", ("-c:v", "mpeg4", "-c:a", "pcm_s16le")),
        ("film.mp4", ("-c:v", "mpeg4", "-c:a", "aac")),
        ("film.ts", ("-c:v", "mpeg2video", "-c:a", "aac")),
        ("film.mkv", ("-c:v", "mpeg4", "-c:a", "libopus")),
        ("film.mkv", ("-c:v", "mpeg4", "-c:a", "flac")),
    ],
)
@pytest.mark.parametrize("delay", ["0", "0.25", "-0.25"])
def test_sound_of_films_is_where_their_timestamps_say(
    tmp_path: Path, folder: Path, stack: ExitStack, name: str, options: tuple[str, ...], delay: str
) -> None:
    path = tmp_path / name
    picture = ["-f", "lavfi", "-i", "testsrc=s=32x32:d=3:r=25", "-itsoffset", delay]
    command = ["ffmpeg", "-v", "error", *picture, "-i", str(folder / "click48000-pcm.wav"), *options, str(path)]
    subprocess.run(command, check=True)
    samples = reader(path, stack, facts=probe(Media("sound", str(path)))).read_at(0, 2 * RATE)
    in_stream = int(np.abs(decode(path, RATE, 1)[:, 0]).argmax())
    offset = first_frame_time(path, "a:0") - first_frame_time(path, "v:0")
    assert int(np.abs(samples[:, 0]).argmax()) == in_stream + round(offset * RATE)


def test_a_missing_file_is_named(tmp_path: Path, folder: Path, stack: ExitStack) -> None:
    gone = reader(tmp_path / "gone.wav", stack, facts=sound_facts(folder / "tone48000-pcm.wav"))
    with pytest.raises(RenderError, match="does not exist") as caught:
        gone.read_at(0, 10)
    assert caught.value.component == "SoundReader"
    assert caught.value.file == str(tmp_path / "gone.wav")


def test_a_file_that_lost_its_sound(tmp_path: Path, folder: Path, stack: ExitStack) -> None:
    path = tmp_path / "v.mkv"
    encode(folder / "tone48000-pcm.wav", path, "-f", "lavfi", "-i", "color=s=16x16:d=1", "-map", "1:v", "-c:v", "ffv1")
    with pytest.raises(RenderError, match="its sound is gone"):
        reader(path, stack, facts=sound_facts(folder / "tone48000-pcm.wav")).read_at(0, 10)


DAMAGED = ["aac.m4a", "flac.flac", "ac3.mp4", "aac.ts"]


def damaged(folder: Path, target: Path, name: str) -> tuple[Path, MediaFacts]:
    """A copy with 5,000 bytes in the middle overwritten."""
    path = folder / f"tone48000-{name}"
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 5000] = bytes(5000)
    copy = target / name
    copy.write_bytes(data)
    return copy, sound_facts(path)


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_an_error_that_names_the_place(tmp_path: Path, folder: Path, stack: ExitStack, name: str) -> None:
    path, facts = damaged(folder, tmp_path, name)
    with pytest.raises(RenderError, match="damaged at") as caught:
        reader(path, stack, facts=facts).read_at(0, SECONDS * RATE)
    error = caught.value
    assert error.component == "SoundReader"
    assert error.file == str(path)
    assert error.source_time is not None
    assert 0.5 < error.source_time < 2.5
    assert "conceal" in (error.suggestion or "")


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_outside_of_what_is_needed_is_none(tmp_path: Path, folder: Path, stack: ExitStack, name: str) -> None:
    path, facts = damaged(folder, tmp_path, name)
    one = reader(path, stack, facts=facts)
    assert one.read_at(0, RATE // 4).any()
    assert one.read_at(RATE * 11 // 4, RATE // 8).any()


@pytest.mark.parametrize("name", DAMAGED)
def test_concealed_damage_is_silence_of_the_same_length(
    tmp_path: Path, folder: Path, stack: ExitStack, name: str
) -> None:
    path, facts = damaged(folder, tmp_path, name)
    concealed = reader(path, stack, facts=facts, on_error="conceal").read_at(0, SECONDS * RATE)[:, 0]
    whole = reader(folder / f"tone48000-{name}", stack, facts=facts).read_at(0, SECONDS * RATE)[:, 0]
    assert (concealed == 0).sum() > 1000
    # After the damage the sound goes on at its place: the two agree best when they are not shifted.
    late = slice(RATE * 5 // 2, RATE * 3 - 1000)
    size = 1 << 16
    product = np.fft.irfft(np.fft.rfft(concealed[late], size) * np.conj(np.fft.rfft(whole[late], size)))
    shift = (int(product.argmax()) + size // 2) % size - size // 2
    # A transport stream has a time for several frames at once, so one may be missed.
    assert abs(shift) <= (1024 if name == "aac.ts" else 0)


def test_a_truncated_file_is_damaged_to_its_end(tmp_path: Path, folder: Path, stack: ExitStack) -> None:
    source = folder / "tone48000-pcm.wav"
    path = tmp_path / "short.wav"
    path.write_bytes(source.read_bytes()[:300_000])  # ends after 74,989 samples
    facts = sound_facts(source)
    assert reader(path, stack, facts=facts).read_at(0, 60_000).any()
    with pytest.raises(RenderError, match="incomplete"):
        reader(path, stack, facts=facts).read_at(0, RATE * 2)
    with pytest.raises(RenderError, match="incomplete"):
        reader(path, stack, facts=facts).read_at(RATE * 2, 100)


def test_an_interrupted_recording_keeps_its_pauses(tmp_path: Path, stack: ExitStack) -> None:
    # Packets of the middle second are left out; those after it keep their timestamps.
    source = write_wav(tmp_path / "whole.wav", recording(RATE, 3), RATE)
    path = tmp_path / "paused.mkv"
    encode(source, path, "-af", "aselect='not(between(t,1,2))'", "-c:a", "pcm_s16le")
    whole = decode(source, RATE, 2)
    kept = len(decode(path, RATE, 2))
    samples = reader(path, stack, facts=sound_facts(source)).read_at(0, 3 * RATE)
    silent = np.flatnonzero(~samples.any(axis=1))
    assert len(silent) == 3 * RATE - kept
    assert np.array_equal(np.arange(silent[0], silent[0] + len(silent)), silent)
    outside = np.ones(3 * RATE, bool)
    outside[silent] = False
    assert np.array_equal(samples[outside], whole[outside])


def test_only_what_is_asked_for_is_spooled(folder: Path, stack: ExitStack) -> None:
    path = folder / "tone48000-aac.m4a"
    whole = reader(path, stack).read_at(0, SECONDS * RATE)
    spool = SoundSpool(reader(path, stack), 1000)
    stack.callback(spool.close)
    for first, count in [(50_000, 100), (1000, 70_000), (900, 200), (70_900, 200)]:
        expected = whole[first : first + count].copy()
        expected[: max(1000 - first, 0)] = 0
        assert np.array_equal(spool.read_at(first, count), expected)


def test_a_full_disk_is_an_error(folder: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = SoundSpool(reader(folder / "tone48000-pcm.wav", stack), 0)
    stack.callback(spool.close)

    def full(data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool._file, "write", full)
    with pytest.raises(RenderError, match="No space left") as caught:
        spool.read_at(0, 10)
    assert "TMPDIR" in (caught.value.suggestion or "")


def played(
    path: Path,
    stack: ExitStack,
    count: int,
    *,
    speed: Fraction | int = 1,
    offset: Fraction | int = 0,
    loop_end: Fraction | None = None,
    first: int = 0,
    block: int = 1 << 30,
) -> Samples:
    part = PlayedPart(first, count, Fraction(speed), Fraction(offset), loop_end, RATE)
    playback = PlayedSound(reader(path, stack), part)
    stack.callback(playback.close)
    return np.concatenate([playback.read_at(i, min(block, count - i)) for i in range(0, count, block)])


def test_backwards_is_the_stream_reversed(folder: Path, stack: ExitStack) -> None:
    path = folder / "tone44100-aac.m4a"
    whole = reader(path, stack).read_at(0, SECONDS * RATE)
    backwards = played(path, stack, 2 * RATE, speed=-1, offset=Fraction(5, 2), block=7001)
    assert np.array_equal(backwards, whole[RATE // 2 : 5 * RATE // 2][::-1])


@pytest.mark.parametrize("end", [Fraction(1), Fraction(100_001, 3 * RATE)])
def test_a_loop_keeps_time(folder: Path, stack: ExitStack, end: Fraction) -> None:
    path = folder / "tone48000-pcm.wav"
    whole = decode(path, RATE, 2)
    looped = played(path, stack, 8 * RATE, offset=Fraction(1, 2), loop_end=end, block=5003)
    starts = [round(p * end * RATE) for p in range(14)]
    expected = np.concatenate([whole[: b - a] for a, b in pairwise(starts)])
    assert np.array_equal(looped, expected[RATE // 2 : RATE // 2 + 8 * RATE])


def test_a_loop_backwards(folder: Path, stack: ExitStack) -> None:
    path = folder / "tone48000-pcm.wav"
    whole = decode(path, RATE, 2)[:RATE]
    looped = played(path, stack, 5 * RATE, speed=-1, offset=Fraction(1), loop_end=Fraction(1), block=5003)
    assert np.array_equal(looped, np.concatenate([whole[::-1]] * 5))


SPEEDS = [Fraction(text) for text in ("1/4", "1/2", "9/10", "1001/1000", "2", "7", "-2")]


@pytest.mark.parametrize("speed", SPEEDS, ids=str)
def test_another_speed_keeps_pitch_and_level(tmp_path: Path, stack: ExitStack, speed: Fraction) -> None:
    seconds = 8
    t = np.arange(seconds * RATE) / RATE
    path = write_wav(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * t), RATE)
    count = round(min(seconds / abs(speed), Fraction(4)) * RATE) - RATE // 10
    samples = played(path, stack, count, speed=speed, offset=0 if speed > 0 else seconds)[:, 0]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(count))) ** 2
    frequencies = np.fft.rfftfreq(count, 1 / RATE)
    near = np.abs(frequencies - 440) < 10
    assert abs(frequencies[spectrum.argmax()] - 440) <= 1.5 * RATE / count
    assert spectrum[~near].sum() < 1e-4 * spectrum[near].sum()
    assert np.abs(samples).max() <= 0.51
    assert np.isclose(samples.std(), 0.5 / np.sqrt(2), rtol=0.01)


@pytest.mark.parametrize(
    "speed", [Fraction(1, 2), Fraction(4, 5), Fraction(5, 4), Fraction(2), Fraction(-5, 4)], ids=str
)
def test_another_speed_keeps_time(tmp_path: Path, stack: ExitStack, speed: Fraction) -> None:
    # Bursts of noise of 0.2 s in each second; their middles are where the line says, over a minute.
    seconds = 60
    noise = np.random.default_rng(3).normal(0, 0.2, seconds * RATE)
    noise[(np.arange(seconds * RATE) / RATE) % 1 >= 0.2] = 0
    path = write_wav(tmp_path / "a.wav", noise, RATE)
    pace = abs(speed)
    count = round(seconds / pace * RATE)
    loud = np.abs(played(path, stack, count, speed=speed, offset=0 if speed > 0 else seconds, block=9999)[:, 0])
    for second in (0, 1, 20, 41, 58):
        middle = (Fraction(second) + Fraction(1, 10)) if speed > 0 else seconds - (Fraction(second) + Fraction(1, 10))
        at, reach = round(middle / pace * RATE), round(RATE / 2 / pace)
        low = max(at - reach, 0)
        energy = loud[low : at + reach] ** 2
        found = low + (energy * np.arange(len(energy))).sum() / energy.sum()
        assert abs(found - at) < 0.02 * RATE / pace


def test_stretched_sound_begins_exactly(tmp_path: Path, stack: ExitStack) -> None:
    path = write_wav(tmp_path / "a.wav", recording(RATE, 2, 1), RATE)
    stretched = played(path, stack, RATE, speed=Fraction(3, 2), offset=Fraction(1, 4))
    assert stretched[0, 0] == pytest.approx(decode(path, RATE, 1)[RATE // 4, 0], abs=1e-6)


def test_stretching_does_not_depend_on_the_sizes_of_reads(folder: Path, stack: ExitStack) -> None:
    path = folder / "tone44100-aac.m4a"
    whole = played(path, stack, RATE, speed=Fraction(11, 10))
    assert np.array_equal(whole, played(path, stack, RATE, speed=Fraction(11, 10), block=997))


def test_other_streams_are_not_read(folder: Path, tmp_path: Path, stack: ExitStack) -> None:
    # Two streams of sound: the facts say which.
    path = tmp_path / "two.mkv"
    encode(folder / "tone48000-pcm.wav", path, "-i", str(folder / "click48000-pcm.wav"), "-map", "0", "-map", "1")
    facts = sound_facts(folder / "click48000-pcm.wav")
    assert facts.audio is not None
    second = reader(path, stack, facts=replace(facts, audio=replace(facts.audio, stream=1)))
    samples = second.read_at(0, 2 * RATE)
    assert int(np.abs(samples[:, 0]).argmax()) == RATE
    assert np.abs(samples[: RATE // 2]).max() < 0.01
