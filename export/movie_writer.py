"""Encodes and muxes a film: finished pictures and mixed sound become a file.

Active: owns the thread "encode", which encodes pictures, pulls the sound that goes with them, and muxes both. The
render thread hands pictures over through a queue that is bounded in bytes, and is the only one to call methods.
The first error of the encode thread is kept and raised by the next call. After `finish` or `abort` the thread is
joined and the container closed, in every state.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.video.frame import VideoFrame

from export.codecs import AudioEncoding, OutputSettings
from export.encoders import tag_colours
from export.movie_file import DISK_FULL, open_movie
from export.picture_tracks import CopiedRun, Splice, SplicedTrack
from planner.clock import sample_at
from planner.errors import ExportError, RenderError
from planner.frames import WritablePlane
from planner.tracing import NO_TRACE, Tracer

MAX_QUEUED_BYTES = 64 * 2**20
"""Pictures that wait for the encoder; at least two may."""
MAX_QUEUED_PICTURES = 16
"""A longer queue of small pictures evens out nothing more, and makes a long film need more memory than a short one."""
POLL_SECONDS = 0.2
"""How long a wait may last until a failure of the other thread, or a signal, is noticed."""


class SoundSource(Protocol):
    """Mixed sound, read in order."""

    sample_rate: int
    sample_count: int

    def read(self, count: int) -> npt.NDArray[np.float32]:
        """The next samples, shape [count, channels]; fewer only at the end."""


@dataclass(slots=True, eq=False)
class PictureBuffer:
    """Memory of one picture in the output's format, to be filled in."""

    frame: VideoFrame
    planes: tuple[WritablePlane, ...]
    byte_count: int


