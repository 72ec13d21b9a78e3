"""Views: the pictures of one frame that the render thread draws for all outputs together.

In: what each sink takes. Out: the view that each output is made from. Outputs whose pictures have one format share a
view, at the canvas' size, whatever size their own have: scaling is theirs (`picture_fitter`). Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from reelmill.export.films.encoders import tag_colours
from reelmill.export.outputs.picture_fitter import scales
from reelmill.export.outputs.picture_sink import PictureFormat
from reelmill.planner.pixel_format import PIXEL_FORMATS, PixelFormat
from reelmill.planner.source_frames import Plane, WritablePlane

_PLANAR_RGB = {8: "gbrp", 10: "gbrp10le", 12: "gbrp12le", 14: "gbrp14le", 16: "gbrp16le"}
"""By bits: what is scaled plane by plane, and made into the other formats of R, G and B without loss."""


@dataclass(frozen=True, slots=True, eq=False)
class ViewPicture:
    """Memory for the picture of one view."""

    format: PictureFormat
    planes: Sequence[WritablePlane]

    @property
    def byte_count(self) -> int:
        return sum(len(plane.data) for plane in self.planes)


def new_picture(view: PictureFormat) -> tuple[VideoFrame, ViewPicture]:
    """A frame for the next picture of a view, and its memory. Fresh each time: outputs may hold the ones before."""
    frame = VideoFrame(view.width, view.height, view.pix_fmt.name)
    tag_colours(frame, view.colour)  # Some encoders read the tags of each picture.
    planes = tuple(
        WritablePlane(memoryview(plane).cast("B"), plane.line_size, plane.width, plane.height) for plane in frame.planes
    )
    return frame, ViewPicture(view, planes)


def readable_planes(frame: VideoFrame) -> tuple[Plane, ...]:
    """The samples of a finished picture."""
    return tuple(Plane(memoryview(plane), plane.line_size, plane.width, plane.height) for plane in frame.planes)


def sample_rows(planes: Sequence[Plane], pixel_format: PixelFormat) -> Iterator[npt.NDArray[np.uint8]]:
    """The bytes of each plane, shape [height, bytes of a row without padding]."""
    bytes_per_pixel = pixel_format.bytes_per_sample * max(len(pixel_format.components), 1)
    for plane in planes:
        rows = np.frombuffer(plane.data, np.uint8, plane.stride_bytes * plane.height)
        yield rows.reshape(plane.height, plane.stride_bytes)[:, : plane.width * bytes_per_pixel]


def choose_views(takes: Sequence[PictureFormat], canvas: tuple[int, int]) -> list[PictureFormat]:
    """For each output the view that it is made from. `canvas`: width and height of what is composited, pixels.

    What libswscale can't scale is drawn at its own size. Views of R'G'B' that differ in the order of their samples
    alone are one: planes where one of them is scaled, else the format of the first.
    """
    views = [_drawn_as(each, canvas) for each in takes]
    alike: dict[tuple[int, int, int, bool], list[int]] = {}
    for index, view in enumerate(views):
        if view.pix_fmt.model == "rgb":
            alike.setdefault((view.width, view.height, view.pix_fmt.bits, view.pix_fmt.alpha), []).append(index)
    for indices in alike.values():
        scaled = next((views[index] for index in indices if _size(views[index]) != _size(takes[index])), None)
        for index in indices:
            views[index] = scaled or views[indices[0]]
    return views


def _drawn_as(wanted: PictureFormat, canvas: tuple[int, int]) -> PictureFormat:
    """The view that a picture is made from, if it is alone."""
    view = replace(wanted, width=canvas[0], height=canvas[1])
    planar = _PLANAR_RGB.get(wanted.pix_fmt.bits)
    if _size(view) == _size(wanted):
        return wanted
    if wanted.pix_fmt.model == "rgb" and not wanted.pix_fmt.alpha and planar is not None:
        view = replace(view, pix_fmt=PIXEL_FORMATS[planar])
    return view if scales(view, replace(wanted, pix_fmt=view.pix_fmt)) else wanted


def _size(format_: PictureFormat) -> tuple[int, int]:
    return format_.width, format_.height
