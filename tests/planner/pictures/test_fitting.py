"""Placement: crop, fit and transform against values worked out by hand."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from reelmill.planner.animation import Animated, Easing, Keyframe
from reelmill.planner.content import Fit
from reelmill.planner.contents.media_content import MediaContent
from reelmill.planner.frame_plan import Affine, Rect
from reelmill.planner.pictures.fitting import FittedPicture, fit_picture
from reelmill.planner.pictures.source_time import Moment
from reelmill.planner.timeline import Clip, Crop, Transform

CANVAS = (Fraction(1920), Fraction(1080))


def clip(fit: Fit = "contain", crop: Crop | None = None, transform: Transform | None = None) -> Clip:
    return Clip(
        "c",
        MediaContent("m"),
        Fraction(0),
        Fraction(10),
        fit=fit,
        crop=crop or Crop(),
        transform=transform or Transform(),
    )


def placed(width: int | Fraction, height: int | Fraction, one: Clip, elapsed: Fraction | int = 0) -> FittedPicture:
    placement = fit_picture((Fraction(width), Fraction(height)), CANVAS, one, Moment(Fraction(elapsed)))
    assert placement is not None
    return placement


def test_a_picture_of_the_canvas_size_is_not_moved_at_all() -> None:
    placement = placed(1920, 1080, clip())
    assert placement == FittedPicture(Rect(), 1920.0, 1080.0, Affine())


@pytest.mark.parametrize("fit", ["contain", "cover", "fill"])
def test_a_picture_of_another_size_and_the_same_aspect_fills_the_canvas_exactly(fit: Fit) -> None:
    placement = placed(1366, Fraction(1366 * 9, 16), clip(fit))
    assert (placement.width, placement.height, placement.part) == (1920.0, 1080.0, Rect())


def test_contain_leaves_bars_left_and_right_of_a_narrow_picture() -> None:
    placement = placed(1440, 1080, clip("contain"))
    assert (placement.width, placement.height) == (1440.0, 1080.0)
    assert placement.matrix == Affine(e=240.0)


def test_cover_cuts_the_picture_to_the_canvas() -> None:
    placement = placed(1440, 1080, clip("cover"))
    assert (placement.width, placement.height) == (1920.0, 1080.0)
    # 1440×1080 grows to 1920×1440; 360 of 1440 rows are cut, half above and half below.
    assert placement.part == Rect(0.0, 0.125, 1.0, 0.875)


def test_none_keeps_the_size_and_centres() -> None:
    placement = placed(100, 50, clip("none"))
    assert (placement.width, placement.height) == (100.0, 50.0)
    assert placement.matrix == Affine(e=910.0, f=515.0)


def test_crop_comes_before_fit() -> None:
    crop = Crop(left=Animated.constant(0.25), right=Animated.constant(0.25))
    placement = placed(1920, 1080, clip("contain", crop))
    assert placement.part == Rect(0.25, 0.0, 0.75, 1.0)
    assert (placement.width, placement.height) == (960.0, 1080.0)


def test_nothing_is_left_of_a_picture_cropped_away() -> None:
    crop = Crop(left=Animated.constant(0.5), right=Animated.constant(0.5))
    assert fit_picture((Fraction(10), Fraction(10)), CANVAS, clip("fill", crop), Moment(Fraction(0))) is None


def test_scaled_to_nothing_shows_nothing() -> None:
    transform = Transform(scale=Animated.constant(0, 1))
    natural = (Fraction(10), Fraction(10))
    assert fit_picture(natural, CANVAS, clip("none", transform=transform), Moment(Fraction(0))) is None


def test_the_anchor_lies_on_the_position() -> None:
    transform = Transform(
        position=Animated.constant(300, 200),
        scale=Animated.constant(2, 0.5),
        rotation=Animated.constant(30),
        anchor=Animated.constant(0.25, 1),
    )
    placement = placed(100, 80, clip("none", transform=transform))
    assert placement.matrix.apply(25, 80) == pytest.approx((300, 200))
    # One pixel right of the anchor: twice as far, turned 30 degrees clockwise (down, since y points down).
    x, y = placement.matrix.apply(26, 80)
    assert (x - 300, y - 200) == pytest.approx((2 * math.cos(math.pi / 6), 2 * math.sin(math.pi / 6)))


def test_quarter_turns_are_exact() -> None:
    transform = Transform(rotation=Animated.constant(90))
    placement = placed(100, 50, clip("none", transform=transform))
    # The top left corner goes to the top right.
    assert placement.matrix.apply(0, 0) == (960 + 25, 540 - 50)
    assert placement.matrix.apply(100, 50) == (960 - 25, 540 + 50)


def test_a_negative_scale_mirrors() -> None:
    transform = Transform(scale=Animated.constant(-1, 1))
    placement = placed(100, 50, clip("none", transform=transform))
    assert placement.matrix.apply(0, 0) == (1010, 515)


def test_keyframes_move_the_picture() -> None:
    position = Animated((Keyframe(Fraction(0), (0.0, 0.0)), Keyframe(Fraction(2), (100.0, 50.0))))
    placement = placed(10, 10, clip("none", transform=Transform(position=position)), 1)
    assert placement.matrix.apply(5, 5) == (50.0, 25.0)


def test_an_overshooting_crop_stops_at_the_edge() -> None:
    overshoot = Easing(0.5, -1.0, 0.5, 2.0)
    crop = Crop(left=Animated((Keyframe(Fraction(0), (0.0,), overshoot), Keyframe(Fraction(1), (0.5,)))))
    placement = fit_picture((Fraction(10), Fraction(10)), CANVAS, clip("fill", crop), Moment(Fraction(1, 5)))
    assert placement is not None
    assert placement.part.left == 0
