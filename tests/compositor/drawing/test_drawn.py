"""Drawn pictures (text, shapes) on the canvas: margins outside of the nominal picture, and sharpness."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from reelmill.compositor.contents.shape import draw_shape
from reelmill.compositor.contents.text import draw_text
from reelmill.compositor.opengl.context import GLContext
from reelmill.planner.contents.shape import Shape, Stroke
from reelmill.planner.contents.text import Text
from reelmill.planner.frame_plan import WHOLE, Affine, Layer, Rect
from reelmill.planner.text_style import Outline
from tests.support import compositor_reference as reference
from tests.support.compositor_stage import Floats, Stage, canvas

RED, WHITE = (1.0, 0.0, 0.0, 1.0), (1.0, 1.0, 1.0, 1.0)
BOX = Shape("rectangle", (20.0, 12.0), fill=RED, stroke=Stroke(6.0, WHITE))


@pytest.fixture(scope="module")
def gl() -> Iterator[GLContext]:
    with GLContext.create() as context:
        yield context


def drawn_layer(source: Text | Shape, size: tuple[float, float], matrix: Affine, part: Rect = WHOLE) -> Layer:
    return Layer(("t",), source, part, *size, matrix, 1.0, "normal")


def test_a_stroke_outside_of_the_shape_is_shown(gl: GLContext) -> None:
    stage = Stage(gl)
    got = stage.picture(canvas(40, 30, drawn_layer(BOX, BOX.size, Affine(e=10, f=8))))
    stage.close()
    expected = np.zeros((30, 40, 4))
    expected[5:23, 7:33] = WHITE
    expected[11:17, 13:27] = RED
    assert np.abs(got - expected).max() <= 1 / 255


def test_a_crop_cuts_only_its_own_sides(gl: GLContext) -> None:
    stage = Stage(gl)
    got = stage.picture(canvas(40, 30, drawn_layer(BOX, (10, 12), Affine(e=10, f=8), Rect(0, 0, 0.5, 1))))
    stage.close()
    expected = np.zeros((30, 40, 4))
    expected[5:23, 7:20] = WHITE
    expected[11:17, 13:20] = RED
    assert np.abs(got - expected).max() <= 1 / 255


def test_text_with_an_outline_lies_where_it_was_drawn(gl: GLContext) -> None:
    text = Text("Äg", 24.0, outline=Outline(4.0, RED))
    drawn = draw_text(text)
    stage = Stage(gl)
    got = stage.picture(canvas(100, 60, drawn_layer(text, drawn.size, Affine(e=20, f=15))))
    stage.close()
    expected = np.zeros((60, 100, 4))
    left, top = 20 + drawn.origin[0], 15 + drawn.origin[1]
    height, width = drawn.pixels.shape[:2]
    assert drawn.origin[0] < 0
    expected[top : top + height, left : left + width] = drawn.pixels / 255
    assert np.abs(got - expected).max() <= 0.25 / 255


def test_a_magnified_shape_is_drawn_larger(gl: GLContext) -> None:
    circle = Shape("ellipse", (20.0, 20.0), fill=WHITE)
    stage = Stage(gl)
    got = stage.picture(canvas(90, 90, drawn_layer(circle, (20, 20), Affine(a=4, d=4, e=5, f=5))))
    stage.close()
    ys, xs = np.mgrid[0:90, 0:90] + 0.5
    distance = np.hypot(xs - 45, ys - 45) - 40
    expected: Floats = np.clip(0.5 - distance, 0, 1)
    assert np.abs(got[..., 3] - expected).max() < 0.1  # a blurred one is off by a half


def test_a_minified_shape_is_an_area_average(gl: GLContext) -> None:
    stage = Stage(gl)
    got = stage.picture(canvas(16, 10, drawn_layer(BOX, BOX.size, Affine(a=0.5, d=0.5, e=2.5, f=2.5))))
    stage.close()
    pixels = draw_shape(BOX).pixels / 255
    whole = np.zeros((20, 32, 4))
    whole[2:20, 2:28] = pixels
    assert np.abs(got - reference.area_average(whole, 16, 10)).max() <= 0.5 / 255
