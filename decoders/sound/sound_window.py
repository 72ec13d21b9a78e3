"""Windows of a source that overlap, each sample read once. Passive; one thread."""

from __future__ import annotations

import numpy as np

from reelmill.decoders.sound.sound_converter import Samples
from reelmill.decoders.sound.sound_source import IndexedSound


class SoundWindow:
    """Remembers what the last window had, so that a source that only goes forward can be looked at again."""

    def __init__(self, source: IndexedSound) -> None:
        self._source = source
        self._samples: Samples = np.empty((0, source.channels), np.float32)
        self._first: int | None = None
        """Index of the first one of them; None before the first window."""

    def at(self, first: int, count: int) -> Samples:
        """Samples from index `first` on, which must not lie before that of the last call. Raises RenderError."""
        have = first if self._first is None else self._first + len(self._samples)
        if first >= have or self._first is None:
            self._samples = self._source.read_at(first, count)
        else:
            kept = self._samples[first - self._first :]
            missing = max(first + count - have, 0)
            self._samples = np.concatenate((kept, self._source.read_at(have, missing))) if missing else kept
        self._first = first
        return self._samples[:count]
