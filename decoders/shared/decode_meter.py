"""Counts what the decoders of one file put out, how long that takes, and how much of it is decoded again.

In: the work of a `FileWorker`, on its own thread. Out: counters, which any thread may read while the work goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reelmill.planner.source_frames import DecodeStatistics

SPEED_FRAMES = 32
"""Decoded frames between two measurements of speed."""


class DecodeMeter:
    """The counters of one worker."""

    def __init__(self, note_speed: Callable[[float], None]) -> None:
        """`note_speed` is told decoded frames a second of busy time."""
        self._note_speed = note_speed
        self._decoders: list[DecodeStatistics] = []
        self._busy_seconds = self._copy_seconds = 0.0
        self._measured = (0, 0.0)
        """Decoded frames and busy seconds when the speed was last told."""
        self.frames_again = 0
        """Frames decoded on the way to one that was decoded before and found no room in the cache."""

    def new_decoder(self) -> DecodeStatistics:
        """The counters of one more decoder."""
        statistics = DecodeStatistics()
        self._decoders.append(statistics)
        return statistics

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Measures the time of decoding, or of opening a decoder."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._busy_seconds += time.perf_counter() - started
            frames, seconds = self._measured
            decoded = self._frames_decoded()
            if decoded - frames >= SPEED_FRAMES and self._busy_seconds > seconds:
                self._note_speed((decoded - frames) / (self._busy_seconds - seconds))
                self._measured = decoded, self._busy_seconds

    @contextmanager
    def copying(self) -> Iterator[None]:
        """Measures the time of copying a frame into the cache, which is busy time as well."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._copy_seconds += time.perf_counter() - started

    @contextmanager
    def again(self, lost: bool) -> Iterator[None]:
        """Counts what is decoded inside, if the frame that is decoded there was `lost` before."""
        before = self._frames_decoded() if lost else 0
        try:
            yield
        finally:
            if lost:
                self.frames_again += self._frames_decoded() - before

    def statistics(self) -> DecodeStatistics:
        """Opened, decoded, seeks and busy seconds so far; exact once the worker has ended."""
        total = DecodeStatistics(busy_seconds=self._busy_seconds, copy_seconds=self._copy_seconds)
        for each in tuple(self._decoders):
            total.opened += each.opened
            total.frames_decoded += each.frames_decoded
            total.seeks += each.seeks
        return total

    def _frames_decoded(self) -> int:
        return sum(each.frames_decoded for each in self._decoders)
