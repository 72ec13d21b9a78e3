"""How much of each pixel a figure covers: exact areas, for figures made of straight edges.

In: closed contours. Out: coverage, a number from 0 to 1 for every pixel. A figure is everything about which its
contours wind (the nonzero rule), so a union is simply the contours of all parts, wound the same way. Pure functions.

Each band of rows is cut into slabs, at every corner and at least eight to a pixel, so that an edge crosses a slab
whole or not at all. In a slab edges are sorted, those between which the winding number is not 0 bound the figure,
and what lies to their right is summed pixel by pixel as trapezoids. Only where edges cross inside of a slab is the
result not exact, by less than the slab's share.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Contour = NDArray[np.float64]
"""[corners, 2]: x, y in pixels; the last corner is joined to the first."""
_SLABS_PER_PIXEL = 8
_BAND_ROWS = 64
_MAX_CROSSINGS = 2_000_000
"""Of edges and slabs that are worked on at a time, but for what one row of pixels needs."""


def coverage(contours: Sequence[Contour], box: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """[height, width] of the box (left, top, right, bottom), in which all contours must lie."""
    left, top, right, bottom = box
    result = np.zeros((bottom - top, right - left), np.float32)
    edges = _edges(contours) - np.array([left, top, left, top])
    winds = np.where(edges[:, 3] > edges[:, 1], 1, -1)
    edges[winds < 0] = edges[winds < 0][:, [2, 3, 0, 1]]
    for start in range(0, len(result), _BAND_ROWS):
        _cover(result[start : start + _BAND_ROWS], edges, winds, start)
    return result


def _edges(contours: Sequence[Contour]) -> NDArray[np.float64]:
    """[edges, 4]: x, y of both ends; level edges bound no area to their right and are left out."""
    parts = [np.hstack((contour, np.roll(contour, -1, axis=0))) for contour in contours if len(contour) > 1]
    edges: NDArray[np.float64] = np.concatenate(parts) if parts else np.zeros((0, 4))
    return np.asarray(edges[edges[:, 1] != edges[:, 3]])


def _cover(rows: NDArray[np.float32], edges: NDArray[np.float64], winds: NDArray[np.int64], start: int) -> None:
    """Fill in rows from number `start` on, from edges that run downwards and wind by `winds`."""
    height, width = rows.shape
    here = (edges[:, 3] > start) & (edges[:, 1] < start + height)
    if not here.any():
        return
    edges, winds = edges[here], winds[here]
    x0, y0, x1, y1 = edges.T
    grid = np.arange(height * _SLABS_PER_PIXEL + 1) / _SLABS_PER_PIXEL + start
    corners = np.concatenate((y0, y1))
    cuts = np.unique(np.concatenate((grid, corners[(corners > start) & (corners < start + height)])))
    middles = (cuts[:-1] + cuts[1:]) / 2
    # Every pair of an edge and a slab that it crosses.
    first, last = np.searchsorted(middles, y0), np.searchsorted(middles, y1)
    counts = last - first
    if height > 1 and counts.sum() > _MAX_CROSSINGS:
        _cover(rows[: height // 2], edges, winds, start)
        _cover(rows[height // 2 :], edges, winds, start + height // 2)
        return
    edge = np.repeat(np.arange(len(edges)), counts)
    slab = np.arange(len(edge)) + np.repeat(first - np.cumsum(counts) + counts, counts)
    slope = (x1 - x0) / (y1 - y0)
    order = np.lexsort((x0[edge] + (middles[slab] - y0[edge]) * slope[edge], slab))
    edge, slab = edge[order], slab[order]
    # Contours are closed, so the winding number is 0 again at the end of each slab.
    after = np.cumsum(winds[edge])
    enters = (after != 0).astype(np.int8) - (after - winds[edge] != 0)
    bounds = enters != 0
    edge, slab, sign = edge[bounds], slab[bounds], enters[bounds].astype(np.float64)
    upper = x0[edge] + (cuts[slab] - y0[edge]) * slope[edge]
    lower = x0[edge] + (cuts[slab + 1] - y0[edge]) * slope[edge]
    row = np.floor(middles[slab]).astype(np.int64) - start
    area = sign * (cuts[slab + 1] - cuts[slab])
    sums = _right_of(upper, lower, row, area, (height, width))
    rows[:] = np.clip(np.cumsum(sums, axis=1)[:, :width], 0, 1)


def _right_of(
    upper: NDArray[np.float64],
    lower: NDArray[np.float64],
    row: NDArray[np.int64],
    area: NDArray[np.float64],
    shape: tuple[int, int],
) -> NDArray[np.float64]:
    """Sums whose running total along a row is the area to the right of all edges; an edge is split by its pixels."""
    low, high = np.minimum(upper, lower), np.maximum(upper, lower)
    low, high = np.clip(low, 0, shape[1]), np.clip(high, 0, shape[1])
    first = np.floor(low).astype(np.int64)
    counts = np.floor(high).astype(np.int64) - first + 1
    part = np.repeat(np.arange(len(low)), counts)
    column = np.arange(len(part)) + np.repeat(first - np.cumsum(counts) + counts, counts)
    begin, end = np.maximum(low[part], column), np.minimum(high[part], column + 1)
    length = (high - low)[part]
    share = np.divide(end - begin, length, out=np.ones_like(length), where=length > 0)
    amount = area[part] * share
    inside = amount * (column + 1 - (begin + end) / 2)
    stride = shape[1] + 2
    index = row[part] * stride + column
    size = shape[0] * stride
    sums = np.asarray(np.bincount(index, inside, size) + np.bincount(index + 1, amount - inside, size), np.float64)
    return sums.reshape(shape[0], stride)
