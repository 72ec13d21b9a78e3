"""`text`: letters in one style, with outline and shadow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from reelmill.planner.colour import Colour
from reelmill.planner.content import FILE_PATHS, Drawing, Size
from reelmill.planner.fields.base import AnyColour, LineWidth, ObjectModel
from reelmill.planner.fields.kinds import Characters, Choice, Number, Numbers
from reelmill.planner.fields.places import FilePaths
from reelmill.planner.limits import MAX_CANVAS_PX, MAX_TEXT_LENGTH
from reelmill.planner.text_style import Outline, OutlineShape, Shadow

WHITE: Colour = (1.0, 1.0, 1.0, 1.0)
DEFAULT_SIZE = 1 / 10
"""One em, as a fraction of the canvas' height."""
Align = Literal["left", "center", "right"]
WritingDirection = Literal["auto", "ltr", "rtl"]


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A stretch of a text that is drawn in another font or colour."""

    start: int
    """Index of its first character in the text."""
    end: int
    """Index behind its last one."""
    fonts: tuple[str, ...] = field(metadata=FILE_PATHS)
    """Absolute paths, tried glyph by glyph."""
    color: Colour
    underline: bool = False
    strikeout: bool = False


@dataclass(frozen=True, slots=True)
class Text(Drawing):
    """A text. Its nominal size is that of its box, else the longest line's advance by lines × line height."""

    kind: ClassVar[str] = "text"
    content: str
    size: float
    """Pixels of one em."""
    color: Colour = WHITE
    fonts: tuple[str, ...] = field(default=(), metadata=FILE_PATHS)
    """Absolute paths of font files, tried glyph by glyph; empty for the default font."""
    align: Align = "left"
    box_width: float | None = None
    """Pixels; wraps."""
    line_height: float = 1.2
    """In ems."""
    outline: Outline | None = None
    shadow: Shadow | None = None
    direction: WritingDirection = "auto"
    spans: tuple[TextSpan, ...] = ()
    """In ascending order, without overlap; of burnt-in subtitles."""

    @classmethod
    def of(cls, given: TextModel, canvas_height: int) -> Self:
        return given.build(cls, size=given.size or canvas_height * DEFAULT_SIZE)

    @property
    def label(self) -> str:
        return self.content

    @property
    def overhang(self) -> float:
        # Letters of italic or decorative fonts leave their line by less than an em.
        beyond = self.size + (self.outline.width if self.outline else 0.0)
        if self.shadow is not None:
            beyond += max(map(abs, self.shadow.offset)) + 3 * self.shadow.blur
        return beyond

    def size_on(self, _canvas: Size) -> None:
        return None


class OutlineModel(ObjectModel):
    """A line round each letter, or a box round each line."""

    value = Outline

    width: LineWidth
    """Pixels outside the letters, or the line."""
    color: AnyColour | None = None
    """Default: black."""
    shape: Annotated[OutlineShape, Choice()] = "letters"
    """letters: it goes round each letter; lines: it is a box behind each line."""


class ShadowModel(ObjectModel):
    """A shadow behind the text."""

    value = Shadow

    offset: Annotated[tuple[float, float], Numbers(2, -MAX_CANVAS_PX, MAX_CANVAS_PX, "[right, down]")] | None = None
    """Pixels to the right and down. Default: [0, 0]."""
    blur: Annotated[float, Number(0, 1000)] = 0.0
    """Standard deviation of the blur, pixels."""
    color: AnyColour | None = None
    """Default: black."""


class TextModel(ObjectModel):
    """A text."""

    content: Annotated[str, Characters(MAX_TEXT_LENGTH, empty=True)]
    """The text; \\n begins a new line."""
    size: Annotated[float, Number(0, 10_000, over=True)] | None = None
    """Pixels of one em. Default: a tenth of the canvas' height."""
    color: AnyColour | None = None
    """Default: white."""
    fonts: Annotated[tuple[str, ...], FilePaths(64)] | None = Field(default=None, alias="font")
    """A font file, or a list that is tried glyph by glyph, relative to the project file. Default: Source Sans Pro."""
    align: Annotated[Align, Choice()] = "left"
    """Where the lines stand in the box."""
    box_width: Annotated[float, Number(0, MAX_CANVAS_PX, over=True)] | None = None
    """Pixels at which lines wrap. Default: no wrapping."""
    line_height: Annotated[float, Number(0.1, 100)] = 1.2
    """From line to line, in ems."""
    outline: OutlineModel | None = None
    """Default: none."""
    shadow: ShadowModel | None = None
    """Default: none."""
    direction: Annotated[WritingDirection, Choice()] = "auto"
    """Direction of writing. auto takes it from the letters."""
