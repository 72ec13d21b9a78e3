"""Fits finished pictures of the canvas to an output: scaled, amid bars where the aspect differs, in its pixel format.

In: pictures of one format and size, which other outputs may read at the same time. Out: pictures as the sink takes
them, of the output's own. All by libavfilter, which takes references: nothing of what came in is changed, not even
for a moment (`VideoReformatter` does that to the tags of a frame). Passive; one thread.

Pictures are made smaller by area averaging and larger by linear interpolation, each axis by itself, and every plane as
it is: chroma where it is sited, R, G and B apart, since libswscale would scale them by way of Y'CbCr. Against the
exact box filter the results are off by half a code at most.
"""

from __future__ import annotations

from fractions import Fraction

import av
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

from reelmill.export.films.encoders import tag_colours
from reelmill.export.outputs.picture_sink import PictureFormat
from reelmill.export.rendering.plane_scaler import MIN_SIDE
from reelmill.planner.errors import RenderError

_FLAGS = "area+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"
_TIME_BASE = Fraction(1, 1000)


def scales(source: PictureFormat, wanted: PictureFormat) -> bool:
    """Whether libswscale makes a picture of another size without fault; else OpenGL has to.

    Straight alpha can't be averaged by itself; of an odd canvas chroma has half a sample too much; filters shorter than
    16 samples are cut; of 16-bit samples some come out of memory that nobody wrote where one axis alone is scaled
    (export.plane_scaler).
    """
    layout = source.pix_fmt
    width, height = _fitted(source, wanted)
    whole = source.width % (1 << layout.log2_chroma_w) == source.height % (1 << layout.log2_chroma_h) == 0
    sides = [*layout.plane_size(1, width, height), *layout.plane_size(1, source.width, source.height)]
    one_axis = (width == source.width) != (height == source.height)
    return (
        layout == wanted.pix_fmt
        and source.colour == wanted.colour
        and layout.planar
        and whole
        and not layout.alpha
        and min(sides) >= MIN_SIDE
        and not (one_axis and layout.bytes_per_sample > 1)
    )


class PictureFitter:
    """Of one output."""

    def __init__(self, source: PictureFormat, wanted: PictureFormat, *, shared: bool) -> None:
        """`shared`: other outputs get the same pictures, so that each needs a frame of its own for them."""
        self._source, self._wanted = source, wanted
        self._as_it_is = source == wanted and not shared
        self._graph: Graph | None = None
        self._last: tuple[VideoFrame, VideoFrame] | None = None

    def fit(self, frame: VideoFrame) -> VideoFrame:
        """The picture for the sink. One that comes again is not fitted again. Raises RenderError."""
        if self._as_it_is:
            return frame
        if self._last is not None and self._last[0] is frame:
            return self._last[1]
        try:
            if self._graph is None:
                self._graph = _graph(self._source, self._wanted)
            self._graph.vpush(frame)
            fitted = self._graph.vpull()
        except (av.FFmpegError, OSError, ValueError) as error:
            wanted = self._wanted
            raise RenderError(
                f"a picture can't be made {wanted.width}×{wanted.height} pixels of {wanted.pix_fmt.name}: {error}",
                component="Output",
                suggestion="give the output another size",
            ) from error
        tag_colours(fitted, self._wanted.colour)
        self._last = (frame, fitted)
        return fitted


def _graph(source: PictureFormat, wanted: PictureFormat) -> Graph:
    """The chain of filters from one format to the other."""
    graph = Graph()
    graph.threads = 1
    last = graph.add("buffer", _buffer(source))
    if (source.width, source.height) != (wanted.width, wanted.height):
        width, height = _fitted(source, wanted)
        last = _scaled(graph, last, source, width, height)
        if (width, height) != (wanted.width, wanted.height):
            left, top = _corner(wanted, width, height)
            last = _then(graph, last, "pad", f"{wanted.width}:{wanted.height}:{left}:{top}:black")
    if source.pix_fmt != wanted.pix_fmt:
        last = _then(graph, last, "format", wanted.pix_fmt.name)
    _then(graph, last, "buffersink", None)
    graph.configure()
    return graph


def _scaled(graph: Graph, last: FilterContext, source: PictureFormat, width: int, height: int) -> FilterContext:
    layout = source.pix_fmt
    if layout.model == "rgb":
        parts = _then(graph, last, "extractplanes", "r+g+b")
        merged = graph.add("mergeplanes", f"map0s=1:map1s=2:map2s=0:format={layout.name}")
        for number in range(3):
            scale = graph.add("scale", f"{width}:{height}:flags={_FLAGS}")
            parts.link_to(scale, number, 0)
            scale.link_to(merged, 0, number)
        return merged
    siting = ""
    if layout.log2_chroma_w or layout.log2_chroma_h:
        location = source.colour.chroma_location
        siting = f":in_chroma_loc={location}:out_chroma_loc={location}"
    return _then(graph, last, "scale", f"{width}:{height}:flags={_FLAGS}{siting}")


def _then(graph: Graph, last: FilterContext, name: str, arguments: str | None) -> FilterContext:
    added = graph.add(name, arguments)
    last.link_to(added)
    return added


def _buffer(format_: PictureFormat) -> str:
    space = "gbr" if format_.pix_fmt.model == "rgb" else "bt709"
    range_ = "pc" if format_.colour.range == "full" else "tv"
    return (
        f"video_size={format_.width}x{format_.height}:pix_fmt={format_.pix_fmt.name}:time_base={_TIME_BASE}"
        f":colorspace={space}:range={range_}"
    )


def _fitted(source: PictureFormat, wanted: PictureFormat) -> tuple[int, int]:
    """The size of the picture amid its bars: whole chroma samples."""
    scale = min(Fraction(wanted.width, source.width), Fraction(wanted.height, source.height))
    layout = wanted.pix_fmt
    return (
        _whole(source.width * scale, 1 << layout.log2_chroma_w, wanted.width),
        _whole(source.height * scale, 1 << layout.log2_chroma_h, wanted.height),
    )


def _whole(length: Fraction, unit: int, most: int) -> int:
    return min(max(round(length / unit), 1) * unit, most)


def _corner(wanted: PictureFormat, width: int, height: int) -> tuple[int, int]:
    """Where the picture lies amid its bars: the centre, down to whole chroma samples."""
    unit_x, unit_y = 1 << wanted.pix_fmt.log2_chroma_w, 1 << wanted.pix_fmt.log2_chroma_h
    return (wanted.width - width) // (2 * unit_x) * unit_x, (wanted.height - height) // (2 * unit_y) * unit_y
