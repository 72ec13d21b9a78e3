"""`solid`: one colour that fills the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from reelmill.planner.colour import Colour
from reelmill.planner.content import Drawing, Size


@dataclass(frozen=True, slots=True)
class Solid(Drawing):
    """A colour of the canvas' size."""

    kind: ClassVar[str] = "solid"
    has_pixels: ClassVar[bool] = False
    stays_in_box: ClassVar[bool] = True
    color: Colour

    @classmethod
    def of(cls, given: Colour, _canvas_height: int) -> Self:
        return cls(given)

    @property
    def label(self) -> str:
        """`#rrggbb`, or `#rrggbbaa` where the colour is not opaque."""
        parts = [f"{round(part * 255):02x}" for part in self.color]
        return "#" + "".join(parts[:3] if self.opaque else parts)

    @property
    def opaque(self) -> bool:
        return self.color[3] == 1

    def size_on(self, canvas: Size) -> Size:
        return canvas
