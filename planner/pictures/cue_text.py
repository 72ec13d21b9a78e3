"""A cue of subtitles as a text of the timeline: its font, its size on the canvas, its lines, its box.

In: a cue, the canvas, what an entry of `subtitles` says of its looks, and a `CueShaper`, which knows fonts. Out: a
`CueBlock`, which has a size but no place yet. Pure but for the shaper, which opens font files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from reelmill.planner.colour import Colour
from reelmill.planner.contents.text import Text, TextSpan
from reelmill.planner.subtitles import CueRun, CueSheet, CueStyle, SubtitleCue
from reelmill.planner.text_style import Outline, OutlineShape, Shadow
from reelmill.planner.timeline import CueLook

_DEFAULT_EM = 20
"""Of the canvas' height, for files that don't tell."""
_OUTLINE_SHARE = 12
"""Of an em."""
_COLUMNS: tuple[Literal["left", "center", "right"], ...] = ("left", "center", "right")


@dataclass(frozen=True, slots=True)
class FontFace:
    """One font file, as its own tables describe it. Measures are in ems."""

    path: str
    families: frozenset[str]
    """Its names, in lower case: those of the family, and its own full ones."""
    bold: bool
    italic: bool
    ascent: float
    """From the top of a line to the baseline: Windows' ascent, which subtitles measure by."""
    descent: float
    """From the baseline to the bottom of a line."""
    text_ascent: float
    """The same as texts of the timeline measure it."""
    text_descent: float


class CueShaper(Protocol):
    """Knows the fonts of one entry of `subtitles`. Its methods raise SetupError for fonts that can't be used."""

    def face(self, family: str | None, *, bold: bool, italic: bool) -> tuple[FontFace, bool]:
        """The font for a style, and whether it is of the family."""

    def fonts(self, face: FontFace) -> tuple[str, ...]:
        """Paths, tried glyph by glyph: the face's, then all others."""

    def narrowest(self, text: Text) -> float:
        """Pixels of the longest line, when lines are made about equally long without more of them."""

    def size(self, text: Text) -> tuple[float, float]:
        """Nominal width and height, pixels."""


@dataclass(frozen=True, slots=True)
class CueBlock:
    """The picture of a cue."""

    text: Text
    width: float
    """Pixels."""
    height: float
    rise: float
    """Pixels by which the text is drawn lower than its block, so that its baseline stands where it should."""
    border: int
    """Pixels round the block that its outline covers: kept free of other cues."""


@dataclass(frozen=True, slots=True)
class CueCanvas:
    """The canvas that cues are drawn on, and how lengths of a file become its pixels."""

    width: float
    height: float
    per_x: float
    per_y: float
    """Canvas pixels for one of the script's."""

    @classmethod
    def of(cls, sheet: CueSheet, width: int, height: int) -> CueCanvas:
        """For the cues of a file on a canvas of that size."""
        return cls(width, height, width / sheet.script[0], height / sheet.script[1])

    def margins(self, style: CueStyle) -> tuple[float, float]:
        """Left and right edges between which a cue stands, pixels; the whole width where margins leave nothing."""
        left, right = style.margin_left * self.per_x, self.width - style.margin_right * self.per_x
        return (left, right) if right - left >= 1 else (0.0, self.width)


def cue_block(
    cue: SubtitleCue, sheet: CueSheet, look: CueLook, frame: CueCanvas, shaper: CueShaper, note: Callable[[str], None]
) -> CueBlock | None:
    """What a cue shows; None for one without text. `note` is told of fonts that were not given.

    Raises SetupError where it can't be drawn: a missing glyph, too large.
    """
    content = cue.text
    if not content.strip():
        return None
    style = cue.style
    face = _face(style.family, style.bold, style.italic, shaper, note)
    cell = face.ascent + face.descent
    own = sheet.format == "ass"
    size = style.size * frame.per_y / cell if own else look.size or frame.height / _DEFAULT_EM
    color = style.color if own else look.color or style.color
    outline, shadow = _decoration(style, sheet, look, frame, size)
    left, right = frame.margins(style)
    text = Text(
        content=content,
        size=size,
        color=color,
        fonts=shaper.fonts(face),
        align=_COLUMNS[(style.align - 1) % 3],
        box_width=None if cue.wrap == "none" else right - left,
        line_height=cell,
        outline=outline,
        shadow=shadow,
        spans=tuple(_spans(cue.runs, style, color, shaper, note)),
    )
    if cue.wrap == "even":
        text = replace(text, box_width=max(shaper.narrowest(text), 0.01))
    width, height = shaper.size(text)
    rise = face.ascent * size - (cell + face.text_ascent - face.text_descent) * size / 2
    return CueBlock(text, width, height, rise, round(outline.width) if outline else 0)


def _decoration(
    style: CueStyle, sheet: CueSheet, look: CueLook, frame: CueCanvas, size: float
) -> tuple[Outline | None, Shadow | None]:
    if sheet.format != "ass":
        return look.outline or Outline(size / _OUTLINE_SHARE, style.outline_color), look.shadow
    scale = frame.per_y if sheet.scaled_border else 1.0
    shape: OutlineShape = "lines" if style.boxed else "letters"
    outline = Outline(style.outline * scale, style.outline_color, shape) if style.outline > 0 else None
    offset = style.shadow * scale
    drawn = offset != 0 and style.shadow_color[3] > 0
    return outline, Shadow((offset, offset), 0.0, style.shadow_color) if drawn else None


def _face(family: str | None, bold: bool, italic: bool, shaper: CueShaper, note: Callable[[str], None]) -> FontFace:
    face, known = shaper.face(family, bold=bold, italic=italic)
    if not known:
        note(f'the font "{(family or "")[:60]}"')
    wanted = [name for name, asked, had in (("bold", bold, face.bold), ("italic", italic, face.italic)) if asked > had]
    if wanted:
        note(f"{' '.join(wanted)} letters, which the fonts given do not have")
    return face


def _spans(
    runs: Sequence[CueRun], style: CueStyle, color: Colour, shaper: CueShaper, note: Callable[[str], None]
) -> list[TextSpan]:
    """The pieces that differ from the cue's style."""
    spans: list[TextSpan] = []
    start = 0
    for run in runs:
        end = start + len(run.text)
        other = (run.family, run.bold, run.italic) != (style.family, style.bold, style.italic)
        if other or run.underline or run.strikeout or (run.color is not None and run.color != color):
            face = _face(run.family, run.bold, run.italic, shaper, note)
            fonts = shaper.fonts(face)
            spans.append(TextSpan(start, end, fonts, run.color or color, run.underline, run.strikeout))
        start = end
    return spans
