"""The outline of a stream of sound: the smallest and the largest sample of each bucket.

In: blocks of samples, in order. Out: a `Waveform`. Passive; one thread; keeps the buckets alone.
"""

from __future__ import annotations

import numpy as np

from reelmill.decoders.sound.sound_converter import Samples
from reelmill.planner.sound.sound_analysis import Waveform


class WaveformMeter:
    """Outlines one stream."""

    def __init__(self, channels: int, samples_per_bucket: int) -> None:
        self._channels = channels
        self._size = samples_per_bucket
        self._filled = samples_per_bucket
        """Samples in the last bucket."""
        self._lows: list[Samples] = []
        """Arrays [buckets, channels]; the last bucket may grow."""
        self._highs: list[Samples] = []

    def add(self, samples: Samples) -> None:
        """The next block, [samples, channels]."""
        rest = self._size - self._filled
        if rest and len(samples):
            head = samples[:rest]
            np.minimum(self._lows[-1][-1], head.min(axis=0), out=self._lows[-1][-1])
            np.maximum(self._highs[-1][-1], head.max(axis=0), out=self._highs[-1][-1])
            self._filled += len(head)
            samples = samples[rest:]
        if len(samples):
            starts = np.arange(0, len(samples), self._size)
            self._lows.append(np.minimum.reduceat(samples, starts, axis=0))
            self._highs.append(np.maximum.reduceat(samples, starts, axis=0))
            self._filled = len(samples) - int(starts[-1])

    def result(self) -> Waveform:
        """Of all that was added."""
        return Waveform(self._size, self._by_channel(self._lows), self._by_channel(self._highs))

    def _by_channel(self, blocks: list[Samples]) -> tuple[tuple[float, ...], ...]:
        if not blocks:
            return ((),) * self._channels
        return tuple(tuple(channel) for channel in np.concatenate(blocks).T.tolist())
