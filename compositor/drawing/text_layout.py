"""Where each piece of a text stands: fonts, lines, and the order of runs on a line.

In: a `Text`. Out: a `TextLayout` in pixels at scale 1. Advances are exact fractions of an em, so a layout is the same
at every scale. A paragraph goes through these steps: characters get a font and a direction; lines are filled word by
word; each line is cut into runs of one font and one direction, which Raqm shapes. One thread (the fonts').
"""

from __future__ import annotations

import functools
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from reelmill.compositor.drawing.bidi import CONTROLS, OVERRIDES, embedding_levels, visual_order
from reelmill.compositor.drawing.fonts import DEFAULT_FONT, Font, is_ignorable, load_font, normalised
from reelmill.compositor.drawing.line_breaks import SOFT_HYPHEN, break_ends, grapheme_starts
from reelmill.planner.colour import Colour
from reelmill.planner.contents.text import Text
from reelmill.planner.errors import SetupError

TAB = " " * 4
"""What a tab is as wide as."""
_NARROWING_EMS = 1 / 64
"""How near the narrowest box is looked for: less than a pixel of usual text."""
_RECKONING = 1 / 400
"""How far a line may be longer than the sum of its words."""
_BEGINNING = 256
"""Characters of a long piece that are measured before all of it."""
_SLACK_EMS = 8
_ALIGNMENT = {"left": 0.0, "center": 0.5, "right": 1.0}
_INVISIBLE = CONTROLS | {SOFT_HYPHEN, "\u200b", "\ufeff"}


@dataclass(frozen=True, slots=True)
class Ink:
    """How letters are drawn."""

    color: Colour
    underline: bool = False
    strikeout: bool = False


@dataclass(frozen=True, slots=True)
class TextRun:
    """A piece of a line in one font and one direction."""

    text: str
    """In logical order."""
    font: Font
    direction: Literal["ltr", "rtl"]
    x: float
    """Left end, pixels from the layout's left edge."""
    baseline: float
    """Pixels from the layout's top edge."""
    advance: float
    """Pixels."""
    ink: Ink


@dataclass(frozen=True, slots=True)
class LineExtent:
    """Where a line stands; pixels at scale 1."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class TextLayout:
    """A text, laid out; pixels at scale 1."""

    width: float
    height: float
    runs: tuple[TextRun, ...]
    lines: tuple[LineExtent, ...]
    """Those that hold anything."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run before it has a place."""

    text: str
    font: Font
    level: int
    ink: Ink

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        return "rtl" if self.level % 2 else "ltr"

    @property
    def advance(self) -> float:
        """Ems."""
        return self.font.advance(self.text, self.direction)


@dataclass(frozen=True, slots=True)
class _Style:
    """What a character is drawn with."""

    fonts: tuple[Font, ...]
    ink: Ink


@functools.lru_cache(maxsize=256)
def lay_out(text: Text) -> TextLayout:
    """Lay out a text. Raises SetupError for fonts that can't be used and characters that no font has."""
    fonts = _load_fonts(text.fonts)
    box_ems = None if text.box_width is None else text.box_width / text.size
    lines: list[list[_Piece]] = []
    for paragraph in _styled_paragraphs(text):
        lines.extend(paragraph.lines(box_ems))
    advances = [sum(piece.advance for piece in line) * text.size for line in lines]
    width = max(advances) if text.box_width is None else text.box_width
    line_height = text.line_height * text.size
    # As in CSS, the first font's ascent and descent stand in the middle of the line's height.
    rise = (line_height + (fonts[0].ascent - fonts[0].descent) * text.size) / 2
    runs = []
    extents = []
    for index, (line, advance) in enumerate(zip(lines, advances, strict=True)):
        x = (width - advance) * _ALIGNMENT[text.align]
        if advance > 0:
            extents.append(LineExtent(x, index * line_height, x + advance, (index + 1) * line_height))
        for position in visual_order([piece.level for piece in line]):
            piece = line[position]
            baseline, wide = index * line_height + rise, piece.advance * text.size
            runs.append(TextRun(piece.text, piece.font, piece.direction, x, baseline, wide, piece.ink))
            x += wide
    # Without the noise of binary fractions: 48 × 1.2 is 57.6.
    return TextLayout(round(width, 6), round(len(lines) * line_height, 6), tuple(runs), tuple(extents))


