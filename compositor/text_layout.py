"""Where each piece of a text stands: fonts, lines, and the order of runs on a line.

In: a `Text`. Out: a `TextLayout` in pixels at scale 1. Advances are exact fractions of an em, so a layout is the same
at every scale. A paragraph goes through these steps: characters get a font and a direction; lines are filled word by
word; each line is cut into runs of one font and one direction, which Raqm shapes. One thread (the fonts').
"""

from __future__ import annotations

import functools
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from compositor.bidi import CONTROLS, OVERRIDES, embedding_levels, visual_order
from compositor.fonts import DEFAULT_FONT, Font, is_ignorable, load_font
from compositor.line_breaks import SOFT_HYPHEN, break_ends, grapheme_starts
from planner.errors import SetupError
from planner.timeline import Text

TAB = " " * 4
"""What a tab is as wide as."""
_ALIGNMENT = {"left": 0.0, "center": 0.5, "right": 1.0}
_INVISIBLE = CONTROLS | {SOFT_HYPHEN, "\u200b", "\ufeff"}


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a line in one font and one direction."""

    text: str
    """In logical order."""
    font: Font
    direction: Literal["ltr", "rtl"]
    x: float
    """Left end, pixels from the layout's left edge."""
    baseline: float
    """Pixels from the layout's top edge."""


@dataclass(frozen=True, slots=True)
class TextLayout:
    """A text, laid out; pixels at scale 1."""

    width: float
    height: float
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run before it has a place."""

    text: str
    font: Font
    level: int

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        return "rtl" if self.level % 2 else "ltr"

    @property
    def advance(self) -> float:
        """Ems."""
        return self.font.advance(self.text, self.direction)


@functools.lru_cache(maxsize=256)
def lay_out(text: Text) -> TextLayout:
    """Lay out a text. Raises SetupError for fonts that can't be used and characters that no font has."""
    fonts = tuple(load_font(path) for path in text.fonts or (DEFAULT_FONT,))
    box_ems = None if text.box_width is None else text.box_width / text.size
    lines: list[list[_Piece]] = []
    for paragraph in _paragraphs(text.content):
        lines.extend(_Paragraph(paragraph, fonts, text.direction).lines(box_ems))
    advances = [sum(piece.advance for piece in line) * text.size for line in lines]
    width = max(advances) if text.box_width is None else text.box_width
    line_height = text.line_height * text.size
    # As in CSS, the first font's ascent and descent stand in the middle of the line's height.
    rise = (line_height + (fonts[0].ascent - fonts[0].descent) * text.size) / 2
    runs = []
    for index, (line, advance) in enumerate(zip(lines, advances, strict=True)):
        x = (width - advance) * _ALIGNMENT[text.align]
        for position in visual_order([piece.level for piece in line]):
            piece = line[position]
            runs.append(Run(piece.text, piece.font, piece.direction, x, index * line_height + rise))
            x += piece.advance * text.size
    # Without the noise of binary fractions: 48 × 1.2 is 57.6.
    return TextLayout(round(width, 6), round(len(lines) * line_height, 6), tuple(runs))


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

    def __init__(self, text: str, fonts: Sequence[Font], direction: Literal["auto", "ltr", "rtl"]) -> None:
        self._text, self._fonts = text, fonts
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
            font = self._blank_font(chosen) if blank else self._font_for(cluster)
            chosen.extend([font] * (end - start))
        return chosen

    def _blank_font(self, chosen: Sequence[Font]) -> Font:
        """Nothing of a blank is seen, so that any font will do, and one without spaces borrows the default's."""
        candidates = (*chosen[-1:], *self._fonts, load_font(DEFAULT_FONT))
        return next(font for font in candidates if font.has(" "))

    def _font_for(self, cluster: str) -> Font:
        for font in self._fonts:
            if font.has(cluster):
                return font
        visible = [c for c in unicodedata.normalize("NFC", cluster) if not is_ignorable(c)]
        missing = next((c for c in visible if not any(font.has(c) for font in self._fonts)), None)
        names = ", ".join(f'"{Path(font.path).name}"' for font in self._fonts)
        what = f"a glyph for {_named(missing)}" if missing else f"all of {' and '.join(map(_named, visible))}"
        several = len(self._fonts) > 1
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
            end = self._fill(start, words[bisect_right(words, start) :], box_ems)
            if end is None:
                letters = self._graphemes[bisect_right(self._graphemes, start) :]
                end = self._fill(start, letters, box_ems) or letters[0]
            lines.append(self._pieces(start, self._shown_end(start, end), end))
            start = end
        return lines

    def _fill(self, start: int, ends: Sequence[int], box_ems: float) -> int | None:
        """The last of the ends up to which the text from `start` fits; None where not even the first does."""

        def fits(count: int) -> bool:
            end = ends[count - 1]
            pieces = self._pieces(start, self._shown_end(start, end), end)
            # Advances come as 64ths of a pixel; a box of exactly the text's width must hold it.
            return sum(piece.advance for piece in pieces) <= box_ems + 1e-4

        count = _last(fits, len(ends))
        return ends[count - 1] if count else None

    def _shown_end(self, start: int, end: int) -> int:
        """Without the blanks before a break: they hang out of the line."""
        if end == len(self._text):
            return end
        return start + len(self._text[start:end].rstrip())

    def _pieces(self, start: int, end: int, broken_at: int | None = None) -> list[_Piece]:
        """The runs of a line in logical order; a soft hyphen shows where the line is broken at it."""
        spans = [(c, self._font_of[start + i], self._levels[start + i]) for i, c in enumerate(self._text[start:end])]
        if broken_at is not None and broken_at < len(self._text) and self._text[broken_at - 1] == SOFT_HYPHEN:
            font, level = spans[-1][1], spans[-1][2]
            spans.append(("-", font if font.has("-") else self._font_for("-"), level))
        spans = [span for span in spans if span[0] not in _INVISIBLE]
        pieces = []
        for (font, level), group in groupby(spans, key=lambda span: (span[1], span[2])):
            text = "".join(character for character, _, _ in group)
            if self._forced:
                text = f"{chr(0x202E if level % 2 else 0x202D)}{text}\u202c"
            pieces.append(_Piece(text, font, level))
        return pieces


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
