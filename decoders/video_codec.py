"""How a video stream's decoder is set up: the same for probing and for rendering.

In: a stream. Out: a codec context, whose owner is the stream's container or the caller. Passive; one thread.
"""

from __future__ import annotations

import os
from typing import Literal, cast

from av.codec.context import CodecContext, Flags
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from decoders.device_decoder import device_decoder
from planner.hardware import DeviceKind

Damage = Literal["refuse", "hide", "show"]
"""What a decoder does with a damaged frame: raise or flag it; put out what it makes of it, if that is any good; put
out all that it can."""
MAX_THREADS = 4
"""Of one decoder. Each thread holds frames; many decoders may be open."""

_LIBVPX = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""libav's own decoders of these codecs leave alpha out."""
_FLAGGING = frozenset({"h264", "mpeg1video", "mpeg2video", "mpeg4"})
"""Decoders that flag damaged frames as such. Asked to refuse them, they also refuse sound ones after a seek."""


def has_libvpx_alpha(stream: VideoStream) -> bool:
    """Whether a VP8 or VP9 stream carries alpha in a second, hidden stream (WebM's AlphaMode)."""
    return stream.codec_context.codec.canonical_name in _LIBVPX and stream.metadata.get("alpha_mode") == "1"


def video_decoder(
    stream: VideoStream, damage: Damage, *, first_look: bool = False, device: DeviceKind | None = None
) -> VideoCodecContext:
    """A decoder that is ready for packets. It opens with the first one.

    For a `first_look` it holds no frames back in threads, and leaves out the filter that smooths the edges of blocks:
    nobody sees these frames. Raises RenderError where a `device` gives no decoder.
    """
    if device is not None:
        return device_decoder(stream, device)
    codec = stream.codec_context.codec.canonical_name
    if has_libvpx_alpha(stream):
        context = cast(VideoCodecContext, CodecContext.create(_LIBVPX[codec], "r"))
    else:
        context = stream.codec_context
    context.thread_type = "SLICE" if first_look else "AUTO"
    context.thread_count = min(MAX_THREADS, os.cpu_count() or 1)
    # Without this, pictures whose left edge is cropped by an odd number of samples are cropped by fewer.
    context.flags |= Flags.unaligned
    if first_look:
        context.options["skip_loop_filter"] = "all"
    if damage == "refuse":
        context.options["err_detect"] = "crccheck" if codec in _FLAGGING else "crccheck+explode"
    elif damage == "show":
        context.flags |= Flags.output_corrupt
    return context