def narrowest_box(text: Text) -> float:
    """Width in pixels of the narrowest box in which the text has no more lines than in its own.

    So lines become about equally long. Raises SetupError like lay_out.
    """
    box_ems = float("inf") if text.box_width is None else text.box_width / text.size
    return text.size * max(paragraph.narrowest(box_ems) for paragraph in _styled_paragraphs(text))


def _load_fonts(paths: Sequence[str]) -> tuple[Font, ...]:
    return tuple(load_font(path) for path in paths or (DEFAULT_FONT,))


def _styled_paragraphs(text: Text) -> Iterator[_Paragraph]:
    plain = _Style(_load_fonts(text.fonts), Ink(text.color))
    if not text.spans:
        for paragraph in _paragraphs(text.content):
            yield _Paragraph(paragraph, [plain] * len(paragraph), text.direction)
        return
    styles = [plain] * len(text.content)
    for span in text.spans:
        style = _Style(_load_fonts(span.fonts), Ink(span.color, span.underline, span.strikeout))
        styles[span.start : span.end] = [style] * (span.end - span.start)
    start = 0
    for paragraph in _paragraphs(text.content):
        yield _Paragraph(paragraph, styles[start : start + len(paragraph)], text.direction)
        start += len(paragraph) + 1


def _paragraphs(content: str) -> list[str]:
    """The text between newlines, in whatever way they are written; tabs become spaces."""
    for newline in ("\r\n", "\r", "\u2028", "\u2029"):
        content = content.replace(newline, "\n")
    content = content.replace("\t", TAB)
    for character in content:
        if unicodedata.category(character) in ("Cc", "Cs") and character != "\n":
            raise SetupError(
                f"the text holds the control character U+{ord(character):04X}, which can't be shown",
                component="Text",
                suggestion="remove it; \\n starts a new line",
            )
    return content.split("\n")


