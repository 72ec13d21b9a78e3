"""The levels of a mix: gain, fades, crossfades, pan, and what nesting does to them."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.planner.animation import EASINGS, Animated, Easing
from reelmill.planner.timeline import ClipAudio
from tests.support.sound_stage import RATE, Stage, keyframes, make_sounds, sounded
from tests.support.sounds import composition, composition_clip, decode, media_clip

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sounds(tmp_path_factory.mktemp("sounds"))


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


def test_fades_that_meet_multiply(folder: Path) -> None:
    audio = ClipAudio(fade_in=Fraction(3, 2), fade_out=Fraction(7, 4))
    samples = sounded(folder, media_clip("a", 0, 2, audio=audio), files={"sound": "half.wav"}, duration=2)
    t = np.arange(2 * RATE) / RATE
    expected = 0.5 * np.minimum(1, t / 1.5) * np.minimum(1, (2 - t) / 1.75)
    assert np.allclose(samples[:, 0], expected, atol=1e-7)


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
