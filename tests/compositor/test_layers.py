"""Placing, filtering, minifying and antialiasing layers, against numpy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

import numpy as np
import pytest

from reelmill.compositor.opengl.context import GLContext
from reelmill.planner.colour import VIDEO
from reelmill.planner.contents.solid import Solid
from reelmill.planner.frame_plan import Affine, Layer, Rect
from reelmill.planner.media import Orientation
from tests.support import compositor_reference as reference
from tests.support.compositor_stage import (
    Codes,
    Stage,
    canvas,
    layer,
    make_frame,
    noise,
    premultiplied,
    rgb_frame,
    rgba_frame,
    straight,
)

HALF_CODE = 0.5 / 255


@pytest.fixture(scope="module")
def gl() -> Iterator[GLContext]:
    with GLContext.create() as context:
        yield context


def turned(angle: float, scale_x: float, scale_y: float, x: float, y: float) -> Affine:
    """Scale, turn clockwise (y points down), move."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return Affine(cos * scale_x, sin * scale_x, -sin * scale_y, cos * scale_y, x, y)


def six(matrix: Affine) -> tuple[float, float, float, float, float, float]:
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def test_whole_pixels_are_exact(gl: GLContext) -> None:
    pixels = noise(1, 20, 30)
    stage = Stage(gl, {"a": rgb_frame(pixels, padding=5)})
    got = stage.picture(canvas(40, 40, layer("a", 30, 20, Affine(e=7, f=-3))))
    stage.close()
    expected = np.zeros((40, 40, 4))
    expected[0:17, 7:37] = straight(pixels)[3:]
    assert np.array_equal(np.round(got * 255), np.round(expected * 255))
    assert np.abs(got - expected).max() <= 2**-11  # one step of a 16-bit float


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize(
    "matrix",
    [
        turned(0, 1, 1, 3.25, 5.5),
        turned(0, 2.5, 1.3, -4.2, 1.75),
        turned(30, 1.5, 1.5, 20, 2.5),
        turned(-75, 1.1, 2, 5, 40.3),
        turned(90, 1, 1, 30, 4),
        turned(200, -1.4, 1.2, 20.3, 40),
    ],
    ids=["between pixels", "magnified", "30°", "-75°", "quarter turn", "mirrored"],
)
def test_transforms_filter_and_antialias(gl: GLContext, matrix: Affine, alpha: bool) -> None:
    pixels = noise(3, 14, 18, alpha=alpha)
    stage = Stage(gl, {"a": rgba_frame(pixels) if alpha else rgb_frame(pixels)})
    got = stage.picture(canvas(50, 52, layer("a", 18, 14, matrix, opaque=not alpha, opacity=0.8)))
    stage.close()
    expected = reference.draw(premultiplied(straight(pixels)), (18, 14), six(matrix), (50, 52)) * 0.8
    assert np.abs(got - expected).max() <= HALF_CODE


@pytest.mark.parametrize(("width", "height"), [(16, 9), (80, 45), (32, 18), (16.5, 9.25), (100, 30), (7, 120)])
@pytest.mark.parametrize("alpha", [False, True])
def test_minified_pictures_are_area_averages(gl: GLContext, width: float, height: float, alpha: bool) -> None:
    pixels = noise(4, 90, 160, alpha=alpha)
    stage = Stage(gl, {"a": rgba_frame(pixels) if alpha else rgb_frame(pixels)})
    got = stage.picture(canvas(120, 130, layer("a", width, height, Affine(e=2, f=3), opaque=not alpha)))
    stage.close()
    small = reference.area_average(
        premultiplied(straight(pixels)), min(math.ceil(width), 160), min(math.ceil(height), 90)
    )
    expected = reference.draw(small, (width, height), (1, 0, 0, 1, 2, 3), (120, 130))
    assert np.abs(got - expected).max() <= HALF_CODE


def test_a_minified_yuv_picture_is_an_area_average(gl: GLContext) -> None:
    luma = np.random.default_rng(5).integers(16, 236, (216, 384)).astype(np.uint8)
    chroma = [np.full((108, 192), code, np.uint8) for code in (90, 150)]
    frame = make_frame("yuv420p", [luma, *chroma], VIDEO, width=384, height=216, padding=32)
    stage = Stage(gl, {"a": frame})
    got = stage.picture(canvas(40, 24, layer("a", 38.4, 21.6, Affine(e=1, f=1))))
    half = stage.picture(canvas(192, 108, layer("a", 192, 108)))
    stage.close()
    blocks = luma.reshape(108, 2, 192, 2).mean(axis=(1, 3))
    assert np.abs(half[..., :3] @ [0.2126, 0.7152, 0.0722] - (blocks - 16) / 219).max() <= HALF_CODE
    y = reference.area_average((luma[..., None] - 16.0) / 219, 39, 22)
    u, v = (90 - 128) / 224, (150 - 128) / 224
    rgb = y + np.array([1.5748 * v, -0.187324 * u - 0.468124 * v, 1.8556 * u])  # BT.709-6, the inverse of its table
    small = np.dstack([rgb, np.ones(rgb.shape[:2])])
    expected = reference.draw(small, (38.4, 21.6), (1, 0, 0, 1, 1, 1), (40, 24))
    assert np.abs(got - expected).max() <= HALF_CODE


