"""Sound at another speed with its pitch following, as of a tape: interpolation by a windowed sinc.

In: a source of samples, a line of positions in it. Out: resampled samples, in order. Passive; one thread.

J. O. Smith, "Digital Audio Resampling Home Page" (CCRMA, 2002): the source is read between its samples with a sinc
under a Kaiser window, whose cutoff is lowered with the speed so that nothing folds back. Positions are worked out anew
from exact numbers every GRID samples of the line: nothing drifts, and clips that lie on one line are parts of one
stream.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from reelmill.decoders.sound.sound_converter import Samples
from reelmill.decoders.sound.sound_source import IndexedSound
from reelmill.decoders.sound.sound_window import SoundWindow

GRID = 512
"""Samples of the line whose positions go on in float64 from an exact one."""
_CROSSINGS = 24
"""Zero crossings of the sinc to either side."""
_ROLLOFF = 0.94
"""Cutoff, of the lower one of the two Nyquist frequencies."""
_KAISER_BETA = 9.0
"""About 90 dB of attenuation in the stop band."""
_PHASES = 512
"""Filters between two samples of the source; what lies between two filters is interpolated in a straight line."""


def varispeed_reach(speed: Fraction) -> int:
    """Samples of the source that are looked at before and after a position, at most."""
    return math.ceil(_CROSSINGS * max(float(speed), 1.0) / _ROLLOFF) + 1


class VarispeedSound:
    """Sample k is the source at position origin + speed × k."""

    def __init__(self, source: IndexedSound, origin: Fraction, speed: Fraction) -> None:
        """`origin` is in samples of `source`, which is read in ascending order; `speed` is above 0."""
        self._origin, self._speed = origin, speed
        self._channels = source.channels
        self._window = SoundWindow(source)
        self._reach = varispeed_reach(speed)
        self._filters = _filters(speed)
        self._steps = np.arange(GRID) * float(speed)
        self._number: int | None = None
        """Of the grid block at hand."""
        self._block: Samples = np.empty((0, self._channels), np.float32)

    @property
    def channels(self) -> int:
        return self._channels

    def read_at(self, first: int, count: int) -> Samples:
        """Exactly `count` samples from number `first` on, which must not lie before the last one's grid block."""
        samples = np.empty((self._channels, count), np.float32).T
        at, end = first, first + count
        while at < end:
            number = at // GRID
            if number != self._number:
                self._block, self._number = self._grid_block(number), number
            stop = min(end, (number + 1) * GRID)
            samples[at - first : stop - first] = self._block[at - number * GRID : stop - number * GRID]
            at = stop
        return samples

    def _grid_block(self, number: int) -> Samples:
        start = self._origin + self._speed * number * GRID
        whole = math.floor(start)
        positions = float(start - whole) + self._steps
        base = np.floor(positions).astype(np.intp)
        phase = (positions - base) * _PHASES
        row = np.minimum(phase.astype(np.intp), _PHASES - 1)
        between = (phase - row)[:, None]
        weights = self._filters[row] * (1 - between) + self._filters[row + 1] * between
        around = self._window.at(whole - self._reach + 1, int(base[-1]) + 2 * self._reach)
        taps = np.lib.stride_tricks.sliding_window_view(around, 2 * self._reach, axis=0)[base]
        samples: Samples = np.einsum("kcn,kn->kc", taps, weights).astype(np.float32)
        return samples


@lru_cache(maxsize=16)
def _filters(speed: Fraction) -> npt.NDArray[np.float64]:
    """For each phase 0…1 between two samples of the source, the weights of those around, shape [phases + 1, taps]."""
    reach = varispeed_reach(speed)
    cutoff = _ROLLOFF / max(float(speed), 1.0)
    phases = np.arange(_PHASES + 1)[:, None] / _PHASES
    distance = (np.arange(2 * reach)[None, :] - (reach - 1)) - phases
    inside = np.clip(1 - np.square(distance / reach), 0, None)
    weights = np.sinc(distance * cutoff) * np.i0(_KAISER_BETA * np.sqrt(inside)) * (inside > 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)
