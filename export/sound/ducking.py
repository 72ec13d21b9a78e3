"""How much quieter a bus becomes while another one sounds.

In: the samples of the bus that is listened to, in order. Out: a factor for each of them. Passive; one thread.

Time goes in ticks of 64 samples, counted from the beginning of the bus that is listened to. It sounds in a tick if the
RMS level of its loudest channel over the 20 ms up to the tick's end is above the threshold. While it sounds the
reduction grows in a straight line of decibels, from none to all in `attack` seconds, and while it does not it shrinks
again in `release` seconds; within a tick it goes from the one value to the next.
"""

from __future__ import annotations

import math

import numpy as np

from reelmill.export.sound.panning import Signal
from reelmill.planner.sound.sound_plan import Ducking

TICK_SAMPLES = 64
LEVEL_SECONDS = 0.02


class Ducker:
    """The factors of one ducking."""

    def __init__(self, ducking: Ducking, channels: int, sample_rate: int) -> None:
        """`channels` are those of the bus that is listened to."""
        self._amount = ducking.amount_db
        self._power = 10 ** (ducking.threshold_db / 10)
        """Mean square above which the other bus sounds."""
        seconds = TICK_SAMPLES / sample_rate
        self._rise = min(seconds / float(ducking.attack), 1.0) if ducking.attack else 1.0
        self._fall = min(seconds / float(ducking.release), 1.0) if ducking.release else 1.0
        self._ticks = max(math.ceil(LEVEL_SECONDS / seconds), 1)
        """Over which the level is taken."""
        self._recent = np.zeros((channels, self._ticks - 1))
        """Sum of squares in each of the ticks before."""
        self._unheard = np.empty((channels, 0))
        """Less than a tick."""
        self._reduction = 0.0
        """Of the last tick: 0 is none, 1 is all."""

    def process(self, block: Signal) -> Signal:
        """The factors that are known after the next block, shape [samples], in order from the first sample on."""
        heard = np.concatenate((self._unheard, block), axis=1)
        count = heard.shape[1] // TICK_SAMPLES
        self._unheard = heard[:, count * TICK_SAMPLES :]
        if count == 0:
            return np.empty(0)
        squares = np.square(heard[:, : count * TICK_SAMPLES]).reshape(len(heard), count, TICK_SAMPLES).sum(axis=2)
        sums = np.concatenate((self._recent, squares), axis=1)
        self._recent = sums[:, count:]
        windows = np.lib.stride_tricks.sliding_window_view(sums, self._ticks, axis=1).sum(axis=2)
        sounds = windows.max(axis=0) > self._power * self._ticks * TICK_SAMPLES
        reductions = [self._reduction]
        for sounding in sounds.tolist():
            before = reductions[-1]
            reductions.append(min(before + self._rise, 1.0) if sounding else max(before - self._fall, 0.0))
        self._reduction = reductions[-1]
        ends = np.array(reductions)
        steps = np.arange(1, TICK_SAMPLES + 1) / TICK_SAMPLES
        within = ends[:-1, None] + (ends[1:] - ends[:-1])[:, None] * steps
        return np.asarray(np.power(10.0, within.ravel() * (self._amount / 20)))

    def finish(self) -> Signal:
        """The factors of the samples that are left after the last block."""
        rest = self._unheard.shape[1]
        if rest == 0:
            return np.empty(0)
        padding = np.zeros((len(self._unheard), TICK_SAMPLES - rest))
        return self.process(padding)[:rest]
