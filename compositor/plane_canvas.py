"""The planes that a composition is painted on: textures of code values, one set for each size of plane. One-thread.

In: a pixel format, its colour, a size. Out: a `PlaneCanvas`, whose passes say where the canvas' pixels lie among the
samples of their planes. Values are code values × `unit`, premultiplied where the canvas keeps alpha.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import moderngl
import numpy as np
import numpy.typing as npt

from reelmill.compositor.geometry import compose, scaling
from reelmill.compositor.opengl.context import GLContext
from reelmill.compositor.opengl.surfaces import Dtype, Surface, SurfacePool
from reelmill.compositor.opengl.texels import Samples, Texels
from reelmill.compositor.pictures import CodedColour, Grid, Picture, chroma_grid
from reelmill.compositor.placement import Raster
from reelmill.planner.colour import ColourTags
from reelmill.planner.frame_plan import Affine
from reelmill.planner.pixel_format import PixelFormat
from reelmill.planner.source_frames import Plane, WritablePlane

Depth = Literal["codes", "fine"]
"""Whether a plane holds whole code values, as the output does, or steps finer than these."""
_ROUNDED_ROWS = 32
"""At a time, so that floats stay in a core's cache."""
MAX_FINE_BITS = 12
"""Of a code value, so that 16 bits hold at least 16 steps of each; above it planes are 32-bit floats."""


@dataclass(frozen=True, slots=True)
class PlaneFormat:
    """What is stored on planes."""

    format: PixelFormat
    """Y, U and V, or Y alone."""
    colour: ColourTags

    @property
    def passes(self) -> tuple[tuple[int, ...], ...]:
        """The planes that are painted together, for they have one size."""
        colours = range(1 if self.format.model == "gray" else 3)
        if self.format.log2_chroma_w or self.format.log2_chroma_h:
            return ((0,), (1, 2))
        return (tuple(colours),)

    def dtype(self, depth: Depth) -> Dtype:
        """Of the textures."""
        if depth == "codes":
            return "f1" if self.format.bytes_per_sample == 1 else "nu2"
        return "nu2" if self.format.bits <= MAX_FINE_BITS else "f4"

    def unit(self, depth: Depth) -> float:
        """What a texture stores for a code value of 1."""
        if depth == "codes":
            return 1 / 255 if self.format.bytes_per_sample == 1 else 1 / 65535
        return 1 / float(2**self.format.bits - 1)

    def step(self, depth: Depth) -> float:
        """What memory holds for a code value of 1, where textures are of integers."""
        return self.unit(depth) * (255 if self.dtype(depth) == "f1" else 65535)

    def grid(self, planes: tuple[int, ...], size: tuple[int, int]) -> Grid:
        """Where the pixels of a canvas of that size lie among the samples of some planes."""
        if planes[0] == 0:
            return Grid((1.0, 1.0), (0.0, 0.0), size)
        log2_w, log2_h = self.format.log2_chroma_w, self.format.log2_chroma_h
        return chroma_grid(log2_w, log2_h, self.colour.chroma_location, self.format.plane_size(1, *size))

    def raster(self, planes: tuple[int, ...], size: tuple[int, int], scale: float) -> Raster:
        """The same for painting. `scale`: pixels to a nominal pixel of the canvas."""
        grid = self.grid(planes, size)
        to_samples = Affine(a=grid.scale[0], d=grid.scale[1], e=grid.offset[0], f=grid.offset[1])
        canvas = (size[0] / scale, size[1] / scale)
        return Raster(grid.size, canvas, compose(to_samples, scaling(scale, scale)))


