"""The sound engine as a whole: many cues, many threads, bounds, and what happens when something fails."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmill.decoders.files.container import open_container
from reelmill.decoders.sound import sound as decoders_sound
from reelmill.decoders.sound import sound_stream
from reelmill.export.sound import mixer as mixer_module
from reelmill.export.sound import sound_mix
from reelmill.export.sound.mixer import BLOCK_SAMPLES
from reelmill.export.sound.sound_mix import SoundMix
from reelmill.planner.errors import RenderError
from reelmill.planner.sound.sound_cues import plan_sound
from reelmill.planner.timeline import Timeline
from tests.support.sound_stage import RATE, Stage, make_sounds
from tests.support.sounds import (
    Samples,
    composition,
    decode,
    encode,
    impulse,
    media_clip,
    recording,
    sound_facts,
    sound_timeline,
    write_wav,
)

CLICK_SECONDS = Fraction(1)
KINDS: dict[str, tuple[int, int, tuple[str, ...]]] = {
    "8000.wav": (8000, 1, ()),
    "11025.wav": (11025, 2, ()),
    "22050.flac": (22050, 1, ()),
    "32000.wav": (32000, 2, ("-c:a", "pcm_f32le")),
    "44100.wav": (44100, 2, ("-c:a", "pcm_s24le")),
    "44100.mp3": (44100, 2, ("-c:a", "libmp3lame")),
    "44100.m4a": (44100, 1, ("-c:a", "aac")),
    "48000.wav": (48000, 6, ("-c:a", "pcm_s16le")),
    "48000.flac": (48000, 2, ()),
    "48000.mp4": (48000, 2, ("-c:a", "aac")),
    "48000.ogg": (48000, 2, ("-c:a", "libvorbis")),
    "48000.opus": (48000, 1, ("-c:a", "libopus")),
    "48000.mkv": (48000, 2, ("-c:a", "libopus")),
    "96000.flac": (96000, 2, ()),
    "192000.wav": (192000, 1, ("-c:a", "pcm_s32le")),
}
"""By file: rate, channels, and how ffmpeg makes it."""
LOSSY = (".mp3", ".m4a", ".mp4", ".ogg", ".opus", ".mkv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sounds(tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of each kind, three seconds long, with an impulse at one second."""
    made = tmp_path_factory.mktemp("clicks")
    for name, (rate, channels, options) in KINDS.items():
        source = write_wav(made / "raw.wav", impulse(rate, 3, round(rate * CLICK_SECONDS), channels), rate)
        encode(source, made / name, *options)
    return made


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths, each time that a file is opened."""
    paths: list[str] = []

    def noted(path: str, **more: Any) -> Any:
        paths.append(path)
        return open_container(path, **more)

    monkeypatch.setattr(sound_stream, "open_container", noted)
    return paths


def mixed(timeline: Timeline, facts: dict[str, Any], **more: Any) -> Samples:
    count = round(timeline.duration * timeline.sample_rate)
    mix = SoundMix(plan_sound(timeline, facts), timeline.media, facts, first_sample=0, sample_count=count, **more)
    try:
        return mix.read(count)
    finally:
        mix.close()


def test_impulses_in_200_cues_are_at_their_samples(clicks: Path) -> None:
    """Each cue has a quarter of a second for itself, and begins somewhere in it and somewhere before its impulse."""
    chance = random.Random(7)
    names = list(KINDS)
    clips = []
    expected: list[tuple[str, int]] = []
    for number in range(200):
        name = names[number % len(names)]
        start = Fraction(number, 4) + Fraction(chance.randrange(5000), RATE * 7)
        in_point = CLICK_SECONDS - Fraction(chance.randrange(500, 2000), 30011)
        clips.append(media_clip(f"c{number}", start, Fraction(1, 5), in_point, media=name))
        # Sample 0 of the recording is at the sample nearest to the time at which it would sound.
        expected.append((name, round((start - in_point) * RATE) + RATE))
    tracks = [tuple(clips[first::5]) for first in range(5)]
    media = {name: clicks / name for name in names}
    timeline = sound_timeline(composition(None, 50, *tracks), media=media)
    facts = {name: replace(sound_facts(path), media=name) for name, path in media.items()}
    samples = np.abs(mixed(timeline, facts, workers=3)).max(axis=1)
    for number, (name, at) in enumerate(expected):
        slot = samples[number * RATE // 4 : (number + 1) * RATE // 4]
        found = int(slot.argmax()) + number * RATE // 4
        assert abs(found - at) <= (1 if name.endswith(LOSSY) else 0), f"cue {number}, {name}"


@pytest.mark.parametrize("name", ["tone.wav", "tone.m4a"])
def test_500_adjoining_clips_are_the_uncut_recording(folder: Path, name: str, opened: list[str]) -> None:
    cuts = [Fraction(number, 125) for number in range(501)]
    clips = [media_clip(f"c{n}", cut, Fraction(1, 125), cut) for n, cut in enumerate(cuts[:-1])]
    path = folder / name
    facts = {"sound": sound_facts(path)}
    whole = sound_timeline(composition(None, 4, (media_clip("a", 0, 4),)), media={"sound": path})
    cut = sound_timeline(composition(None, 4, tuple(clips)), media={"sound": path})
    uncut = mixed(whole, facts)
    opened.clear()
    assert np.array_equal(mixed(cut, facts), uncut)
    assert len(opened) == 1
    if name == "tone.wav":
        assert np.array_equal(uncut, decode(path, RATE, 2))


def test_stretched_clips_of_one_recording_open_it_once(folder: Path, opened: list[str]) -> None:
    speed = Fraction(5, 4)
    clips = [media_clip(f"c{n}", Fraction(n, 5), Fraction(1, 5), n * speed / 5, speed=speed) for n in range(14)]
    path = folder / "tone.m4a"
    mixed(sound_timeline(composition(None, 3, tuple(clips)), media={"sound": path}), {"sound": sound_facts(path)})
    assert len(opened) == 1


def test_threads_and_workers_change_no_bit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixer_module, "PARALLEL_SAMPLES", 0)
    chance = random.Random(3)
    tracks = []
    for number in range(30):
        speed = chance.choice([Fraction(1), Fraction(5, 4), Fraction(-1)])
        in_point = 3 if speed < 0 else Fraction(chance.randrange(1000), 1009)
        clip = media_clip(f"c{number}", Fraction(chance.randrange(1000), 999), 1, in_point, speed=speed)
        tracks.append((clip,))
    path = folder / "tone.m4a"
    timeline = sound_timeline(composition(None, 2, *tracks), media={"sound": path})
    facts = {"sound": sound_facts(path)}
    expected = mixed(timeline, facts, workers=1, threads=1)
    assert np.array_equal(mixed(timeline, facts, workers=3, threads=3), expected)
    assert np.array_equal(mixed(timeline, facts, workers=2, threads=2), expected)


def test_a_reader_that_stops_stops_mixing_and_decoding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_mix, "MAX_QUEUED_BYTES", 200_000)
    mix = Stage(folder, composition(None, 4, (media_clip("a", 0, 4),))).mix()
    mix.read(1000)
    chunks = -1
    while mix.statistics().decoding.chunks != chunks:
        chunks = mix.statistics().decoding.chunks
        time.sleep(0.1)
    # 25,000 samples in the queue, a block that waits to get in, and those that are decoded ahead.
    assert chunks <= 1000 // BLOCK_SAMPLES + 200_000 // 8 // BLOCK_SAMPLES + 2 + mixer_module.DEPTH
    assert len(mix.read(4 * RATE)) == 4 * RATE - 1000
    mix.close()


def test_a_mix_may_be_closed_at_any_time(folder: Path) -> None:
    for count in (0, 1, 5000, 100_000):
        mix = Stage(folder, composition(None, 4, (media_clip("a", 0, 4),))).mix()
        mix.read(count)
        mix.close()
        assert mix.statistics().decoding.open_files == 0


def test_a_worker_that_dies_ends_the_mix_and_names_the_clip(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    read_at = decoders_sound.FileSoundReader.read_at

    def killed(reader: decoders_sound.FileSoundReader, first: int, count: int) -> Samples:
        if first > 2 * RATE:
            raise Killed("out of memory")
        return read_at(reader, first, count)

    monkeypatch.setattr(decoders_sound.FileSoundReader, "read_at", killed)
    mix = Stage(folder, composition(None, 4, (media_clip("a", 0, 4),))).mix()
    try:
        # What was mixed before is whole.
        assert np.array_equal(mix.read(RATE), decode(folder / "tone.wav", RATE, 2)[:RATE])
        with pytest.raises(RenderError, match="out of memory") as caught:
            mix.read(4 * RATE)
        assert (caught.value.clip, caught.value.file) == ("a", str(folder / "tone.wav"))
    finally:
        mix.close()


def test_a_stream_that_ends_early_is_silence_without_a_click(folder: Path) -> None:
    stage = Stage(folder, composition(None, 6, (media_clip("a", 0, 6),)))
    samples = stage.read()
    assert np.array_equal(samples[: 4 * RATE], decode(folder / "tone.wav", RATE, 2))
    assert not samples[4 * RATE :].any()


def test_a_rate_that_changes_in_the_middle_of_a_stream(tmp_path: Path) -> None:
    """Two MP3s behind one another, of 44.1 and 48 kHz: the second half keeps its time and its pitch."""
    parts = []
    for rate in (44100, 48000):
        tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(2 * rate) / rate)
        source = write_wav(tmp_path / f"{rate}.wav", tone, rate)
        options = ("-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0")
        parts.append(encode(source, tmp_path / f"{rate}.mp3", *options).read_bytes())
    path = tmp_path / "both.mp3"
    path.write_bytes(b"".join(parts))
    facts = sound_facts(tmp_path / "44100.mp3")
    assert facts.audio is not None
    facts = replace(facts, path=str(path), audio=replace(facts.audio, duration=Fraction(4)))
    timeline = sound_timeline(composition(None, 4, (media_clip("a", 0, 4),)), media={"sound": path})
    samples = mixed(timeline, {"sound": facts})[:, 0]
    for first in (RATE // 2, 3 * RATE - RATE // 4):
        spectrum = np.abs(np.fft.rfft(samples[first : first + RATE // 2] * np.hanning(RATE // 2)))
        assert int(spectrum.argmax()) * 2 == 1000


def test_a_long_timeline_does_not_drift(clicks: Path) -> None:
    """Two hours: the impulse of the first clip and that of the last one are exact, at a rate of which no second is."""
    starts = [Fraction(1, 7), Fraction(7198) + Fraction(3, 11)]
    clips = tuple(media_clip(f"c{n}", start, Fraction(3, 2), media="44100.wav") for n, start in enumerate(starts))
    path = clicks / "44100.wav"
    timeline = sound_timeline(composition(None, 7200, clips), media={"44100.wav": path})
    facts = {"44100.wav": replace(sound_facts(path), media="44100.wav")}
    plan = plan_sound(timeline, facts)
    mix = SoundMix(plan, timeline.media, facts, first_sample=0, sample_count=7200 * RATE)
    found, at = [], 0
    while len(samples := mix.read(1 << 20)):
        high = np.flatnonzero(np.abs(samples[:, 0]) > 0.5)
        found += [at + int(np.abs(samples[:, 0]).argmax())] if len(high) else []
        at += len(samples)
    mix.close()
    assert at == 7200 * RATE
    assert found == [round(start * RATE) + RATE for start in starts]


def test_statistics_of_a_mix(folder: Path) -> None:
    stage = Stage(folder, composition(None, 2, (media_clip("a", 0, 2),), (media_clip("b", 0, 2, 1),)))
    mix = stage.mix()
    mix.read(2 * RATE)
    mix.close()
    found = mix.statistics()
    assert (found.decoding.cues, found.decoding.opened) == (2, 2)
    assert found.decoding.chunks == 2 * -(-2 * RATE // BLOCK_SAMPLES)
    assert 0 < found.mix_seconds < found.busy_seconds
    assert found.encoder_waited_seconds > 0


@pytest.mark.parametrize("speed", [Fraction(1, 2), Fraction(4, 5), Fraction(3, 2), Fraction(-5, 4)])
def test_pitch_may_follow_the_speed(tmp_path: Path, speed: Fraction) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(4 * RATE) / RATE)
    path = write_wav(tmp_path / "tone.wav", tone, RATE)
    timeline = sound_timeline(
        composition(None, 2, (media_clip("a", 0, 2, 4 if speed < 0 else 0, speed=speed),)), media={"sound": path}
    )
    facts = {"sound": sound_facts(path)}
    plan = plan_sound(timeline, facts)
    (cue,) = plan.cues
    plan = replace(plan, cues=(replace(cue, pitch=abs(speed)),))
    mix = SoundMix(plan, timeline.media, facts, first_sample=0, sample_count=2 * RATE)
    samples = mix.read(2 * RATE)[:, 0]
    mix.close()
    middle = samples[RATE // 2 : 3 * RATE // 2] * np.hanning(RATE)
    spectrum = np.abs(np.fft.rfft(middle))
    assert int(spectrum.argmax()) == round(1000 * abs(speed))
    assert np.sqrt(np.mean(np.square(samples[RATE // 2 : RATE]))) == pytest.approx(0.5 / 2**0.5, rel=1e-3)


def test_clips_whose_pitch_follows_join_without_a_seam(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "tone.wav", recording(RATE, 4), RATE)
    facts = {"sound": sound_facts(path)}
    speed, cut = Fraction(3, 2), Fraction(7, 9)
    clips = media_clip("a", 0, cut, 0, speed=speed), media_clip("b", cut, 2 - cut, cut * speed, speed=speed)

    def followed(*played: Any) -> Samples:
        timeline = sound_timeline(composition(None, 2, played), media={"sound": path})
        plan = plan_sound(timeline, facts)
        plan = replace(plan, cues=tuple(replace(cue, pitch=speed) for cue in plan.cues))
        mix = SoundMix(plan, timeline.media, facts, first_sample=0, sample_count=2 * RATE)
        samples = mix.read(2 * RATE)
        mix.close()
        return samples

    uncut = followed(media_clip("a", 0, 2, 0, speed=speed))
    assert np.array_equal(followed(*clips), uncut)
