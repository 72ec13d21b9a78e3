"""Two fingerprints of sound against each other: level, course of the level, spectrum, and how late one is.

In: what was stored, what is now. Out: figures, and what they mean in words. Passive; plain functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from reelmill.export.checks.sound_fingerprint import (
    FLOOR_DB,
    LEVELS_PER_SECOND,
    SPECTRA_PER_SECOND,
    SoundFingerprint,
    power_of,
)
from reelmill.planner.checks import Tolerance

MAX_OFFSET_SECONDS = 1.0
"""How far a sound is looked for."""
AUDIBLE_DB = -70.0
"""Stretches in which both are below this level, of full scale, are not compared."""
HEARD_BELOW_LOUDEST_DB = 50.0
"""Bands so far below the loudest of their stretch don't count in a spectrum."""
_CLEARLY = 0.7
"""An offset is told where the remaining distance is less than this share of that without an offset."""
_LONGEST = 300 * LEVELS_PER_SECOND
"""Levels from which an offset is found, at most."""
_WINDOW = LEVELS_PER_SECOND // SPECTRA_PER_SECOND
"""Levels in a stretch of 100 ms."""

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SoundFigures:
    """How far two sounds lie apart. Of each kind the farthest stretch of 100 ms counts."""

    KEYS: ClassVar = ("identical", "level_db", "envelope", "spectrum_db", "offset_seconds", "first_seconds")

    identical: bool
    """Every sample is the same."""
    level_db: float
    """Actual less expected where they are farthest apart; with its sign."""
    envelope: float
    """Distance between the courses of the level from millisecond to millisecond, share of the louder one, 0…1.5."""
    spectrum_db: float
    offset_seconds: float
    """By which the actual sound is late (early: negative); 0 where no offset brings the two together."""
    first_seconds: float | None
    """Where the first stretch begins that is beyond the tolerance; None where none is."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        rounded = {"level_db": 3, "envelope": 4, "spectrum_db": 3, "offset_seconds": 6}
        found: dict[str, Any] = {name: round(getattr(self, name), digits) for name, digits in rounded.items()}
        return {"identical": self.identical, **found, "first_seconds": self.first_seconds}


def compare_sounds(
    expected: SoundFingerprint, actual: SoundFingerprint, tolerance: Tolerance
) -> tuple[SoundFigures, list[str]]:
    """The figures, and what is beyond the tolerance, in words. Rates and channels must be those of the golden."""
    if expected.digest == actual.digest:
        return SoundFigures(True, 0.0, 0.0, 0.0, 0.0, None), []
    before, after = _padded(power_of(expected.levels), power_of(actual.levels))
    envelopes = _envelope_distances(before, after)
    levels = _level_differences(before, after)
    spectra = _spectrum_distances(*_padded(power_of(expected.spectra), power_of(actual.spectra)))
    apart = _beyond(levels, envelopes, spectra, tolerance)
    offset = 0.0
    if apart.any() and envelopes.max() > tolerance.envelope:
        stretch = _stretch(apart, before.shape[1])
        offset = _offset(before, after, stretch)
    shifted = abs(offset) > tolerance.offset_seconds
    if shifted:
        # What is left when the one is laid over the other.
        levels = _level_differences(*_aligned(before, after, round(offset * LEVELS_PER_SECOND)))
    figures = SoundFigures(
        identical=False,
        level_db=_farthest(levels),
        envelope=float(envelopes.max(initial=0.0)),
        spectrum_db=float(spectra.max(initial=0.0)),
        offset_seconds=offset,
        first_seconds=int(np.argmax(apart)) / SPECTRA_PER_SECOND if apart.any() else None,
    )
    return figures, _words(expected, actual, figures, tolerance, levels, shifted=shifted)


def course(sound: SoundFingerprint) -> tuple[float, ...]:
    """Its level over time, for people: decibels of full scale of the louder channel, ten a second."""
    power = _windows(power_of(sound.levels)).mean(axis=2).max(axis=0, initial=0.0)
    return tuple(float(level) for level in np.round(10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))), 1))


def _words(
    expected: SoundFingerprint,
    actual: SoundFingerprint,
    figures: SoundFigures,
    tolerance: Tolerance,
    levels: Reals,
    *,
    shifted: bool,
) -> list[str]:
    found = []
    if shifted:
        found.append(f"{abs(figures.offset_seconds) * 1000:.1f} ms {'late' if figures.offset_seconds > 0 else 'early'}")
    if abs(figures.level_db) > tolerance.level_db and not shifted:
        found.append(_louder(levels, figures.level_db, tolerance))
    if figures.spectrum_db > tolerance.spectrum_db and not shifted:
        found.append(f"another spectrum: by {figures.spectrum_db:.1f} dB")
    if figures.envelope > tolerance.envelope and not found:
        found.append(f"another course of the level: by {figures.envelope:.0%}")
    if found and figures.first_seconds is not None:
        found[-1] += f", first at {figures.first_seconds:g} s"
    if abs(actual.sample_count - expected.sample_count) > tolerance.offset_seconds * expected.sample_rate:
        found.append(f"{actual.sample_count} samples, where {expected.sample_count} were stored")
    return found


def _louder(levels: Reals, farthest: float, tolerance: Tolerance) -> str:
    word = "louder" if farthest > 0 else "quieter"
    median = float(np.median(levels[np.abs(levels) > tolerance.level_db]))
    if abs(median - farthest) < tolerance.level_db:
        return f"{abs(median):.2f} dB {word}"
    return f"up to {abs(farthest):.2f} dB {word} (in the median {median:+.2f} dB)"


def _padded(one: Reals, other: Reals) -> tuple[Reals, Reals]:
    """Both as long as the longer one: behind its end a sound is silence."""
    length = max(one.shape[1], other.shape[1])
    longer = [(length - each.shape[1], each) for each in (one, other)]
    rest = [(0, 0)] * (one.ndim - 2)
    padded = [np.pad(each, [(0, 0), (0, missing), *rest]) for missing, each in longer]
    return padded[0], padded[1]


def _windows(power: Reals) -> Reals:
    """Stretches of 100 ms: shape [channels, stretches, milliseconds]."""
    missing = -power.shape[1] % _WINDOW
    return np.pad(power, [(0, 0), (0, missing)]).reshape(power.shape[0], -1, _WINDOW)


def _level_differences(before: Reals, after: Reals) -> Reals:
    """Of each stretch, in the channel in which it is the largest: decibels, 0 where nothing is heard."""
    one, other = _windows(before).mean(axis=2), _windows(after).mean(axis=2)
    quiet = 10 ** (AUDIBLE_DB / 10)
    heard = np.maximum(one, other) > quiet
    floor = quiet / 100
    apart = np.where(heard, 10 * np.log10(np.maximum(other, floor) / np.maximum(one, floor)), 0.0)
    return _farthest_of_channels(apart)


def _farthest_of_channels(values: Reals) -> Reals:
    if not values.size:
        return np.zeros(values.shape[1])
    return np.asarray(np.take_along_axis(values, np.abs(values).argmax(axis=0)[None], axis=0)[0])


def _farthest(values: Reals) -> float:
    return float(values[np.abs(values).argmax()]) if values.size else 0.0


def _envelope_distances(before: Reals, after: Reals) -> Reals:
    """Of each stretch, the largest of all channels: |a − b| over the louder of both, as vectors of amplitudes."""
    one, other = _windows(before), _windows(after)
    apart = ((np.sqrt(one) - np.sqrt(other)) ** 2).sum(axis=2)
    louder = np.maximum(one.sum(axis=2), other.sum(axis=2))
    heard = louder > 10 ** (AUDIBLE_DB / 10) * _WINDOW
    distances = np.sqrt(np.divide(apart, louder, out=np.zeros_like(apart), where=heard))
    return np.asarray(distances.max(axis=0, initial=0.0))


def _spectrum_distances(before: Reals, after: Reals) -> Reals:
    """Of each stretch, the largest of all channels: decibels, mean over the bands, weighted by what is heard.

    Both are brought to one level first, which is compared by itself.
    """
    one, other = (each.sum(axis=2, keepdims=True) for each in (before, after))
    after = after * np.divide(one, other, out=np.ones_like(other), where=(one > 0) & (other > 0))
    louder = np.maximum(before, after)
    loudest = louder.max(axis=2, initial=0.0)
    heard = loudest > 10 ** (AUDIBLE_DB / 10)
    floor = np.maximum(loudest, 1e-30)[:, :, None] * 10 ** (-HEARD_BELOW_LOUDEST_DB / 10)
    apart = 10 * np.abs(np.log10(np.maximum(after, floor) / np.maximum(before, floor)))
    weights = np.sqrt(np.where(louder > floor, louder, 0.0))
    total = np.maximum(weights.sum(axis=2), 1e-30)
    distances = np.where(heard, (apart * weights).sum(axis=2) / total, 0.0)
    return np.asarray(distances.max(axis=0, initial=0.0))


def _beyond(levels: Reals, envelopes: Reals, spectra: Reals, tolerance: Tolerance) -> npt.NDArray[np.bool_]:
    """The stretches that are beyond the tolerance."""
    found = (np.abs(levels) > tolerance.level_db) | (envelopes > tolerance.envelope)
    count = max(len(found), len(spectra))
    found = np.pad(found, (0, count - len(found)))
    found[: len(spectra)] |= spectra > tolerance.spectrum_db
    return found


def _stretch(apart: npt.NDArray[np.bool_], length: int) -> slice:
    """Milliseconds from the first to the last stretch that differs, and a stretch around, but no more than _LONGEST."""
    places = np.flatnonzero(apart)
    start = max(int(places[0]) - 1, 0) * _WINDOW
    return slice(start, min((int(places[-1]) + 2) * _WINDOW, start + _LONGEST, length))


def _offset(before: Reals, after: Reals, stretch: slice) -> float:
    """Seconds by which the actual sound is late; 0 where no offset makes the two clearly more alike."""
    one, other = (_onsets(each[:, stretch]) for each in (before, after))
    reach = min(round(MAX_OFFSET_SECONDS * LEVELS_PER_SECOND), one.shape[1] - 1)
    size = 1 << (2 * one.shape[1] - 1).bit_length()
    spectrum = np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size))
    correlation = np.fft.irfft(spectrum.sum(axis=0), size)
    near = np.concatenate([correlation[size - reach :], correlation[: reach + 1]])
    energy = float((one**2).sum() + (other**2).sum())
    best = int(np.argmax(near))
    # |a − b|² is the energy of both less twice their correlation.
    left, there = energy - 2 * float(near[reach]), energy - 2 * float(near[best])
    if best == reach or left <= 0 or there > _CLEARLY * left:
        return 0.0
    return float(best - reach + _peak(near, best)) / LEVELS_PER_SECOND


def _onsets(power: Reals) -> Reals:
    """Where the amplitude changes: that tells more of time than how high it is."""
    amplitude = np.sqrt(power)
    width = min(_WINDOW, amplitude.shape[1])
    kernel = np.full(width, 1 / width)
    return np.stack([each - np.convolve(each, kernel, mode="same") for each in amplitude])


def _peak(values: Reals, place: int) -> float:
    """Where, from `place` on, a parabola through three values has its top: −0.5…0.5."""
    if not 0 < place < len(values) - 1:
        return 0.0
    left, middle, right = (float(value) for value in values[place - 1 : place + 2])
    bend = left - 2 * middle + right
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5))


def _aligned(before: Reals, after: Reals, late: int) -> tuple[Reals, Reals]:
    """Both without the milliseconds that have no partner."""
    length = before.shape[1] - abs(late)
    return before[:, max(-late, 0) :][:, :length], after[:, max(late, 0) :][:, :length]
