"""Texts in the project file. `document` holds the other objects."""

from __future__ import annotations

from typing import Annotated, Literal

from reelmill.planner import timeline
from reelmill.planner.fields.base import AnyColour, LineWidth, ObjectModel
from reelmill.planner.fields.kinds import Characters, Choice, Number, Numbers
from reelmill.planner.fields.places import FilePaths
from reelmill.planner.limits import MAX_CANVAS_PX, MAX_TEXT_LENGTH


class OutlineModel(ObjectModel):
    """A line round each letter, or a box round each line."""

    width: LineWidth
    """Pixels outside the letters, or the line."""
    color: AnyColour = timeline.BLACK
    """Default: black."""
    shape: Annotated[timeline.OutlineShape, Choice()] = "letters"
    """letters: it goes round each letter; lines: it is a box behind each line."""


class ShadowModel(ObjectModel):
    """A shadow behind the text."""

    offset: Annotated[tuple[float, float], Numbers(2, -MAX_CANVAS_PX, MAX_CANVAS_PX, "[right, down]")] = (0.0, 0.0)
    """Pixels to the right and down. Default: [0, 0]."""
    blur: Annotated[float, Number(0, 1000)] = 0.0
    """Standard deviation of the blur, pixels."""
    color: AnyColour = timeline.BLACK
    """Default: black."""


class TextModel(ObjectModel):
    """A text."""

    content: Annotated[str, Characters(MAX_TEXT_LENGTH, empty=True)]
    """The text; \\n begins a new line."""
    size: Annotated[float, Number(0, 10_000, over=True)] | None = None
    """Pixels of one em. Default: a tenth of the canvas' height."""
    color: AnyColour = (1.0, 1.0, 1.0, 1.0)
    """Default: white."""
    font: Annotated[tuple[str, ...], FilePaths(64)] = ()
    """A font file, or a list that is tried glyph by glyph, relative to the project file. Default: Source Sans Pro."""
    align: Annotated[Literal["left", "center", "right"], Choice()] = "left"
    """Where the lines stand in the box."""
    box_width: Annotated[float, Number(0, MAX_CANVAS_PX, over=True)] | None = None
    """Pixels at which lines wrap. Default: no wrapping."""
    line_height: Annotated[float, Number(0.1, 100)] = 1.2
    """From line to line, in ems."""
    outline: OutlineModel | None = None
    """Default: none."""
    shadow: ShadowModel | None = None
    """Default: none."""
    direction: Annotated[Literal["auto", "ltr", "rtl"], Choice()] = "auto"
    """Of writing: auto takes it from the letters."""
