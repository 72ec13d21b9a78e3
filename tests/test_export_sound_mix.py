"""The mix: exact cuts, levels, pan, crossfades, nesting, channels, and memory that stays flat."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from decoders import sound as decoders_sound
from decoders.container import open_container
from export.panning import stereo_matrix, surround_matrix
from export.sound_mix import SoundMix
from planner.animation import EASINGS, Animated, Easing, Keyframe
from planner.cues import plan_cues
from planner.errors import RenderError, SetupError
from planner.media import MediaFacts
from planner.timeline import Clip, ClipAudio, Composition, Timeline
from tests.sounds import (
    Samples,
    composition,
    composition_clip,
    decode,
    encode,
    impulse,
    media_clip,
    recording,
    sound_facts,
    sound_timeline,
    write_wav,
)

RATE = 48000
SECONDS = 4
Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("mix")
    write_wav(made / "tone.wav", recording(RATE, SECONDS), RATE)
    write_wav(made / "mono.wav", recording(RATE, SECONDS, 1), RATE)
    write_wav(made / "half.wav", np.full((RATE * SECONDS, 2), 0.5), RATE)
    write_wav(made / "quarter.wav", np.full((RATE * SECONDS, 2), 0.25), RATE)
    write_wav(made / "click.wav", impulse(RATE, SECONDS, 12345), RATE)
    encode(write_wav(made / "tone44.wav", recording(44100, SECONDS), 44100), made / "tone.m4a", "-c:a", "aac")
    return made


class Stage:
    """A timeline over files of a folder, and its mix."""

    def __init__(self, folder: Path, root: Composition, *nested: Composition, **more: Any) -> None:
        names = more.pop("files", {"sound": "tone.wav"})
        media = {name: folder / file for name, file in names.items()}
        self.timeline: Timeline = sound_timeline(root, *nested, media=media, **more)
        self.facts: dict[str, MediaFacts] = {
            name: replace(sound_facts(path), media=name) for name, path in media.items()
        }

    def mix(self, first: int = 0, count: int | None = None) -> SoundMix:
        cues = plan_cues(self.timeline, self.facts)
        if count is None:
            count = round(self.timeline.duration * self.timeline.sample_rate) - first
        return SoundMix(cues, self.timeline, self.facts, first_sample=first, sample_count=count)

    def read(self, first: int = 0, count: int | None = None, sizes: Sequence[int] = (1 << 30,)) -> Samples:
        mix = self.mix(first, count)
        samples = np.concatenate(list(pieces(mix, sizes)))
        mix.close()
        return samples


def pieces(mix: SoundMix, sizes: Sequence[int]) -> Iterator[Samples]:
    number = 0
    while len(piece := mix.read(sizes[number % len(sizes)])):
        yield piece
        number += 1


def sounded(folder: Path, *clips: Clip, duration: Fraction | int = SECONDS, **more: Any) -> Samples:
    return Stage(folder, composition(None, duration, clips), **more).read()


def keyframes(*points: tuple[float, float], easing: Easing = EASINGS["linear"]) -> Animated:
    return Animated(tuple(Keyframe(Fraction(time), (value,), easing) for time, value in points))


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

    monkeypatch.setattr(decoders_sound, "open_container", counting)
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
    assert mix.busy_seconds > 0
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


def test_gain_in_decibels_and_its_animation(folder: Path) -> None:
    audio = ClipAudio(gain_db=keyframes((0.5, -12), (1.5, 6)))
    samples = sounded(folder, media_clip("a", 1, 2, audio=audio), files={"sound": "half.wav"})
    t = np.arange(2 * RATE) / RATE
    expected = 0.5 * 10 ** (np.interp(t, [0.5, 1.5], [-12, 6]) / 20)
    assert np.allclose(samples[RATE : 3 * RATE, 0], expected, atol=1e-7)
    assert not samples[:RATE].any()


def test_easings_are_those_of_pictures(folder: Path) -> None:
    for easing in [EASINGS["ease_in_out"], EASINGS["hold"], Easing(0.1, 1.4, 0.9, -0.4)]:
        gain = keyframes((0, -20), (1, 0), easing=easing)
        clip = media_clip("a", 0, 2, audio=ClipAudio(gain_db=gain))
        samples = sounded(folder, clip, files={"sound": "half.wav"}, duration=2)
        for index in (0, 1, 4800, 24000, 47999, 48000, 60000):
            expected = 0.5 * 10 ** (gain.scalar(Fraction(index, RATE)) / 20)
            assert samples[index, 0] == pytest.approx(expected, abs=1e-6)


def test_fades_are_straight_lines(folder: Path) -> None:
    audio = ClipAudio(fade_in=Fraction(1, 2), fade_out=Fraction(3, 4))
    samples = sounded(folder, media_clip("a", 0, 2, audio=audio), files={"sound": "half.wav"}, duration=2)
    t = np.arange(2 * RATE) / RATE
    expected = 0.5 * np.minimum(1, t / 0.5) * np.minimum(1, (2 - t) / 0.75)
    assert np.allclose(samples[:, 1], expected, atol=1e-7)


def test_overlapping_clips_crossfade_with_equal_power(folder: Path) -> None:
    clips = media_clip("a", 0, 2, media="half"), media_clip("b", Fraction(3, 2), 2, media="quarter")
    files = {"half": "half.wav", "quarter": "quarter.wav"}
    samples = sounded(folder, *clips, files=files)[:, 0]
    p = (np.arange(RATE // 2) / RATE) / 0.5
    fading = 0.5 * np.cos(p * np.pi / 2) + 0.25 * np.sin(p * np.pi / 2)
    assert np.allclose(samples[: 3 * RATE // 2], 0.5)
    assert np.allclose(samples[3 * RATE // 2 : 2 * RATE], fading, atol=1e-7)
    assert np.allclose(samples[2 * RATE : 7 * RATE // 2], 0.25)


# The StereoPannerNode of the Web Audio API, 1.9.3 "Stereo panning algorithm", as it is written there.


def web_audio_mono(sample: float, pan: float) -> tuple[float, float]:
    x = (pan + 1) / 2
    return sample * math.cos(x * math.pi / 2), sample * math.sin(x * math.pi / 2)


def web_audio_stereo(left: float, right: float, pan: float) -> tuple[float, float]:
    x = pan + 1 if pan <= 0 else pan
    gain_left, gain_right = math.cos(x * math.pi / 2), math.sin(x * math.pi / 2)
    if pan <= 0:
        return left + right * gain_left, right * gain_right
    return left * gain_left, right + left * gain_right


PANS = [-1.0, -0.7, -0.25, 0.0, 0.1, 0.5, 1.0]


@pytest.mark.parametrize("pan", PANS)
def test_pan_of_stereo(folder: Path, pan: float) -> None:
    clip = media_clip("a", 0, 1, audio=ClipAudio(pan=Animated.constant(pan)))
    samples = sounded(folder, clip, duration=1)
    source = decode(folder / "tone.wav", RATE, 2)
    for index in range(0, RATE, 997):
        left, right = (float(v) for v in source[index])
        assert samples[index] == pytest.approx(web_audio_stereo(left, right, pan), abs=1e-6)


@pytest.mark.parametrize("pan", PANS)
def test_pan_of_mono(folder: Path, pan: float) -> None:
    clip = media_clip("a", 0, 1, audio=ClipAudio(pan=Animated.constant(pan)))
    samples = sounded(folder, clip, duration=1, files={"sound": "mono.wav"})
    source = decode(folder / "mono.wav", RATE, 1)
    for index in range(0, RATE, 997):
        expected = [math.sqrt(2) * v for v in web_audio_mono(float(source[index, 0]), pan)]
        assert samples[index] == pytest.approx(expected, abs=1e-6)


def test_animated_pan(folder: Path) -> None:
    clip = media_clip("a", 0, 2, audio=ClipAudio(pan=keyframes((0.5, -1), (1.5, 1))))
    samples = sounded(folder, clip, duration=2)
    source = decode(folder / "tone.wav", RATE, 2)
    for index in range(0, 2 * RATE, 997):
        pan = min(max((index / RATE - 0.5) * 2 - 1, -1), 1)
        left, right = (float(v) for v in source[index])
        assert samples[index] == pytest.approx(web_audio_stereo(left, right, pan), abs=1e-5)


def test_a_composition_is_panned_as_stereo(folder: Path) -> None:
    inner = composition("inner", 1, (media_clip("x", 0, 1, audio=ClipAudio(pan=Animated.constant(0.5))),))
    outer = composition_clip("c", "inner", 0, 1, audio=ClipAudio(pan=Animated.constant(-0.25)))
    stage = Stage(folder, composition(None, 1, (outer,)), inner, files={"sound": "mono.wav"})
    samples = stage.read()
    source = decode(folder / "mono.wav", RATE, 1)
    for index in range(0, RATE, 997):
        left, right = (math.sqrt(2) * v for v in web_audio_mono(float(source[index, 0]), 0.5))
        assert samples[index] == pytest.approx(web_audio_stereo(left, right, -0.25), abs=1e-6)


def test_levels_of_nested_clips_multiply(folder: Path) -> None:
    # Inner runs at double speed from 1: its clip x fades over inner time 1…3, which is root time 0…1.
    x = media_clip("x", 1, 4, speed=Fraction(1, 2), audio=ClipAudio(fade_in=Fraction(2)))
    inner = composition("inner", 5, (x,))
    audio = ClipAudio(gain_db=keyframes((0, 0), (2, -6)), fade_out=Fraction(1))
    outer = composition_clip("c", "inner", 0, 2, 1, speed=Fraction(2), audio=audio)
    samples = Stage(folder, composition(None, 2, (outer,)), inner, files={"sound": "half.wav"}).read()
    t = np.arange(2 * RATE) / RATE
    expected = 0.5 * np.minimum(1, 2 * t / 2) * 10 ** (-3 * t / 20) * np.minimum(1, 2 - t)
    assert np.allclose(samples[:, 0], expected, atol=1e-7)


def test_a_fade_of_a_composition_played_backwards(folder: Path) -> None:
    x = media_clip("x", 0, 2, audio=ClipAudio(fade_in=Fraction(2)))
    outer = composition_clip("c", "inner", 0, 2, 2, speed=Fraction(-1))
    stage = Stage(folder, composition(None, 2, (outer,)), composition("inner", 2, (x,)), files={"sound": "half.wav"})
    t = np.arange(2 * RATE) / RATE
    assert np.allclose(stage.read()[:, 0], 0.5 * (2 - t) / 2, atol=1e-7)


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


@pytest.fixture(scope="module")
def surround(folder: Path) -> Floats:
    """A file of 5.1 sound, and its samples."""
    samples = recording(RATE, 1, 6, seed=5)
    encode(write_wav(folder / "raw51.wav", samples, RATE), folder / "51.flac", "-af", "channelmap=channel_layout=5.1")
    return decode(folder / "51.flac", RATE, 6).astype(np.float64)


def test_surround_folds_down_by_bs775(folder: Path, surround: Floats) -> None:
    samples = sounded(folder, media_clip("a", 0, 1), duration=1, files={"sound": "51.flac"})
    front_left, front_right, centre, _, left, right = surround.T
    root = math.sqrt(0.5)
    assert np.allclose(samples[:, 0], front_left + root * centre + root * left, atol=1e-6)
    assert np.allclose(samples[:, 1], front_right + root * centre + root * right, atol=1e-6)


def test_surround_stays_as_it_is_in_a_surround_project(folder: Path, surround: Floats) -> None:
    samples = sounded(folder, media_clip("a", 0, 1), duration=1, channels=6, files={"sound": "51.flac"})
    assert np.array_equal(samples, surround.astype(np.float32))


def test_panned_surround_is_stereo_in_front(folder: Path, surround: Floats) -> None:
    clip = media_clip("a", 0, 1, audio=ClipAudio(pan=Animated.constant(1.0)))
    samples = sounded(folder, clip, duration=1, channels=6, files={"sound": "51.flac"})
    folded = stereo_matrix("5.1") @ surround.T
    assert np.allclose(samples[:, 1], folded.sum(axis=0), atol=1e-6)
    assert np.abs(samples[:, [0, 2, 3, 4, 5]]).max() < 1e-6


def test_mono_and_stereo_in_a_surround_project(folder: Path) -> None:
    mono = decode(folder / "mono.wav", RATE, 1)
    samples = sounded(folder, media_clip("a", 0, SECONDS), channels=6, files={"sound": "mono.wav"})
    assert np.array_equal(samples[:, :2], np.repeat(mono, 2, axis=1))
    assert not samples[:, 2:].any()


def test_a_mono_project_takes_half_the_sum(folder: Path) -> None:
    stereo = decode(folder / "tone.wav", RATE, 2)
    samples = sounded(folder, media_clip("a", 0, SECONDS), channels=1)
    assert samples.shape == (SECONDS * RATE, 1)
    assert np.allclose(samples[:, 0], stereo.sum(axis=1, dtype=np.float64) / 2, atol=1e-7)
    mono = sounded(folder, media_clip("a", 0, SECONDS), channels=1, files={"sound": "mono.wav"})
    assert np.array_equal(mono, decode(folder / "mono.wav", RATE, 1))


R = math.sqrt(0.5)
FOLDS: dict[str, list[list[float]]] = {
    "mono": [[1], [1]],
    "stereo": [[1, 0], [0, 1]],
    "2 channels": [[1, 0], [0, 1]],
    "2.1": [[1, 0, 0], [0, 1, 0]],
    "3.0": [[1, 0, R], [0, 1, R]],
    "4.0": [[1, 0, R, 0.5], [0, 1, R, 0.5]],
    "quad": [[1, 0, R, 0], [0, 1, 0, R]],
    "5.0(side)": [[1, 0, R, R, 0], [0, 1, R, 0, R]],
    "5.1": [[1, 0, R, 0, R, 0], [0, 1, R, 0, 0, R]],
    "6 channels": [[1, 0, R, 0, R, 0], [0, 1, R, 0, 0, R]],
    "6.1": [[1, 0, R, 0, 0.5, R, 0], [0, 1, R, 0, 0.5, 0, R]],
    "7.1": [[1, 0, R, 0, R, 0, R, 0], [0, 1, R, 0, 0, R, 0, R]],
    "7.1(wide)": [[1, 0, R, 0, R, 0, 1, 0], [0, 1, R, 0, 0, R, 0, 1]],
}


@pytest.mark.parametrize("layout", FOLDS)
def test_layouts_fold_to_stereo(layout: str) -> None:
    assert np.allclose(stereo_matrix(layout), FOLDS[layout], atol=1e-12)


def test_layouts_fold_to_surround() -> None:
    assert np.array_equal(surround_matrix("5.1(side)"), np.eye(6))
    seven = np.zeros((6, 8))
    seven[:4, :4] = np.eye(4)
    seven[4] = [0, 0, 0, 0, R, 0, 1, 0]
    seven[5] = [0, 0, 0, 0, 0, R, 0, 1]
    assert np.allclose(surround_matrix("7.1"), seven)
    assert surround_matrix("6.1")[4:, 4].tolist() == pytest.approx([R, R])


def test_channels_that_no_mix_has(folder: Path) -> None:
    with pytest.raises(SetupError, match="4 channels") as caught:
        Stage(folder, composition(None, 1, (media_clip("a", 0, 1),)), channels=4).mix()
    assert caught.value.component == "AudioMixer"


def test_a_layout_that_can_not_be_folded_is_named(folder: Path) -> None:
    stage = Stage(folder, composition(None, 1, (media_clip("a", 0, 1),)))
    audio = stage.facts["sound"].audio
    assert audio is not None
    stage.facts["sound"] = replace(stage.facts["sound"], audio=replace(audio, channels=16, layout="9.1.6"))
    with pytest.raises(SetupError, match=r"9\.1\.6") as caught:
        stage.mix()
    assert caught.value.clip == "a"


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
        mix = SoundMix(plan_cues(timeline, facts), timeline, facts, first_sample=0, sample_count=seconds * RATE)
        tracemalloc.start()
        count = sum(len(piece) for piece in pieces(mix, (1024,)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        mix.close()
        assert count == seconds * RATE
        return peak

    peak(1)
    assert peak(60 * minutes) < 1.1 * peak(60)
