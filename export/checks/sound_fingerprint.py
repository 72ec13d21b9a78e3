"""The fingerprint of a film's sound: level and spectrum over time, small enough to be kept beside golden pictures.

In: blocks of float32 samples in order. Out: a `SoundFingerprint`, which goes into a compressed file and comes back.
The level is kept for each millisecond, which finds sound that is a few milliseconds late; the spectrum for each tenth
of a second in third octaves. Passive; one thread.
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVELS_PER_SECOND = 1000
SPECTRA_PER_SECOND = 10
FLOOR_DB = -120.0
"""Of levels; silence has this one."""
_STEP_DB = 0.01
"""In which levels are stored."""
_LOWEST_BAND_HZ = 50.0
_BANDS_PER_OCTAVE = 3
_KEYS = ("format", "sample_rate", "sample_count", "levels", "spectra", "digest")
_FORMAT = 1

Samples = npt.NDArray[np.float32]
Decibels = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class SoundFingerprint:
    """Of one film."""

    sample_rate: int
    sample_count: int
    levels: Decibels
    """Hundredths of decibels of full scale (RMS), shape [channels, milliseconds]."""
    spectra: Decibels
    """The same of each third octave, shape [channels, tenths of a second, bands]."""
    digest: str
    """Of the samples, 32 hexadecimal digits: equal ones sound the same."""

    @property
    def channels(self) -> int:
        return int(self.levels.shape[0])

    def save(self) -> bytes:
        """As a file."""
        file = io.BytesIO()
        values = (_FORMAT, self.sample_rate, self.sample_count, self.levels, self.spectra, self.digest)
        # An archive of the standard library's with fixed dates: the same sound gives the same bytes.
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, value in zip(_KEYS, values, strict=True):
                part = io.BytesIO()
                np.lib.format.write_array(part, np.asanyarray(value), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), zipfile.ZIP_DEFLATED)
        return file.getvalue()


def load_fingerprint(data: bytes) -> SoundFingerprint:
    """Read what `save` made. Raises ValueError where it did not."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as parts:
            form, rate, count, levels, spectra, digest = (parts[name] for name in _KEYS)
        form, rate, count = int(form), int(rate), int(count)
    except Exception as error:  # zipfile and numpy raise whatever they stumble over in a damaged file
        raise ValueError("it is no fingerprint of sound") from error
    if form != _FORMAT:
        raise ValueError(f"it is a fingerprint of format {form}; {_FORMAT} can be read")
    if levels.dtype != np.int16 or levels.ndim != 2 or spectra.dtype != np.int16 or spectra.ndim != 3:
        raise ValueError("it is no fingerprint of sound")
    return SoundFingerprint(rate, count, levels, spectra, str(digest))


class FingerprintMaker:
    """Takes the samples of a film block by block."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._rate = sample_rate
        self._channels = channels
        self._count = 0
        self._digest = hashlib.blake2b(f"{sample_rate} {channels}".encode(), digest_size=16)
        self._waiting: Samples = np.zeros((0, channels), np.float32)
        """The samples from the beginning of the tenth of a second that is not complete yet."""
        self._tenths = 0
        self._levels: list[Decibels] = []
        self._spectra: list[Decibels] = []
        self._length = 1 << max(math.ceil(math.log2(sample_rate / SPECTRA_PER_SECOND)), 4)
        self._edges = _band_edges(sample_rate, self._length)

    def add(self, samples: Samples) -> None:
        """The next samples, shape [n, channels]."""
        self._digest.update(np.ascontiguousarray(samples, np.float32).tobytes())
        self._count += len(samples)
        self._waiting = np.concatenate([self._waiting, samples])
        while len(self._waiting) >= (size := self._start(self._tenths + 1) - self._start(self._tenths)):
            self._take(self._waiting[:size])
            self._waiting = self._waiting[size:]

    def finish(self) -> SoundFingerprint:
        """After the last samples."""
        if len(self._waiting):
            self._take(self._waiting)
        empty = np.zeros((self._channels, 0), np.int16)
        bands = np.zeros((self._channels, 0, len(self._edges) - 1), np.int16)
        return SoundFingerprint(
            self._rate,
            self._count,
            np.concatenate([empty, *self._levels], axis=1),
            np.concatenate([bands, *self._spectra], axis=1),
            self._digest.hexdigest(),
        )

    def _start(self, tenth: int) -> int:
        return tenth * self._rate // SPECTRA_PER_SECOND

    def _take(self, samples: Samples) -> None:
        """A tenth of a second, or what is left at the end."""
        power = samples.astype(np.float64) ** 2
        per_tenth = LEVELS_PER_SECOND // SPECTRA_PER_SECOND
        first = self._start(self._tenths)
        starts = np.array([(self._tenths * per_tenth + n) * self._rate // LEVELS_PER_SECOND for n in range(per_tenth)])
        starts = np.unique(starts[starts - first < len(samples)] - first)
        sums = np.add.reduceat(power, starts, axis=0)
        counts = np.diff(np.append(starts, len(samples)))
        self._levels.append(_decibels(sums.T / counts))
        window = np.hanning(len(samples) + 2)[1:-1, None]
        bins = np.abs(np.fft.rfft(samples * window, self._length, axis=0)) ** 2
        # So that a band that holds all of the sound has its level.
        bins *= 2 / (self._length * float((window**2).sum()))
        self._spectra.append(_decibels(np.add.reduceat(bins, self._edges[:-1], axis=0).T[:, None, :]))
        self._tenths += 1


def _band_edges(sample_rate: int, length: int) -> npt.NDArray[np.int64]:
    """The first bin of each band, from the lowest frequencies to half the rate, and the end of the last."""
    count = math.floor(math.log2(sample_rate / 2 / _LOWEST_BAND_HZ) * _BANDS_PER_OCTAVE)
    edges = _LOWEST_BAND_HZ * 2 ** (np.arange(count + 1) / _BANDS_PER_OCTAVE)
    bins = np.unique(np.round(edges * length / sample_rate).astype(np.int64))
    return np.concatenate([[0], bins[(bins > 0) & (bins < length // 2)], [length // 2]])


def _decibels(power: npt.NDArray[np.float64]) -> Decibels:
    """Hundredths of decibels of mean squares."""
    decibels = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    return np.round(decibels / _STEP_DB).astype(np.int16)


def power_of(decibels: Decibels) -> npt.NDArray[np.float64]:
    """Mean squares of stored levels; 0 for silence."""
    power = 10 ** (decibels.astype(np.float64) * (_STEP_DB / 10))
    return np.where(decibels <= round(FLOOR_DB / _STEP_DB), 0.0, power)
