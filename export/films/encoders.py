"""Encoders, set up: from the settings of an output to libav's contexts, ready for the first picture or sample.

In: settings (`codecs`). Out: contexts, which belong to the stream or to the caller; SetupError where an encoder
does not take what it is given. Passive; plain functions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import cast

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.codec.context import CodecContext, Flags, ThreadType
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from reelmill.decoders.system.libav_log import libav_words
from reelmill.export.films.audio_encoding import AudioEncoding
from reelmill.export.films.video_encoding import VideoEncoding
from reelmill.planner.colour import ColourTags
from reelmill.planner.errors import SetupError
from reelmill.planner.process.exhaustion import NoThread, can_start_threads

# H.273 code points: primaries, transfer, matrix; libav's numbers for range.
_BT709, _SRGB_TRANSFER, _RGB_MATRIX, _LIMITED, _FULL = 1, 13, 0, 1, 2


def add_video(container: OutputContainer, video: VideoEncoding, *, global_header: bool = False) -> VideoStream:
    """A stream with an open encoder. `global_header`: headers in its extradata, wherever the container has them.

    Raises SetupError.
    """
    stream = container.add_stream(video.encoder, rate=video.fps, options=dict(video.options))
    assert isinstance(stream, VideoStream)
    stream.time_base = Fraction(1) / video.fps
    if global_header:
        stream.codec_context.flags |= Flags.global_header
    _set_up(stream.codec_context, video)
    return stream


def new_encoder(video: VideoEncoding) -> VideoCodecContext:
    """An open encoder of its own, headers in its extradata. Raises SetupError."""
    context = _context(video)
    _set_up(context, video)
    return context


def _context(video: VideoEncoding) -> VideoCodecContext:
    context = cast(VideoCodecContext, CodecContext.create(video.encoder, "w"))
    context.framerate = video.fps
    context.options = dict(video.options)
    context.flags |= Flags.global_header
    return context


def add_audio(container: OutputContainer, audio: AudioEncoding) -> AudioStream:
    """A stream with an open encoder. Raises SetupError."""
    stream = container.add_stream(audio.encoder, rate=audio.sample_rate, layout=audio.layout)
    assert isinstance(stream, AudioStream)
    stream.codec_context.format = audio.sample_format
    if audio.bitrate is not None:
        stream.codec_context.bit_rate = audio.bitrate
    _open(
        stream.codec_context,
        audio.encoder,
        f"{audio.layout} sound of {audio.sample_rate} Hz" + (f" at {audio.bitrate} bit/s" if audio.bitrate else ""),
    )
    return stream


def tag_colours(tagged: VideoCodecContext | VideoFrame, colour: ColourTags) -> None:
    """Write an output's colours where libav looks for them."""
    rgb = colour.matrix == "rgb"
    tagged.color_primaries = _BT709
    tagged.color_trc = _SRGB_TRANSFER if rgb else _BT709
    tagged.colorspace = _RGB_MATRIX if rgb else _BT709
    tagged.color_range = _FULL if colour.range == "full" else _LIMITED


def _set_up(context: VideoCodecContext, video: VideoEncoding) -> None:
    """Open an encoder. Raises SetupError."""
    what = _prepare(context, video)
    if video.hardware:
        _open_on_device(context, video, what)
    else:
        _open(context, video.encoder, what)


def _prepare(context: VideoCodecContext, video: VideoEncoding) -> str:
    """Set an encoder up, all but opening it; what is asked of it, for messages."""
    context.width, context.height, context.pix_fmt = (
        video.width,
        video.height,
        video.encoder_format or video.pix_fmt.name,
    )
    context.time_base = Fraction(1) / video.fps
    context.thread_count = video.threads
    # PyAV would have threads within a frame only, which makes x264 cut each picture into slices.
    context.thread_type = ThreadType.AUTO
    # 0 leaves the size to the quality; unset, libav would take a bitrate of its own.
    context.bit_rate = video.bitrate or 0
    if video.gop is not None:
        context.gop_size = video.gop
    if video.tag is not None:
        context.codec_tag = video.tag
    tag_colours(context, video.colour)
    if video.pix_fmt.log2_chroma_w:
        context.options["chroma_sample_location"] = video.colour.chroma_location
    how = [f"{name} {value}" for name, value in video.options if not name.endswith("-params")]
    if video.bitrate:
        how.append(f"bitrate {video.bitrate}")
    size = f"{video.width}×{video.height} pixels"
    return f"{size} of {video.pix_fmt.name} at {video.fps} frames a second ({', '.join(how)})"


def _open_on_device(context: VideoCodecContext, video: VideoEncoding, what: str) -> None:
    try:
        context.open()
    except (av.FFmpegError, OSError, ValueError) as error:
        said = libav_words(_open_alone, video)
        raise SetupError(
            f"{video.encoder} does not open: {'; '.join(said) or error}",
            component="Encoder",
            suggestion=f"it was asked for {what}; `reelmill doctor` tells which hardware encoders open here, "
            "and h264, hevc and av1 encode on the processor",
        ) from error


def _open_alone(video: VideoEncoding) -> None:
    context = _context(video)
    _prepare(context, video)
    context.open()


@contextmanager
def _same_scheduling() -> Iterator[None]:
    """Undo what an encoder does to how this thread is scheduled.

    SVT-AV1 gives the thread that opens it real-time priority where the process may have it (as root): threads and
    programs that it starts inherit that, and two of them that spin keep two cores from everybody else.
    """
    if not hasattr(os, "sched_setscheduler"):  # Windows, macOS
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)


def _open(context: VideoCodecContext | AudioCodecContext, encoder: str, what: str) -> None:
    try:
        with _same_scheduling():
            context.open()
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SetupError(
            f"{encoder} can't encode {what}",
            component="Encoder",
            suggestion="try another size, rate, bitrate or codec, or fewer threads",
        ) from (error if can_start_threads() else NoThread("for the encoder"))  # which says no more than "external"
