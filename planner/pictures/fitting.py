"""Where a picture lies on its canvas: crop, fit, scale, rotation and anchor become a part and a matrix.

In: the natural size of the picture, the clip, the time since the clip's start. Out: a `Placement`.
Sizes are exact fractions until the last step, so that a picture that fits exactly has exactly the canvas' size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from reelmill.planner.animation import Animated, Value
from reelmill.planner.content import Fit
from reelmill.planner.frame_plan import WHOLE, Affine, Rect
from reelmill.planner.pictures.source_time import Moment
from reelmill.planner.timeline import Clip

Size = tuple[Fraction, Fraction]
_ALL: Size = (Fraction(1), Fraction(1))


@dataclass(frozen=True, slots=True)
class FittedPicture:
    """What of a picture is shown, and where."""

    part: Rect
    width: float
    """Of the fitted picture, canvas pixels."""
    height: float
    matrix: Affine


def fit_picture(natural: Size, canvas: Size, clip: Clip, elapsed: Moment) -> FittedPicture | None:
    """The placement of a clip's picture, `elapsed` after the clip's start.

    None where nothing is left to show: all cropped away, or scaled to nothing.
    """
    left, top, right, bottom = (
        Fraction(_share(value, elapsed)) for value in (clip.crop.left, clip.crop.top, clip.crop.right, clip.crop.bottom)
    )
    shown = (natural[0] * (1 - left - right), natural[1] * (1 - top - bottom))
    if shown[0] <= 0 or shown[1] <= 0:
        return None
    fitted, cut = _fit(shown, canvas, clip.fit)
    part = _part((left, top, right, bottom), cut)
    width, height = float(fitted[0]), float(fitted[1])
    matrix = _matrix(clip, elapsed, width, height, canvas)
    if matrix.a * matrix.d - matrix.b * matrix.c == 0:
        return None
    return FittedPicture(part, width, height, matrix)


def _fit(shown: Size, canvas: Size, fit: Fit) -> tuple[Size, Size]:
    """The fitted size, and the share of the shown picture that is kept of its width and height."""
    if fit == "none":
        return shown, _ALL
    if fit == "fill":
        return canvas, _ALL
    ratios = canvas[0] / shown[0], canvas[1] / shown[1]
    if fit == "contain":
        ratio = min(ratios)
        return (shown[0] * ratio, shown[1] * ratio), _ALL
    ratio = max(ratios)
    return canvas, (canvas[0] / (shown[0] * ratio), canvas[1] / (shown[1] * ratio))


def _part(crop: tuple[Fraction, Fraction, Fraction, Fraction], kept: Size) -> Rect:
    """The cropped rectangle, cut further to its middle `kept` share."""
    left, top, right, bottom = crop
    if not any(crop) and kept == _ALL:
        return WHOLE
    width, height = 1 - left - right, 1 - top - bottom
    x = left + width * (1 - kept[0]) / 2
    y = top + height * (1 - kept[1]) / 2
    return Rect(float(x), float(y), float(x + width * kept[0]), float(y + height * kept[1]))


def _matrix(clip: Clip, elapsed: Moment, width: float, height: float, canvas: Size) -> Affine:
    """Anchor to the origin, scale, turn clockwise, move to the position."""
    transform = clip.transform
    scale_x, scale_y = _at(transform.scale, elapsed)
    anchor_x, anchor_y = _at(transform.anchor, elapsed)
    if transform.position is None:
        x, y = float(canvas[0]) / 2, float(canvas[1]) / 2
    else:
        x, y = _at(transform.position, elapsed)
    cos, sin = _turn(_at(transform.rotation, elapsed)[0])
    a, b, c, d = cos * scale_x, sin * scale_x, -sin * scale_y, cos * scale_y
    left, top = anchor_x * width, anchor_y * height
    return Affine(a, b, c, d, x - a * left - c * top, y - b * left - d * top)


def _at(value: Animated, moment: Moment) -> Value:
    return value.at(moment.time, backwards=moment.backwards)


def _share(value: Animated, moment: Moment) -> float:
    return value.share(moment.time, backwards=moment.backwards)


def _turn(degrees: float) -> tuple[float, float]:
    """Cosine and sine, exact at quarter turns."""
    quarters, rest = divmod(degrees % 360, 90)
    if rest == 0:
        return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarters)]
    radians = math.radians(degrees)
    return math.cos(radians), math.sin(radians)
