"""Pictures that libav reads: EXR, DPX, JPEG 2000, PNM, TGA, PSD and whatever else one of its codecs knows.

In: the bytes of a picture file and the name of a codec. Out: the decoded picture with straight alpha, and how its
samples are meant. Passive; thread-safe.
"""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import numpy as np
from av.codec.codec import UnknownCodecError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from reelmill.decoders.frames.colour_tags import ColourReader, StreamColour, UnsupportedColour, orientation
from reelmill.decoders.frames.normalise import UnsupportedFormat, normalise, owned_plane, plane_rows, target_format
from reelmill.decoders.stills.picture_errors import MAX_SIDE_PX, Failure, damage_named, too_large, unsupported
from reelmill.planner.colour import SRGB, ColourTags
from reelmill.planner.media import Orientation
from reelmill.planner.pixel_format import PixelFormat
from reelmill.planner.source_frames import Frame

_LINEAR = frozenset({"exr", "hdr", "pfm", "phm"})
"""Formats that hold linear light, multiplied by alpha where there is one, whatever libav says of them."""
_LIGHT = {
    f"{name}{suffix}": (f"{mark}{sample}", count)
    for name, count in (("grayf", 1), ("gbrpf", 3), ("gbrapf", 4))
    for bits, sample in (("16", "f2"), ("32", "f4"))
    for end, mark in (("le", "<"), ("be", ">"))
    for suffix in (f"{bits}{end}",)
}
"""Type of a sample, and planes."""
_WITH_ALPHA = 4
_SHAPED = frozenset({"exr", "dpx"})
"""Formats of film, whose pixel aspect ratio is meant. In others it tells the size on paper."""


def decode_picture(
    data: bytes, codec: str, path: str, failure: Failure, *, whole: bool = True
) -> tuple[VideoFrame, VideoCodecContext]:
    """The picture, and the decoder that made it. Raises `failure` for damage; `whole`: also for what libav forgives."""
    try:
        context = av.CodecContext.create(codec, "r")
    except UnknownCodecError as error:
        raise failure(
            f"pictures of the format {codec} can't be read",
            component="Picture",
            file=path,
            suggestion="save the picture as PNG, JPEG or TIFF",
        ) from error
    assert isinstance(context, VideoCodecContext)
    with damage_named(path, failure):
        if whole and not _is_complete(data, codec):
            raise ValueError("the file breaks off")
        context.options = {"max_pixels": str(MAX_SIDE_PX**2)}
        if whole:
            context.options["err_detect"] = "explode"
        frames = [*context.decode(av.Packet(data)), *context.decode(None)]
        if not frames:
            raise ValueError("it holds no picture")
    return frames[0], context


class CodedStill:
    """One decoded picture."""

    def __init__(self, data: bytes, codec: str, path: str, failure: Failure) -> None:
        """Decodes it. Raises `failure` for what is damaged, too large or can't be converted."""
        self._frame, context = decode_picture(data, codec, path, failure)
        self._linear = codec in _LINEAR
        if max(self._frame.width, self._frame.height) > MAX_SIDE_PX:
            raise too_large(path, f"{self._frame.width}×{self._frame.height} pixels", failure)
        try:
            self.format: PixelFormat = target_format(self._frame.format)
            self.colour = _colour(self._frame, context, codec)
        except (UnsupportedFormat, UnsupportedColour) as error:
            raise unsupported(path, f"samples that can't be read: {error}", failure) from error
        if self._linear and self._frame.format.name not in _LIGHT:
            raise unsupported(path, f"linear light in the pixel format {self._frame.format.name}", failure)
        ratio = context.sample_aspect_ratio if codec in _SHAPED else None
        self.sample_aspect_ratio = ratio or Fraction(1)
        self.orientation: Orientation = orientation(self._frame)

    @property
    def size(self) -> tuple[int, int]:
        """Stored samples."""
        return self._frame.width, self._frame.height

    def frame(self, pts: int) -> Frame:
        """The picture, with straight alpha."""
        if not self._linear:
            return normalise(self._frame, pts, self.colour, self.orientation)
        planes = tuple(owned_plane(samples, self.format) for samples in _codes_of_light(self._frame))
        return Frame(pts, *self.size, self.format, planes, self.colour, self.orientation)


def _codes_of_light(frame: VideoFrame) -> list[NDArray[np.uint16]]:
    """Planes of linear light as sRGB codes of 16 bits; alpha, which light was multiplied by, is divided out."""
    sample, count = _LIGHT[frame.format.name]
    planes = [plane_rows(frame, index, sample, frame.width).astype(np.float64) for index in range(count)]
    alpha = np.clip(np.nan_to_num(planes.pop()), 0, 1) if count == _WITH_ALPHA else None
    codes = []
    for plane in planes:
        light = plane
        if alpha is not None:
            light = np.divide(plane, alpha, out=np.zeros_like(plane), where=alpha > 0)
        light = np.clip(np.nan_to_num(light, posinf=1), 0, 1)
        # IEC 61966-2-1
        encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        codes.append(np.rint(65535 * encoded).astype(np.uint16))
    if alpha is not None:
        codes.append(np.rint(65535 * alpha).astype(np.uint16))
    return codes


def _colour(frame: VideoFrame, context: VideoCodecContext, codec: str) -> ColourTags:
    if target_format(frame.format).model == "yuv":
        return ColourReader(StreamColour.of(context, codec)).read(frame)
    return SRGB


def _is_complete(data: bytes, codec: str) -> bool:
    """False where a file breaks off and libav would make a picture of the rest without a word."""
    if codec == "qoi":
        return data.endswith(bytes(7) + b"\1")
    if codec == "sunrast":
        return len(data) >= 32 + int.from_bytes(data[16:20], "big")
    return codec != "exr" or _chunks_are_there(data)


def _chunks_are_there(data: bytes) -> bool:
    """Whether every chunk that an EXR file lists lies in it (OpenEXR file layout)."""
    try:
        (version,) = struct.unpack_from("<I", data, 4)
        if version & 0x1800:
            return True  # deep data and several parts, which libav refuses itself
        at = 8
        while data[at]:
            for _ in range(2):
                at = data.index(0, at) + 1
            at += 4 + struct.unpack_from("<I", data, at)[0]
        at += 1
        (first,) = struct.unpack_from("<Q", data, at)
        offsets = struct.unpack_from(f"<{(first - at) // 8}Q", data, at)
        size_at = 16 if version & 0x200 else 4
        return all(
            each + size_at + 4 + struct.unpack_from("<I", data, each + size_at)[0] <= len(data) for each in offsets
        )
    except (IndexError, ValueError, struct.error):
        return False
