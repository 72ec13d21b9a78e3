"""Outline and shadow of texts, as texts and subtitles have them. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reelmill.planner.colour import BLACK, Colour

OutlineShape = Literal["letters", "lines"]


@dataclass(frozen=True, slots=True)
class Outline:
    """A line round each letter, or a box behind each line."""

    width: float
    """Pixels."""
    color: Colour = BLACK
    shape: OutlineShape = "letters"
    """What the outline goes round."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """A shadow behind a text."""

    offset: tuple[float, float] = (0.0, 0.0)
    """Pixels, right and down."""
    blur: float = 0.0
    """Standard deviation of a Gaussian, pixels."""
    color: Colour = BLACK
