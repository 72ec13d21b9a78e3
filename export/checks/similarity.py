"""How alike two pictures look, tile by tile: their structure (SSIM, by libavfilter's `ssim`), and their mean colour.

In: two pictures in 8-bit RGB. Out: for each tile the similarity of its luma, 1 where the two are the same, and how far
its mean colours lie apart. A figure for the whole picture would hide what is wrong in a small place, so the worst tile
counts. An encoder's noise changes structure a little and mean colours hardly; a wrong matrix or opacity changes mean
colours, a wrong font size structure. Passive; plain functions.

SSIM is that of Wang, Bovik, Sheikh and Simoncelli (2004), over windows of 8 × 8 at every fourth pixel. The tiles are
handed to the filter one after the other, like the frames of two films.
"""

from __future__ import annotations

import math
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

TILE_PX = 64
"""Side of a tile; those at the right and lower edge overlap their neighbours."""
MIN_SIDE_PX = 8
"""The filter's window; smaller pictures are enlarged to it by repeating pixels."""

_TICK = Fraction(1, 25)

Pixels = npt.NDArray[np.uint8]


def tile_similarities(expected: Pixels, actual: Pixels) -> npt.NDArray[np.float64]:
    """SSIM of the luma of each tile, −1…1: shape [rows, columns]. Pictures: shape [height, width, 3]."""
    expected, actual = (_enlarged(_luma(each)) for each in (expected, actual))
    height, width = expected.shape
    tile = (min(TILE_PX, height), min(TILE_PX, width))
    tops, lefts = _starts(height, tile[0]), _starts(width, tile[1])
    found = np.ones((len(tops), len(lefts)))
    places = []
    for row, top in enumerate(tops):
        for column, left in enumerate(lefts):
            part = slice(top, top + tile[0]), slice(left, left + tile[1])
            if not np.array_equal(expected[part], actual[part]):
                places.append((row, column, part))
    values = _filtered([(expected[part], actual[part]) for _, _, part in places], tile) if places else []
    for (row, column, _), value in zip(places, values, strict=True):
        found[row, column] = value
    return found


def tile_colour_distances(expected: Pixels, actual: Pixels) -> npt.NDArray[np.float64]:
    """Between the mean colours of each tile, the farthest of its components: code values, shape [rows, columns]."""
    apart = actual.astype(np.int32) - expected
    for axis, length in enumerate(expected.shape[:2]):
        tile = min(TILE_PX, length)
        sums = np.cumsum(np.insert(apart, 0, 0, axis=axis), axis=axis)
        starts = np.array(_starts(length, tile))
        apart = np.take(sums, starts + tile, axis=axis) - np.take(sums, starts, axis=axis)
    pixels = min(TILE_PX, expected.shape[0]) * min(TILE_PX, expected.shape[1])
    return np.asarray(np.abs(apart).max(axis=2) / pixels)


def _luma(picture: Pixels) -> Pixels:
    """BT.709, full range: shape [height, width]."""
    return np.round(picture @ np.array([0.2126, 0.7152, 0.0722], np.float32)).astype(np.uint8)


def _starts(length: int, tile: int) -> list[int]:
    count = math.ceil(length / tile)
    return [min(number * tile, length - tile) for number in range(count)]


def _enlarged(picture: Pixels) -> Pixels:
    height, width = picture.shape
    down, across = math.ceil(MIN_SIDE_PX / height), math.ceil(MIN_SIDE_PX / width)
    return picture if down == across == 1 else picture.repeat(down, axis=0).repeat(across, axis=1)


def _filtered(pairs: list[tuple[Pixels, Pixels]], tile: tuple[int, int]) -> list[float]:
    """Of each pair of pictures of the tile's size."""
    graph = Graph()
    height, width = tile
    inputs = [
        graph.add_buffer(width=width, height=height, format=av.VideoFormat("gray"), time_base=_TICK) for _ in range(2)
    ]
    ssim, sink = graph.add("ssim"), graph.add("buffersink")
    for number, each in enumerate(inputs):
        each.link_to(ssim, 0, number)
    ssim.link_to(sink)
    graph.configure()
    found: list[float] = []
    for number, pair in enumerate(pairs):
        for source, picture in zip(inputs, pair, strict=True):
            source.push(_frame(picture, number))
        found += _pulled(sink)
    for source in inputs:
        source.push(None)
    return found + _pulled(sink)


def _frame(picture: Pixels, number: int) -> VideoFrame:
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="gray")
    frame.pts, frame.time_base = number, _TICK
    return frame


def _pulled(sink: FilterContext) -> list[float]:
    """What has come out by now."""
    found: list[float] = []
    while True:
        try:
            frame = sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return found
        found.append(float(frame.metadata["lavfi.ssim.All"]))