@dataclass(frozen=True, slots=True, eq=False)
class PlanePass:
    """Planes of one size, painted at once."""

    planes: tuple[int, ...]
    raster: Raster
    surfaces: tuple[Surface, ...]
    """Of the planes, and of the alpha at their size where the canvas keeps it."""
    framebuffer: moderngl.Framebuffer
    """Over all of the surfaces."""
    copies: tuple[Surface, ...]
    """Of the surfaces, for layers that are blended over what lies below; none where planes are finer than codes."""
    mirror: tuple[Samples, ...]
    """Arrays of the surfaces' samples, of the planes' size, for layers that are painted in memory before OpenGL goes
    on; none where it does all."""

    def clear(self, values: Sequence[float]) -> None:
        """One value for each surface."""
        for surfaces in (self.surfaces, self.copies):
            for surface, value in zip(surfaces, values, strict=False):
                surface.framebuffer.clear(value, 0.0, 0.0, 0.0)

    def write(self, index: int, samples: npt.NDArray[np.uint8], corner: tuple[int, int]) -> None:
        """Write rows of samples as they are stored, shape [height, bytes], into one plane."""
        sample_bytes = 1 if self.surfaces[index].key[3] == "f1" else 2
        height, width = samples.shape[0], samples.shape[1] // sample_bytes
        data = np.ascontiguousarray(samples).data.cast("B")
        for surfaces in (self.surfaces, self.copies):
            if surfaces:
                surfaces[index].write(data, (*corner, width, height))


@dataclass(frozen=True, slots=True, eq=False)
class PlaneCanvas:
    """All planes of a canvas."""

    format: PlaneFormat
    size: tuple[int, int]
    depth: Depth
    keeps_alpha: bool
    passes: tuple[PlanePass, ...]

    @property
    def unit(self) -> float:
        """Of textures."""
        return self.format.unit(self.depth)

    @property
    def step(self) -> float:
        """Of mirrors: what stands there for a code value of 1."""
        return self.format.step(self.depth)

    def onto(self, planes: Sequence[WritablePlane]) -> PlaneCanvas:
        """The canvas with its mirrors, if it has any, in the memory of a finished picture of the same codes."""
        passes = tuple(
            replace(each, mirror=tuple(_samples(planes[index], each.mirror[0].itemsize) for index in each.planes))
            if each.mirror
            else each
            for each in self.passes
        )
        return replace(self, passes=passes)

    def round_into(self, planes: Sequence[WritablePlane], *, passes: Sequence[bool]) -> None:
        """Round the mirrors of some passes of a canvas of finer steps to whole codes."""
        sample_bytes = self.format.format.bytes_per_sample
        for each, asked in zip(self.passes, passes, strict=True):
            for array, index in zip(each.mirror, each.planes, strict=False):
                if asked:
                    _round(array, 1 / self.step, _samples(planes[index], sample_bytes))


def _samples(plane: WritablePlane, sample_bytes: int) -> Samples:
    rows = np.frombuffer(plane.data, np.uint8, plane.stride_bytes * plane.height)
    whole: Samples = rows if sample_bytes == 1 else rows.view(np.uint16)
    return whole.reshape(plane.height, -1)[:, : plane.width]


def _round(fine: Samples, gain: float, codes: Samples) -> None:
    for start in range(0, len(fine), _ROUNDED_ROWS):
        strip = slice(start, start + _ROUNDED_ROWS)
        rows = fine[strip] * np.float32(gain)
        rows += np.float32(0.5)
        np.copyto(codes[strip], rows, casting="unsafe")


_Key = tuple[int, int, float, Depth, bool, tuple[int, ...]]


