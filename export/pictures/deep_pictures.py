"""Pictures with more than 8 bits a sample: PNG and TIFF of 16 bits, EXR with half floats, encoded by libav.

In: codes of 16 bits, R'G'B' of sRGB, alpha straight. Out: the bytes of a file. Stateless; any thread.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Literal, cast

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from reelmill.planner.errors import RenderError

DeepPixels = npt.NDArray[np.uint16]
"""[height, width, 3 or 4]."""


def encode_deep(pixels: DeepPixels, encoder: Literal["png", "tiff"]) -> bytes:
    """A PNG or TIFF (deflate) of 16 bits with these very codes, alpha straight. Raises RenderError."""
    has_alpha = pixels.shape[2] == 4
    if encoder == "png":
        pix_fmt, options = ("rgba64be" if has_alpha else "rgb48be"), {"pred": "mixed"}
    else:
        pix_fmt, options = ("rgba64le" if has_alpha else "rgb48le"), {"compression_algo": "deflate"}
    return _encode(encoder, VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=pix_fmt), options)


def encode_exr(pixels: DeepPixels) -> bytes:
    """An EXR with half floats, ZIPS compression: linear light of sRGB's primaries, 1.0 for white, alpha premultiplied,
    as the format's documentation has it. Raises RenderError.
    """
    linear = _linear()[pixels[:, :, :3]]
    planes = linear
    if pixels.shape[2] == 4:
        alpha = pixels[:, :, 3:].astype(np.float32) / np.float32(65535)
        planes = np.concatenate([linear * alpha, alpha], axis=2)
    pix_fmt = "gbrapf32le" if planes.shape[2] == 4 else "gbrpf32le"
    # libav cuts off what a half float can't hold; rounded before, nothing is left to cut.
    frame = VideoFrame.from_ndarray(planes.astype(np.float16).astype(np.float32), format=pix_fmt)
    return _encode("exr", frame, {"format": "half", "compression": "zip1"})


@functools.cache
def _linear() -> npt.NDArray[np.float32]:
    """Light of each 16-bit code: the inverse of IEC 61966-2-1's curve."""
    code = np.arange(65536) / 65535
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


def _encode(encoder: str, frame: VideoFrame, options: dict[str, str]) -> bytes:
    try:
        context = cast(VideoCodecContext, CodecContext.create(encoder, "w"))
        context.width, context.height, context.pix_fmt = frame.width, frame.height, frame.format.name
        context.time_base = Fraction(1, 25)
        context.thread_count = 1
        context.options = options
        frame.pts = 0
        return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
    except (av.FFmpegError, OSError, ValueError) as error:
        raise RenderError(
            f"a picture of {frame.width}×{frame.height} pixels can't be written as {encoder}: {error}",
            component="Output",
            suggestion="give the output a smaller size",
        ) from error
