"""Encodes and muxes a film: finished pictures and mixed sound become a file.

Active: owns the thread "encode", which encodes pictures, pulls the sound that goes with them, and muxes both. The
render thread hands pictures over through a queue that is bounded in bytes, and is the only one to call methods.
The first error of the encode thread is kept and raised by the next call. After `finish` or `abort` the thread is
joined and the container closed, in every state.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import ThreadType
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from export.codecs import AudioEncoding, OutputSettings, VideoEncoding
from planner.clock import sample_at
from planner.colour import ColourTags
from planner.errors import ExportError, RenderError, SetupError
from planner.frames import WritablePlane

MAX_QUEUED_BYTES = 64 * 2**20
"""Pictures that wait for the encoder; at least two may."""
MAX_QUEUED_PICTURES = 16
"""A longer queue of small pictures evens out nothing more, and makes a long film need more memory than a short one."""
POLL_SECONDS = 0.2
"""How long a wait may last until a failure of the other thread, or a signal, is noticed."""
_DISK_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))

# H.273 code points: primaries, transfer, matrix; libav's numbers for range.
_BT709, _SRGB_TRANSFER, _RGB_MATRIX, _LIMITED, _FULL = 1, 13, 0, 1, 2


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
    ) -> None:
        """`target`: the name that errors use for the file. `checkpoint` is called while a call waits; it may raise.

        Raises SetupError where the encoders can't be opened.
        """
        self._checkpoint = checkpoint
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
        self._container, self._video_stream, self._audio_stream = _open(file, self._target, settings, tags or {})
        self._audio = settings.audio
        picture_bytes = 1
        if self._video is not None:
            picture_bytes = self.new_picture().byte_count
        self._queue: queue.Queue[PictureBuffer | None] = queue.Queue(
            max(2, min(max_queued_bytes // picture_bytes, MAX_QUEUED_PICTURES))
        )
        self._thread = threading.Thread(target=self._run, name="encode", daemon=True)
        self._thread.start()

    def new_picture(self) -> PictureBuffer:
        """Memory for the next picture. Fresh each time: an encoder may still hold the ones before."""
        assert self._video is not None
        frame = VideoFrame(self._video.width, self._video.height, self._video.pix_fmt.name)
        _tag(frame, self._video.colour)  # Some encoders read the tags of each picture.
        planes = tuple(
            WritablePlane(memoryview(plane).cast("B"), plane.line_size, plane.width, plane.height)
            for plane in frame.planes
        )
        return PictureBuffer(frame, planes, sum(len(p.data) for p in planes))

    def write(self, picture: PictureBuffer) -> None:
        """Hand the next picture over; waits while the queue is full. The same one may be written again and again.

        It must not be changed any more. Raises the encode thread's error.
        """
        self._put(picture)

    def finish(self) -> None:
        """Encode what is left, write the index, close the file. Raises the encode thread's error."""
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

    def _put(self, picture: PictureBuffer | None) -> None:
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
            self._container.close()
        except Exception as error:
            if self._error is None and not self._aborted.is_set():
                self._error = error
        self._ended.set()

    def _encode_all(self) -> None:
        number = 0
        while (picture := self._queue.get()) is not None:
            if self._aborted.is_set():
                return
            assert self._video_stream is not None
            started = time.perf_counter()
            picture.frame.pts = number
            picture.frame.time_base = self._video_stream.codec_context.time_base
            self._mux(self._video_stream.encode_lazy(picture.frame))
            self.busy_seconds += time.perf_counter() - started
            number += 1
            self.frames_written = number
            self._encode_sound_until(number)
        if self._aborted.is_set():
            return
        self._encode_sound_until(None)
        started = time.perf_counter()
        if self._video_stream is not None:
            self._mux(self._video_stream.encode_lazy(None))
        if self._audio_stream is not None:
            self._mux(self._audio_stream.encode(None))
        self.busy_seconds += time.perf_counter() - started

    def _mux(self, packets: Iterable[Packet[Any]]) -> None:
        for packet in packets:
            if self._aborted.is_set():
                return
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
            samples = self._sound.read(min(block, self._sound.sample_count - self._samples_read))
            _check_sound(samples, self._samples_read, self._sound)
            started = time.perf_counter()
            frame_of_sound = _sound_frame(samples, self._audio, self._samples_read)
            self._samples_read += len(samples)
            self._mux(self._audio_stream.encode(frame_of_sound))
            self.busy_seconds += time.perf_counter() - started


