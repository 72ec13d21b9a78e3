"""What a file of subtitles says: cues with their times, styles and places. Pure data, read by `export.subtitles`.

Lengths are those of the file's script canvas, whose width and height the picture's are divided into; times are
seconds of the timeline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from reelmill.planner.colour import BLACK, TRANSPARENT, Colour

SubtitleFormat = Literal["srt", "vtt", "ass"]
Wrap = Literal["even", "full", "none"]
"""Lines of about equal length; each as full as can be; only where the text says so."""
WHITE: Colour = (1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class CueRun:
    """A piece of a cue in one style."""

    text: str
    """Without markup; `\\n` begins a new line."""
    family: str | None = None
    """Of the font; None for the first that is given."""
    bold: bool = False
    italic: bool = False
    underline: bool = False
    strikeout: bool = False
    color: Colour | None = None
    """None for that of the cue's style."""


@dataclass(frozen=True, slots=True)
class CueStyle:
    """How a cue looks and where it lies."""

    size: float
    """Height of a line: the font's Windows ascent and descent."""
    family: str | None = None
    bold: bool = False
    italic: bool = False
    underline: bool = False
    strikeout: bool = False
    color: Colour = WHITE
    outline: float = 0.0
    """Width outside of the letters."""
    outline_color: Colour = BLACK
    boxed: bool = False
    """The outline is a box behind each line."""
    shadow: float = 0.0
    """To the right, and down."""
    shadow_color: Colour = TRANSPARENT
    align: int = 2
    """As the keys of a number pad lie: 1 is bottom left, 9 top right."""
    margin_left: float = 0.0
    margin_right: float = 0.0
    margin_vertical: float = 0.0


@dataclass(frozen=True, slots=True)
class SubtitleCue:
    """A text that is shown for a time."""

    start: Fraction
    """Seconds; may be below 0."""
    end: Fraction
    line: int
    """Where it begins in its file, from 1."""
    payload: str
    """As its own format stores it in a film, markup included."""
    runs: tuple[CueRun, ...]
    style: CueStyle
    settings: str = ""
    """Of a vtt cue: what follows its times."""
    layer: int = 0
    """Higher ones are painted over lower ones; only those of one layer make room for each other."""
    position: tuple[float, float] | None = None
    """Where the point of the text lies that `align` names; None for the place that margins and other cues leave."""
    fade: tuple[Fraction, Fraction] = (Fraction(0), Fraction(0))
    """Seconds from invisible to full at its start, and back at its end."""
    wrap: Wrap = "even"

    @property
    def text(self) -> str:
        """Without markup."""
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True, slots=True)
class CueSheet:
    """A file of subtitles."""

    format: SubtitleFormat
    cues: tuple[SubtitleCue, ...]
    """In ascending order of start; in the file's order where several start together."""
    script: tuple[float, float]
    """Width and height of the canvas that lengths count in."""
    scaled_border: bool = True
    """Outlines and shadows are lengths of the script canvas; else pixels of the picture."""
    header: str = ""
    """Of an ass file: all that comes before its events."""
    unsupported: dict[str, int] = field(default_factory=dict)
    """What burnt-in cues are drawn without, and the line where it is first asked for."""
