"""The sink of a film, or of sound alone: finished pictures and mixed sound become packets of one container.

In: pictures in order, runs of coded pictures, and the sound that goes with them, which is pulled. Out: what the muxer
writes to its destination. Implements `PictureSink`; passive: made on the render thread, then used by its output's own
thread alone. The container is closed in every state.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.video.frame import VideoFrame

from reelmill.export.films.audio_encoding import AudioEncoding
from reelmill.export.films.codecs import OutputSettings
from reelmill.export.films.film_metadata import FilmMetadata
from reelmill.export.films.movie_file import DISK_FULL, open_movie
from reelmill.export.films.picture_tracks import CopiedRun, Splice, SplicedTrack
from reelmill.export.outputs.output_target import ByteSink
from reelmill.export.outputs.picture_sink import PictureFormat
from reelmill.planner.clock import sample_at
from reelmill.planner.errors import ExportError, RenderError
from reelmill.planner.tracing import NO_TRACE, Tracer


class MixedSound(Protocol):
    """Mixed sound, read in order."""

    sample_rate: int
    sample_count: int

    def read(self, count: int) -> npt.NDArray[np.float32]:
        """The next samples, shape [count, channels]; fewer only at the end."""


class FilmSink:
    """Writes one container. Pictures are numbered as they come."""

    wanted = None

    def __init__(
        self,
        destination: Path | ByteSink,
        settings: OutputSettings,
        *,
        target: Path,
        metadata: FilmMetadata | None = None,
        splice: Splice | None = None,
        stopped: Callable[[], bool] = lambda: False,
        tracer: Tracer = NO_TRACE,
    ) -> None:
        """`target`: the name that errors use. `splice`: what will be handed over with `copy`; without it nothing may.

        `stopped` tells, on whatever thread, that what is written is not wanted any more. Raises SetupError where the
        encoders can't be opened.
        """
        self._target = target
        self._stopped, self._tracer = stopped, tracer
        self._video, self._audio = settings.video, settings.audio
        self._sound: MixedSound | None = None
        self._samples_read = 0
        self._movie = open_movie(destination, target, settings, metadata or FilmMetadata(), splice)
        self._closed = False
        self.frames_written = 0
        self._pictures_out = 0
        """Packets of pictures that came out of the encoder."""
        self.sound_seconds = 0.0
        """Spent on getting the sound."""

    @property
    def takes(self) -> PictureFormat:
        assert self._video is not None, "sound alone has no pictures"
        return PictureFormat(self._video.width, self._video.height, self._video.pix_fmt, self._video.colour)

    def play(self, sound: MixedSound) -> None:
        """The sound that goes with the pictures; told before the first one, and closed by whoever made it."""
        self._sound = sound

    def write(self, frame: VideoFrame, number: int) -> None:
        """Encode a picture, and the sound up to its end. Raises RenderError."""
        assert self._movie.pictures is not None
        with _translated(self._target):
            with self._tracer.span("encode", number):
                self._mux_pictures(self._movie.pictures.encode(frame, number))
            self.frames_written += 1
            self._encode_sound_until(self.frames_written)

    def copy(self, run: CopiedRun) -> None:
        """Write pictures that are coded already, to follow those before; their packets are read here.

        Sound goes along with them: without it, the muxer would hold all of them back. Raises RenderError.
        """
        pictures = self._movie.pictures
        assert isinstance(pictures, SplicedTrack), "what is copied has to be told beforehand"
        with _translated(self._target):
            self._mux_pictures(pictures.end())
            for packet in pictures.copy(run, self.frames_written):
                self._mux_pictures((packet,))
                if self._stopped():
                    return
                self.frames_written += 1
                self._encode_sound_until(self.frames_written)

    def finish(self) -> None:
        """Encode what is left, write the index, close the file. Raises RenderError."""
        with _translated(self._target):
            self._encode_sound_until(None)
            with self._tracer.span("encode"):
                if self._movie.pictures is not None:
                    self._mux(self._movie.pictures.end())
                if self._movie.sound is not None:
                    self._mux(self._movie.sound.encode(None))
            if self._stopped():
                return
            with self._tracer.span("mux"):
                self._movie.close()
        self._closed = True

    def abort(self) -> None:
        """Close what is not complete. After `finish`, or a second time, does nothing."""
        if not self._closed:
            self._closed = True
            with self._tracer.span("mux"):
                self._movie.abandon()

    @property
    def frames_inside(self) -> int:
        """Pictures that the encoder has taken and not put out. Any thread."""
        return self.frames_written - self._pictures_out

    def _mux_pictures(self, packets: Iterable[Packet[Any]]) -> None:
        for packet in packets:
            self._mux((packet,))
            self._pictures_out += 1

    def _mux(self, packets: Iterable[Packet[Any]]) -> None:
        for packet in packets:
            if self._stopped():
                return
            with self._tracer.span("mux"):
                self._movie.container.mux(packet)

    def _encode_sound_until(self, frame: int | None) -> None:
        """Sound up to the end of so many pictures, so that the muxer need not hold either back; None for all."""
        if self._sound is None:
            return
        assert self._audio is not None
        assert self._movie.sound is not None
        until = self._sound.sample_count
        if frame is not None:
            assert self._video is not None
            until = min(until, sample_at(frame / self._video.fps, self._sound.sample_rate))
        block = self._movie.sound.codec_context.frame_size or 4096
        while self._samples_read < until and not self._stopped():
            started = time.perf_counter()
            with self._tracer.span("mix sound"):
                samples = self._sound.read(min(block, self._sound.sample_count - self._samples_read))
            self.sound_seconds += time.perf_counter() - started
            _check_sound(samples, self._samples_read, self._sound)
            frame_of_sound = _sound_frame(samples, self._audio, self._samples_read)
            self._samples_read += len(samples)
            with self._tracer.span("encode"):
                self._mux(self._movie.sound.encode(frame_of_sound))


@contextlib.contextmanager
def _translated(target: Path) -> Iterator[None]:
    """Turns errors of libav and of the system into a RenderError that names the output."""
    try:
        yield
    except ExportError:
        raise
    except Exception as error:
        raise _encoding_failed(target, error) from error


def _check_sound(samples: npt.NDArray[np.float32], first: int, sound: MixedSound) -> None:
    """Raises RenderError for sound that ends too early or that no encoder takes."""
    seconds = first / sound.sample_rate
    if not len(samples):
        raise RenderError(
            f"the sound ended at sample {first} of {sound.sample_count} ({seconds:.3f} s)", component="AudioMixer"
        )
    if not np.isfinite(samples).all():
        raise RenderError(
            f"the sound has values that are no numbers (NaN or infinite) from {seconds:.3f} s on",
            component="AudioMixer",
            suggestion="look for a damaged file of floating-point sound that plays at that time",
        )


def _sound_frame(samples: npt.NDArray[np.float32], audio: AudioEncoding, first: int) -> AudioFrame:
    """A frame in the encoder's sample format. Integers are rounded to nearest and clipped, without dither."""
    planar = audio.sample_format.endswith("p")
    match audio.sample_format.rstrip("p"):
        case "s16":
            values: npt.NDArray[np.generic] = _quantised(samples, 16).astype(np.int16)
        case "s32":
            # 24 bits in the upper end of 32.
            values = _quantised(samples, 24).astype(np.int32) << 8
        case _:
            values = samples
    block = values.T if planar else values.reshape(1, -1)
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format=audio.sample_format, layout=audio.layout)
    frame.sample_rate = audio.sample_rate
    frame.time_base = Fraction(1, audio.sample_rate)
    frame.pts = first
    return frame


def _quantised(samples: npt.NDArray[np.float32], bits: int) -> npt.NDArray[np.float64]:
    full = float(2 ** (bits - 1))
    return np.clip(np.rint(samples.astype(np.float64) * full), -full, full - 1)


def _encoding_failed(file: Path, error: BaseException) -> RenderError:
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return RenderError(
            f"no space left while {file.name} was written",
            component="Encoder",
            file=str(file),
            suggestion="free some space, or write to another disk",
        )
    return RenderError(
        f"encoding failed: {error}",
        component="Encoder",
        file=str(file),
        suggestion="try other settings under export, or another codec",
    )
