"""Sound written at another rate, as a WAV file.

In: blocks of samples, in order. Out: a file under the name that is given, which is nobody's target yet: whoever asked
for it puts it in place when it is complete. Passive; one thread; libswresample converts.
"""

from __future__ import annotations

from types import TracebackType

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream

from reelmill.decoders.files.container import file_url, reason
from reelmill.decoders.listening.sound_loudness import audio_frame
from reelmill.decoders.sound.sound_converter import Samples
from reelmill.planner.errors import RenderError
from reelmill.planner.sound.sound_analysis import SampleFormat

_CODECS: dict[SampleFormat, tuple[str, str]] = {
    "s16": ("pcm_s16le", "s16"),
    "s24": ("pcm_s24le", "s32"),
    "f32": ("pcm_f32le", "flt"),
}
"""libav's encoder, and the sample format that it takes."""
_CHUNK_SAMPLES = 4096
"""An encoder of PCM takes frames of any length; short ones keep memory flat."""


class ConformWriter:
    """Writes one file. Use with `with`: what was not finished is closed, and stays for its owner to remove."""

    def __init__(
        self,
        path: str,
        target: str,
        *,
        source_rate: int,
        source_layout: str,
        sample_rate: int,
        sample_format: SampleFormat,
        mono_gains: tuple[float, ...] | None,
    ) -> None:
        """Writes to `path` what is to be `target`, of which errors speak. Raises RenderError.

        `mono_gains`: factor of each channel in one; None keeps the channels.
        """
        self._target = target
        self._source_rate = source_rate
        self._gains = None if mono_gains is None else np.array(mono_gains, np.float32)
        self._layout = source_layout if mono_gains is None else "mono"
        codec, form = _CODECS[sample_format]
        self._resampler = AudioResampler(form, self._layout, sample_rate)
        self._read = 0
        self.samples = 0
        """Written so far, of each channel."""
        try:
            # Past 4 GB the header becomes that of RF64 (EBU Tech 3306).
            self._container = av.open(file_url(path), "w", format="wav", options={"rf64": "auto"})
            try:
                stream = self._container.add_stream(codec, rate=sample_rate, layout=self._layout)
            except BaseException:
                self._container.close()
                raise
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._error(error) from error
        assert isinstance(stream, AudioStream)
        self._stream = stream
        self._closed = False

    @property
    def channels(self) -> int:
        """Of the file."""
        return self._stream.codec_context.layout.nb_channels

    def __enter__(self) -> ConformWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._closed:
            self._closed = True
            try:
                self._container.close()
            except (av.FFmpegError, OSError) as failure:
                # With an error under way, that one is the cause.
                if error is None:
                    raise self._error(failure) from failure

    def add(self, samples: Samples) -> None:
        """The next block, [samples, channels]. Raises RenderError, also where the disk is full."""
        for first in range(0, len(samples), _CHUNK_SAMPLES):
            chunk = samples[first : first + _CHUNK_SAMPLES]
            if self._gains is not None:
                chunk = (chunk @ self._gains)[:, np.newaxis]
            frame = audio_frame(chunk, self._source_rate, self._layout, self._read)
            self._read += len(chunk)
            self._write(frame)

    def finish(self) -> None:
        """Write what the resampler still keeps, and close the file. Raises RenderError."""
        if self._read:
            self._write(None)
        try:
            self._container.mux(self._stream.encode(None))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._error(error) from error
        self.__exit__(None, None, None)

    def _write(self, frame: AudioFrame | None) -> None:
        try:
            for converted in self._resampler.resample(frame):
                converted.pts = self.samples
                self.samples += converted.samples
                self._container.mux(self._stream.encode(converted))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._error(error) from error

    def _error(self, error: BaseException) -> RenderError:
        return RenderError(
            f"the conformed sound can't be written: {reason(error)}",
            component="Conform",
            file=self._target,
            suggestion="see whether the disk is full or the folder was removed",
        )
