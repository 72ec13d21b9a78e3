"""Where a layer's picture lies on its target, and how target pixels map to the picture's texels. Pure arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from reelmill.compositor.geometry import (
    ALMOST,
    Box,
    bounding_box,
    compose,
    invert,
    is_upright,
    map_box,
    near_integer,
    pixel_exact,
    scaling,
)
from reelmill.compositor.opengl.shader_library import Value
from reelmill.compositor.pictures import Grid, Picture
from reelmill.planner.frame_plan import Affine, Layer, Rect
from reelmill.planner.media import Orientation

_BEYOND = 0.51
"""Target pixels that a quad with antialiased edges is grown by: coverage ends half a pixel outside."""


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """A picture on a target. What stays where it was has the same one, so that what follows from it can be held."""

    to_source: Affine
    """Target pixels → source positions."""
    region: Box
    """What of the source is shown."""
    size: tuple[int, int]
    """Pixels that the region takes on the target along the source's two axes, rounded up: texels that are enough."""
    corners: tuple[tuple[float, float], ...]
    """What has to be drawn, target pixels."""
    visible: Box
    """What of the corners' bounding box lies on the target."""
    edges: dict[str, Value] | None
    """Uniforms of the antialiased edges; None where every edge lies between pixels or off the target."""
    covers: bool
    """Every pixel of the target lies wholly inside."""


_STEPS = 32
"""Sizes between one and its double that pictures which zoom are reduced to."""


