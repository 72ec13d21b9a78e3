"""Painting in memory: against numpy written plainly, sample by sample."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from reelmill.compositor.cpu_plane_painter import MemoryPainter, SourcePlane
from reelmill.compositor.pictures import Grid, Picture, solid_picture
from reelmill.compositor.placement import Placement, Raster, place
from reelmill.compositor.sample_axes import picture_axes
from reelmill.planner.colour import BLACK
from reelmill.planner.contents.solid import Solid
from reelmill.planner.frame_plan import WHOLE, Affine, Layer
from tests.support.compositor_stage import Floats

WIDTH, HEIGHT = 40, 30
SIZE = (23, 17)
"""Of the picture."""


def placed(matrix: Affine, picture: Picture) -> Placement:
    layer = Layer(("a",), Solid(BLACK), WHOLE, *SIZE, matrix, 1.0, "normal")
    found = place(layer, picture, Raster.scaled((WIDTH, HEIGHT), 1.0))
    assert found is not None
    return found


def plane_picture() -> Picture:
    return Picture("planes", *SIZE, (), (Grid((1.0, 1.0), (0.0, 0.0), SIZE),))


def sampled(samples: Floats, x: float, y: float) -> float:
    """Linear interpolation at a position, clamped to the outermost centres of texels."""
    x, y = (min(max(value - 0.5, 0), size - 1) for value, size in zip((x, y), SIZE, strict=True))
    left, top = math.floor(x), math.floor(y)
    right, bottom = min(left + 1, SIZE[0] - 1), min(top + 1, SIZE[1] - 1)
    above = samples[top, left] * (1 - x + left) + samples[top, right] * (x - left)
    below = samples[bottom, left] * (1 - x + left) + samples[bottom, right] * (x - left)
    return float(above * (1 - y + top) + below * (y - top))


def covered(start: float, end: float, pixel: int) -> float:
    """Of an upright box from `start` to `end`; edges on or beyond the target's count as open."""
    return max(min(end, pixel + 1) - max(start, pixel), 0.0)


def expected(
    below: Floats, samples: Floats, alpha: Floats | None, matrix: Affine, opacity: float, gain: float = 1.0
) -> tuple[Floats, Floats]:
    """The samples, and the share of what was below that is left."""
    result, kept = below.copy(), np.ones_like(below)
    x0, x1 = sorted((matrix.e, matrix.e + matrix.a * SIZE[0]))
    y0, y1 = sorted((matrix.f, matrix.f + matrix.d * SIZE[1]))
    x0, y0 = (-math.inf if edge <= 0 else edge for edge in (x0, y0))
    x1, y1 = (math.inf if edge >= most else edge for edge, most in ((x1, WIDTH), (y1, HEIGHT)))
    for y, x in itertools.product(range(HEIGHT), range(WIDTH)):
        cover = covered(x0, x1, x) * covered(y0, y1, y) * opacity
        at = (x + 0.5 - matrix.e) / matrix.a, (y + 0.5 - matrix.f) / matrix.d
        own = 1.0 if alpha is None else sampled(alpha, *at)
        kept[y, x] = 1 - own * cover
        result[y, x] = sampled(samples, *at) * gain * cover + below[y, x] * kept[y, x]
    return result, kept


MATRICES = {
    "where it lies": Affine(),
    "moved": Affine(e=7, f=5),
    "between pixels": Affine(e=3.3, f=4.75),
    "over the edge": Affine(e=-4.5, f=20.25),
    "a little smaller": Affine(a=0.97, d=0.99, e=2.4, f=1.1),
    "magnified": Affine(a=1.6, d=1.45, e=1.2, f=0.7),
    "magnified beyond the canvas": Affine(a=2.3, d=2.1, e=-3.4, f=-1.6),
    "mirrored": Affine(a=-1.0, d=1.0, e=30, f=4),
    "mirrored between pixels": Affine(a=-1.1, d=-0.98, e=31.4, f=22.2),
}


@pytest.mark.parametrize("has_alpha", [False, True], ids=["opaque", "alpha"])
@pytest.mark.parametrize("opacity", [1.0, 0.35])
@pytest.mark.parametrize("name", MATRICES)
def test_samples_are_filtered_cut_and_faded(name: str, opacity: float, has_alpha: bool) -> None:
    random = np.random.default_rng(5)
    matrix = MATRICES[name]
    alpha = random.integers(0, 65536, SIZE[::-1]).astype(np.uint16) if has_alpha else None
    samples = random.integers(0, 256, SIZE[::-1]).astype(np.uint8)
    if alpha is not None:  # premultiplied
        samples = (samples * (alpha / 65535.0)).astype(np.uint8)
    target = random.integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
    share = None if alpha is None else alpha / 65535.0
    wanted, _ = expected(target.astype(np.float64), samples.astype(np.float64), share, matrix, opacity)
    picture = plane_picture()
    source = SourcePlane(samples, 1.0, 0.0, None)
    own = None if alpha is None else SourcePlane(alpha, 1 / 65535, 0.0, None)
    assert MemoryPainter().paint([target], placed(matrix, picture), picture, [source], own, opacity)
    assert np.abs(target - wanted).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("name", MATRICES)
