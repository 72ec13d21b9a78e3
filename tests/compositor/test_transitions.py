"""Transitions against numpy, written from docs/reference/compositing.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

import numpy as np
import pytest

from reelmill.compositor.opengl.context import GLContext
from reelmill.compositor.transitions import TRANSITIONS
from reelmill.planner.colour import Colour
from reelmill.planner.frame_plan import Affine, Layer, TransitionLayer
from reelmill.planner.timeline import Blend, Direction, TransitionType
from tests.support import compositor_reference as reference
from tests.support.compositor_stage import (
    Floats,
    Stage,
    canvas,
    layer,
    noise,
    premultiplied,
    rgb_frame,
    rgba_frame,
    straight,
)

WIDTH, HEIGHT = 40, 30
HALF_CODE = 0.5 / 255
FADE_COLOR: Colour = (0.2, 0.4, 0.9, 0.75)


@pytest.fixture(scope="module")
def gl() -> Iterator[GLContext]:
    with GLContext.create() as context:
        yield context


def dissolve(a: Floats, b: Floats, p: float, _: Direction) -> Floats:
    return a * (1 - p) + b * p


def fade(a: Floats, b: Floats, p: float, _: Direction) -> Floats:
    coverage = a[..., 3:] * (1 - p) + b[..., 3:] * p
    color = coverage * np.array([0.15, 0.3, 0.675, 0.75])  # FADE_COLOR, premultiplied
    return np.asarray(a * (1 - 2 * p) + color * 2 * p if p < 0.5 else color * (2 - 2 * p) + b * (2 * p - 1))


def wipe(a: Floats, b: Floats, p: float, direction: Direction) -> Floats:
    """The part of each pixel that the edge has passed."""
    size = WIDTH if direction in ("left", "right") else HEIGHT
    near = np.arange(size)
    if direction in ("left", "up"):
        near = near[::-1]
    passed = np.clip(p * size - near, 0, 1)
    weight = passed[None, :, None] if size == WIDTH else passed[:, None, None]
    return np.asarray(a * (1 - weight) + b * weight)


def push(a: Floats, b: Floats, p: float, direction: Direction) -> Floats:
    """A window moves over the two pictures laid side by side."""
    axis = 1 if direction in ("left", "right") else 0
    forward = direction in ("left", "up")
    strip = np.concatenate([a, b] if forward else [b, a], axis=axis)
    size = a.shape[axis]
    at = np.arange(size) + (p if forward else 1 - p) * size
    low = np.floor(at + 1e-9).astype(int)
    weight = (at - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    high = np.minimum(low + 1, 2 * size - 1)
    return np.asarray(np.take(strip, low, axis) * (1 - weight) + np.take(strip, high, axis) * weight)


def iris(a: Floats, b: Floats, p: float, _: Direction) -> Floats:
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    radius = p * (np.hypot(WIDTH, HEIGHT) / 2 + 0.5) - 0.5
    weight = np.clip(radius - np.hypot(xs - WIDTH / 2, ys - HEIGHT / 2) + 0.5, 0, 1)[..., None]
    return np.asarray(a * (1 - weight) + b * weight)


REFERENCES: dict[TransitionType, Callable[[Floats, Floats, float, Direction], Floats]] = {
    "dissolve": dissolve,
    "fade": fade,
    "wipe": wipe,
    "push": push,
    "iris": iris,
}
CASES = [
    (type_, direction)
    for type_ in TRANSITIONS
    for direction in get_args(Direction)
    if type_ in ("wipe", "push") or direction == "left"
]


def transition(
    type_: TransitionType,
    progress: float,
    before: Layer | None,
    after: Layer | None,
    *,
    direction: Direction = "left",
    blend: Blend = "normal",
    opacity: float = 1.0,
) -> TransitionLayer:
    return TransitionLayer(type_, direction, FADE_COLOR, progress, before, after, opacity, blend)


def test_every_transition_has_a_row_and_a_reference() -> None:
    assert set(TRANSITIONS) == set(REFERENCES) == set(get_args(TransitionType))


@pytest.mark.parametrize("progress", [0.0, 0.13, 0.5, 0.77, 1.0])
@pytest.mark.parametrize(("type_", "direction"), CASES)
def test_transition(gl: GLContext, type_: TransitionType, direction: Direction, progress: float) -> None:
    before, after, below = noise(1, HEIGHT, WIDTH, alpha=True), noise(2, HEIGHT, WIDTH), noise(3, HEIGHT, WIDTH)
    stage = Stage(gl, {"before": rgba_frame(before), "after": rgb_frame(after), "below": rgb_frame(below)})
    sides = layer("before", WIDTH, HEIGHT, opaque=False), layer("after", WIDTH, HEIGHT, opacity=0.9)
    item = transition(type_, progress, *sides, direction=direction, opacity=0.7)
    got = stage.picture(canvas(WIDTH, HEIGHT, layer("below", WIDTH, HEIGHT), item))
    stage.close()
    a, b = premultiplied(straight(before)), premultiplied(straight(after)) * 0.9
    mixed = REFERENCES[type_](a, b, progress, direction) * 0.7
    expected = reference.blend(straight(below), mixed, "normal")
    assert np.abs(got - expected).max() <= HALF_CODE


@pytest.mark.parametrize("type_", TRANSITIONS)
def test_beginning_and_end_are_the_pictures_themselves(gl: GLContext, type_: TransitionType) -> None:
    before, after = noise(1, HEIGHT, WIDTH), noise(2, HEIGHT, WIDTH)
    stage = Stage(gl, {"before": rgb_frame(before), "after": rgb_frame(after)})
    sides = layer("before", WIDTH, HEIGHT), layer("after", WIDTH, HEIGHT)
    for progress, expected in ((0.0, before), (-0.1, before), (1.0, after), (1.2, after)):
        got = stage.picture(canvas(WIDTH, HEIGHT, transition(type_, progress, *sides)))
        assert np.array_equal(np.round(got * 255), straight(expected) * 255)
    stage.close()


def test_a_dissolve_of_full_pictures_needs_no_canvases_of_its_own(gl: GLContext) -> None:
    before, after = noise(1, HEIGHT, WIDTH), noise(2, HEIGHT, WIDTH)
    stage = Stage(gl, {"before": rgb_frame(before), "after": rgb_frame(after)})
    sides = layer("before", WIDTH, HEIGHT), layer("after", WIDTH, HEIGHT)
    got = stage.picture(canvas(WIDTH, HEIGHT, transition("dissolve", 0.3, *sides)))
    assert stage.renderer.surface_count == 3  # the two pictures and the canvas
    stage.close()
    assert np.abs(got - (straight(before) * 0.7 + straight(after) * 0.3)).max() <= HALF_CODE


def test_small_pictures_with_a_blend_mode(gl: GLContext) -> None:
    before, after, below = noise(1, 10, 12), noise(2, 10, 12), noise(3, HEIGHT, WIDTH)
    stage = Stage(gl, {"before": rgb_frame(before), "after": rgb_frame(after), "below": rgb_frame(below)})
    sides = layer("before", 12, 10, Affine(e=2, f=3)), layer("after", 12, 10, Affine(e=20, f=15))
    item = transition("dissolve", 0.4, *sides, blend="color_dodge")
    got = stage.picture(canvas(WIDTH, HEIGHT, layer("below", WIDTH, HEIGHT), item))
    stage.close()
    mixed = np.zeros((HEIGHT, WIDTH, 4))
    mixed[3:13, 2:14] += straight(before) * 0.6
    mixed[15:25, 20:32] += straight(after) * 0.4
    assert np.abs(got - reference.blend(straight(below), mixed, "color_dodge")).max() <= HALF_CODE


def test_a_side_that_shows_nothing(gl: GLContext) -> None:
    after = noise(2, HEIGHT, WIDTH)
    stage = Stage(gl, {"after": rgb_frame(after)})
    got = stage.picture(canvas(WIDTH, HEIGHT, transition("dissolve", 0.25, None, layer("after", WIDTH, HEIGHT))))
    nothing = stage.picture(canvas(WIDTH, HEIGHT, transition("dissolve", 0.25, None, None)))
    stage.close()
    assert np.abs(got - straight(after) * 0.25).max() <= HALF_CODE
    assert not nothing.any()
