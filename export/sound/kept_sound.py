"""The whole mix of a film, read once, measured, and kept for as many readings as are wanted.

In: a mix. Out: its loudness, and any range of its samples. Kept in memory while it is small, else in a temporary file.
Passive; several threads may read. Whoever makes a `KeptMix` closes it.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from reelmill.decoders.listening.sound_loudness import LoudnessMeter
from reelmill.decoders.sound.sound_converter import Samples
from reelmill.export.sound.panning import PROJECT_LAYOUTS
from reelmill.planner.errors import RenderError
from reelmill.planner.sound.sound_plan import SoundPlan

_BLOCK_SAMPLES = 8192
_MEMORY_BYTES = 64 * 2**20
"""A mix that is no longer than this makes no file: 3 minutes of stereo at 48 kHz."""


Heard = Callable[[int], None]
"""Told between blocks how many samples of the film were heard so far. May raise, to end it."""


class Mix(Protocol):
    """Samples of the whole film."""

    def read(self, count: int) -> Samples: ...


class KeptMix:
    """The samples of a film as they were mixed."""

    def __init__(self, mix: Mix, plan: SoundPlan, heard: Heard) -> None:
        """Reads the mix to its end. Raises RenderError."""
        self._sample_bytes = plan.channels * np.dtype(np.float32).itemsize
        self._channels = plan.channels
        self._file = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - closed by close()
        self._reading = threading.Lock()
        self.busy_seconds = 0.0
        """Spent with measuring, without waiting for the mix."""
        try:
            self._keep(mix, LoudnessMeter(plan.sample_rate, PROJECT_LAYOUTS[plan.channels]), heard)
        except BaseException:
            self.close()
            raise

    def blocks(self, wanted: range) -> Iterator[Samples]:
        """The samples of a range of the film, shapes [count, channels]."""
        for first in range(wanted.start, wanted.stop, _BLOCK_SAMPLES):
            count = min(_BLOCK_SAMPLES, wanted.stop - first)
            with self._reading:
                self._file.seek(first * self._sample_bytes)
                data = self._file.read(count * self._sample_bytes)
            yield np.frombuffer(data, np.float32).reshape(-1, self._channels)

    def close(self) -> None:
        """Gives the memory or the file back; a second call does nothing."""
        self._file.close()

    def _keep(self, mix: Mix, meter: LoudnessMeter, heard: Heard) -> None:
        """Write the mix to the file, and measure it."""
        position = 0
        while len(samples := mix.read(_BLOCK_SAMPLES)):
            position += len(samples)
            heard(position)
            started = time.perf_counter()
            try:
                self._file.write(np.ascontiguousarray(samples, np.float32).tobytes())
            except OSError as error:
                raise RenderError(
                    f"the sound can't be kept in a temporary file while its loudness is measured: {error}",
                    component="AudioMixer",
                    suggestion=f"make room in {tempfile.gettempdir()}, or set TMPDIR to a folder on a larger disk",
                ) from error
            meter.add(samples)
            self.busy_seconds += time.perf_counter() - started
        self.loudness = meter.result()
