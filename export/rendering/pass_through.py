"""Untouched frames: a source frame that already is the output picture goes to the encoder as it lies in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from av.video.frame import VideoFrame

from reelmill.planner.colour import ColourTags
from reelmill.planner.media import Orientation
from reelmill.planner.pixel_format import PixelFormat
from reelmill.planner.source_frames import Frame, Plane, WritablePlane


def fits(frame: Frame, pixel_format: PixelFormat, colour: ColourTags, width: int, height: int) -> bool:
    """Whether a frame is, as it lies in memory, a picture of that format, colour and size."""
    return (
        frame.format == pixel_format
        and (frame.width, frame.height) == (width, height)
        and frame.orientation == Orientation()
        and colour_fits(frame.colour, pixel_format, colour)
    )


def colour_fits(found: ColourTags, pixel_format: PixelFormat, wanted: ColourTags) -> bool:
    """Whether samples of a format mean the same colours under both tags."""
    siting_counts = pixel_format.log2_chroma_w or pixel_format.log2_chroma_h
    location = found.chroma_location if siting_counts else wanted.chroma_location
    return replace(found, peak_nits=wanted.peak_nits, chroma_location=location) == wanted


def shared_picture(frame: Frame) -> VideoFrame | None:
    """A picture in the memory of a decoded frame, which lives as long as either; None where it can't be shared.

    Without what the decoder attached to its own frame (picture type, captions): the encoder would take that over. It is
    read alone, as decoders go on using theirs as references.
    """
    owner, layout = frame.owner, frame.format
    whole = frame.width % (1 << layout.log2_chroma_w) == frame.height % (1 << layout.log2_chroma_h) == 0
    if not isinstance(owner, VideoFrame) or not layout.planar or not whole:
        return None
    return VideoFrame.from_dlpack(owner.planes, format=layout.name)


def copy_planes(frame: Frame, planes: Sequence[WritablePlane]) -> None:
    """Copy every plane; the two may have different strides."""
    for source, target in zip(frame.planes, planes, strict=True):
        row_bytes = min(source.stride_bytes, target.stride_bytes)
        if source.stride_bytes == target.stride_bytes:
            target.data[: len(source.data)] = source.data[: len(target.data)]
        else:
            _rows(target)[:, :row_bytes] = _rows(source)[:, :row_bytes]


def _rows(plane: Plane | WritablePlane) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.frombuffer(plane.data, np.uint8, plane.stride_bytes * plane.height).reshape(
        plane.height, plane.stride_bytes
    )
