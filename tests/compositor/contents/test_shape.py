"""Shapes against areas known from geometry, and against plain supersampling in numpy."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmill.compositor.contents.shape import check_shape, draw_shape
from reelmill.planner.contents.shape import Shape, Stroke
from reelmill.planner.errors import RenderError, SetupError

WHITE = (1.0, 1.0, 1.0, 1.0)
RED_HALF = (1.0, 0.0, 0.0, 0.5)
Inside = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
STAR = tuple((50 + 45 * math.sin(k * 4 * math.pi / 5), 50 - 45 * math.cos(k * 4 * math.pi / 5)) for k in range(5))
ZIGZAG = ((3.0, 8.0), (90.0, 20.0), (12.0, 31.5), (80.0, 70.25))


def supersampled(inside: Inside, box: tuple[int, int, int, int], samples: int = 16) -> NDArray[np.float64]:
    """The share of 16 × 16 points of each pixel that lie inside."""
    left, top, right, bottom = box
    x = (np.arange((right - left) * samples) + 0.5) / samples + left
    y = (np.arange((bottom - top) * samples) + 0.5) / samples + top
    hits = inside(*np.meshgrid(x, y))
    return np.asarray(hits.reshape(bottom - top, samples, right - left, samples).mean((1, 3)))


def rounded(width: float, height: float, radius: float, grow: float = 0.0) -> Inside:
    """A rectangle from (−grow, −grow) to (width + grow, height + grow)."""

    def inside(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        dx = np.maximum(np.abs(x - width / 2) - (width / 2 + grow - radius), 0)
        dy = np.maximum(np.abs(y - height / 2) - (height / 2 + grow - radius), 0)
        return np.asarray(dx**2 + dy**2 <= radius**2)

    return inside


def near_polyline(points: list[tuple[float, float]], half: float) -> Inside:
    def inside(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        hit = np.zeros(x.shape, bool)
        for (ax, ay), (bx, by) in pairwise(points):
            length = (bx - ax) ** 2 + (by - ay) ** 2
            t = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0, 1)
            hit |= (x - ax - t * (bx - ax)) ** 2 + (y - ay - t * (by - ay)) ** 2 <= half**2
        return hit

    return inside


def wound_about(points: tuple[tuple[float, float], ...]) -> Inside:
    """The nonzero rule by summing up the angles under which the edges are seen."""

    def inside(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        total = np.zeros(x.shape)
        for (ax, ay), (bx, by) in zip(points, (*points[1:], points[0]), strict=True):
            cross = (ax - x) * (by - y) - (ay - y) * (bx - x)
            dot = (ax - x) * (bx - x) + (ay - y) * (by - y)
            total += np.arctan2(cross, dot)
        return np.abs(total) > math.pi

    return inside


def near_ellipse(a: float, b: float, half: float) -> Inside:
    def inside(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        t = np.linspace(0, 2 * math.pi, 500, endpoint=False)
        nearest = np.full(x.shape, np.inf)
        for px, py in zip(a + a * np.cos(t), b + b * np.sin(t), strict=True):
            np.minimum(nearest, (x - px) ** 2 + (y - py) ** 2, out=nearest)
        return nearest <= half**2

    return inside


def within_ellipse(a: float, b: float) -> Inside:
    return lambda x, y: ((x - a) / a) ** 2 + ((y - b) / b) ** 2 <= 1


def without(outer: Inside, inner: Inside) -> Inside:
    return lambda x, y: outer(x, y) & ~inner(x, y)


FILLED = {
    "rectangle": (Shape("rectangle", (40.5, 30.25), WHITE), rounded(40.5, 30.25, 0)),
    "round corners": (Shape("rectangle", (60, 40), WHITE, radius=13.7), rounded(60, 40, 13.7)),
    "radius too large": (Shape("rectangle", (60, 40), WHITE, radius=500), rounded(60, 40, 20)),
    "ellipse": (Shape("ellipse", (71.3, 38.9), WHITE), within_ellipse(71.3 / 2, 38.9 / 2)),
    "thin ellipse": (Shape("ellipse", (90, 5), WHITE), within_ellipse(45, 2.5)),
    "triangle": (
        Shape("polygon", (90, 80), WHITE, points=((2.3, 5.1), (85.0, 11.7), (30.0, 77.7))),
        wound_about(((2.3, 5.1), (85.0, 11.7), (30.0, 77.7))),
    ),
    "star with a filled heart": (Shape("polygon", (100, 100), WHITE, points=STAR), wound_about(STAR)),
    "figure of eight": (
        Shape("polygon", (60, 40), WHITE, points=((0.0, 0.0), (60.0, 40.0), (60.0, 0.0), (0.0, 40.0))),
        wound_about(((0.0, 0.0), (60.0, 40.0), (60.0, 0.0), (0.0, 40.0))),
    ),
}
STROKED = {
    "rectangle": (
        Shape("rectangle", (50, 30), stroke=Stroke(5.5, WHITE)),
        without(rounded(50, 30, 0, 2.75), rounded(50, 30, 0, -2.75)),
    ),
    "round corners": (
        Shape("rectangle", (50, 30), stroke=Stroke(4, WHITE), radius=8),
        without(rounded(50, 30, 10, 2), rounded(50, 30, 6, -2)),
    ),
    "all of a rectangle": (Shape("rectangle", (50, 8), stroke=Stroke(10, WHITE)), rounded(50, 8, 0, 5)),
    "ellipse": (Shape("ellipse", (60, 40), stroke=Stroke(6, WHITE)), near_ellipse(30, 20, 3)),
    "folding ellipse": (Shape("ellipse", (70, 24), stroke=Stroke(16, WHITE)), near_ellipse(35, 12, 8)),
    "narrow ellipse": (Shape("ellipse", (12, 50), stroke=Stroke(14, WHITE)), near_ellipse(6, 25, 7)),
    "line": (Shape("line", (90, 80), stroke=Stroke(7, WHITE), points=ZIGZAG), near_polyline([*ZIGZAG], 3.5)),
    "hairline": (Shape("line", (90, 80), stroke=Stroke(0.5, WHITE), points=ZIGZAG), near_polyline([*ZIGZAG], 0.25)),
    "polygon": (
        Shape("polygon", (100, 100), stroke=Stroke(6, WHITE), points=STAR),
        near_polyline([*STAR, STAR[0]], 3),
    ),
}


@pytest.mark.parametrize(("shape", "inside"), [*FILLED.values(), *STROKED.values()], ids=[*FILLED, *STROKED])
def test_coverage_is_that_of_supersampling(shape: Shape, inside: Inside) -> None:
    drawn = draw_shape(shape)
    left, top = drawn.origin
    height, width = drawn.pixels.shape[:2]
    margin = 2
    expected = supersampled(inside, (left - margin, top - margin, left + width + margin, top + height + margin))
    alpha = np.pad(drawn.pixels[:, :, 3], margin) / 255
    edge = (expected > 0) & (expected < 1)
    # The reference itself is off by up to 1/32 on edges that run along its samples.
    assert np.abs(alpha - expected).max() <= 1 / 32 + 3 / 255
    assert np.abs(alpha - expected)[edge].sum() <= 2.5 / 255 * edge.sum()
    assert alpha.sum() == pytest.approx(expected.sum(), abs=max(2 / 255 * edge.sum(), 0.05))


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        (Shape("rectangle", (40.5, 30.25), WHITE), 40.5 * 30.25),
        (Shape("rectangle", (300, 200), WHITE, radius=50), 300 * 200 - (4 - math.pi) * 50**2),
        (Shape("ellipse", (301.5, 99.9), WHITE), math.pi * 301.5 * 99.9 / 4),
        (Shape("ellipse", (200, 200), stroke=Stroke(9, WHITE)), math.pi * (104.5**2 - 95.5**2)),
        (Shape("line", (200, 50), stroke=Stroke(10, WHITE), points=((5.0, 7.0), (190.0, 40.0))),
         10 * math.hypot(185, 33) + math.pi * 25),
        (Shape("polygon", (100, 100), WHITE, points=((0.3, 0.3), (99.0, 3.0), (50.0, 99.0))),
         abs(98.7 * 98.7 - 2.7 * 49.7) / 2),
    ],
)  # fmt: skip
def test_areas_known_from_geometry(shape: Shape, area: float) -> None:
    alpha = draw_shape(shape).pixels[:, :, 3]
    edge = int(((alpha > 0) & (alpha < 255)).sum())
    # Each edge pixel is rounded to 1/255; roundings cancel out like a random walk.
    assert alpha.sum() / 255 == pytest.approx(area, abs=4 * math.sqrt(max(edge, 1)) / 255 + area * 1e-5)


def test_axis_aligned_edges_are_exact() -> None:
    drawn = draw_shape(Shape("rectangle", (10.25, 4.5), WHITE))
    expected = np.outer([1, 1, 1, 1, 0.5], [1] * 10 + [0.25])
    assert drawn.origin == (0, 0)
    assert np.array_equal(drawn.pixels[:, :, 3], np.rint(expected * 255))


def test_a_near_level_edge_is_a_smooth_ramp() -> None:
    """An edge that rises by one pixel over 255 gives every value between."""
    points = ((0.0, 0.0), (255.0, 1.0), (255.0, 5.0), (0.0, 5.0))
    first = draw_shape(Shape("polygon", (255, 5), WHITE, points=points)).pixels[0, :, 3]
    assert np.abs(first - (255 - (np.arange(255) + 0.5))).max() <= 1


def test_stroke_over_fill_is_premultiplied() -> None:
    drawn = draw_shape(Shape("rectangle", (20, 20), (0, 0, 1, 1), Stroke(4, RED_HALF)))
    assert drawn.origin == (-2, -2)
    assert drawn.size == (20, 20)
    assert drawn.pixels.shape == (24, 24, 4)
    assert drawn.pixels[12, 12].tolist() == [0, 0, 255, 255]
    assert drawn.pixels[12, 3].tolist() == [128, 0, 128, 255]
    assert drawn.pixels[12, 0].tolist() == [128, 0, 0, 128]
    assert (drawn.pixels[:, :, :3].max(2) <= drawn.pixels[:, :, 3]).all()


def test_scale() -> None:
    small = draw_shape(Shape("ellipse", (30, 20), WHITE, Stroke(3, RED_HALF)), 2.5)
    large = draw_shape(Shape("ellipse", (75, 50), WHITE, Stroke(7.5, RED_HALF)))
    assert small.size == large.size
    assert small.origin == large.origin
    assert np.array_equal(small.pixels, large.pixels)


def test_points_outside_of_the_nominal_size_are_drawn() -> None:
    points = ((-10.0, -5.0), (30.0, -5.0), (30.0, 25.0), (-10.0, 25.0))
    drawn = draw_shape(Shape("polygon", (20, 20), WHITE, points=points))
    assert drawn.origin == (-10, -5)
    assert drawn.pixels.shape == (30, 40, 4)
    assert (drawn.pixels == 255).all()


def test_a_point_is_a_dot_and_nothing_is_nothing() -> None:
    dot = draw_shape(Shape("line", (20, 20), stroke=Stroke(10, WHITE), points=((10.0, 10.0), (10.0, 10.0))))
    assert dot.pixels[:, :, 3].sum() / 255 == pytest.approx(math.pi * 25, abs=0.2)
    assert not draw_shape(Shape("ellipse", (20, 20))).pixels.any()
    assert not draw_shape(Shape("line", (20, 20), WHITE, points=((0.0, 0.0), (9.0, 9.0)))).pixels.any()


def test_a_large_shape_takes_little_memory() -> None:
    tracemalloc.start()
    draw_shape(Shape("rectangle", (3840, 2160), WHITE, Stroke(20, RED_HALF), radius=300))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6


def test_too_large() -> None:
    with pytest.raises(RenderError, match=r"20000×10 pixels; the limit is 16384×16384"):
        draw_shape(Shape("rectangle", (20000, 10), WHITE))


@pytest.mark.parametrize(
    "shape",
    [
        Shape("rectangle", (16384, 10), stroke=Stroke(1, WHITE)),
        Shape("polygon", (10, 10), WHITE, points=((0.0, 0.0), (16384.5, 0.0), (0.0, 9.0))),
        Shape("line", (10, 10), stroke=Stroke(2, WHITE), points=((-9000.0, 0.0), (9000.0, 0.0))),
    ],
)
def test_what_is_too_large_is_found_before_rendering(shape: Shape) -> None:
    with pytest.raises(SetupError, match="the limit is 16384×16384") as caught:
        check_shape(shape)
    assert caught.value.suggestion
    check_shape(Shape("rectangle", (16384, 10), WHITE))
