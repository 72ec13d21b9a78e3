"""Fingerprints of sound: what they hold, and that late, louder, cut and filtered sound is told apart."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.export.checks.sound_comparison import SoundFigures, compare_sounds
from reelmill.export.checks.sound_fingerprint import FingerprintMaker, SoundFingerprint, load_fingerprint, power_of
from reelmill.planner.checks import ENCODER, EXACT

RATE = 48000
Samples = npt.NDArray[np.float64]


def fingerprint(samples: Samples, rate: int = RATE, block: int = 5000) -> SoundFingerprint:
    maker = FingerprintMaker(rate, samples.shape[1])
    for first in range(0, len(samples), block):
        maker.add(samples[first : first + block].astype(np.float32))
    return maker.finish()


def sine(frequency: float, seconds: float = 3, level: float = 0.3) -> Samples:
    wave = level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)
    return np.stack([wave, wave], axis=1)


def speech(seconds: float = 3) -> Samples:
    """Noise in bursts."""
    times = np.arange(round(seconds * RATE)) / RATE
    bursts = np.clip(np.sin(2 * np.pi * 3.3 * times) * np.sin(2 * np.pi * 0.7 * times + 1), 0, 1)
    return np.asarray(np.random.default_rng(5).normal(0, 0.1, (len(times), 2)) * bursts[:, None])


SOUNDS = {"sine": sine(440), "speech": speech(), "noise": np.random.default_rng(6).normal(0, 0.1, (3 * RATE, 2))}


def compared(expected: Samples, actual: Samples) -> tuple[SoundFigures, list[str]]:
    return compare_sounds(fingerprint(expected), fingerprint(actual), EXACT)


def test_levels_and_spectra_are_those_of_the_samples() -> None:
    samples = sine(1000)
    found = fingerprint(samples)
    assert (found.sample_rate, found.sample_count, found.channels) == (RATE, 3 * RATE, 2)
    assert found.levels.shape == (2, 3000)
    # 1 kHz: each millisecond is a period.
    assert power_of(found.levels) == pytest.approx(np.full((2, 3000), 0.3**2 / 2), rel=0.002)
    spectra = power_of(found.spectra)
    assert spectra.shape[:2] == (2, 30)
    # All of it lies in the bands next to 1 kHz.
    loudest = int(spectra[0, 10].argmax())
    assert spectra[0, 10, loudest - 1 : loudest + 2].sum() == pytest.approx(0.3**2 / 2, rel=0.01)


def test_the_sizes_of_blocks_and_odd_rates_don_t_matter() -> None:
    samples = speech(0.777)
    one, other = fingerprint(samples, 44100, 441), fingerprint(samples, 44100, 100_000)
    assert one.digest == other.digest
    assert np.array_equal(one.levels, other.levels)
    assert np.array_equal(one.spectra, other.spectra)
    starts = [place * 44100 // 1000 for place in range(len(samples) * 1000 // 44100 + 1)]
    expected = [(samples[first:last, 0] ** 2).mean() for first, last in pairwise(starts)]
    assert power_of(one.levels)[0, : len(expected)] == pytest.approx(expected, rel=0.002, abs=1e-12)


def test_a_fingerprint_is_a_file_and_comes_back() -> None:
    found = fingerprint(speech())
    data = found.save()
    assert data == fingerprint(speech()).save()
    assert len(data) < 30_000
    back = load_fingerprint(data)
    assert compare_sounds(found, back, EXACT)[0].identical
    assert np.array_equal(back.levels, found.levels)
    flipped = bytes([*data[:60], data[60] ^ 0xFF, *data[61:]])
    for damaged in (b"", b"x" * 100, data[: len(data) // 2], flipped):
        with pytest.raises(ValueError, match="no fingerprint"):
            load_fingerprint(damaged)


def test_no_sound_at_all() -> None:
    nothing = fingerprint(np.zeros((0, 2)))
    silence = fingerprint(np.zeros((RATE, 2)))
    assert compare_sounds(silence, silence, EXACT)[0].identical
    _, words = compare_sounds(silence, nothing, EXACT)
    assert words == ["0 samples, where 48000 were stored"]


@pytest.mark.parametrize("name", SOUNDS)
def test_rounding_is_no_difference(name: str) -> None:
    figures, words = compared(SOUNDS[name], SOUNDS[name] * 1.000001)
    assert not figures.identical
    assert words == []


@pytest.mark.parametrize("name", SOUNDS)
def test_sound_that_is_late(name: str) -> None:
    samples = SOUNDS[name]
    for late in (480, 96, -480):
        if late > 0:
            moved = np.concatenate([np.zeros((late, 2)), samples[:-late]])
        else:
            moved = np.concatenate([samples[-late:], np.zeros((-late, 2))])
        figures, words = compared(samples, moved)
        if name == "sine" and late < 0:
            assert words  # a tone that is the same everywhere tells no time but at its ends
            continue
        assert figures.offset_seconds == pytest.approx(late / RATE, abs=2e-4)
        assert words[0].startswith(f"{abs(late) / 48:.1f} ms {'late' if late > 0 else 'early'}")


def test_a_part_that_is_late() -> None:
    samples = speech()
    moved = samples.copy()
    moved[RATE : 2 * RATE] = samples[RATE - 480 : 2 * RATE - 480]
    figures, words = compared(samples, moved)
    assert figures.offset_seconds == pytest.approx(0.01, abs=2e-4)
    assert words == ["10.0 ms late, first at 1 s"]


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("decibels", [0.5, -0.5, 0.2])
def test_sound_that_is_louder(name: str, decibels: float) -> None:
    figures, words = compared(SOUNDS[name], SOUNDS[name] * 10 ** (decibels / 20))
    assert figures.level_db == pytest.approx(decibels, abs=0.03)
    assert figures.offset_seconds == 0
    assert words == [f"{abs(decibels):.2f} dB {'louder' if decibels > 0 else 'quieter'}, first at 0 s"]


def test_one_channel_alone() -> None:
    figures, words = compared(SOUNDS["noise"], SOUNDS["noise"] * [1, 10 ** (-1 / 20)])
    assert figures.level_db == pytest.approx(-1, abs=0.03)
    assert words == ["1.00 dB quieter, first at 0 s"]


def test_another_spectrum_at_the_same_level() -> None:
    noise = SOUNDS["noise"]
    dull = np.stack([np.convolve(channel, [0.25, 0.5, 0.25], "same") for channel in noise.T], axis=1)
    dull *= np.sqrt((noise**2).mean() / (dull**2).mean())
    figures, words = compared(noise, dull)
    assert figures.spectrum_db > 3
    assert any("another spectrum" in word for word in words)


def test_an_end_that_is_cut_off() -> None:
    _, words = compared(SOUNDS["noise"], SOUNDS["noise"][: -RATE // 10])
    assert words[-1] == f"{3 * RATE - RATE // 10} samples, where {3 * RATE} were stored"


def test_what_the_tolerance_allows() -> None:
    samples = SOUNDS["noise"]
    louder = fingerprint(samples * 10 ** (0.3 / 20))
    assert compare_sounds(fingerprint(samples), louder, ENCODER)[1] == []
    assert compare_sounds(fingerprint(samples), fingerprint(samples * 10 ** (0.5 / 20)), ENCODER)[1]
