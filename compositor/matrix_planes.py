"""Frames coded with another colour matrix as planes of the output's kind, in memory. One-thread (the render thread).

In: planes of Y'CbCr in memory, of any matrix, range and depth. Out: planes of the output's matrix, range and depth,
with the chroma where it was. On a software renderer a frame is converted once, at its own size, before it is cropped
or filtered: 2.7 ns of CPU a pixel, 0.6 ms for 640×360.

A gray has no chroma under any of these matrices, so the new chroma depends on the old chroma alone and stays on its
grid; luma changes by a mix of the two chroma planes, interpolated linearly between their samples. Each sample is
rounded once. Rows are converted in strips, which are small enough for a cache, and large enough for numpy's calls.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from reelmill.compositor.colour_matrices import code_range, rgb_to_ycc
from reelmill.compositor.opengl.surfaces import SurfacePool
from reelmill.compositor.opengl.texels import Samples
from reelmill.compositor.pictures import CodedColour, Grid, Picture
from reelmill.compositor.plane_canvas import PlaneFormat
from reelmill.compositor.still_planes import empty_plane, plane_texels
from reelmill.planner.pixel_format import PIXEL_FORMATS, PixelFormat

ROUNDING_ERROR = 0.5
"""Code values by which a converted sample may be off."""
_STRIP_SAMPLES = 2**18
"""Luma samples that are converted at a time, about."""
_Floats = npt.NDArray[np.float32]
_Weights = npt.NDArray[np.float64]


def converts(coded: CodedColour, format_: PlaneFormat) -> bool:
    """Whether planes of a colour can be converted here to those of an output."""
    return (
        coded.format.model == format_.format.model == "yuv"
        and coded.format.planar
        and not coded.format.alpha
        and "rgb" not in (coded.tags.matrix, format_.colour.matrix)
        and coded.tags.transfer == "sdr"
        and coded.tags.primaries == "bt709"
    )


def matrix_planes(picture: Picture, format_: PlaneFormat, pool: SurfacePool) -> Picture:
    """The picture of planes that `converts` takes, in the colour and depth of an output."""
    coded = picture.colour
    assert coded is not None
    target = _converted_format(coded.format, format_.format)
    weights, offset = _conversion(coded, format_)
    top = 2**target.bits - 1
    luma_grid, chroma_grid = picture.grids[0], picture.grids[-1]
    luma = picture.planes[0].samples(luma_grid.size)
    chroma = [texels.samples(chroma_grid.size) for texels in picture.planes[1:3]]
    made = [empty_plane(grid.size, target.bytes_per_sample) for grid in (luma_grid, chroma_grid, chroma_grid)]
    _convert_chroma(chroma, weights[1:, 1:], offset[1:], made[1:], top)
    _convert_luma(luma, chroma, weights[0], float(offset[0]), chroma_grid, made[0], top)
    tags = replace(format_.colour, chroma_location=coded.tags.chroma_location)
    return Picture(
        "planes",
        picture.width,
        picture.height,
        tuple(plane_texels(plane, pool) for plane in made),
        picture.grids,
        orientation=picture.orientation,
        colour=CodedColour(target, tags),
        error=ROUNDING_ERROR,
    )


def _converted_format(source: PixelFormat, output: PixelFormat) -> PixelFormat:
    """Planes as large as the source's, as deep as the output's."""
    subsampling, _, _ = source.name.partition("p")
    return PIXEL_FORMATS[f"{subsampling}p" if output.bits == 8 else f"{subsampling}p{output.bits}le"]


def _conversion(coded: CodedColour, format_: PlaneFormat) -> tuple[_Weights, _Weights]:
    """The map from code values to code values: 3 × 3, and what is added."""
    zero, span = code_range(coded.format, coded.tags)
    own_zero, own_span = code_range(format_.format, format_.colour)
    mixed = rgb_to_ycc(format_.colour.matrix) @ np.linalg.inv(rgb_to_ycc(coded.tags.matrix))
    weights = mixed * own_span[:, None] / span
    weights[1:, 0] = 0.0  # but for the rounding of the inverse it is
    return weights, own_zero - weights @ zero


def _convert_chroma(chroma: list[Samples], weights: _Weights, offset: _Weights, made: list[Samples], top: int) -> None:
    for rows in _strips(chroma[0].shape):
        for plane, row, zero in zip(made, weights, offset, strict=True):
            _put(plane[rows], _mix(chroma, rows, row, float(zero)), top)


def _convert_luma(
    luma: Samples,
    chroma: list[Samples],
    weights: _Weights,
    offset: float,
    grid: Grid,
    made: Samples,
    top: int,
) -> None:
    """Luma × weight + the mix of chroma at the place of each luma sample. `grid`: where chroma lies among luma."""
    across, down = round(1 / grid.scale[0]), round(1 / grid.scale[1])
    width = luma.shape[1]
    count = grid.size[1]
    gain = np.float32(weights[0])
    for rows in _strips((count, width * down)):
        first, end = max(rows.start - 1, 0), min(rows.stop + 1, count)
        mixed = np.empty((rows.stop - rows.start + 2, grid.size[0] + 2), np.float32)
        inner = mixed[first - rows.start + 1 : end - rows.start + 1]
        inner[:, 1:-1] = _mix(chroma, slice(first, end), weights[1:], offset)
        if first == rows.start:
            mixed[0] = mixed[1]
        if end == rows.stop:
            mixed[-1] = mixed[-2]
        mixed[:, 0], mixed[:, -1] = mixed[:, 1], mixed[:, -2]
        for phase in range(down):
            lines = luma[rows.start * down + phase : rows.stop * down : down]
            values = _widened(_between(mixed, down, phase, grid.offset[1], 0)[: len(lines)], across, grid, width)
            values += lines if gain == 1 else lines * gain
            _put(made[rows.start * down + phase : rows.stop * down : down], values, top)


def _widened(mixed: _Floats, across: int, grid: Grid, width: int) -> _Floats:
    """The mix of chroma at each luma sample of its rows."""
    if across == 1:
        return mixed[:, 1:-1]
    values = np.empty((len(mixed), (mixed.shape[1] - 2) * across), np.float32)
    for phase in range(across):
        values[:, phase::across] = _between(mixed, across, phase, grid.offset[0], 1)
    return values[:, :width]


def _between(padded: _Floats, factor: int, phase: int, offset: float, axis: int) -> _Floats:
    """Values at one of `factor` places in each sample of an axis, whose first and last sample stand there twice."""
    position = (phase + 0.5) / factor + offset - 0.5
    first = math.floor(position)
    weight = position - first
    count = padded.shape[axis] - 2
    near, far = (_along(padded, first + 1 + step, count, axis) for step in (0, 1))
    if weight == 0:
        return near.copy()
    values = near * np.float32(1 - weight)
    values += far * np.float32(weight)
    return values


def _along(values: _Floats, start: int, count: int, axis: int) -> _Floats:
    return values[start : start + count] if axis == 0 else values[:, start : start + count]


def _mix(planes: list[Samples], rows: slice, weights: _Weights, offset: float) -> _Floats:
    """A weighted sum of two planes."""
    values = planes[0][rows] * np.float32(weights[0])
    values += planes[1][rows] * np.float32(weights[1])
    values += np.float32(offset)
    return values


def _put(target: Samples, values: _Floats, top: int) -> None:
    """Rounded to nearest, and to what a sample can hold."""
    values += np.float32(0.5)
    np.clip(values, 0, top, out=values)
    np.copyto(target, values, casting="unsafe")


def _strips(shape: tuple[int, ...]) -> Iterator[slice]:
    height, width = shape
    count = max(_STRIP_SAMPLES // width, 1)
    for start in range(0, height, count):
        yield slice(start, min(start + count, height))