def test_a_crop_shows_its_part_and_nothing_beyond(gl: GLContext) -> None:
    pixels = noise(6, 40, 40)
    stage = Stage(gl, {"a": rgb_frame(pixels)})
    part = Rect(0.25, 0.5, 0.75, 0.75)  # columns 10…29, rows 20…29
    got = stage.picture(canvas(60, 60, layer("a", 50, 25, Affine(e=3, f=4), part=part)))
    stage.close()
    expected = reference.draw(straight(pixels[20:30, 10:30]), (50, 25), (1, 0, 0, 1, 3, 4), (60, 60))
    assert np.abs(got - expected).max() <= HALF_CODE


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_orientation(gl: GLContext, turns: Literal[0, 1, 2, 3], mirrored: bool) -> None:
    pixels = noise(7, 12, 20)
    shown: Codes = pixels[:, ::-1] if mirrored else pixels
    shown = np.rot90(shown, -turns)
    height, width = shown.shape[:2]
    stage = Stage(gl, {"a": rgb_frame(pixels, orientation=Orientation(turns, mirrored))})
    whole = stage.picture(canvas(width, height, layer("a", width, height)))
    size = (width // 2, height // 4)
    part = stage.picture(canvas(*size, layer("a", *size, part=Rect(0.5, 0, 1, 0.25))))
    small = stage.picture(canvas(*size, layer("a", *size)))
    stage.close()
    assert np.array_equal(np.round(whole * 255), straight(shown) * 255)
    assert np.array_equal(np.round(part * 255), straight(shown[: height // 4, width // 2 :]) * 255)
    assert np.abs(small - reference.area_average(straight(shown), *size)).max() <= HALF_CODE


def test_pixels_that_are_not_square(gl: GLContext) -> None:
    pixels = noise(8, 10, 10)
    stage = Stage(gl, {"a": rgb_frame(pixels)})
    got = stage.picture(canvas(20, 10, layer("a", 20, 10)))
    stage.close()
    expected = reference.draw(straight(pixels), (20, 10), (1, 0, 0, 1, 0, 0), (20, 10))
    assert np.abs(got - expected).max() <= HALF_CODE


def test_solids_and_backgrounds(gl: GLContext) -> None:
    half = Layer(("s",), Solid((1.0, 0.5, 0.0, 0.5)), Rect(), 8, 8, Affine(a=0.5, d=0.5, e=2, f=2), 0.5, "normal")
    stage = Stage(gl)
    got = stage.picture(canvas(8, 8, half, background=(0.0, 0.0, 1.0, 0.5)))
    stage.close()
    inside = np.array([0.25, 0.125, 0.375, 0.625])  # (.25, .125, 0, .25) over (0, 0, .5, .5)
    assert np.abs(got[3, 3] - inside).max() < 1e-3
    assert np.abs(got[0, 0] - [0, 0, 0.5, 0.5]).max() < 1e-3


def test_a_draft_scales_the_geometry(gl: GLContext) -> None:
    pixels = noise(9, 20, 20)
    stage = Stage(gl, {"a": rgb_frame(pixels)}, scale=Fraction(1, 2))
    got = stage.picture(canvas(31, 25, layer("a", 20, 20, Affine(e=4, f=2))))
    stage.close()
    assert got.shape == (13, 16, 4)
    expected = np.zeros((13, 16, 4))
    expected[1:11, 2:12] = reference.area_average(straight(pixels), 10, 10)
    assert np.abs(got - expected).max() <= HALF_CODE


def test_what_shows_nothing_is_not_drawn(gl: GLContext) -> None:
    stage = Stage(gl, {"a": rgb_frame(noise(1, 4, 4))})
    got = stage.picture(
        canvas(
            8,
            8,
            layer("a", 4, 4, Affine(e=100, f=0)),
            layer("a", 4, 4, Affine(a=0.0, d=0.0)),
            layer("a", 4, 4, opacity=0.0),
            layer("a", 4, 4, Affine(e=-4)),
        )
    )
    stage.close()
    assert not got.any()