@dataclass(frozen=True, slots=True)
class Raster:
    """The pixels that a canvas is painted on: all of it scaled, or the samples of subsampled planes."""

    size: tuple[int, int]
    """Width and height."""
    canvas: tuple[float, float]
    """Size of the canvas, canvas pixels."""
    from_canvas: Affine
    """Canvas pixels → pixels of the raster; scales and moves."""

    @classmethod
    def scaled(cls, size: tuple[int, int], scale: float) -> Raster:
        """`scale` pixels to a canvas pixel. The size may be rounded up."""
        return cls(size, (size[0] / scale, size[1] / scale), scaling(scale, scale))


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What of a layer and of its picture decides where it lies."""

    matrix: Affine
    """From pixels of the fitted picture to canvas pixels."""
    part: Rect
    """What of the displayed picture fills the fitted one."""
    width: float
    """Of the fitted picture, canvas pixels."""
    height: float
    stored: tuple[float, float]
    """Size of the picture, before orientation."""
    orientation: Orientation
    extent: Box | None
    zooms: bool


def place(layer: Layer, picture: Picture, raster: Raster) -> Placement | None:
    """Place a layer; None where nothing shows. The same again for what lies where it lay before."""
    stored = (picture.width, picture.height)
    return _place(
        _Fitted(
            layer.matrix,
            layer.part,
            layer.width,
            layer.height,
            stored,
            picture.orientation,
            picture.extent,
            layer.zooms,
        ),
        raster,
    )


@lru_cache(maxsize=512)
def _place(fitted: _Fitted, raster: Raster) -> Placement | None:
    to_target = compose(raster.from_canvas, fitted.matrix)
    inverse = invert(to_target)
    if inverse is None or fitted.width <= 0 or fitted.height <= 0:
        return None
    local = _local_box(fitted)
    to_stored = _local_to_stored(fitted)
    unit_x, unit_y = math.hypot(to_target.a, to_target.b), math.hypot(to_target.c, to_target.d)
    length_x, length_y = unit_x * local.width, unit_y * local.height
    if length_x <= 0 or length_y <= 0:
        return None
    target = Box(0, 0, *raster.size)
    upright = is_upright(to_target)
    box = map_box(to_target, local)
    edges: dict[str, Value] | None = None
    if upright:
        box = _open_at_border(box, raster)
        sharp = _sharp_edges(box, raster.size)
        if not sharp:
            edges = {
                "edge_x": (1.0, 0.0, -box.left),
                "edge_y": (0.0, 1.0, -box.top),
                "edge_size": (box.width, box.height),
            }
            box = box.grown(_BEYOND)
        visible = box.within(target)
        corners = visible.corners
    else:
        sharp = False
        edges = {
            "edge_x": (inverse.a * unit_x, inverse.c * unit_x, (inverse.e - local.left) * unit_x),
            "edge_y": (inverse.b * unit_y, inverse.d * unit_y, (inverse.f - local.top) * unit_y),
            "edge_size": (length_x, length_y),
        }
        x, y = _BEYOND / unit_x, _BEYOND / unit_y
        grown = Box(local.left - x, local.top - y, local.right + x, local.bottom + y)
        corners = tuple(to_target.apply(x, y) for x, y in grown.corners)
        visible = bounding_box(corners).within(target)
    if visible.width <= 0 or visible.height <= 0:
        return None
    size = (_texels(length_x, zooms=fitted.zooms), _texels(length_y, zooms=fitted.zooms))
    return Placement(
        to_source=compose(to_stored, inverse),
        region=map_box(to_stored, local),
        size=(size[1], size[0]) if fitted.orientation.quarter_turns % 2 else size,
        corners=corners,
        visible=visible,
        edges=edges,
        covers=sharp and _covers(box, raster.size),
    )


def sampling(placement: Placement, picture: Picture) -> tuple[dict[str, Value], dict[str, str | int]]:
    """Uniforms that take target pixels to texels, and the defines of sampling.glsl that follow: EXACT, CLAMPED."""
    uniforms: dict[str, Value] = {}
    defines: dict[str, str | int] = {}
    centres = placement.visible.grown(-0.5)
    for index, grid in enumerate(picture.grids):
        to_texel = _grid_map(placement, grid)
        if index == 0 and (rounded := pixel_exact(to_texel)) is not None:
            defines["EXACT"] = 1
            to_texel = rounded
        bounds = _texel_bounds(grid, picture.grids[0], placement.region)
        texture = picture.planes[index].width, picture.planes[index].height
        if not _within(map_box(to_texel, centres), bounds, texture, edge_clamps=picture.layout == "planes"):
            defines["CLAMPED"] = 1
        uniforms.update(grid_uniforms(index, to_texel, bounds, texture))
    return uniforms, defines


def first_grid_map(placement: Placement, grid: Grid) -> tuple[Affine, Box]:
    """Target pixels → texels of a picture's first grid, and the texel positions that may be asked for.

    Where pixels fall on texels, bounds are those of the texels' centres, for no filter looks farther.
    """
    to_texel, bounds = _grid_map(placement, grid), _texel_bounds(grid, grid, placement.region)
    exact = pixel_exact(to_texel)
    if exact is None:
        return to_texel, bounds
    centres = (math.floor(edge) + 0.5 for edge in (bounds.left, bounds.top, bounds.right, bounds.bottom))
    return exact, Box(*centres)


def grid_uniforms(index: int, to_texel: Affine, bounds: Box, texture: tuple[int, int]) -> dict[str, Value]:
    """The uniforms of one grid. Shaders count from texel centres, so half a texel goes off."""
    return {
        f"texel_x{index}": (to_texel.a, to_texel.c, to_texel.e - 0.5),
        f"texel_y{index}": (to_texel.b, to_texel.d, to_texel.f - 0.5),
        f"bounds{index}": (bounds.left - 0.5, bounds.top - 0.5, bounds.right - 0.5, bounds.bottom - 0.5),
        f"size{index}": (1 / texture[0], 1 / texture[1]),
    }


def _grid_map(placement: Placement, grid: Grid) -> Affine:
    return compose(Affine(grid.scale[0], 0, 0, grid.scale[1], *grid.offset), placement.to_source)


def _texels(length: float, *, zooms: bool) -> int:
    """As many as are enough for a length in pixels; in steps, where frames of nearly the same size come after it."""
    enough = math.ceil(length - ALMOST) or 1
    if not zooms:
        return enough
    step = max((1 << enough.bit_length() - 1) // _STEPS, 1)
    return -(-enough // step) * step


def _local_box(fitted: _Fitted) -> Box:
    """The fitted picture, grown by what a drawn picture has outside of its nominal size on sides that are not cut."""
    box = Box(0.0, 0.0, fitted.width, fitted.height)
    extent, part = fitted.extent, fitted.part
    if extent is None:
        return box
    width, height = fitted.stored
    x = fitted.width / ((part.right - part.left) * width)
    y = fitted.height / ((part.bottom - part.top) * height)
    return Box(
        extent.left * x if part.left <= 0 else 0.0,
        extent.top * y if part.top <= 0 else 0.0,
        fitted.width + (extent.right - width) * x if part.right >= 1 else fitted.width,
        fitted.height + (extent.bottom - height) * y if part.bottom >= 1 else fitted.height,
    )


def _local_to_stored(fitted: _Fitted) -> Affine:
    """Pixels of the fitted picture → pixels of the stored one."""
    part = fitted.part
    displayed = Affine(
        a=(part.right - part.left) / fitted.width, d=(part.bottom - part.top) / fitted.height, e=part.left, f=part.top
    )
    return compose(scaling(*fitted.stored), compose(_unturned(fitted.orientation), displayed))


def _unturned(orientation: Orientation) -> Affine:
    """Fractions of the displayed picture → fractions of the stored one, which was mirrored, then turned clockwise."""
    turns = {
        0: Affine(),
        1: Affine(a=0, b=-1, c=1, d=0, f=1),
        2: Affine(a=-1, d=-1, e=1, f=1),
        3: Affine(a=0, b=1, c=-1, d=0, e=1),
    }
    back = turns[orientation.quarter_turns]
    return compose(Affine(a=-1, e=1), back) if orientation.mirrored else back


def _open_at_border(box: Box, raster: Raster) -> Box:
    """The box without the edges that lie on or outside of the canvas: samples next to them are covered wholly."""
    canvas = invert(raster.from_canvas)
    assert canvas is not None
    left, top = canvas.apply(box.left, box.top)
    right, bottom = canvas.apply(box.right, box.bottom)
    width, height = raster.canvas
    return Box(
        min(box.left, -1.0) if left < ALMOST else box.left,
        min(box.top, -1.0) if top < ALMOST else box.top,
        max(box.right, raster.size[0] + 1.0) if right > width - ALMOST else box.right,
        max(box.bottom, raster.size[1] + 1.0) if bottom > height - ALMOST else box.bottom,
    )


def _sharp_edges(box: Box, target: tuple[int, int]) -> bool:
    """Whether no edge of an upright box goes through a pixel of the target."""
    return (
        (near_integer(box.left) or box.left < 0)
        and (near_integer(box.top) or box.top < 0)
        and (near_integer(box.right) or box.right > target[0])
        and (near_integer(box.bottom) or box.bottom > target[1])
    )


def _covers(box: Box, target: tuple[int, int]) -> bool:
    return box.left < ALMOST and box.top < ALMOST and box.right > target[0] - ALMOST and box.bottom > target[1] - ALMOST


def _texel_bounds(grid: Grid, first: Grid, region: Box) -> Box:
    """The texel positions of a grid that the region's outermost texel centres of the first grid fall on."""
    starts, ends = (region.left, region.top), (region.right, region.bottom)
    least, most = [0.0, 0.0], [0.0, 0.0]
    for axis in (0, 1):
        half = 0.5 / first.scale[axis]
        low, high = starts[axis] + half, ends[axis] - half
        if low > high:
            low = high = (low + high) / 2
        top = grid.size[axis] - 0.5
        least[axis] = min(max(grid.texel(axis, low), 0.5), top)
        most[axis] = min(max(grid.texel(axis, high), 0.5), top)
    return Box(least[0], least[1], most[0], most[1])


def _within(asked: Box, bounds: Box, texture: tuple[int, int], *, edge_clamps: bool) -> bool:
    """Whether no position that is asked for needs to be clamped. Gathers of planes clamp at a texture's own edge."""
    beyond = 1.0 if edge_clamps else 0.0
    left = beyond if bounds.left <= 0.5 else 0.0
    top = beyond if bounds.top <= 0.5 else 0.0
    right = beyond if bounds.right >= texture[0] - 0.5 else 0.0
    bottom = beyond if bounds.bottom >= texture[1] - 0.5 else 0.0
    return (
        asked.left >= bounds.left - left - ALMOST
        and asked.top >= bounds.top - top - ALMOST
        and asked.right <= bounds.right + right + ALMOST
        and asked.bottom <= bounds.bottom + bottom + ALMOST
    )
