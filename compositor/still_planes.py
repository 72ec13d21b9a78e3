"""Stills and drawn pictures of R'G'B' as planes of the output's kind, in memory. One-thread (the render thread).

In: packed samples in memory. Out: planes at full resolution. On a software renderer they are made once, and then zoom
and move like a frame of video: reduced and painted in memory, where R'G'B' would have to go through OpenGL.
Rows are converted in strips, so that floats stay in a core's cache: 13 ms for 2880×1620.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt

from reelmill.compositor.opengl.surfaces import SurfacePool
from reelmill.compositor.opengl.texels import Samples, Texels
from reelmill.compositor.pictures import CodedColour, Grid, Picture
from reelmill.compositor.plane_canvas import PlaneFormat
from reelmill.planner.pixel_format import PIXEL_FORMATS
from reelmill.planner.source_frames import Frame, Plane

_STRIP_SAMPLES = 2**15
"""Pixels that are converted at a time, about."""

Weights = npt.NDArray[np.float64]
"""[planes, 4]: what planes hold for premultiplied R'G'B'A of 0 … 1."""


def opaque_planes(picture: Picture, format_: PlaneFormat, codes: Weights, pool: SurfacePool) -> Picture:
    """An opaque picture of packed R'G'B' as Y, U and V in whole codes; `codes`: those of the output."""
    (texels,) = picture.planes
    size = picture.grids[0].size
    top = 255.0 if texels.sample_bytes == 1 else 65535.0
    to_rgb = np.array(cast(Sequence[float], picture.uniforms["to_rgb"])).reshape(3, 3).T
    offset = np.array(cast(Sequence[float], picture.uniforms["rgb_offset"]))
    weights = np.column_stack([codes[:, :3] @ to_rgb / top, codes[:, :3] @ offset + codes[:, 3]])
    most = 2**format_.format.bits - 1
    planes = [empty_plane(size, format_.format.bytes_per_sample) for _ in weights]
    for rows, components in _strips(texels, size):
        for plane, row in zip(planes, weights, strict=True):
            values = _dot(components[:3], row[:3])
            values += np.float32(row[3] + 0.5)
            np.clip(values, 0, most, out=values)
            np.copyto(plane[rows], values, casting="unsafe")
    depth = "" if format_.format.bits == 8 else f"{format_.format.bits}le"
    return Picture(
        "planes",
        picture.width,
        picture.height,
        tuple(plane_texels(plane, pool) for plane in planes),
        (Grid((1.0, 1.0), (0.0, 0.0), size),),
        orientation=picture.orientation,
        colour=CodedColour(PIXEL_FORMATS[f"yuv444p{depth}"], format_.colour),
    )


def rgba_planes(
    picture: Picture, format_: PlaneFormat, codes: Weights, pool: SurfacePool, *, straight: bool
) -> Picture:
    """A picture of 8-bit RGBA, premultiplied or `straight`, as that of a canvas which keeps its alpha."""
    (texels,) = picture.planes
    (grid,) = picture.grids
    colours = 1 if format_.format.model == "gray" else 3
    weights = np.vstack([codes[:colours] * format_.step("fine"), [0, 0, 0, 65535]]) / 255
    planes = [empty_plane(grid.size, 2) for _ in weights]
    for rows, components in _strips(texels, grid.size):
        if straight:
            alpha = components[3] * np.float32(1 / 255)
            for component in components[:3]:
                component *= alpha
        for plane, row in zip(planes, weights, strict=True):
            values = _dot(components, row)
            values += np.float32(0.5)
            np.copyto(plane[rows], values, casting="unsafe")
    made = [plane_texels(plane, pool) for plane in planes]
    passes = len(format_.passes)
    return replace(
        picture,
        layout="planes",
        planes=(*made, *made[-1:] * (passes - 1)),  # alpha at the size of luma, and of chroma
        grids=(grid,) * passes,
        opaque=False,
        defines={},
        uniforms={},
        colour=None,
        reductions={},
        views={},
    )


def rgba_picture(frame: Frame, pool: SurfacePool) -> Picture:
    """A frame of straight 8-bit RGBA as it lies in memory."""
    size = (frame.width, frame.height)
    texels = Texels(pool, 4, "f1", memory=frame.planes[0])
    grid = Grid((1.0, 1.0), (0.0, 0.0), size)
    return Picture("packed", *size, (texels,), (grid,), opaque=False, orientation=frame.orientation)


_Floats = npt.NDArray[np.float32]


def _strips(texels: Texels, size: tuple[int, int]) -> Iterator[tuple[slice, list[_Floats]]]:
    """Some rows at a time, and their components, which may be written to."""
    width, height = size
    whole = texels.rows((0, 0, width, height))
    samples: Samples = whole if texels.sample_bytes == 1 else whole.view(np.uint16)
    pixels = samples.reshape(height, width, texels.components)
    count = max(_STRIP_SAMPLES // width, 1)
    for start in range(0, height, count):
        rows = slice(start, start + count)
        yield rows, [pixels[rows, :, index].astype(np.float32) for index in range(texels.components)]


def _dot(components: Sequence[_Floats], weights: npt.NDArray[np.float64]) -> _Floats:
    total = components[0] * np.float32(weights[0])
    for component, weight in zip(components[1:], weights[1:], strict=True):
        if weight:
            total += component * np.float32(weight)
    return total


def empty_plane(size: tuple[int, int], sample_bytes: int) -> Samples:
    """Memory for the samples of one plane. `size`: width, height."""
    return np.empty(size[::-1], np.uint8) if sample_bytes == 1 else np.empty(size[::-1], np.uint16)


def plane_texels(plane: Samples, pool: SurfacePool) -> Texels:
    """The texels of one plane of samples."""
    height, width = plane.shape
    memory = Plane(plane.data.cast("B"), width * plane.itemsize, width, height)
    return Texels(pool, 1, "f1" if plane.itemsize == 1 else "nu2", memory=memory)
