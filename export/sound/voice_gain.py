"""What is done to the samples of one voice on their way to its bus: levels, fades, pan, folding. Arithmetic alone.

In: the gain stages of a cue, the layout of its file. Out, for a block: a matrix of gains from the channels of the file
to those of the bus, and for parts with fades and animated levels a factor of each sample. Passive; mix thread.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reelmill.export.sound import panning
from reelmill.export.sound.panning import Matrix, Signal
from reelmill.export.sound.sound_gain import StageLevels, Window
from reelmill.planner.sound.sound_plan import GainStage


class VoiceGain:
    """The gain stages of one cue."""

    def __init__(self, stages: Sequence[GainStage], layout: str, bus_layout: str, sample_rate: int) -> None:
        """`layout`: libav's name of the file's layout. `bus_layout`: "stereo" or "5.1"."""
        self._levels = [StageLevels(stage) for stage in stages]
        self._layout, self._bus_layout = layout, bus_layout
        self.pan_moves = any(level.pan_moves for level in self._levels)
        """Whether a block has no matrix: it goes through `moved` instead."""
        steady = [level.steady(sample_rate) for level in self._levels]
        self._steady_first = max((s.start for s in steady), default=0)
        self._steady_end = min((s.stop for s in steady), default=None)
        self._routing = np.zeros(0) if self.pan_moves else self._route()
        steady_level = 1.0
        for level in self._levels:
            steady_level *= level.level if level.level is not None else 1.0
        self._steady_matrix = self._routing * steady_level

    def is_steady(self, first: int, end: int) -> bool:
        """Whether nothing changes between two samples of the film."""
        return self._steady_first <= first and (self._steady_end is None or end <= self._steady_end)

    def matrix(self, *, steady: bool) -> Matrix:
        """Gains [channels of the file, of the bus]; unless `steady`, without the levels, which are in the envelope."""
        return self._steady_matrix if steady else self._routing

    def envelope(self, window: Window) -> Signal:
        """The factor of each sample of a window, or of all; all levels and fades in it."""
        factors: Signal = np.array(1.0)
        for level in self._levels:
            factors = factors * level.gain(window)
        return factors

    def moved(self, samples: Signal, window: Window) -> Signal:
        """The samples of a window, [channels of the file, samples], as they sound in the bus."""
        signal, layout = samples, self._layout
        for level in self._levels:
            signal = signal * level.gain(window)
            if level.pans:
                signal, layout = _panned(signal, layout, level.pan(window)), "stereo"
            # What a composition puts out is a bus.
            signal, layout = panning.fold(signal, layout, self._bus_layout), self._bus_layout
        return panning.fold(signal, layout, self._bus_layout)

    def _route(self) -> Matrix:
        """Where each channel of the file goes: what comes out where one channel after the other is 1."""
        matrix, layout = np.eye(len(panning.channel_names(self._layout))), self._layout
        for level in self._levels:
            if level.pans:
                matrix, layout = _panned(matrix, layout, level.constant_pan), "stereo"
            matrix, layout = panning.fold(matrix, layout, self._bus_layout), self._bus_layout
        return np.ascontiguousarray(panning.fold(matrix, layout, self._bus_layout).T)


def _panned(signal: Signal, layout: str, pan: Signal | float) -> Signal:
    """Stereo, panned. What has more channels is folded to stereo before."""
    if len(signal) == 1:
        return panning.pan_mono(signal, pan)
    return panning.pan_stereo(panning.apply(panning.stereo_matrix(layout), signal), pan)