class _Paragraph:
    """Characters with their fonts and directions. Passive."""

    def __init__(self, text: str, styles: Sequence[_Style], direction: Literal["auto", "ltr", "rtl"]) -> None:
        """`styles`: of each character."""
        self._text, self._styles = text, styles
        self._levels = embedding_levels(text, direction)
        self._graphemes = grapheme_starts(text)
        self._font_of = self._choose_fonts()
        self._forced = not OVERRIDES.isdisjoint(text)

    def _choose_fonts(self) -> list[Font]:
        """The font of each character: the first that has the whole grapheme cluster; spaces stay with their word."""
        chosen: list[Font] = []
        for start, end in zip(self._graphemes, self._graphemes[1:], strict=False):
            cluster = self._text[start:end]
            blank = cluster.isspace() or all(map(is_ignorable, cluster))
            fonts = self._styles[start].fonts
            font = self._blank_font(chosen, fonts) if blank else self._font_for(cluster, fonts)
            chosen.extend([font] * (end - start))
        return chosen

    def _blank_font(self, chosen: Sequence[Font], fonts: Sequence[Font]) -> Font:
        """Nothing of a blank is seen, so that any font will do, and one without spaces borrows the default's."""
        candidates = (*chosen[-1:], *fonts, load_font(DEFAULT_FONT))
        return next(font for font in candidates if font.has(" "))

    def _font_for(self, cluster: str, fonts: Sequence[Font]) -> Font:
        for font in fonts:
            if font.has(cluster):
                return font
        visible = [c for c in normalised("NFC", cluster) if not is_ignorable(c)]
        missing = next((c for c in visible if not any(font.has(c) for font in fonts)), None)
        names = ", ".join(f'"{Path(font.path).name}"' for font in fonts)
        what = f"a glyph for {_named(missing)}" if missing else f"all of {' and '.join(map(_named, visible))}"
        several = len(fonts) > 1
        raise SetupError(
            f"none of the fonts {names} has {what}" if several else f"the font {names} does not have {what}",
            component="Text",
            suggestion='add a font file that has it to the list "font"; the first font that has a character draws it',
        )

    def lines(self, box_ems: float | None) -> list[list[_Piece]]:
        """The lines, broken so that they are at most `box_ems` wide where that can be had."""
        length = len(self._text)
        if box_ems is None or not length:
            return [self._pieces(0, length)]
        words = break_ends(self._text)
        lines = []
        start = 0
        while start < length:
            end = self._fill(start, words, box_ems)
            if end is None:
                first = self._graphemes[bisect_right(self._graphemes, start)]
                end = self._fill(start, self._graphemes, box_ems) or first
            lines.append(self._pieces(start, self._shown_end(start, end), end))
            start = end
        return lines

    def narrowest(self, box_ems: float) -> float:
        """Ems: a box about as wide as its longest line that has as many lines as one of `box_ems`.

        Reckoned from the advances of words, without kerning between them; the box is wider by what that may be wrong.
        """
        words = list(self._words())
        if max(shown for _, shown in words) > box_ems:
            return box_ems
        count, longest = _filled(words, box_ems)
        low = max(shown for _, shown in words) if count > 1 else longest
        while longest - low > _NARROWING_EMS:
            middle = (low + longest) / 2
            lines, width = _filled(words, middle)
            if lines <= count:
                longest = width
            else:
                low = middle
        return min(longest * (1 + _RECKONING), box_ems)

    def _words(self) -> Iterator[tuple[float, float]]:
        """Advances of each word in ems: with the blanks behind it, and without."""
        start = 0
        for end in break_ends(self._text):
            shown = start + len(self._text[start:end].rstrip())
            yield self._advance(start, end), self._advance(start, shown)
            start = end

    def _fill(self, start: int, ends: Sequence[int], box_ems: float) -> int | None:
        """The last of the ends up to which the text from `start` fits; None where not even the next one does."""
        done = bisect_right(ends, start)

        def fits(count: int) -> bool:
            end = ends[done + count - 1]
            if self._far_too_long(start, end, box_ems):
                return False
            # Advances come as 64ths of a pixel; a box of exactly the text's width must hold it.
            return self._advance(start, self._shown_end(start, end), end) <= box_ems + 1e-4

        count = _last(fits, len(ends) - done)
        return ends[done + count - 1] if count else None

    def _advance(self, start: int, end: int, broken_at: int | None = None) -> float:
        """Ems."""
        return sum(piece.advance for piece in self._pieces(start, end, broken_at))

    def _far_too_long(self, start: int, end: int, box_ems: float) -> bool:
        """Whether the beginning alone is longer than a box by more than any kerning or ligature takes back.

        So a word that fills many lines is not measured as a whole for each of them.
        """
        length = _BEGINNING
        while length < end - start:
            if self._advance(start, start + length) > 2 * box_ems + _SLACK_EMS:
                return True
            length *= 2
        return False

    def _shown_end(self, start: int, end: int) -> int:
        """Without the blanks before a break: they hang out of the line."""
        if end == len(self._text):
            return end
        return start + len(self._text[start:end].rstrip())

    def _pieces(self, start: int, end: int, broken_at: int | None = None) -> list[_Piece]:
        """The runs of a line in logical order; a soft hyphen shows where the line is broken at it."""
        drawn = zip(self._text[start:end], self._font_of[start:end], self._levels[start:end], strict=True)
        spans = [(c, font, level, self._styles[start + i].ink) for i, (c, font, level) in enumerate(drawn)]
        if broken_at is not None and broken_at < len(self._text) and self._text[broken_at - 1] == SOFT_HYPHEN:
            _, font, level, ink = spans[-1]
            fonts = self._styles[broken_at - 1].fonts
            spans.append(("-", font if font.has("-") else self._font_for("-", fonts), level, ink))
        spans = [span for span in spans if span[0] not in _INVISIBLE]
        pieces = []
        for (font, level, ink), group in groupby(spans, key=lambda span: span[1:]):
            text = "".join(span[0] for span in group)
            if self._forced:
                text = f"{chr(0x202E if level % 2 else 0x202D)}{text}\u202c"
            pieces.append(_Piece(text, font, level, ink))
        return pieces


def _filled(words: Sequence[tuple[float, float]], box_ems: float) -> tuple[int, float]:
    """How many lines the words make in a box, and how long the longest is. Each word fits into it."""
    lines, line, longest = 1, 0.0, 0.0
    for whole, shown in words:
        if line + shown > box_ems:
            lines, line = lines + 1, 0.0
        longest = max(longest, line + shown)
        line += whole
    return lines, longest


def _last(fits: Callable[[int], bool], most: int) -> int:
    """The largest count from 0 to `most` that fits, if all smaller ones do; near ones are tried first."""
    low, step = 0, 1
    while low + step <= most and fits(low + step):
        low += step
        step *= 2
    high = min(low + step, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def _named(character: str) -> str:
    return f'"{character}" (U+{ord(character):04X}, {unicodedata.name(character, "unnamed")})'
