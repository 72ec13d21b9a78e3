"""Untouched frames: a source frame that already is the output picture goes to the encoder sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from planner.colour import ColourTags
from planner.frames import Frame, Plane, WritablePlane
from planner.media import Orientation
from planner.pixel_format import PixelFormat


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


def copy_planes(frame: Frame, planes: Sequence[WritablePlane]) -> None:
    """Copy every plane; the two may have different strides.

    A copy, because the encoder would else take over what the decoder attached to its frame (picture type, captions).
    """
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
