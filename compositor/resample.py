"""Minification: a picture area-averaged to about its size on the canvas, by an exact box filter.

In: a picture, the region of it that is shown, and the texels that it may keep. Out: a picture with smaller planes.
Planes that are still in memory are averaged there, before they are uploaded, where a scaler is given: on a software
renderer that is many times faster than a shader.
Planes of opaque frames are averaged before conversion (both are linear, and there is less to do); each plane and axis
is reduced only where it has more texels than the canvas has pixels, and keeps its own grid otherwise.
"""

from __future__ import annotations

import math
from dataclasses import replace

from reelmill.compositor.geometry import ALMOST, Box, near_integer
from reelmill.compositor.opengl.shader_library import ShaderLibrary, Value
from reelmill.compositor.opengl.surfaces import Dtype, Surface, SurfacePool
from reelmill.compositor.opengl.texels import PixelBox, PlaneScaler, Texels
from reelmill.compositor.pictures import Grid, Picture

_SLACK = 1e-6
"""Texels by which a plane may exceed the wanted size and still not be reduced: rounding of floats."""
_ROUND_UP = 64
"""Sizes of reduced textures are multiples of this, so that an animated size finds its texture in the pool."""


class Resampler:
    """Reduces pictures. Owns nothing; what it makes belongs to the picture that it was made from."""

    def __init__(self, pool: SurfacePool, shaders: ShaderLibrary, scaler: PlaneScaler | None) -> None:
        """`scaler` takes planes that are still in memory; None leaves all to OpenGL."""
        self._pool, self._shaders, self._scaler = pool, shaders, scaler

    @property
    def in_memory(self) -> bool:
        """Whether planes are best reduced in memory."""
        return self._scaler is not None

    def reduced(self, picture: Picture, region: Box, size: tuple[int, int], render: int) -> Picture:
        """The picture with at most `size` texels for `region` (source pixels) on each axis.

        Itself where it has no more. `render`: number of the render that uses it.
        """
        if picture.layout == "solid" or not any(any(_shrinks(grid, region, size)) for grid in picture.grids):
            return picture
        key = (region, size)
        found = picture.reductions.get(key)
        result = found[1] if found else self._reduce(picture, region, size)
        picture.reductions[key] = (render, result)
        return result

    def _reduce(self, picture: Picture, region: Box, size: tuple[int, int]) -> Picture:
        planes = list(picture.planes)
        grids = []
        for number, grid in enumerate(picture.grids):
            if not any(_shrinks(grid, region, size)):
                grids.append(grid)
                continue
            own = [i for i in range(len(planes)) if number == (1 if len(picture.grids) > 1 and i in (1, 2) else 0)]
            scaled = self._scaled([planes[i] for i in own], grid, region, size)
            if scaled is None:
                surfaces = [self._reduce_surface(planes[i].surface, grid, region, size) for i in own]
                scaled = [Texels.of(surface, self._pool) for surface in surfaces], _reduced_grid(grid, region, size)
            for i, texels in zip(own, scaled[0], strict=True):
                planes[i] = texels
            grids.append(scaled[1])
        return replace(picture, planes=tuple(planes), grids=tuple(grids), reductions={}, views={})

    def _scaled(
        self, planes: list[Texels], grid: Grid, region: Box, size: tuple[int, int]
    ) -> tuple[list[Texels], Grid] | None:
        """Planes in memory, scaled there, whole texels of them; None where OpenGL has to do it."""
        if self._scaler is None:
            return None
        spans = [_whole_texels(grid, axis, region) for axis in (0, 1)]
        (left, right), (top, bottom) = spans
        if right <= left or bottom <= top:
            return None
        box: PixelBox = (left, top, right - left, bottom - top)
        lengths = (region.width * grid.scale[0], region.height * grid.scale[1])
        wanted = [
            max(math.ceil((end - start) * size[axis] / lengths[axis] - ALMOST), 1) if shrinks else end - start
            for axis, ((start, end), shrinks) in enumerate(zip(spans, _shrinks(grid, region, size), strict=True))
        ]
        target = (wanted[0], wanted[1])
        found = []
        for texels in planes:
            if texels.memory is None:
                return None
            scaled = self._scaler(
                texels.memory, box, target, components=texels.components, sample_bytes=texels.sample_bytes
            )
            if scaled is None:
                return None
            found.append(Texels(self._pool, texels.components, texels.dtype, memory=scaled))
        scale, offset = list(grid.scale), list(grid.offset)
        for axis, (start, end) in enumerate(spans):
            ratio = target[axis] / (end - start)
            scale[axis] = grid.scale[axis] * ratio
            offset[axis] = (grid.offset[axis] - start) * ratio
        return found, Grid((scale[0], scale[1]), (offset[0], offset[1]), target)

    def _reduce_surface(self, surface: Surface, grid: Grid, region: Box, size: tuple[int, int]) -> Surface:
        """In one pass where whole texels come together; else rows first: neighbours in a row are fetched together."""
        across, down = _shrinks(grid, region, size)
        left, right = grid.texel(0, region.left), grid.texel(0, region.right)
        top, bottom = grid.texel(1, region.top), grid.texel(1, region.bottom)
        if across and down:
            wide, high = round(right) - round(left), round(bottom) - round(top)
            aligned = all(near_integer(n) for n in (left, top, right, bottom))
            if aligned and wide % size[0] == 0 and high % size[1] == 0:
                block = (wide // size[0], high // size[1])
                return self._blocks(surface, (round(left), round(top)), block, size)
        columns, rows = grid.size
        first = 0
        result = surface
        if down:
            if across:  # only the columns that the second pass reads
                first = max(math.floor(left), 0)
                columns = min(math.ceil(right), columns) - first
            result = self._pass(result, 1, (columns, size[1]), (top, bottom), grid.size[1], first)
            rows = size[1]
        if across:
            between = result
            result = self._pass(between, 0, (size[0], rows), (left - first, right - first), columns, 0)
            if between is not surface:
                self._pool.give(between)
        return result

    def _blocks(
        self, source: Surface, origin: tuple[int, int], block: tuple[int, int], size: tuple[int, int]
    ) -> Surface:
        """Average blocks of whole texels, from `origin` on."""
        target = self._target(source, size)
        gather = source.key[2] == 1 and block[0] % 2 == 0 and block[1] % 2 == 0
        shader = self._shaders.shader("reduce_blocks.glsl", {"GATHER": 1} if gather else {})
        uniforms: dict[str, Value] = {"origin": origin, "block": block, "size": (1 / source.width, 1 / source.height)}
        shader.draw(target.framebuffer, Box(0, 0, *size).corners, uniforms, {"source": source.texture})
        return target

    def _target(self, source: Surface, size: tuple[int, int]) -> Surface:
        width, height = (-(-n // _ROUND_UP) * _ROUND_UP for n in size)
        components, dtype = source.key[2], source.key[3]
        kept: Dtype = "nu2" if dtype == "f1" else dtype
        return self._pool.take(width, height, 4 if components == 3 else components, kept, what="an area average")

    def _pass(
        self, source: Surface, axis: int, size: tuple[int, int], span: tuple[float, float], texels: int, other: int
    ) -> Surface:
        """Average texels `span` of one axis to size[axis]; `other` is the first one taken of the other axis."""
        target = self._target(source, size)
        shader = self._shaders.shader("reduce.glsl", {"AXIS": axis})
        uniforms: dict[str, Value] = {
            "start": span[0],
            "step_": (span[1] - span[0]) / size[axis],
            "last": texels - 1,
            "other": other,
        }
        corners = Box(0, 0, *size).corners
        shader.draw(target.framebuffer, corners, uniforms, {"source": source.texture})
        return target


def _shrinks(grid: Grid, region: Box, size: tuple[int, int]) -> tuple[bool, bool]:
    """Per axis, whether the region has more texels than wanted."""
    return (
        region.width * grid.scale[0] > size[0] + _SLACK,
        region.height * grid.scale[1] > size[1] + _SLACK,
    )


def _whole_texels(grid: Grid, axis: int, region: Box) -> tuple[int, int]:
    """The texels that lie in the region for the most part; of the plane's own at most."""
    start, end = ((region.left, region.right), (region.top, region.bottom))[axis]
    return max(round(grid.texel(axis, start)), 0), min(round(grid.texel(axis, end)), grid.size[axis])


def _reduced_grid(grid: Grid, region: Box, size: tuple[int, int]) -> Grid:
    starts, lengths = (region.left, region.top), (region.width, region.height)
    scale, offset, texels = list(grid.scale), list(grid.offset), list(grid.size)
    for axis, shrinks in enumerate(_shrinks(grid, region, size)):
        if shrinks:
            scale[axis] = size[axis] / lengths[axis]
            offset[axis] = -starts[axis] * scale[axis]
            texels[axis] = size[axis]
    return Grid((scale[0], scale[1]), (offset[0], offset[1]), (texels[0], texels[1]))