def _open(
    file: Path, target: Path, settings: OutputSettings, tags: Mapping[str, str]
) -> tuple[OutputContainer, VideoStream | None, AudioStream | None]:
    """A container with its streams, encoders open, header written."""
    # SVT-AV1 prints its settings unless told not to.
    os.environ.setdefault("SVT_LOG", "1")
    container = None
    try:
        container = av.open(
            str(file), "w", format=settings.container, container_options=dict(settings.container_options)
        )
        container.metadata.update(tags)
        video = _add_video(container, settings.video) if settings.video else None
        audio = _add_audio(container, settings.audio) if settings.audio else None
        container.start_encoding()
    except (av.FFmpegError, OSError, ValueError) as error:
        _close_quietly(container)
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            raise SetupError(
                f"there is no space left for {target.name}",
                component="Encoder",
                file=str(target),
                suggestion="free some space, or write to another disk",
            ) from error
        names = " and ".join(s.encoder for s in (settings.video, settings.audio) if s)
        raise SetupError(
            f"{names} can't be written as {settings.container}: {error}",
            component="Encoder",
            file=str(target),
            suggestion="try other settings under export, or another codec",
        ) from error
    except SetupError:
        _close_quietly(container)
        raise
    return container, video, audio


def _close_quietly(container: OutputContainer | None) -> None:
    if container is not None:
        with contextlib.suppress(Exception):
            container.close()


def _open_encoder(context: VideoCodecContext | AudioCodecContext, encoder: str, what: str) -> None:
    """Raises SetupError where the encoder does not take what it is given."""
    try:
        context.open()
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SetupError(
            f"{encoder} can't encode {what}",
            component="Encoder",
            suggestion="try another size, rate, bitrate or codec, or fewer threads",
        ) from error


def _add_video(container: OutputContainer, video: VideoEncoding) -> VideoStream:
    stream = container.add_stream(video.encoder, rate=video.fps, options=dict(video.options))
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = video.width, video.height, video.pix_fmt.name
    context.time_base = Fraction(1) / video.fps
    stream.time_base = context.time_base
    context.thread_count = video.threads
    # PyAV would have threads within a frame only, which makes x264 cut each picture into slices.
    context.thread_type = ThreadType.AUTO
    # 0 leaves the size to the quality; unset, libav would take a bitrate of its own.
    context.bit_rate = video.bitrate or 0
    if video.gop is not None:
        context.gop_size = video.gop
    if video.tag is not None:
        context.codec_tag = video.tag
    _tag(context, video.colour)
    if video.pix_fmt.log2_chroma_w:
        context.options["chroma_sample_location"] = video.colour.chroma_location
    how = [f"{name} {value}" for name, value in video.options if not name.endswith("-params")]
    if video.bitrate:
        how.append(f"bitrate {video.bitrate}")
    size = f"{video.width}×{video.height} pixels"
    what = f"{size} of {video.pix_fmt.name} at {video.fps} frames a second ({', '.join(how)})"
    _open_encoder(context, video.encoder, what)
    return stream


def _tag(tagged: VideoCodecContext | VideoFrame, colour: ColourTags) -> None:
    rgb = colour.matrix == "rgb"
    tagged.color_primaries = _BT709
    tagged.color_trc = _SRGB_TRANSFER if rgb else _BT709
    tagged.colorspace = _RGB_MATRIX if rgb else _BT709
    tagged.color_range = _FULL if colour.range == "full" else _LIMITED


def _add_audio(container: OutputContainer, audio: AudioEncoding) -> AudioStream:
    stream = container.add_stream(audio.encoder, rate=audio.sample_rate, layout=audio.layout)
    assert isinstance(stream, AudioStream)
    stream.codec_context.format = audio.sample_format
    if audio.bitrate is not None:
        stream.codec_context.bit_rate = audio.bitrate
    _open_encoder(
        stream.codec_context,
        audio.encoder,
        f"{audio.layout} sound of {audio.sample_rate} Hz" + (f" at {audio.bitrate} bit/s" if audio.bitrate else ""),
    )
    return stream


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
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
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
