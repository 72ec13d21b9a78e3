"""Minification: a picture area-averaged to about its size on the canvas, by an exact box filter.

In: a picture, the region of it that is shown, and the texels that it may keep. Out: a picture with smaller planes.
Planes of opaque frames are averaged before conversion (both are linear, and there is less to do); each plane and axis
is reduced only where it has more texels than the canvas has pixels, and keeps its own grid otherwise.
"""

from __future__ import annotations

import math
from dataclasses import replace

from compositor.geometry import Box, near_integer
from compositor.pictures import Grid, Picture
from compositor.shader_library import ShaderLibrary, Value
from compositor.surfaces import Dtype, Surface, SurfacePool

_SLACK = 1e-6
"""Texels by which a plane may exceed the wanted size and still not be reduced: rounding of floats."""
_ROUND_UP = 64
"""Sizes of reduced textures are multiples of this, so that an animated size finds its texture in the pool."""


def reduced(
    picture: Picture, region: Box, size: tuple[int, int], pool: SurfacePool, shaders: ShaderLibrary, render: int
) -> Picture:
    """The picture with at most `size` texels for `region` (source pixels) on each axis; itself where it has no more."""
    if picture.layout == "solid" or not any(any(_shrinks(grid, region, size)) for grid in picture.grids):
        return picture
    key = (region, size)
    found = picture.reductions.get(key)
    result = found[1] if found else _reduce(picture, region, size, pool, shaders)
    picture.reductions[key] = (render, result)
    return result


def _shrinks(grid: Grid, region: Box, size: tuple[int, int]) -> tuple[bool, bool]:
    """Per axis, whether the region has more texels than wanted."""
    return (
        region.width * grid.scale[0] > size[0] + _SLACK,
        region.height * grid.scale[1] > size[1] + _SLACK,
    )


def _reduce(picture: Picture, region: Box, size: tuple[int, int], pool: SurfacePool, shaders: ShaderLibrary) -> Picture:
    chroma = len(picture.grids) > 1
    surfaces = tuple(
        _reduce_surface(surface, picture.grids[1 if chroma and index in (1, 2) else 0], region, size, pool, shaders)
        for index, surface in enumerate(picture.surfaces)
    )
    grids = tuple(_reduce_grid(grid, region, size) for grid in picture.grids)
    return replace(picture, surfaces=surfaces, grids=grids, reductions={})


def _reduce_grid(grid: Grid, region: Box, size: tuple[int, int]) -> Grid:
    starts, lengths = (region.left, region.top), (region.width, region.height)
    scale, offset, texels = list(grid.scale), list(grid.offset), list(grid.size)
    for axis, shrinks in enumerate(_shrinks(grid, region, size)):
        if shrinks:
            scale[axis] = size[axis] / lengths[axis]
            offset[axis] = -starts[axis] * scale[axis]
            texels[axis] = size[axis]
    return Grid((scale[0], scale[1]), (offset[0], offset[1]), (texels[0], texels[1]))


def _reduce_surface(
    surface: Surface, grid: Grid, region: Box, size: tuple[int, int], pool: SurfacePool, shaders: ShaderLibrary
) -> Surface:
    """In one pass where whole texels come together; else rows first, since neighbours in a row are fetched together."""
    across, down = _shrinks(grid, region, size)
    left, right = grid.texel(0, region.left), grid.texel(0, region.right)
    top, bottom = grid.texel(1, region.top), grid.texel(1, region.bottom)
    if across and down:
        wide, high = round(right) - round(left), round(bottom) - round(top)
        aligned = all(near_integer(n) for n in (left, top, right, bottom))
        if aligned and wide % size[0] == 0 and high % size[1] == 0:
            block = (wide // size[0], high // size[1])
            return _blocks(surface, (round(left), round(top)), block, size, pool, shaders)
    columns, rows = grid.size
    first = 0
    result = surface
    if down:
        if across:  # only the columns that the second pass reads
            first = max(math.floor(left), 0)
            columns = min(math.ceil(right), columns) - first
        result = _pass(result, 1, (columns, size[1]), (top, bottom), grid.size[1], first, pool, shaders)
        rows = size[1]
    if across:
        between = result
        result = _pass(between, 0, (size[0], rows), (left - first, right - first), columns, 0, pool, shaders)
        if between is not surface:
            pool.give(between)
    return result


def _blocks(
    source: Surface,
    origin: tuple[int, int],
    block: tuple[int, int],
    size: tuple[int, int],
    pool: SurfacePool,
    shaders: ShaderLibrary,
) -> Surface:
    """Average blocks of whole texels, from `origin` on."""
    target = _target(source, size, pool)
    gather = source.key[2] == 1 and block[0] % 2 == 0 and block[1] % 2 == 0
    shader = shaders.shader("reduce_blocks.glsl", {"GATHER": 1} if gather else {})
    uniforms: dict[str, Value] = {"origin": origin, "block": block, "size": (1 / source.width, 1 / source.height)}
    shader.draw(target.framebuffer, Box(0, 0, *size).corners, uniforms, {"source": source.texture})
    return target


def _target(source: Surface, size: tuple[int, int], pool: SurfacePool) -> Surface:
    width, height = (-(-n // _ROUND_UP) * _ROUND_UP for n in size)
    components, dtype = source.key[2], source.key[3]
    kept: Dtype = "nu2" if dtype == "f1" else dtype
    return pool.take(width, height, 4 if components == 3 else components, kept, what="an area average")


def _pass(
    source: Surface,
    axis: int,
    size: tuple[int, int],
    span: tuple[float, float],
    texels: int,
    other: int,
    pool: SurfacePool,
    shaders: ShaderLibrary,
) -> Surface:
    """Average texels `span` of one axis to size[axis]; `other` is the first one taken of the other axis."""
    target = _target(source, size, pool)
    shader = shaders.shader("reduce.glsl", {"AXIS": axis})
    uniforms: dict[str, Value] = {
        "start": span[0],
        "step_": (span[1] - span[0]) / size[axis],
        "last": texels - 1,
        "other": other,
    }
    corners = Box(0, 0, *size).corners
    shader.draw(target.framebuffer, corners, uniforms, {"source": source.texture})
    return target
