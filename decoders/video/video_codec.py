"""How a video stream's decoder is set up: the same for probing and for rendering.

In: a stream. Out: a codec context, whose owner is the stream's container or the caller. Passive; one thread.
"""

from __future__ import annotations

from typing import Literal, cast

from av.codec.context import CodecContext, Flags
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from reelmill.decoders.video.device_decoder import device_decoder
from reelmill.planner.hardware import DeviceKind

Damage = Literal["refuse", "hide", "show"]
"""What a decoder does with a damaged frame: raise or flag it; put out what it makes of it, if that is any good; put
out all that it can."""
THREADS = 4
"""Of one decoder, if its codec takes threads. A constant: when an error is told depends on it."""
_IN_FRAMES = frozenset(
    {"hevc", "vp9", "av1", "prores", "dnxhd", "cfhd", "mjpeg", "png", "tiff", "exr", "dpx", "jpeg2000", "theora"}
    | {"huffyuv", "ffvhuff", "utvideo", "magicyuv", "hap", "qtrle"}
)
"""Codecs whose decoders tell of damage by an error of the packet: with several frames at work, errors come in the same
order. H.264 and MPEG-4 flag a frame that may have been put out by then, so they decode one at a time."""
_IN_SLICES = frozenset({"ffv1"})
"""Codecs whose slices stand alone, and whose damage is found before they are decoded. MPEG-1 and MPEG-2 are none:
their decoder forgets which slices are missing."""

_LIBVPX = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""libav's own decoders of these codecs leave alpha out. That of VP8 also leaves what is missing of a damaged frame as
the memory was, which differs from run to run. With several threads libvpx waits by spinning."""
_FLAGGING = frozenset({"h264", "mpeg1video", "mpeg2video", "mpeg4"})
"""Decoders that flag damaged frames as such. Asked to refuse them, they also refuse sound ones after a seek."""

KEEPING = frozenset({"qtrle"})
"""Codecs whose decoder says nothing of a damaged keyframe, and leaves what it can't read as the picture before it was.
What they show depends on where decoding began, so it always begins with the first frame."""


def has_libvpx_alpha(stream: VideoStream) -> bool:
    """Whether a VP8 or VP9 stream carries alpha in a second, hidden stream (WebM's AlphaMode)."""
    return stream.codec_context.codec.canonical_name in _LIBVPX and stream.metadata.get("alpha_mode") == "1"


def video_decoder(
    stream: VideoStream, damage: Damage, *, first_look: bool = False, device: DeviceKind | None = None
) -> VideoCodecContext:
    """A decoder that is ready for packets. It opens with the first one.

    What it puts out, and which errors it raises, depends neither on the machine nor on how threads take turns. To
    show damaged frames it has one thread. For a `first_look` it has one, too, so that it holds no frames back, and
    leaves out the filter that smooths the edges of blocks: nobody sees these frames.

    Raises RenderError where a `device` gives no decoder.
    """
    if device is not None:
        return device_decoder(stream, device)
    codec = stream.codec_context.codec.canonical_name
    libvpx = codec == "vp8" or has_libvpx_alpha(stream)
    context = cast(VideoCodecContext, CodecContext.create(_LIBVPX[codec], "r")) if libvpx else stream.codec_context
    threaded = damage != "show" and not first_look and not libvpx and codec in _IN_FRAMES | _IN_SLICES
    context.thread_type = "FRAME" if codec in _IN_FRAMES else "SLICE"
    context.thread_count = THREADS if threaded else 1
    # Without this, pictures whose left edge is cropped by an odd number of samples are cropped by fewer.
    context.flags |= Flags.unaligned
    if first_look:
        context.options["skip_loop_filter"] = "all"
    if damage == "refuse":
        context.options["err_detect"] = "crccheck" if codec in _FLAGGING else "crccheck+explode"
    elif damage == "show":
        context.flags |= Flags.output_corrupt
    return context
