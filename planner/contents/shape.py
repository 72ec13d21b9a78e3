"""`shape`: a rectangle, an ellipse, a line or a polygon, with fill and stroke."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict
from pydantic.config import JsonDict

from reelmill.planner.colour import Colour
from reelmill.planner.content import Drawing, Size
from reelmill.planner.errors import Problem
from reelmill.planner.fields.base import AnyColour, LineWidth, ObjectModel, PictureSize
from reelmill.planner.fields.kinds import Choice, Points
from reelmill.planner.json_path import Location, json_path
from reelmill.planner.limits import MAX_POINTS

Figure = Literal["rectangle", "ellipse", "line", "polygon"]


@dataclass(frozen=True, slots=True)
class Stroke:
    """The line along a shape's edge."""

    width: float
    """Pixels, centred on the edge."""
    color: Colour = (1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Shape(Drawing):
    """A drawn figure in a picture of `size` pixels."""

    kind: ClassVar[str] = "shape"
    type: Figure
    size: tuple[float, float]
    """Width and height of the picture, pixels. A stroke's outer half lies outside of it, and is shown."""
    fill: Colour | None = None
    stroke: Stroke | None = None
    radius: float = 0.0
    """Radius of a rectangle's corners, pixels."""
    points: tuple[tuple[float, float], ...] = ()
    """Corners of a line (two or more) or a polygon (three or more), pixels in the picture."""

    @classmethod
    def of(cls, given: ShapeModel, _canvas_height: int) -> Self:
        return given.build(cls)

    @staticmethod
    def check(data: dict[str, Any], location: Location) -> Iterator[Problem]:
        path, kind, points = json_path(location), data.get("type"), data.get("points")
        least = {"line": 2, "polygon": 3}.get(str(kind), 0)
        if least and not (isinstance(points, list) and len(points) >= least):
            yield Problem(path, f'a {kind} needs "points": a list of {least} or more [x, y]')
        if kind in ("rectangle", "ellipse") and points is not None:
            yield Problem(path, f'"points" are for lines and polygons, not for the {kind}')
        if "radius" in data and kind in ("ellipse", "line", "polygon"):
            yield Problem(path, f'"radius" is for the corners of a rectangle, not for the {kind}')
        if kind == "line" and "fill" in data:
            yield Problem(path, "a line has no fill", 'give it a "stroke"')
        elif "stroke" not in data and (kind == "line" or "fill" not in data):
            remedy = "stroke" if kind == "line" else "fill"
            yield Problem(path, "the shape has no colour", f'give it a "{remedy}"')

    @property
    def label(self) -> str:
        return self.type

    @property
    def overhang(self) -> float:
        # A mitred corner reaches farther than half the line.
        stroke = 5 * self.stroke.width if self.stroke is not None else 0.0
        width, height = self.size
        return stroke + max((max(-x, -y, x - width, y - height, 0.0) for x, y in self.points), default=0.0)

    def size_on(self, _canvas: Size) -> Size:
        return Fraction(self.size[0]), Fraction(self.size[1])


class StrokeModel(ObjectModel):
    """The line along a shape's edge."""

    value = Stroke

    width: LineWidth
    """Pixels, half of them outside."""
    color: AnyColour | None = None
    """Default: white."""


def _needs(kinds: list[str], key: str) -> JsonDict:
    return {"if": {"properties": {"type": {"enum": [*kinds]}}, "required": ["type"]}, "then": {"required": [key]}}


class ShapeModel(ObjectModel):
    """A drawn figure."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_needs(["line", "polygon"], "points")]})

    type: Annotated[Figure, Choice()]
    """The figure."""
    size: PictureSize
    """Width and height of its picture, pixels."""
    fill: AnyColour | None = None
    """Colour inside. A shape has a fill, a stroke or both; a line has a stroke. Default: none."""
    stroke: StrokeModel | None = None
    """Default: none."""
    radius: LineWidth = 0.0
    """Radius of a rectangle's corners, pixels."""
    points: Annotated[tuple[tuple[float, float], ...], Points(MAX_POINTS, 100_000)] = ()
    """Corners of a line (two or more) or polygon (three or more): [x, y] in pixels of its picture."""
