"""Loudness and peaks of a stream of sound, by EBU R128 and ITU-R BS.1770.

In: blocks of samples, in order. Out: a `Loudness`. libavfilter's `ebur128` weighs and gates; the true peak is the
largest sample after oversampling to 192 kHz, which that filter would tell with three decimals of full scale only.
Passive; one thread; memory grows by the curves alone (20 values a second).
"""

from __future__ import annotations

import math
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

from reelmill.decoders.files.container import reason
from reelmill.decoders.sound.sound_converter import Samples, SoundConverter
from reelmill.planner.errors import RenderError
from reelmill.planner.sound.sound_analysis import Loudness

TRUE_PEAK_RATE = 192_000
"""Samples a second at which BS.1770 (annex 2) looks for peaks: four times 48 kHz."""
MOMENTARY_STEPS, SHORT_TERM_STEPS = 4, 30
"""Lengths of the two windows, in steps of 100 ms."""
ABSOLUTE_GATE_LUFS = -70.0
"""What the filter tells where nothing passes the gate."""


class LoudnessMeter:
    """Measures one stream."""

    def __init__(self, sample_rate: int, layout: str) -> None:
        """`layout` is libav's name: the surround channels count 1.41-fold, LFE not at all. Raises RenderError."""
        self._rate, self._layout = sample_rate, layout
        self._count = 0
        self._sample_peak = self._true_peak = 0.0
        self._oversampler = SoundConverter(layout, TRUE_PEAK_RATE) if sample_rate < TRUE_PEAK_RATE else None
        self._momentary: list[float] = []
        self._short_term: list[float] = []
        self._integrated = ABSOLUTE_GATE_LUFS
        self._range = 0.0
        try:
            self._graph = _graph(sample_rate, layout)
        except (av.FFmpegError, ValueError) as error:
            raise self._error(error) from error

    def add(self, samples: Samples) -> None:
        """The next block. Raises RenderError."""
        frame = audio_frame(samples, self._rate, self._layout, self._count)
        self._count += len(samples)
        self._sample_peak = max(self._sample_peak, _peak(samples))
        if self._oversampler is not None:
            for converted in self._oversampler.convert(frame):
                self._true_peak = max(self._true_peak, _peak(converted))
        self._filter(frame)

    def result(self) -> Loudness:
        """Of all that was added; the last call. Raises RenderError."""
        if self._count:
            self._filter(None)
        if self._oversampler is not None:
            for converted in self._oversampler.flush():
                self._true_peak = max(self._true_peak, _peak(converted))
        return Loudness(
            integrated_lufs=self._integrated if self._integrated > ABSOLUTE_GATE_LUFS else None,
            range_lu=self._range,
            true_peak_dbtp=_decibels(max(self._true_peak, self._sample_peak)),
            sample_peak_dbfs=_decibels(self._sample_peak),
            step=Fraction(self._rate // 10, self._rate),
            momentary_lufs=_of_full_windows(self._momentary, MOMENTARY_STEPS),
            short_term_lufs=_of_full_windows(self._short_term, SHORT_TERM_STEPS),
        )

    def _filter(self, frame: AudioFrame | None) -> None:
        try:
            self._graph.push(frame)
            while True:
                told = self._graph.pull().metadata
                # What is left at the end is shorter than a step, and nothing is told of it.
                if told:
                    self._momentary.append(float(told["lavfi.r128.M"]))
                    self._short_term.append(float(told["lavfi.r128.S"]))
                    self._integrated = float(told["lavfi.r128.I"])
                    self._range = float(told["lavfi.r128.LRA"])
        except (av.BlockingIOError, av.EOFError):
            return
        except (av.FFmpegError, ValueError) as error:
            raise self._error(error) from error

    def _error(self, error: BaseException) -> RenderError:
        return RenderError(
            f"the loudness of {self._layout} at {self._rate} Hz can't be measured: {reason(error)}",
            component="LoudnessMeter",
            suggestion="convert the sound to a usual rate and layout, such as stereo at 48 kHz",
        )


def audio_frame(samples: Samples, sample_rate: int, layout: str, position: int) -> AudioFrame:
    """A libav frame of float32 samples [samples, channels], the first of which is number `position` of its stream."""
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), "flt", layout)
    frame.sample_rate = sample_rate
    frame.time_base = Fraction(1, sample_rate)
    frame.pts = position
    return frame


def _graph(sample_rate: int, layout: str) -> Graph:
    graph = Graph()
    source = graph.add(
        "abuffer",
        sample_rate=str(sample_rate),
        sample_fmt="flt",
        time_base=f"1/{sample_rate}",
        channel_layout=layout,
    )
    meter = graph.add("ebur128", metadata="1")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    return graph


def _of_full_windows(values: list[float], steps: int) -> tuple[float | None, ...]:
    """The filter tells a value from the first step on, as if there had been silence before."""
    return (*[None] * min(steps - 1, len(values)), *values[steps - 1 :])


def _peak(samples: Samples) -> float:
    return float(max(samples.max(), -samples.min())) if samples.size else 0.0


def _decibels(amplitude: float) -> float | None:
    return 20 * math.log10(amplitude) if amplitude else None
