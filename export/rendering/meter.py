"""Measures how far an export has come, and tells it to a listener. Passive; render thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction

from reelmill.export.opening.job import Listener, Listening, Progress

PROGRESS_INTERVAL_SECONDS = 0.1
TimeLeft = Callable[[int, float], float]
"""Seconds until the last picture is written, from the first frame of the timeline that is not done, and the seconds
since the first one was begun."""


class HearingMeter:
    """Tells the listener how much of a film's sound was heard, at most every tenth of a second and at its end."""

    def __init__(self, samples: int, sample_rate: int, listener: Listener) -> None:
        """`samples`: of the whole film."""
        self._samples, self._rate, self._listener = samples, sample_rate, listener
        self._times = 1
        self._heard = 0
        self._told = time.perf_counter()

    def __call__(self, heard: int) -> None:
        """So many samples, from the beginning on, were heard; less than before when it is heard again."""
        self._listener.checkpoint()
        if heard < self._heard:
            self._times += 1
        self._heard = heard
        now = time.perf_counter()
        if now - self._told >= PROGRESS_INTERVAL_SECONDS or heard >= self._samples:
            self._told = now
            seconds, total = min(heard, self._samples) / self._rate, self._samples / self._rate
            self._listener.listened(Listening(self._times, seconds, total))


class Meter:
    """Measures speed and tells the listener, at most every tenth of a second and at the end."""

    def __init__(self, total: int, fps: Fraction, listener: Listener, time_left: TimeLeft) -> None:
        self._total, self._fps, self._listener, self._time_left = total, float(fps), listener, time_left
        self._done = 0
        self._started = self._told = time.perf_counter()

    def frame_done(self, number: int) -> None:
        """Frame `number` of the timeline was handed to the encoder, or is copied."""
        self._done += 1
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
                remaining_seconds=self._time_left(number + 1, elapsed),
            )
        )
