"""Takes up what the clock of a recording found: stretches of it become a little longer or shorter, or are left out.

In: blocks of samples as they are decoded, and which stretches become how long. Out: blocks of samples, which lie at
their times. Passive; one thread. Where nothing is to be done the samples go through untouched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from reelmill.decoders.sound.sound_converter import Samples
from reelmill.decoders.sound.sound_varispeed import VarispeedSound, varispeed_reach

_REACH = varispeed_reach(Fraction(2))
"""Samples around a stretch that filters look at, at most: its length is never halved."""


@dataclass(frozen=True, slots=True)
class Warp:
    """So many samples `taken` from the one with index `at` on become so many `given`, perhaps none."""

    at: int
    taken: int
    given: int


class Retiming:
    """Retimes one stream."""

    def __init__(self, channels: int) -> None:
        self._warps: deque[Warp] = deque()
        self._before = np.zeros((0, channels), np.float32)
        """The last samples that were passed on, for filters that look back."""
        self._held = self._before
        """Samples that were not passed on yet, of the stretch to be retimed."""
        self._index = 0
        """Of the sample after the last one that came in."""

    def add(self, warp: Warp) -> None:
        """To be done, before its samples come in and after what was added before."""
        self._warps.append(warp)

    def process(self, block: Samples) -> Iterator[Samples]:
        """The samples that are ready after the next block."""
        self._index += len(block)
        held = np.concatenate((self._held, block)) if len(self._held) else block
        while self._warps:
            warp = self._warps[0]
            ready = max(warp.at - (self._index - len(held)), 0)
            if ready >= len(held):
                break
            if ready:
                yield self._passed(held[:ready])
                held = held[ready:]
            if len(held) < warp.taken + _REACH:
                self._held = held
                return
            yield from self._warped(held, warp)
            held = held[warp.taken :]
            self._warps.popleft()
        self._held = held[:0]
        yield self._passed(held)

    def finish(self) -> Iterator[Samples]:
        """The samples that were held back for a stretch that the end has cut short."""
        held, self._held = self._held, self._held[:0]
        if len(held):
            warp = self._warps[0]
            taken = min(len(held), warp.taken)
            given = warp.given * taken // warp.taken
            yield from self._warped(held, Warp(warp.at, taken, given))
            yield held[taken:]

    def _passed(self, samples: Samples) -> Samples:
        before = samples if len(samples) >= _REACH else np.concatenate((self._before, samples))
        self._before = before[-_REACH:]
        return samples

    def _warped(self, held: Samples, warp: Warp) -> Iterator[Samples]:
        """What the first samples of those held become."""
        if warp.given:
            around = _Around(np.concatenate((self._before, held[: warp.taken + _REACH])), len(self._before))
            yield VarispeedSound(around, Fraction(0), Fraction(warp.taken, warp.given)).read_at(0, warp.given)
        self._passed(held[: warp.taken])


class _Around:
    """Samples of a stretch and around it, and silence where there are none."""

    def __init__(self, samples: Samples, begin: int) -> None:
        """Index 0 is number `begin` of the samples."""
        self._samples, self._begin = samples, begin

    @property
    def channels(self) -> int:
        return int(self._samples.shape[1])

    def read_at(self, first: int, count: int) -> Samples:
        read = np.zeros((count, self.channels), np.float32)
        low = self._begin + first
        inside = self._samples[max(low, 0) : max(low + count, 0)]
        read[max(-low, 0) :][: len(inside)] = inside
        return read
