"""Decoded audio frames become float32 samples at one rate.

In: frames as a decoder puts them out. Out: arrays [samples, channels]. Passive; one thread; libswresample does the
work, from the first sample on, so that every sample of the stream is a function of the whole recording before it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler

Samples = npt.NDArray[np.float32]
"""Shape [samples, channels]; full scale is −1…1."""

GATHERED_SAMPLES = 16384
"""That are converted at once. For each call of libav a thread gives Python's lock away and takes it again, which costs
more than to convert the samples of a single frame."""
_SILENCE_BLOCK = 4096
_ENCODINGS: dict[str, tuple[str, float, float]] = {
    "u8": ("u1", 2.0**-7, 128),
    "s16": ("i2", 2.0**-15, 0),
    "s32": ("i4", 2.0**-31, 0),
    "flt": ("f4", 1, 0),
    "dbl": ("f8", 1, 0),
}
"""By libav's sample format, packed: numpy's type, the factor to full scale, and the code of silence."""


class SoundConverter:
    """Converts one stream. A stream whose format changes on its way is resampled anew from there on."""

    def __init__(self, layout: str, sample_rate: int) -> None:
        """`layout` is libav's name of the channel layout that comes out, `sample_rate` the rate."""
        self._layout = AudioLayout(layout)
        names = [channel.name for channel in self._layout.channels]
        self._fronts = [names.index(name) for name in ("FL", "FR") if name in names]
        self._spread = False
        """Whether frames are mono and go to both fronts as they are. libswresample would take 3 dB off."""
        self._rate = sample_rate
        self._form: tuple[str, AudioLayout, int] | None = None
        """Sample format, layout and rate of the frames so far."""
        self._gathered = AudioFifo()
        """Frames that are converted together, by one call of libav."""
        self._resampler: AudioResampler | None = None
        """None where frames have the rate and the channels that come out: numpy converts those, ten times faster, to
        the same bits."""

    def convert(self, frame: AudioFrame) -> Iterator[Samples]:
        """The samples that are ready after this frame; some are kept for the next one. Takes the frame's pts away."""
        form = (frame.format.name, frame.layout, frame.sample_rate)
        if form != self._form:
            yield from self.flush()
            self._form = form
            self._spread = form[1].nb_channels == 1 and len(self._fronts) == 2
            layout = form[1] if self._spread else self._layout
            if form[0].removesuffix("p") not in _ENCODINGS or form[1:] != (layout, self._rate):
                self._resampler = AudioResampler("flt", layout, self._rate)
        frame.pts = None
        self._gathered.write(frame)
        if self._gathered.samples >= GATHERED_SAMPLES:
            yield from self._convert_gathered()

    def silence(self, like: AudioFrame, count: int) -> Iterator[Samples]:
        """The samples that are ready after `count` samples of silence at the rate of the frame `like`."""
        while count > 0:
            size = min(count, _SILENCE_BLOCK)
            frame = AudioFrame(like.format.name, like.layout.name, size)
            frame.sample_rate = like.sample_rate
            frame.time_base = like.time_base
            zero = b"\x80" if like.format.name.startswith("u8") else b"\0"
            for plane in frame.planes:
                plane.update(zero * plane.buffer_size)
            yield from self.convert(frame)
            count -= size

    def flush(self) -> Iterator[Samples]:
        """The samples that were kept."""
        yield from self._convert_gathered()
        if self._resampler is not None:
            for converted in self._resampler.resample(None):
                yield self._samples(converted)
        self._gathered = AudioFifo()
        self._resampler = self._form = None

    def _convert_gathered(self) -> Iterator[Samples]:
        frame = self._gathered.read()
        if frame is None:
            return
        if self._resampler is None:
            yield self._samples(frame)
        else:
            for converted in self._resampler.resample(frame):
                yield self._samples(converted)

    def _samples(self, frame: AudioFrame) -> Samples:
        samples = _samples(frame)
        if not self._spread:
            return samples
        spread = np.zeros((self._layout.nb_channels, len(samples)), np.float32)
        spread[self._fronts] = samples.T
        return spread.T


def _samples(frame: AudioFrame) -> Samples:
    """The samples of a frame, not to be written to; in memory one row for each channel."""
    count, planes, name = frame.samples, frame.planes, frame.format.name
    encoding, factor, silence = _ENCODINGS[name.removesuffix("p")]
    if name.endswith("p"):
        rows = np.empty((len(planes), count), np.float32)
        for row, plane in zip(rows, planes, strict=True):
            row[:] = np.frombuffer(memoryview(plane), encoding, count)
    else:
        rows = np.empty((frame.layout.nb_channels, count), np.float32)
        rows[:] = np.frombuffer(memoryview(planes[0]), encoding, rows.size).reshape(count, -1).T
    if silence:
        rows -= silence
    if factor != 1:
        rows *= factor
    rows.flags.writeable = False
    return rows.T
