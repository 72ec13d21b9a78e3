"""Finished sound on its way from the mix thread to the encoder: a ring of samples, bounded in bytes.

One thread writes, one reads; both wait where there is no room or nothing there. Passive; thread-safe.
"""

from __future__ import annotations

import time
from functools import partial
from threading import Condition

import numpy as np

from reelmill.decoders.sound.sound_converter import Samples
from reelmill.export.sound.panning import Signal
from reelmill.planner.process.waiting import Checkpoint, no_checkpoint, wait_until


class SampleQueue:
    """A bounded queue of float32 samples."""

    def __init__(self, channels: int, max_bytes: int) -> None:
        """Memory of `max_bytes` is taken at once, and used again and again."""
        self._ring = np.empty((max(max_bytes // (4 * channels), 1), channels), np.float32)
        self._written = self._taken = 0
        self._ended = self._closed = False
        self._error: BaseException | None = None
        self._changed = Condition()
        self.waited_seconds = 0.0
        """That the reader spent waiting."""

    def put(self, samples: Signal) -> bool:
        """Add samples, [channels, samples]; waits for room. False where the queue was closed."""
        done, count = 0, samples.shape[1]
        while done < count:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._written - self._taken < len(self._ring))
                if self._closed:
                    return False
                at = self._written % len(self._ring)
                size = min(count - done, len(self._ring) - at, len(self._ring) - (self._written - self._taken))
            # The reader leaves this part alone until it is counted as written.
            self._ring[at : at + size] = samples[:, done : done + size].T
            done += size
            with self._changed:
                self._written += size
                self._changed.notify_all()
        return True

    def end(self, error: BaseException | None = None) -> None:
        """No more samples come: all are there, or `error` is why not."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def take(self, count: int, checkpoint: Checkpoint = no_checkpoint) -> Samples:
        """The next `count` samples, [count, channels]; fewer only at the end.

        Waits for them; `checkpoint` is called meanwhile, and may raise. Raises the writer's error where that keeps
        them from coming.
        """
        parts = []
        missing = count
        while missing > 0:
            wanted = min(missing, len(self._ring))
            started = time.perf_counter()
            wait_until(partial(self._has, wanted), checkpoint)
            with self._changed:
                ready = 0 if self._closed else min(self._written - self._taken, missing)
                error = self._error if ready < wanted and not self._closed else None
            self.waited_seconds += time.perf_counter() - started
            if error is not None:
                raise error
            if not ready:
                break
            at = self._taken % len(self._ring)
            size = min(ready, len(self._ring) - at)
            parts.append(self._ring[at : at + size].copy())
            missing -= size
            with self._changed:
                self._taken += size
                self._changed.notify_all()
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, self._ring.shape[1]), np.float32)

    def _has(self, wanted: int, seconds: float) -> bool:
        """Wait so long for so many samples, or for what keeps them from coming."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._closed or self._ended or self._written - self._taken >= wanted, seconds
            )

    def close(self) -> None:
        """Send both sides home; there is nothing to read afterwards."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def free(self) -> None:
        """Give the memory back, once both sides have gone home."""
        self._ring = self._ring[:0].copy()
