"""Sound at another speed and the same pitch: waveform similarity overlap-add (WSOLA).

In: a source of samples, where to start in it, a speed. Out: stretched samples, in order. Passive; one thread.

W. Verhelst and M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high quality
time-scale modification of speech", ICASSP 1993. The output is a sum of overlapping windowed frames, one every hop.
Frame j belongs at source position origin + speed × j × hop; it is taken from up to half a hop earlier or later, where
the source continues the frame before it best. Each place is computed from j, so nothing drifts: a sample comes from
within hop × (|1 − speed| + ½) of the source time that it stands for, and the first one from exactly there.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from reelmill.decoders.sound.sound_converter import Samples
from reelmill.decoders.sound.sound_source import IndexedSound
from reelmill.decoders.sound.sound_window import SoundWindow

HOP_SECONDS = 0.0213
"""About: a hop is the power of two nearest to it. A frame is two hops, so its longest fitting period is 50 Hz's."""
_NEARNESS = 0.02
"""How much similarity (0…1) a place at the edge of the search must gain over one in the middle. In silence and in
steady tones many places fit equally well; this takes the nearest."""


def hop_samples(sample_rate: int) -> int:
    """Samples from one frame to the next."""
    return max(1 << round(math.log2(sample_rate * HOP_SECONDS)), 16)


def stretch_reach(speed: Fraction, sample_rate: int) -> int:
    """Samples of the source that stretching looks at before and after those that its output stands for, at most."""
    return math.ceil(hop_samples(sample_rate) * (speed + 2))


class SoundStretch:
    """Plays a source from a position on at a speed above 0. Output sample 0 is the source at the position."""

    def __init__(self, source: IndexedSound, origin: Fraction, speed: Fraction, sample_rate: int) -> None:
        """`origin` is in samples of `source`, which is read in ascending order."""
        self._channels = source.channels
        self._hop = hop_samples(sample_rate)
        self._window = SoundWindow(source)
        step = speed * self._hop
        self._denominator = 2 * origin.denominator * step.denominator
        self._first_place = (2 * origin.numerator + origin.denominator) * step.denominator
        self._place_step = 2 * step.numerator * origin.denominator
        """The place of frame j, round(origin + j × step), in whole numbers: (first + j × step) // denominator."""
        self._search = self._hop // 2
        lags = np.abs(np.arange(-self._search, self._search + 1))
        self._farness = _NEARNESS * lags / self._search
        """What similarity must make up for, at each lag."""
        rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(self._hop) / self._hop)
        self._rise, self._fall = rise[:, None], (1 - rise)[:, None]
        self._frame = 0
        """Number of the next frame."""
        self._before = np.zeros((self._hop, source.channels), np.float32)
        """Second half of the last frame, not windowed."""
        self._ready = self._before[:0]
        self._ready_first = 0

    @property
    def channels(self) -> int:
        return self._channels

    def read_at(self, first: int, count: int) -> Samples:
        """Exactly `count` samples from output sample `first` on; `first` must not lie before the last one's."""
        assert first >= self._ready_first
        parts = [self._ready]
        end = self._ready_first + len(self._ready)
        while end < first + count:
            block = self._next_hop()
            end += len(block)
            if end <= first:
                parts = [block[:0]]
            else:
                parts.append(block)
        joined = np.concatenate(parts)
        start = first - (end - len(joined))
        self._ready, self._ready_first = joined[start + count :], first + count
        return joined[start : start + count]

    def _next_hop(self) -> Samples:
        """One hop of output: the second half of the last frame fades out, the first half of the next fades in."""
        hop, search = self._hop, self._search
        while True:
            middle = (self._first_place + self._frame * self._place_step) // self._denominator
            around = self._window.at(middle - hop - search, 2 * hop + 2 * search)
            start = search + (self._best_lag(around[: hop + 2 * search]) if self._frame else 0)
            before, self._before = self._before, around[start + hop : start + 2 * hop]
            self._frame += 1
            if self._frame > 1:
                faded = before * self._fall + around[start : start + hop] * self._rise
                return faded.astype(np.float32)

    def _best_lag(self, region: Samples) -> int:
        """Where in `region` (a hop, and the search to either side) the last frame is continued best; 0 is its middle.

        The normalised cross-correlation, by FFT; a region's length is that of the FFT, so that no lag wraps around.
        """
        hop, search, size = self._hop, self._search, len(region)
        wanted = self._before.astype(np.float64)
        spectrum = np.fft.rfft(region, axis=0) * np.conj(np.fft.rfft(wanted, size, axis=0))
        product = np.fft.irfft(spectrum.sum(axis=1), size)[: 2 * search + 1]
        energy = np.concatenate(([0.0], np.cumsum(np.square(region, dtype=np.float64).sum(axis=1))))
        scale = np.sqrt((energy[hop:] - energy[:-hop]) * np.square(wanted).sum())
        similarity = product / (scale + 1e-9)
        return int(np.argmax(similarity - self._farness)) - search
