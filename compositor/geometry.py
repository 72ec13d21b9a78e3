"""Arithmetic of plane affine maps, in double precision. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reelmill.planner.frame_plan import Affine

ALMOST = 1e-5
"""Pixels. Differences below it are rounding of the plan's floats: no weight of a filter sees them."""


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle, pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def grown(self, by: float) -> Box:
        """Every edge moved outwards."""
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def within(self, other: Box) -> Box:
        """The part of it inside another box; of negative size where they don't meet."""
        return Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    @property
    def whole_pixels(self) -> Box:
        """The pixels that it touches."""
        return Box(math.floor(self.left), math.floor(self.top), math.ceil(self.right), math.ceil(self.bottom))

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """In the order of a triangle strip."""
        return (
            (self.left, self.top),
            (self.right, self.top),
            (self.left, self.bottom),
            (self.right, self.bottom),
        )


def compose(outer: Affine, inner: Affine) -> Affine:
    """The map that applies `inner` first."""
    return Affine(
        outer.a * inner.a + outer.c * inner.b,
        outer.b * inner.a + outer.d * inner.b,
        outer.a * inner.c + outer.c * inner.d,
        outer.b * inner.c + outer.d * inner.d,
        *outer.apply(inner.e, inner.f),
    )


def invert(map_: Affine) -> Affine | None:
    """The inverse; None where the map flattens the plane."""
    determinant = map_.a * map_.d - map_.b * map_.c
    if abs(determinant) < 1e-12 or not math.isfinite(determinant):
        return None
    a, b = map_.d / determinant, -map_.b / determinant
    c, d = -map_.c / determinant, map_.a / determinant
    return Affine(a, b, c, d, -(a * map_.e + c * map_.f), -(b * map_.e + d * map_.f))


def scaling(x: float, y: float) -> Affine:
    return Affine(a=x, d=y)


def bounding_box(points: tuple[tuple[float, float], ...]) -> Box:
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return Box(min(xs), min(ys), max(xs), max(ys))


def map_box(map_: Affine, box: Box) -> Box:
    """The bounding box of a mapped box."""
    return bounding_box(tuple(map_.apply(x, y) for x, y in box.corners))


def is_upright(map_: Affine) -> bool:
    """Whether upright rectangles stay upright (quarter turns and mirrors included)."""
    size = max(abs(map_.a), abs(map_.b), abs(map_.c), abs(map_.d))
    small = 1e-9 * size
    return (abs(map_.b) <= small and abs(map_.c) <= small) or (abs(map_.a) <= small and abs(map_.d) <= small)


def near_integer(value: float) -> bool:
    return abs(value - round(value)) < ALMOST


def pixel_exact(map_: Affine) -> Affine | None:
    """The map with its rounding errors removed if it takes pixel centres to pixel centres at scale 1, else None.

    A linear filter would give every weight to one texel there, so the nearest one is the same, and cheaper.
    """
    linear = (map_.a, map_.b, map_.c, map_.d)
    whole = tuple(round(v) for v in linear)
    if any(abs(v - w) > 1e-9 for v, w in zip(linear, whole, strict=True)):
        return None
    if abs(whole[0]) + abs(whole[2]) != 1 or abs(whole[1]) + abs(whole[3]) != 1:
        return None
    x, y = map_.apply(0.5, 0.5)
    if not (near_integer(x - 0.5) and near_integer(y - 0.5)):
        return None
    a, b, c, d = (float(v) for v in whole)
    return Affine(a, b, c, d, round(x - 0.5) + 0.5 - (a + c) / 2, round(y - 0.5) + 0.5 - (b + d) / 2)
