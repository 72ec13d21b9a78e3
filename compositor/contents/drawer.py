"""What draws a kind of content: `compositor/contents/<kind>.py` holds it as `DRAWER`.

In: a `Drawing`. Out: whether it can be drawn, its size, its pixels. The module of a kind is imported when the first
drawing of that kind is met, so that a film without text never loads Pillow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, cast

from reelmill.compositor.drawing.drawn_picture import DrawnPicture


@dataclass(frozen=True, slots=True)
class Drawer:
    """The functions of one kind. Each takes a drawing of that kind."""

    check: Callable[[Any], None]
    """Raises SetupError where the drawing can't be drawn: a font is missing, it is too large."""
    size: Callable[[Any], tuple[float, float]]
    """Nominal width and height, pixels. Raises SetupError like `check`."""
    draw: Callable[[Any, float], DrawnPicture]
    """The picture, drawn so many times as large as it is. Raises RenderError."""


@cache
def drawer_of(kind: str) -> Drawer:
    """What draws the drawings of a kind."""
    return cast(Drawer, import_module(f"reelmill.compositor.contents.{kind}").DRAWER)
