"""Sound that is mixed once and read by several outputs, each at its own pace and each its own range of it.

In: a mix, which is read once, in order. Out: a `SoundReader` for each output. What some reader still needs is held,
bounded in bytes: a reader that runs ahead waits for the slowest one, which never waits for another. Passive: whoever
needs samples that are not there yet gets them from the mix, on its own thread. Thread-safe; whoever makes a
`SharedSound` closes it, and the mix stays its maker's.
"""

from __future__ import annotations

from collections import deque
from threading import Condition

import numpy as np

from reelmill.decoders.sound.sound_converter import Samples
from reelmill.export.films.film_sink import MixedSound

MAX_HELD_BYTES = 16 * 2**20
"""43 seconds of stereo at 48 kHz."""
_BLOCK_SAMPLES = 8192


class SharedSound:
    """The samples of a mix, for several readers."""

    def __init__(self, mix: MixedSound, *, channels: int, max_bytes: int = MAX_HELD_BYTES) -> None:
        self._mix = mix
        self._channels = channels
        self._most_samples = max(max_bytes // (4 * channels), 2 * _BLOCK_SAMPLES)
        self._blocks: deque[Samples] = deque()
        self._held = range(0)
        """Of the mix: the samples in `_blocks`."""
        self._readers: list[SharedSoundReader] = []
        self._fetching = self._ended = False
        self._error: BaseException | None = None
        self._changed = Condition()

    def reader(self, samples: range) -> SharedSoundReader:
        """A reader of some samples of the mix, counted from its first one. All are made before any of them reads."""
        reader = SharedSoundReader(self, samples, self._mix.sample_rate)
        self._readers.append(reader)
        return reader

    def close(self) -> None:
        """Send all readers home; there is nothing to read afterwards. Any thread."""
        with self._changed:
            self._ended, self._held = True, self._held[:0]
            self._blocks.clear()
            self._changed.notify_all()

    def take(self, reader: SharedSoundReader, count: int) -> Samples:
        """The samples at a reader's position; fewer only at the end. For the reader alone."""
        parts: list[Samples] = []
        missing = count
        while missing > 0:
            with self._changed:
                self._changed.wait_for(lambda: self._can_go_on(reader))
                if reader not in self._readers:
                    break
                if reader.position in self._held:
                    parts.append(self._at(reader.position, missing))
                    missing -= len(parts[-1])
                    reader.position += len(parts[-1])
                    self._forget()
                    continue
                if self._error is not None:
                    raise self._error
                if self._ended:
                    break
                self._fetching = True
            self._fetch()
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, self._channels), np.float32)

    def leave(self, reader: SharedSoundReader) -> None:
        """A reader needs no more, and gets no more. Any thread; a second call does nothing."""
        with self._changed:
            if reader in self._readers:
                self._readers.remove(reader)
                self._forget()

    def _can_go_on(self, reader: SharedSoundReader) -> bool:
        if reader.position in self._held or self._ended or self._error is not None or reader not in self._readers:
            return True
        return not self._fetching and len(self._held) < self._most_samples

    def _fetch(self) -> None:
        """Get the next block of the mix, without keeping others from what is held."""
        block, error = np.empty((0, self._channels), np.float32), None
        try:
            block = self._mix.read(_BLOCK_SAMPLES)
        except BaseException as caught:
            error = caught
        with self._changed:
            self._fetching, self._error = False, error
            if len(block) and not self._ended:
                self._blocks.append(block)
                self._held = range(self._held.start, self._held.stop + len(block))
            elif error is None:
                self._ended = True
            self._forget()

    def _at(self, position: int, count: int) -> Samples:
        """Samples that are held: those of one block."""
        first = self._held.start
        for block in self._blocks:
            if position < first + len(block):
                return block[position - first : position - first + count]
            first += len(block)
        raise AssertionError("this position is not held")

    def _forget(self) -> None:
        """Let go of what no reader needs any more, and wake those that wait."""
        needed = min((reader.position for reader in self._readers), default=self._held.stop)
        while self._blocks and self._held.start + len(self._blocks[0]) <= needed:
            self._held = self._held[len(self._blocks.popleft()) :]
        self._changed.notify_all()


class SharedSoundReader:
    """Implements `SoundSource` for one output. Its own thread reads."""

    def __init__(self, sound: SharedSound, samples: range, sample_rate: int) -> None:
        self.sample_rate, self.sample_count = sample_rate, len(samples)
        self.position = samples.start
        """Of the next sample in the mix; guarded by the shared sound."""
        self._sound = sound
        self._end = samples.stop

    def read(self, count: int) -> Samples:
        """The next `count` samples, shape [count, channels]; fewer only at the end, or after `cancel`.

        Raises RenderError where a file can't be read, whichever reader met it.
        """
        samples = self._sound.take(self, min(count, self._end - self.position))
        if self.position == self._end:
            self._sound.leave(self)
        return samples

    def cancel(self) -> None:
        """Nobody needs to wait for it any more, nor it for others. Any thread; a second call does nothing."""
        self._sound.leave(self)
