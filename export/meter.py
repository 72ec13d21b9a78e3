"""Measures the speed of an export and tells it to a listener. Passive; render thread."""

from __future__ import annotations

import time
from fractions import Fraction

from export.job import Listener, Progress

PROGRESS_INTERVAL_SECONDS = 0.1


class Meter:
    """Measures speed and tells the listener, at most every tenth of a second and at the end."""

    def __init__(self, total: int, fps: Fraction, listener: Listener) -> None:
        self._total, self._fps, self._listener = total, float(fps), listener
        self._done = 0
        self._started = self._told = time.perf_counter()

    def frames_done(self, count: int) -> None:
        """So many more frames were handed to the encoder, or are copied."""
        self._done += count
        now = time.perf_counter()
        if now - self._told < PROGRESS_INTERVAL_SECONDS and self._done < self._total:
            return
        self._told = now
        elapsed = now - self._started
        speed = self._done / elapsed if elapsed else 0.0
        self._listener.progressed(
            Progress(
                frames=self._done,
                total=self._total,
                elapsed_seconds=elapsed,
                frames_per_second=speed,
                realtime_factor=speed / self._fps,
                remaining_seconds=(self._total - self._done) / speed if speed else None,
            )
        )
