"""Which texels lie under the pixels of a target, axis by axis, for layers that lie upright. Pure arithmetic.

In: a placement and the picture's grid. Out: for each axis the pixels that the layer lies on, the texels that they
show, and how much of each pixel lies inside of the layer's edges. It is what the vertex shader and sampling.glsl work
out for each fragment. What lies still is worked out once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import cast

import numpy as np
import numpy.typing as npt

from reelmill.compositor.geometry import ALMOST, is_upright, near_integer
from reelmill.compositor.pictures import Grid
from reelmill.compositor.placement import Placement, first_grid_map


@dataclass(frozen=True, slots=True, eq=False)
class SampleAxis:
    """The pixels of a target that a picture lies on, along one axis."""

    start: int
    """The first of them."""
    texels: npt.NDArray[np.intp]
    """For each pixel the first of the two texels that its centre lies between."""
    weights: npt.NDArray[np.float32] | None
    """Of the second of the two; None where all are 0."""
    cover: npt.NDArray[np.float32] | None
    """Share of each pixel inside of the picture's edges; None where it is 1."""
    least: int
    """The texels that exist: those beyond count as copies of the outermost."""
    most: int
    pieces: tuple[tuple[slice, int], ...] = field(init=False)
    """Stretches in which texels follow one another as pixels do: pixels, counted from the first, and first texel."""
    first: int = field(init=False)
    """The first texel that is looked at."""
    last: int = field(init=False)

    def __post_init__(self) -> None:
        some = len(self.texels) > 0
        object.__setattr__(self, "pieces", _pieces(self.texels))
        object.__setattr__(self, "first", int(self.texels.min()) if some else 0)
        object.__setattr__(self, "last", (int(self.texels.max()) if some else 0) + (self.weights is not None))

    @property
    def count(self) -> int:
        return len(self.texels)

    @property
    def as_it_is(self) -> bool:
        """Each pixel shows one existing texel, all of it."""
        inside = self.first >= self.least and self.last <= self.most
        return len(self.pieces) == 1 and self.weights is None and self.cover is None and inside

    def part(self, pixels: slice) -> SampleAxis:
        """Some of the pixels."""
        weights = None if self.weights is None else self.weights[pixels]
        cover = None if self.cover is None else self.cover[pixels]
        return SampleAxis(
            self.start + pixels.start, self.texels[pixels], weights, cover, least=self.least, most=self.most
        )


@lru_cache(maxsize=256)
def strips(axis: SampleAxis, pixels: int) -> tuple[SampleAxis, ...]:
    """An axis in parts of so many pixels; the last may have less."""
    return tuple(axis.part(slice(at, min(at + pixels, axis.count))) for at in range(0, axis.count, pixels))


@lru_cache(maxsize=256)
def picture_axes(placement: Placement, grid: Grid) -> tuple[SampleAxis, SampleAxis] | None:
    """The axes of a picture of one grid; None where it is turned."""
    to_texel, bounds = first_grid_map(placement, grid)
    if max(abs(to_texel.b), abs(to_texel.c)) > 1e-9 * max(abs(to_texel.a), abs(to_texel.d)):
        return None
    pixels, cover = _pixels(placement), _covers(placement)
    return (
        _axis(pixels[0], cover[0], (to_texel.a, to_texel.e), (bounds.left, bounds.right), grid.size[0]),
        _axis(pixels[1], cover[1], (to_texel.d, to_texel.f), (bounds.top, bounds.bottom), grid.size[1]),
    )


@lru_cache(maxsize=64)
def target_axes(placement: Placement) -> tuple[SampleAxis, SampleAxis] | None:
    """The axes of what looks the same everywhere; None where its edges are turned."""
    if not is_upright(placement.to_source):
        return None
    pixels, cover = _pixels(placement), _covers(placement)
    whole = (1.0, 0.0), (-math.inf, math.inf), 0
    return _axis(pixels[0], cover[0], *whole), _axis(pixels[1], cover[1], *whole)


def _pixels(placement: Placement) -> tuple[range, range]:
    """Those whose centres lie in what is drawn."""
    box = placement.visible
    return (
        range(math.ceil(box.left - 0.5), math.ceil(box.right - 0.5)),
        range(math.ceil(box.top - 0.5), math.ceil(box.bottom - 0.5)),
    )


_Cover = npt.NDArray[np.float32] | None


def _covers(placement: Placement) -> tuple[_Cover, _Cover]:
    """Per axis, coverage between the two edges as planes.glsl has it."""
    if placement.edges is None:
        return None, None
    length = cast(Sequence[float], placement.edges["edge_size"])
    found: list[_Cover] = []
    for axis, name in enumerate(("edge_x", "edge_y")):
        pixels = _pixels(placement)[axis]
        offset = cast(Sequence[float], placement.edges[name])[2]
        inside = np.arange(pixels.start, pixels.stop) + 0.5 + offset
        cover = np.clip(inside + 0.5, 0, 1) + np.clip(length[axis] - inside + 0.5, 0, 1) - 1
        found.append(None if (cover > 1 - ALMOST).all() else np.maximum(cover, 0).astype(np.float32))
    return found[0], found[1]


def _axis(
    pixels: range, cover: _Cover, map_: tuple[float, float], bounds: tuple[float, float], size: int
) -> SampleAxis:
    """`map_`: scale and offset from pixel to texel positions; `bounds`: of the positions that may be asked for."""
    low, high = bounds[0] - 0.5, bounds[1] - 0.5
    position = (np.arange(pixels.start, pixels.stop) + 0.5) * map_[0] + map_[1] - 0.5
    whole = np.rint(position)
    position = np.where(np.abs(position - whole) < ALMOST, whole, position)
    least, most = 0, size - 1
    if math.isinf(low):
        least, most = pixels.start, pixels.stop
    elif (
        len(pixels)
        and near_integer(low)
        and near_integer(high)
        and low - 1 < position.min()
        and position.max() < high + 1
    ):
        least, most = round(low), round(high)  # beyond them copies do what clamping would, and keep texels in a row
    else:
        position = np.clip(position, low, high)
    texels = np.floor(position).astype(np.intp)
    weights = (position - texels).astype(np.float32)
    return SampleAxis(pixels.start, texels, weights if weights.any() else None, cover, least=least, most=most)


def _pieces(texels: npt.NDArray[np.intp]) -> tuple[tuple[slice, int], ...]:
    bounds = [0, *(np.flatnonzero(np.diff(texels) != 1) + 1).tolist(), len(texels)]
    return tuple((slice(start, stop), int(texels[start])) for start, stop in pairwise(bounds) if start < stop)
