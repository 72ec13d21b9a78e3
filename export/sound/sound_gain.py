"""The gain stages of a cue, for every sample: levels, fades, crossfades, pan. Pure arithmetic.

Times are exact at the first sample of a window and go on from there in float64, so that what a sample gets depends on
its window alone. Windows lie on a fixed grid, whatever pieces a mix is read in.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from reelmill.export.sound.fades import fade_factors
from reelmill.export.sound.panning import Signal
from reelmill.planner.animation import Animated, Easing
from reelmill.planner.sound.sound_cues import GainStage

_CURVE_POINTS = 4097
"""Of a bezier easing; straight lines between them are off by less than 1e-6."""
_GRACE_SECONDS = 1e-9
"""A sample that lies on a keyframe has reached it, however its time was rounded."""


@dataclass(frozen=True, slots=True)
class Window:
    """Samples of the output."""

    grid: int
    """The sample at which times are exact."""
    first: int
    end: int
    sample_rate: int


class StageLevels:
    """One gain stage, ready to be evaluated."""

    def __init__(self, stage: GainStage) -> None:
        self._stage = stage
        self._speed = float(stage.time.speed)
        self._duration = float(stage.duration)
        self._level = _amplitude(np.array(stage.gain_db.keyframes[0].value[0])) if stage.gain_db.is_constant else None
        self._pan = stage.pan.keyframes[0].value[0] if stage.pan.is_constant else None

    @property
    def pans(self) -> bool:
        """Whether sound goes through the panner; it does not where `pan` is always 0."""
        return self._pan != 0

    @property
    def pan_moves(self) -> bool:
        """Whether `pan` is animated."""
        return self._pan is None

    @property
    def constant_pan(self) -> float:
        """−1…1; only where it does not move."""
        assert self._pan is not None
        return self._pan

    @property
    def level(self) -> float | None:
        """The factor wherever nothing fades; None where it is animated."""
        return None if self._level is None else float(self._level)

    def steady(self, sample_rate: int) -> range:
        """Samples of the output, of those that the stage is heard in, in which the factor is `level`."""
        stage = self._stage
        if self._level is None:
            return range(0)
        begin = max(stage.fade_in, stage.overlap_in)
        end = max(stage.fade_out, stage.overlap_out)
        if not begin and not end:
            return range(sys.maxsize)
        if begin + end >= stage.duration:
            return range(0)
        low, high = stage.time.span(begin, stage.duration - end)
        # One sample less on either side: times of samples are rounded where they are evaluated.
        first = math.ceil(low * sample_rate) + 1
        return range(max(first, 0), max(math.floor(high * sample_rate) - 1, 0))

    def gain(self, window: Window) -> Signal:
        """The factor of each sample: level × fades × crossfades; shape [samples], or [] where it is constant."""
        stage, times = self._stage, self._times(window)
        gain: Signal = self._level if self._level is not None else _amplitude(animated_values(stage.gain_db, times))
        low, high = min(times[0], times[-1]), max(times[0], times[-1])
        if stage.fade_in and low < stage.fade_in:
            gain = gain * fade_factors(stage.fade_in_curve, times / float(stage.fade_in))
        if stage.fade_out and high > stage.duration - stage.fade_out:
            gain = gain * fade_factors(stage.fade_out_curve, (self._duration - times) / float(stage.fade_out))
        if stage.overlap_in and low < stage.overlap_in:
            gain = gain * fade_factors("equal_power", times / float(stage.overlap_in))
        if stage.overlap_out and high > stage.duration - stage.overlap_out:
            gain = gain * fade_factors("equal_power", (self._duration - times) / float(stage.overlap_out))
        return gain

    def pan(self, window: Window) -> Signal | float:
        """−1…1, for each sample, or for all."""
        return self._pan if self._pan is not None else animated_values(self._stage.pan, self._times(window))

    def _times(self, window: Window) -> Signal:
        """Seconds since the clip's start, of each sample."""
        start = float(self._stage.time.at(Fraction(window.grid, window.sample_rate)))
        since = np.arange(window.first - window.grid, window.end - window.grid, dtype=np.float64)
        return start + since * (self._speed / window.sample_rate)


def animated_values(animated: Animated, times: Signal) -> Signal:
    """The values of an animation of one number at many times, seconds."""
    keyframes = animated.keyframes
    at = np.array([float(k.time) for k in keyframes])
    index = np.searchsorted(at, times + _GRACE_SECONDS, side="right") - 1
    values = np.empty(len(times))
    for number in np.unique(index):
        chosen = index == number
        here = keyframes[max(number, 0)]
        if number < 0 or number + 1 == len(keyframes):
            values[chosen] = here.value[0]
            continue
        after = keyframes[number + 1]
        progress = np.clip((times[chosen] - at[number]) / (at[number + 1] - at[number]), 0, 1)
        values[chosen] = here.value[0] + (after.value[0] - here.value[0]) * _eased(here.easing, progress)
    return values


def _eased(easing: Easing, progress: Signal) -> Signal:
    if easing.hold:
        return np.zeros(len(progress))
    if easing.x1 == easing.y1 and easing.x2 == easing.y2:
        return progress
    return np.interp(progress, *_curve(easing))


@lru_cache(maxsize=64)
def _curve(easing: Easing) -> tuple[Signal, Signal]:
    """Points of a cubic bezier through (0, 0), (x1, y1), (x2, y2), (1, 1)."""
    t = np.linspace(0, 1, _CURVE_POINTS)
    x, y = (
        3 * a * t * (1 - t) ** 2 + 3 * b * t * t * (1 - t) + t**3
        for a, b in ((easing.x1, easing.x2), (easing.y1, easing.y2))
    )
    return x, y


def _amplitude(decibels: Signal) -> Signal:
    return np.asarray(np.power(10.0, decibels / 20), np.float64)
