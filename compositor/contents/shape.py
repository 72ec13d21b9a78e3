"""Drawn figures: rectangles, ellipses, lines and polygons, with fill and stroke.

In: a `Shape` of the timeline. Out: a `DrawnPicture`. Curves become polygons that are nowhere farther from them than
FLATNESS_PX; compositor.coverage gives the exact area of each pixel that they cover. Strokes are centred on the edge
and painted over the fill; a rectangle's keeps its corners sharp, all others have round joins and round ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reelmill.compositor.contents.drawer import Drawer
from reelmill.compositor.drawing.coverage import Contour, coverage
from reelmill.compositor.drawing.drawn_picture import MAX_SIDE_PX, DrawnPicture
from reelmill.planner.colour import Colour
from reelmill.planner.contents.shape import Shape
from reelmill.planner.errors import RenderError, SetupError

FLATNESS_PX = 0.002
"""Less than 1/255 of a pixel's area."""
_BAND_ROWS = 256
"""Rows that are worked on at a time, so that large pictures don't take many times their memory."""


def check_shape(shape: Shape) -> None:
    """Raises SetupError where the shape is too large to be drawn at scale 1, with what reaches outside of its size."""
    _box([*_filling(shape, 1.0), *_stroking(shape, 1.0)], *shape.size, SetupError)


def draw_shape(shape: Shape, scale: float = 1.0) -> DrawnPicture:
    """Draw a shape `scale` times as large as it is.

    A stroke's outer half, and points outside of the nominal size, are drawn too. Raises RenderError for a picture
    that is too large.
    """
    width, height = shape.size[0] * scale, shape.size[1] * scale
    fill, stroke = _filling(shape, scale), _stroking(shape, scale)
    box = _box([*fill, *stroke], width, height, RenderError)
    # Without contours there is nothing to cover, so the other colour does not count.
    layers = [
        (coverage(contours, box), _premultiplied(colour))
        for contours, colour in (
            (fill, shape.fill),
            (stroke, shape.stroke.color if shape.stroke is not None else None),
        )
        if contours and colour is not None
    ]
    pixels = np.zeros((box[3] - box[1], box[2] - box[0], 4), np.uint8)
    for start in range(0, len(pixels), _BAND_ROWS):
        rows = slice(start, start + _BAND_ROWS)
        painted = np.zeros((*pixels[rows].shape[:2], 4), np.float32)
        for mask, colour in layers:
            painted = colour * mask[rows, :, None] + painted * (1 - colour[3] * mask[rows, :, None])
        pixels[rows] = np.rint(np.minimum(painted, 1) * 255)
    return DrawnPicture(pixels, (box[0], box[1]), (width, height))


def _filling(shape: Shape, scale: float) -> list[Contour]:
    return _filled(shape, scale) if shape.fill is not None else []


def _stroking(shape: Shape, scale: float) -> list[Contour]:
    return _stroked(shape, scale, shape.stroke.width * scale / 2) if shape.stroke is not None else []


def _filled(shape: Shape, scale: float) -> list[Contour]:
    width, height = shape.size[0] * scale, shape.size[1] * scale
    match shape.type:
        case "rectangle":
            return [_rectangle(0, 0, width, height, shape.radius * scale)]
        case "ellipse":
            points, _ = _ellipse(width / 2, height / 2, 0)
            return [points]
        case "polygon":
            return [np.array(shape.points, np.float64) * scale]
        case "line":
            return []


def _stroked(shape: Shape, scale: float, half: float) -> list[Contour]:
    """The contours of a stroke that reaches `half` pixels to both sides of the edge."""
    if half <= 0:
        return []
    width, height = shape.size[0] * scale, shape.size[1] * scale
    match shape.type:
        case "rectangle":
            radius = min(shape.radius * scale, width / 2, height / 2)
            outer = _rectangle(-half, -half, width + half, height + half, radius + half if radius > 0 else 0)
            if min(width, height) <= 2 * half:
                return [outer]
            return [outer, _rectangle(half, half, width - half, height - half, max(radius - half, 0))[::-1]]
        case "ellipse":
            return _ring(width / 2, height / 2, half)
        case "line" | "polygon":
            points = np.array(shape.points, np.float64) * scale
            return _pen(points, half, closed=shape.type == "polygon")