class PlaneCanvasPool:
    """Owns canvases of one format, taken or free."""

    def __init__(self, context: GLContext, surfaces: SurfacePool, format_: PlaneFormat, *, mirrored: bool) -> None:
        """`mirrored`: canvases are painted in memory as far as that goes."""
        self._context, self._surfaces = context, surfaces
        self._format = format_
        self._mirrored = mirrored
        self._free: dict[_Key, list[PlaneCanvas]] = defaultdict(list)
        self._keys: dict[PlaneCanvas, _Key] = {}

    def take(
        self,
        size: tuple[int, int],
        scale: float,
        depth: Depth,
        *,
        keeps_alpha: bool,
        widths: Sequence[int] = (),
        what: str,
    ) -> PlaneCanvas:
        """A canvas with undefined content. `size`: its pixels; `scale`: of these to a nominal pixel of the canvas.

        `widths`: of the textures of each pass, where they are to be wider than the planes.
        """
        key = (*size, scale, depth, keeps_alpha, tuple(widths))
        free = self._free[key]
        if free:
            return free.pop()
        passes = []
        for index, planes in enumerate(self._format.passes):
            raster = self._format.raster(planes, size, scale)
            width = widths[index] if widths else raster.size[0]
            count = len(planes) + keeps_alpha
            textures = [
                self._surfaces.take(width, raster.size[1], 1, self._format.dtype(depth), what=what)
                for _ in range(2 * count if depth == "codes" else count)
            ]
            surfaces, copies = tuple(textures[:count]), tuple(textures[count:])
            framebuffer = self._context.gl.framebuffer([surface.texture for surface in surfaces])
            mirror = tuple(
                np.empty((raster.size[1], raster.size[0]), np.uint8 if surface.key[3] == "f1" else np.uint16)
                for surface in (surfaces if self._mirrored and surfaces[0].key[3] in ("f1", "nu2") else ())
            )
            passes.append(PlanePass(planes, raster, surfaces, framebuffer, copies, mirror))
        canvas = PlaneCanvas(self._format, size, depth, keeps_alpha, tuple(passes))
        self._keys[canvas] = key
        return canvas

    def give(self, canvas: PlaneCanvas) -> None:
        """Hand a canvas back."""
        self._free[self._keys[canvas]].append(canvas)

    def release(self) -> None:
        """Release the framebuffers; the textures are the surface pool's."""
        self._context.rest()
        for canvas in self._keys:
            for each in canvas.passes:
                each.framebuffer.release()
        self._keys.clear()
        self._free.clear()


def canvas_picture(
    canvas: PlaneCanvas,
    pool: SurfacePool,
    width: float,
    height: float,
    scale: float,
    error: float,
    in_memory: Sequence[bool],
    *,
    readable: bool,
) -> Picture:
    """A finished canvas as a picture, which is shown by the views of `canvas_view`. The canvas keeps its textures.

    `width`, `height`: nominal size; `scale`: pixels to a nominal pixel; `error`: of its samples, code values;
    `in_memory`: for each pass, whether the mirror holds it; `readable`: planes are read back where that saves work.
    """
    colours: list[Texels] = []
    alphas: list[Texels] = []
    grids = []
    for each, mirrored in zip(canvas.passes, in_memory, strict=True):
        if mirrored:
            texels = [_of_array(array, pool) for array in each.mirror]
        else:
            texels = [Texels.of(surface, pool, readable=readable) for surface in each.surfaces]
        colours += texels[: len(each.planes)]
        alphas += texels[len(each.planes) :]
        grid = canvas.format.grid(each.planes, canvas.size)
        grids.append(Grid((grid.scale[0] * scale, grid.scale[1] * scale), grid.offset, grid.size))
    own = canvas.format
    return Picture(
        "planes",
        width,
        height,
        (*colours, *alphas),
        tuple(grids),
        opaque=not canvas.keeps_alpha,
        colour=CodedColour(own.format, own.colour) if canvas.depth == "codes" else None,
        error=error,
    )


def _of_array(array: Samples, pool: SurfacePool) -> Texels:
    height, width = array.shape
    plane = Plane(array.data.cast("B"), width * array.itemsize, width, height)
    return Texels(pool, 1, "f1" if array.itemsize == 1 else "nu2", memory=plane)


def canvas_view(picture: Picture, planes: tuple[int, ...], colours: int) -> Picture:
    """The planes of one pass of a canvas' picture, and their alpha. `colours`: planes of the canvas without alpha."""
    alpha = len(picture.planes) > colours
    second = planes[0] != 0
    return picture.view((*planes, colours + second) if alpha else planes)


def ceil_size(width: float, height: float, scale: float) -> tuple[int, int]:
    """Pixels of a canvas."""
    return math.ceil(width * scale), math.ceil(height * scale)
