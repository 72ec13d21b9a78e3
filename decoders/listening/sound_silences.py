"""Where a stream of sound is silent.

In: blocks of samples, in order. Out: ranges of sample numbers. Passive; one thread; keeps the ranges alone.
"""

from __future__ import annotations

import numpy as np

from reelmill.decoders.sound.sound_converter import Samples


class SilenceFinder:
    """Finds the stretches in which every channel is below a threshold."""

    def __init__(self, threshold_db: float, min_samples: int) -> None:
        """`threshold_db` in dBFS; shorter stretches than `min_samples` don't count."""
        self._threshold = np.float32(10 ** (threshold_db / 20))
        self._min_samples = max(min_samples, 1)
        self._position = 0
        self._silent_from: int | None = None
        """Where the silence began that reaches up to `position`."""
        self._found: list[range] = []

    def add(self, samples: Samples) -> None:
        """The next block, [samples, channels]."""
        if not len(samples):
            return
        silent = np.abs(samples).max(axis=1) < self._threshold
        changes = np.flatnonzero(silent[1:] != silent[:-1]) + 1
        # Stretches of equal kind, the first and the last of which may go on in the neighbouring blocks.
        edges = np.concatenate(([0], changes, [len(silent)]))
        first = 0 if silent[0] else 1
        starts, ends = edges[first:-1:2], edges[first + 1 :: 2]
        if self._silent_from is not None:
            if silent[0]:
                starts[0] = self._silent_from - self._position
            else:
                self._note(self._silent_from, self._position)
            self._silent_from = None
        if silent[-1]:
            self._silent_from = self._position + int(starts[-1])
            starts, ends = starts[:-1], ends[:-1]
        long = ends - starts >= self._min_samples
        for start, end in zip(starts[long], ends[long], strict=True):
            self._note(self._position + int(start), self._position + int(end))
        self._position += len(samples)

    def result(self) -> list[range]:
        """Sample numbers from the first silent to the one after the last; the last call."""
        if self._silent_from is not None:
            self._note(self._silent_from, self._position)
            self._silent_from = None
        return self._found

    def _note(self, start: int, end: int) -> None:
        if end - start >= self._min_samples:
            self._found.append(range(start, end))