def _rectangle(left: float, top: float, right: float, bottom: float, radius: float) -> Contour:
    """A rectangle whose corners are quarters of circles; the radius is at most half of the shorter side."""
    radius = min(radius, (right - left) / 2, (bottom - top) / 2)
    if radius <= 0:
        return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    quarter = np.linspace(0, math.pi / 2, math.ceil(_steps(radius) / 4) + 1)
    corners = (
        (right - radius, bottom - radius, 0),
        (left + radius, bottom - radius, 1),
        (left + radius, top + radius, 2),
        (right - radius, top + radius, 3),
    )
    return np.concatenate(
        [
            np.column_stack((x + radius * np.cos(angle), y + radius * np.sin(angle)))
            for x, y, turn in corners
            for angle in (quarter + turn * math.pi / 2,)
        ]
    )


def _ellipse(a: float, b: float, half: float) -> tuple[Contour, NDArray[np.float64]]:
    """Points of the ellipse with half axes a and b in the corner of the plane, and its outward normals there.

    So many points that a curve `half` farther out is flat between them too: at the end of the long axis, where the
    radius of curvature is short²/long, the normal turns long/short times as fast as the parameter.
    """
    long, short = max(a, b), max(min(a, b), 1e-6)
    turning = _steps(short * short / long + half) * long / short
    steps = math.ceil(min(max(_steps(long + half), turning), 50_000))
    t = np.arange(steps) * (2 * math.pi / steps)
    points = np.column_stack((a + a * np.cos(t), b + b * np.sin(t)))
    normals = np.column_stack((b * np.cos(t), a * np.sin(t)))
    return points, normals / np.maximum(np.hypot(*normals.T), 1e-12)[:, None]


def _ring(a: float, b: float, half: float) -> list[Contour]:
    """The band along an ellipse."""
    points, normals = _ellipse(a, b, half)
    inner = points - normals * half
    long, short = max(a, b), min(a, b)
    if half >= short * short / long:
        # The curve inside folds over itself at the ends of the long axis: what has crossed the axis is no edge.
        axis = 1 if a >= b else 0
        inner = inner[(points[:, axis] - short) * (inner[:, axis] - short) > 0]
    return [points + normals * half, inner[::-1]]


def _pen(points: Contour, half: float, *, closed: bool) -> list[Contour]:
    """What a round pen leaves along a path: a bar for each part, a disc on each point."""
    ends = np.roll(points, -1, axis=0) if closed else points[1:]
    contours: list[Contour] = []
    for start, end in zip(points, ends, strict=False):
        length = math.dist(start, end)
        if length > 0:
            across = np.array([start[1] - end[1], end[0] - start[0]]) * (half / length)
            contours.append(_wound(np.array([start + across, end + across, end - across, start - across])))
    angles = np.arange(_steps(half)) * (2 * math.pi / _steps(half))
    disc = _wound(np.column_stack((np.cos(angles), np.sin(angles))) * half)
    contours.extend(disc + point for point in points)
    return contours


def _wound(contour: Contour) -> Contour:
    """The contour with its corners in positive order, so that unions don't cancel out."""
    x, y = contour.T
    return contour if np.dot(x, np.roll(y, -1)) >= np.dot(y, np.roll(x, -1)) else contour[::-1]


def _steps(radius: float) -> int:
    """Sides of a regular polygon that is nowhere farther than FLATNESS_PX from its circle; a multiple of four."""
    if radius <= FLATNESS_PX:
        return 4
    return 4 * math.ceil(math.pi / math.acos(1 - FLATNESS_PX / radius) / 4)


def _box(
    contours: Sequence[Contour], width: float, height: float, failure: type[SetupError] | type[RenderError]
) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is drawn and of the nominal picture, in whole pixels."""
    corners = np.concatenate([np.array([(0.0, 0.0), (width, height)]), *contours])
    # What reaches outside by no more than a rounding error needs no pixel there.
    left, top = np.floor(corners.min(axis=0) + 1e-6).astype(int)
    right, bottom = np.ceil(corners.max(axis=0) - 1e-6).astype(int)
    box = (int(left), int(top), max(int(right), 1), max(int(bottom), 1))
    if max(box[2] - box[0], box[3] - box[1]) > MAX_SIDE_PX:
        raise failure(
            f"the shape would be a picture of {box[2] - box[0]}×{box[3] - box[1]} pixels; "
            f"the limit is {MAX_SIDE_PX}×{MAX_SIDE_PX}",
            component="Shape",
            suggestion='make "size", "scale" or the stroke smaller',
        )
    return box


def _premultiplied(colour: Colour) -> NDArray[np.float32]:
    red, green, blue, alpha = colour
    return np.array([red * alpha, green * alpha, blue * alpha, alpha], np.float32)


DRAWER = Drawer(check_shape, lambda shape: shape.size, draw_shape)
