"""Sound that is read backwards or again and again, kept in a temporary file.

In: a source that can only go forward. Out: the same samples in any order. Decoded sound of a region is written once
to an unnamed file (in memory while it is small), so that memory stays flat however long the region is. Whoever makes
a `SoundSpool` closes it. Passive; one thread.
"""

from __future__ import annotations

import tempfile

import numpy as np

from reelmill.decoders.sound.sound_converter import Samples
from reelmill.decoders.sound.sound_source import IndexedSound
from reelmill.planner.errors import RenderError

MEMORY_BYTES = 8 * 2**20
"""A spool that is no longer than this makes no file: 22 s of stereo at 48 kHz."""
_BLOCK = 1 << 16


class SoundSpool:
    """Samples from index `start` on, each read once from the source. Silence before `start`."""

    def __init__(self, source: IndexedSound, start: int) -> None:
        """Reads the source from `start` on, as far as samples are asked for; does not close it."""
        self._source = source
        self._start = self._end = start
        self._file = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - closed by close()
        self._sample_bytes = source.channels * np.dtype(np.float32).itemsize

    @property
    def channels(self) -> int:
        return self._source.channels

    def read_at(self, first: int, count: int) -> Samples:
        """Exactly `count` samples from index `first` on. Raises RenderError, also where the disk is full."""
        samples = np.zeros((count, self.channels), np.float32)
        low, end = max(first, self._start), first + count
        if low < end:
            try:
                self._write(end)
                self._file.seek((low - self._start) * self._sample_bytes)
                data = self._file.read((end - low) * self._sample_bytes)
            except OSError as error:
                raise _no_room(error) from error
            samples[low - first :] = np.frombuffer(data, np.float32).reshape(-1, self.channels)
        return samples

    def fill(self, end: int, most: int) -> bool:
        """Keep samples up to index `end`, `most` of them at most now. True when all are there. Raises RenderError."""
        try:
            self._write(min(end, self._end + most))
        except OSError as error:
            raise _no_room(error) from error
        return self._end >= end

    def close(self) -> None:
        """Gives the memory or the file back; a second call does nothing."""
        self._file.close()

    def _write(self, end: int) -> None:
        if self._end < end:
            self._file.seek(0, 2)
        while self._end < end:
            count = min(_BLOCK, end - self._end)
            self._file.write(self._source.read_at(self._end, count).tobytes())
            self._end += count


def _no_room(error: OSError) -> RenderError:
    return RenderError(
        f"sound that is played backwards or repeated can't be kept in a temporary file: {error}",
        component="SoundReader",
        suggestion=f"make room in {tempfile.gettempdir()}, or set TMPDIR to a folder on a larger disk",
    )
