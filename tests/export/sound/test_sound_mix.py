"""The mix: exact cuts, nesting, sizes of reads, damage, and memory that stays flat."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.decoders.files.container import open_container
from reelmill.decoders.sound import sound_stream
from reelmill.export.sound.sound_mix import SoundMix
from reelmill.planner.animation import EASINGS
from reelmill.planner.errors import RenderError
from reelmill.planner.sound.sound_cues import plan_sound
from reelmill.planner.timeline import ClipAudio
from tests.support.sound_stage import RATE, SECONDS, Stage, keyframes, make_sounds, pieces, sounded
from tests.support.sounds import (
    composition,
    composition_clip,
    decode,
    encode,
    media_clip,
    recording,
    sound_facts,
    sound_timeline,
    write_wav,
)

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sounds(tmp_path_factory.mktemp("sounds"))


def test_an_untouched_file_comes_through(folder: Path) -> None:
    assert np.array_equal(sounded(folder, media_clip("a", 0, SECONDS)), decode(folder / "tone.wav", RATE, 2))


@pytest.mark.parametrize("start", [Fraction(0), Fraction(1, 3), Fraction(7, 13), Fraction(1001, 960)])
@pytest.mark.parametrize("in_point", [Fraction(0), Fraction(1, 7)])
def test_an_impulse_is_at_its_sample(folder: Path, start: Fraction, in_point: Fraction) -> None:
    samples = sounded(folder, media_clip("a", start, 1, in_point), files={"sound": "click.wav"})
    time = start + Fraction(12345, RATE) - in_point
    assert np.flatnonzero(samples[:, 0]).tolist() == [round(time * RATE)]


@pytest.mark.parametrize("file", ["tone.wav", "tone.m4a"])
@pytest.mark.parametrize("in_point", [Fraction(0), Fraction(1, 7)])
def test_adjoining_clips_are_the_uncut_recording(folder: Path, file: str, in_point: Fraction) -> None:
    cuts = [Fraction(0), Fraction(1, 3), Fraction(7, 10), Fraction(1001, 700), Fraction(2), Fraction(3)]
    clips = [media_clip(f"c{a}", a, b - a, in_point + a) for a, b in pairwise(cuts)]
    uncut = sounded(folder, media_clip("a", 0, 3, in_point), files={"sound": file})
    assert np.abs(uncut).max() > 0.1
    assert np.array_equal(sounded(folder, *clips, files={"sound": file}), uncut)


def test_adjoining_clips_backwards_are_the_uncut_recording(folder: Path) -> None:
    cut = Fraction(1001, 700)
    back = {"speed": Fraction(-1)}
    uncut = sounded(folder, media_clip("a", 0, 3, 3, **back))
    pair = media_clip("a", 0, cut, 3, **back), media_clip("b", cut, 3 - cut, 3 - cut, **back)
    assert np.array_equal(sounded(folder, *pair), uncut)
    assert np.array_equal(uncut[: 3 * RATE], decode(folder / "tone.wav", RATE, 2)[: 3 * RATE][::-1])


def test_a_file_is_opened_once_for_clips_in_its_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def counting(path: str, **more: Any) -> object:
        opened.append(path)
        return open_container(path, **more)

    monkeypatch.setattr(sound_stream, "open_container", counting)
    clips = [media_clip(f"c{i}", Fraction(i, 10), Fraction(1, 10), Fraction(i, 9)) for i in range(20)]
    sounded(folder, *clips, files={"sound": "tone.m4a"})
    assert len(opened) == 1


def full_stage(folder: Path) -> Stage:
    """Everything at once: speeds, nesting, animation, loops, crossfades."""
    inner = composition(
        "inner",
        3,
        (media_clip("x", 0, 2, audio=ClipAudio(pan=keyframes((0, -1), (1.5, 1), easing=EASINGS["ease_in"]))),),
        (media_clip("y", 1, 2, 1, media="aac", speed=Fraction(-1, 2)),),
    )
    fading = ClipAudio(gain_db=keyframes((0, -20), (1, 3)), fade_in=Fraction(1, 2), fade_out=Fraction(1, 3))
    root = composition(
        None,
        4,
        (media_clip("a", 0, 2, media="aac", audio=fading), media_clip("b", Fraction(3, 2), 2, speed=Fraction(11, 10))),
        (composition_clip("c", "inner", Fraction(1, 3), 3, 3, speed=Fraction(-1)),),
        (media_clip("l", 1, 3, Fraction(7, 2), after_end="loop"),),
    )
    return Stage(folder, root, inner, files={"sound": "tone.wav", "aac": "tone.m4a"})


def test_sizes_of_reads_do_not_matter(folder: Path) -> None:
    stage = full_stage(folder)
    whole = stage.read()
    assert len(whole) == 4 * RATE
    assert np.array_equal(stage.read(sizes=(1, 777, 1024, 8192, 3, 20_001)), whole)


def test_a_range_is_a_part_of_the_whole(folder: Path) -> None:
    stage = full_stage(folder)
    whole = stage.read()
    for first, count in [(0, 1000), (50_001, 60_000), (100_000, 92_000)]:
        assert np.array_equal(stage.read(first, count, sizes=(5000,)), whole[first : first + count])


def test_reading_ends_with_nothing(folder: Path) -> None:
    mix = Stage(folder, composition(None, 1, (media_clip("a", 0, 1),))).mix()
    assert (mix.sample_rate, mix.channels, mix.sample_count) == (RATE, 2, RATE)
    first = mix.read(RATE - 5)
    assert first.dtype == np.float32
    assert first.shape == (RATE - 5, 2)
    assert mix.read(10).shape == (5, 2)
    assert mix.read(10).shape == (0, 2)
    assert mix.statistics().busy_seconds > 0
    mix.close()
    mix.close()
    assert mix.read(10).shape == (0, 2)


def test_no_cues_is_silence(folder: Path) -> None:
    samples = sounded(folder, duration=Fraction(1, 3))
    assert samples.shape == (16000, 2)
    assert not samples.any()


def test_sums_are_not_clipped(folder: Path) -> None:
    tracks = [(media_clip(f"c{i}", 0, 1),) for i in range(4)]
    samples = Stage(folder, composition(None, 1, *tracks), files={"sound": "half.wav"}).read()
    assert np.array_equal(samples, np.full((RATE, 2), 2.0, np.float32))


def test_a_nested_cut_is_exact(folder: Path) -> None:
    inner = composition("inner", 3, (media_clip("x", Fraction(1, 3), 2, Fraction(1, 7)),))
    outer = composition_clip("c", "inner", Fraction(1, 11), 2, Fraction(1, 2))
    samples = Stage(folder, composition(None, 3, (outer,)), inner).read()
    # Source time = root − 1/11 + 1/2 − 1/3 + 1/7.
    shift = round((Fraction(1, 11) - Fraction(1, 2) + Fraction(1, 3) - Fraction(1, 7)) * RATE)
    first, end = round(Fraction(1, 11) * RATE), round((Fraction(1, 11) + Fraction(11, 6)) * RATE)
    expected = decode(folder / "tone.wav", RATE, 2)[first - shift : end - shift]
    assert np.array_equal(samples[first:end], expected)
    assert not samples[:first].any()
    assert not samples[end:].any()


def test_damage_is_an_error_that_names_clip_and_times(folder: Path, tmp_path: Path) -> None:
    whole = encode(folder / "tone.wav", tmp_path / "whole.flac")
    data = bytearray(whole.read_bytes())
    facts = sound_facts(whole)
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    whole.write_bytes(data)
    clip = media_clip("hurt", 1, 3, 1)
    stage = Stage(folder, composition(None, 5, (clip,)))
    stage.facts["sound"] = facts
    mix = stage.mix()
    with pytest.raises(RenderError, match="damaged") as caught:
        mix.read(5 * RATE)
    mix.close()
    error = caught.value
    assert (error.component, error.clip, error.file) == ("SoundReader", "hurt", str(whole))
    assert error.source_time is not None
    assert 1 < error.source_time < 3
    assert error.timeline_time is not None
    assert abs(error.timeline_time - error.source_time) < Fraction(1, 2)
    assert len(stage.read(0, RATE)) == RATE


@pytest.mark.parametrize("speed", [Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(2)])
def test_the_time_of_damage_is_that_at_which_it_sounds(folder: Path, tmp_path: Path, speed: Fraction) -> None:
    whole = encode(folder / "tone.wav", tmp_path / "whole.flac")
    data = bytearray(whole.read_bytes())
    facts = sound_facts(whole)
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    whole.write_bytes(data)
    in_point = Fraction(1, 2) if speed > 0 else Fraction(7, 2)
    clip = media_clip("hurt", 1, 3 / abs(speed), in_point, speed=speed)
    stage = Stage(folder, composition(None, 1 + 3 / abs(speed), (clip,)))
    stage.facts["sound"] = facts
    mix = stage.mix()
    with pytest.raises(RenderError, match="damaged") as caught:
        mix.read(7 * RATE)
    mix.close()
    error = caught.value
    assert error.source_time is not None
    # A clip shows source time in + (t - start) × speed.
    assert error.timeline_time == 1 + (error.source_time - in_point) / speed


def test_the_time_of_damage_in_a_loop(folder: Path, tmp_path: Path) -> None:
    whole = encode(folder / "tone.wav", tmp_path / "whole.flac")
    data = bytearray(whole.read_bytes())
    facts = sound_facts(whole)
    data[len(data) // 4 : len(data) // 4 + 3000] = bytes(3000)
    whole.write_bytes(data)
    stage = Stage(folder, composition(None, 9, (media_clip("hurt", 1, 8, 3, after_end="loop"),)))
    stage.facts["sound"] = facts
    mix = stage.mix(RATE * 3 // 2)
    with pytest.raises(RenderError, match="damaged") as caught:
        mix.read(9 * RATE)
    mix.close()
    error = caught.value
    assert error.source_time is not None
    assert error.source_time < 2
    # Source time 3 sounds at 1; the source is 4 s long, so its beginning sounds at 2.
    assert error.timeline_time == 2 + error.source_time


def test_the_last_samples_of_short_sound_are_silence(folder: Path) -> None:
    samples = sounded(folder, media_clip("a", 0, 6), duration=6)
    assert samples[: SECONDS * RATE].any(axis=1).mean() > 0.99
    assert not samples[SECONDS * RATE :].any()


@pytest.mark.slow
def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    minutes = 10
    write_wav(tmp_path / "long.wav", np.tile(recording(RATE, 60), (minutes, 1)), RATE)
    path = encode(tmp_path / "long.wav", tmp_path / "long.m4a", "-c:a", "aac")
    facts = {"sound": sound_facts(path)}

    def peak(seconds: int) -> int:
        bed = media_clip("bed", 0, seconds)
        back = media_clip("back", 0, seconds, seconds, speed=Fraction(-1))
        fast = media_clip("fast", 0, seconds, 0, speed=Fraction(9, 10))
        timeline = sound_timeline(composition(None, seconds, (bed,), (back,), (fast,)), media={"sound": path})
        tracemalloc.start()
        mix = SoundMix(plan_sound(timeline, facts), timeline.media, facts, first_sample=0, sample_count=seconds * RATE)
        count = sum(len(piece) for piece in pieces(mix, (1024,)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        mix.close()
        assert count == seconds * RATE
        return peak

    peak(1)
    assert peak(60 * minutes) < 1.1 * peak(60)