def test_finer_steps_and_the_alpha_of_the_canvas(name: str) -> None:
    random = np.random.default_rng(6)
    matrix, opacity = MATRICES[name], 0.8
    samples = random.integers(0, 256, SIZE[::-1]).astype(np.uint8)
    target = random.integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16)
    alpha = random.integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16)
    wanted, kept = expected(target.astype(np.float64), samples.astype(np.float64), None, matrix, opacity, 257.0)
    wanted_alpha = (1 - kept) * 65535 + alpha * kept
    picture = plane_picture()
    source = SourcePlane(samples, 257.0, 0.0, None)
    assert MemoryPainter().paint([target, alpha], placed(matrix, picture), picture, [source], None, opacity)
    assert np.abs(target - wanted).max() <= 0.52
    assert np.abs(alpha - wanted_alpha).max() <= 0.52


def test_other_ranges_are_converted_and_clipped() -> None:
    samples = np.tile(np.arange(256, dtype=np.uint8), (SIZE[1], 1))[:, 100 : 100 + SIZE[0]]
    samples = np.ascontiguousarray(samples) * 2 - 200
    target = np.zeros((HEIGHT, WIDTH), np.uint8)
    picture = plane_picture()
    source = SourcePlane(samples.astype(np.uint8), 255 / 219, -16 * 255 / 219, 255.0)  # limited to full range
    assert MemoryPainter().paint([target], placed(Affine(), picture), picture, [source], None, 1.0)
    wanted = np.clip((samples.astype(np.float64) - 16) * 255 / 219, 0, 255)
    assert np.abs(target[: SIZE[1], : SIZE[0]] - wanted).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("matrix", [Affine(e=3, f=2), Affine(a=0.8, d=1.2, e=2.6, f=3.1), Affine(0, 1, -1, 0, 30, 4)])
def test_one_colour_fills_its_box(matrix: Affine) -> None:
    target = np.full((HEIGHT, WIDTH), 200, np.uint8)
    picture = solid_picture((1.0, 1.0, 1.0, 0.5), *SIZE)
    assert MemoryPainter().fill([target], placed(matrix, picture), [40.0], 0.5, 0.6)
    corners = [matrix.apply(x, y) for x in (0, SIZE[0]) for y in (0, SIZE[1])]
    (x0, x1), (y0, y1) = ((min(side), max(side)) for side in zip(*corners, strict=True))
    for y, x in itertools.product(range(HEIGHT), range(WIDTH)):
        cover = covered(x0, x1, x) * covered(y0, y1, y) * 0.6
        assert abs(target[y, x] - (40 * cover + 200 * (1 - 0.5 * cover))) <= 0.5 + 1e-3


def test_what_is_turned_is_left_to_opengl() -> None:
    picture = plane_picture()
    turned = placed(Affine(0.9, 0.4, -0.4, 0.9, 10, 5), picture)
    assert picture_axes(turned, picture.grids[0]) is None
    target = np.zeros((HEIGHT, WIDTH), np.uint8)
    source = SourcePlane(np.full(SIZE[::-1], 255, np.uint8), 1.0, 0.0, None)
    assert not MemoryPainter().paint([target], turned, picture, [source], None, 1.0)
    assert not MemoryPainter().fill([target], turned, [255.0], 1.0, 1.0)
    assert not target.any()


@pytest.mark.parametrize(
    ("length", "texels"), [(1, 1), (33.2, 34), (65, 66), (1000.5, 1008), (1900, 1920), (1921, 1952)]
)
def test_what_zooms_is_reduced_in_steps(length: float, texels: int) -> None:
    """To one of 32 sizes from a power of two to the next; what has one size for all frames, to that."""
    picture = Picture("planes", 4000, 4000)
    raster = Raster.scaled((4000, 4000), 1.0)
    for zooms, expected in ((True, texels), (False, math.ceil(length))):
        layer = Layer(("a",), Solid(BLACK), WHOLE, length, length, Affine(), 1.0, "normal", zooms)
        found = place(layer, picture, raster)
        assert found is not None
        assert found.size == (expected, expected)