class MovieWriter:
    """Writes one file. Pictures are numbered as they come."""

    def __init__(
        self,
        file: Path,
        settings: OutputSettings,
        *,
        sound: SoundSource | None,
        target: Path | None = None,
        tags: Mapping[str, str] | None = None,
        max_queued_bytes: int = MAX_QUEUED_BYTES,
        checkpoint: Callable[[], None] = lambda: None,
        tracer: Tracer = NO_TRACE,
        splice: Splice | None = None,
    ) -> None:
        """`target`: the name that errors use for the file. `checkpoint` is called while a call waits; it may raise.
        `splice`: what will be handed over with `copy`; without it nothing may.

        Raises SetupError where the encoders can't be opened.
        """
        self._checkpoint = checkpoint
        self._tracer = tracer
        self._file = file
        self._target = target or file
        self._video = settings.video
        self._sound = sound
        self._samples_read = 0
        self._error: BaseException | None = None
        self._aborted = threading.Event()
        self._ended = threading.Event()
        self.busy_seconds = 0.0
        """Of the encode thread, without what the sound took to mix."""
        self.frames_written = 0
        movie = open_movie(file, self._target, settings, tags or {}, splice)
        self._container, self._pictures, self._audio_stream = movie.container, movie.pictures, movie.sound
        self._audio = settings.audio
        picture_bytes = 1
        if self._video is not None:
            picture_bytes = self.new_picture().byte_count
        self._queue: queue.Queue[PictureBuffer | CopiedRun | None] = queue.Queue(
            max(2, min(max_queued_bytes // picture_bytes, MAX_QUEUED_PICTURES))
        )
        self._thread = threading.Thread(target=self._run, name="encode", daemon=True)
        self._thread.start()

    def new_picture(self) -> PictureBuffer:
        """Memory for the next picture. Fresh each time: an encoder may still hold the ones before."""
        assert self._video is not None
        frame = VideoFrame(self._video.width, self._video.height, self._video.pix_fmt.name)
        tag_colours(frame, self._video.colour)  # Some encoders read the tags of each picture.
        planes = tuple(
            WritablePlane(memoryview(plane).cast("B"), plane.line_size, plane.width, plane.height)
            for plane in frame.planes
        )
        return PictureBuffer(frame, planes, sum(len(p.data) for p in planes))

    def write(self, picture: PictureBuffer) -> None:
        """Hand the next picture over; waits while the queue is full. The same one may be written again and again.

        It must not be changed any more. Raises the encode thread's error.
        """
        with self._tracer.span("wait for room"):
            self._put(picture)
        self._tracer.level("encode queue", self._queue.qsize())

    def copy(self, run: CopiedRun) -> None:
        """Hand over pictures that are coded already, to follow those before; waits while the queue is full.

        They are read on the encode thread. Raises the encode thread's error.
        """
        with self._tracer.span("wait for room"):
            self._put(run)

    def finish(self) -> None:
        """Encode what is left, write the index, close the file. Raises the encode thread's error."""
        with self._tracer.span("wait for encoder"):
            self._put(None)
            while not self._ended.wait(POLL_SECONDS):
                self._checkpoint()
        self._thread.join()
        self._raise_error()

    def abort(self) -> None:
        """Stop, whatever is going on; the file is not complete. After `finish`, or a second time, does nothing."""
        self._aborted.set()
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._queue.get_nowait()
            with contextlib.suppress(queue.Full):
                self._queue.put_nowait(None)
            self._thread.join(POLL_SECONDS / 10)

    def _put(self, picture: PictureBuffer | CopiedRun | None) -> None:
        while True:
            self._checkpoint()
            self._raise_error()
            with contextlib.suppress(queue.Full):
                self._queue.put(picture, timeout=POLL_SECONDS)
                return

    def _raise_error(self) -> None:
        if self._error is None:
            return
        self.abort()
        if isinstance(self._error, ExportError):
            raise self._error
        raise _encoding_failed(self._target, self._error) from self._error

    # The rest runs on the encode thread.

    def _run(self) -> None:
        try:
            self._encode_all()
        except BaseException as error:
            self._error = error
        if self._error is not None or self._aborted.is_set():
            # Closing writes the index, and mp4 moves all of the file to make room for it: for nothing, here.
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)
        try:
            # After a failure this may fail again, which says nothing new.
            with self._tracer.span("mux"):
                self._container.close()
        except Exception as error:
            if self._error is None and not self._aborted.is_set():
                self._error = error
        self._ended.set()

    def _encode_all(self) -> None:
        while (picture := self._next_picture()) is not None:
            if self._aborted.is_set():
                return
            if isinstance(picture, CopiedRun):
                self._copy(picture)
            else:
                self._encode(picture)
        if self._aborted.is_set():
            return
        self._encode_sound_until(None)
        started = time.perf_counter()
        with self._tracer.span("encode"):
            if self._pictures is not None:
                self._mux(self._pictures.end())
            if self._audio_stream is not None:
                self._mux(self._audio_stream.encode(None))
        self.busy_seconds += time.perf_counter() - started

    def _encode(self, picture: PictureBuffer) -> None:
        assert self._pictures is not None
        started = time.perf_counter()
        with self._tracer.span("encode", self.frames_written):
            self._mux(self._pictures.encode(picture.frame, self.frames_written))
        self.busy_seconds += time.perf_counter() - started
        self.frames_written += 1
        self._encode_sound_until(self.frames_written)

    def _copy(self, run: CopiedRun) -> None:
        """Sound goes along with the packets: without it, the muxer would hold all of them back."""
        assert isinstance(self._pictures, SplicedTrack), "what is copied has to be told beforehand"
        started = time.perf_counter()
        self._mux(self._pictures.end())
        for packet in self._pictures.copy(run, self.frames_written):
            self._mux((packet,))
            if self._aborted.is_set():
                return
            self.busy_seconds += time.perf_counter() - started
            self.frames_written += 1
            self._encode_sound_until(self.frames_written)
            started = time.perf_counter()

    def _next_picture(self) -> PictureBuffer | CopiedRun | None:
        with self._tracer.span("wait for picture"):
            picture = self._queue.get()
        self._tracer.level("encode queue", self._queue.qsize())
        return picture

    def _mux(self, packets: Iterable[Packet[Any]]) -> None:
        for packet in packets:
            if self._aborted.is_set():
                return
            with self._tracer.span("mux"):
                self._container.mux(packet)

    def _encode_sound_until(self, frame: int | None) -> None:
        """Sound up to the end of so many pictures, so that the muxer need not hold either back; None for all."""
        if self._sound is None:
            return
        assert self._audio_stream is not None
        assert self._audio is not None
        until = self._sound.sample_count
        if frame is not None:
            assert self._video is not None
            until = min(until, sample_at(frame / self._video.fps, self._sound.sample_rate))
        block = self._audio_stream.codec_context.frame_size or 4096
        while self._samples_read < until and not self._aborted.is_set():
            with self._tracer.span("mix sound"):
                samples = self._sound.read(min(block, self._sound.sample_count - self._samples_read))
            _check_sound(samples, self._samples_read, self._sound)
            started = time.perf_counter()
            frame_of_sound = _sound_frame(samples, self._audio, self._samples_read)
            self._samples_read += len(samples)
            with self._tracer.span("encode"):
                self._mux(self._audio_stream.encode(frame_of_sound))
            self.busy_seconds += time.perf_counter() - started


def _check_sound(samples: npt.NDArray[np.float32], first: int, sound: SoundSource) -> None:
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
