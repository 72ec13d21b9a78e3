"""Font files: what characters they have, how wide text is in them, and what it looks like.

In: paths of font files, strings of one direction. Out: advances in ems and coverage masks, laid out by Pillow's raqm
(HarfBuzz: kerning, ligatures, contextual forms). Fonts stay open for the life of the process. One thread.
"""

from __future__ import annotations

import functools
import math
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import font_source_sans_pro
import numpy as np
from fontTools.ttLib import TTFont, TTLibError
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features

from reelmill.planner.errors import ExportError, RenderError, SetupError
from reelmill.planner.process.regular_files import open_for_reading

Mask = NDArray[np.uint8]
"""[height, width], coverage 0…255."""
DEFAULT_FONT: str = font_source_sans_pro.font_files_otf["SourceSansPro"]
"""Source Sans Pro Regular: Latin, Greek, Cyrillic."""
SAMPLED_EM_PX = 512
"""Glyphs are drawn at least about this high and averaged down: so hinting moves nothing that could be seen, glyphs
stand on fractions of pixels, and text of any scale has the same shape."""
MAX_SAMPLES = 16
"""Of one pixel, on each axis."""
_MEASURED_PX = 1000
"""Advances are not hinted, so they are the same fraction of an em at every size; at this one they are fine enough."""
_MEASURED_LENGTH = 1000
"""Characters that are measured at once without looking whether Raqm's lengths hold them."""
_MEASURED_EMS = 30_000
"""Raqm counts 64ths of a pixel in 32 bits, which hold 33,554 ems; longer texts are as long as their parts."""
_MOST_MARKS = 128
"""Characters of a user-perceived character; languages need a handful."""
_SPACE = ord(" ")

_MAX_SAMPLES_OF_RUN = 2 * 16384**2
"""Pillow draws no more at once. Runs that would have more, such as those with wide outlines, get fewer a pixel."""

# Pillow's limit for damaged picture files also stops it from drawing large letters; it holds for the whole process.
Image.MAX_IMAGE_PIXELS = 16384**2


@dataclass(frozen=True, slots=True)
class Bar:
    """A line under or through letters."""

    height: float
    """Of its middle above the baseline, ems."""
    thickness: float
    """Ems."""


@dataclass(frozen=True, slots=True)
class Font:
    """One face, of any size."""

    path: str
    characters: frozenset[int]
    ascent: float
    """Ems, above the baseline."""
    descent: float
    """Ems, below the baseline; positive."""
    underline: Bar
    strikeout: Bar

    def has(self, cluster: str) -> bool:
        """Whether the font can draw a user-perceived character: its base with all its marks.

        HarfBuzz composes and decomposes as needed, and makes every kind of space out of a plain one.
        """
        if cluster.isspace():
            return _SPACE in self.characters
        forms = (cluster, normalised("NFC", cluster), normalised("NFD", cluster))
        return any(all(ord(c) in self.characters for c in form if not is_ignorable(c)) for form in forms)

    def advance(self, text: str, direction: Literal["ltr", "rtl"]) -> float:
        """Width of a text of one direction, ems."""
        return _advance(self.path, text, direction)


def normalised(form: Literal["NFC", "NFD"], cluster: str) -> str:
    """Unicode's normal form, by parts where a text piles up marks, which Python sorts in quadratic time."""
    parts = (cluster[at : at + _MOST_MARKS] for at in range(0, len(cluster), _MOST_MARKS))
    return "".join(unicodedata.normalize(form, part) for part in parts)


def is_ignorable(character: str) -> bool:
    """Whether a character has no glyph of its own: joiners, direction marks, variation selectors."""
    code = ord(character)
    return unicodedata.category(character) == "Cf" or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF


def require_layout() -> None:
    """Raises SetupError where this machine can't lay out text."""
    if not features.check("raqm"):
        raise SetupError(
            "text can't be laid out on this machine: Pillow finds no FriBidi library for its Raqm layout",
            component="Text",
            suggestion="install it: `apt-get install libfribidi0` (Debian, Ubuntu), `dnf install fribidi` (Fedora), "
            "`brew install fribidi` (macOS)",
        )


_UNDERLINE, _STRIKEOUT = Bar(-0.1, 0.05), Bar(0.25, 0.05)
"""For fonts that tell none."""


@functools.lru_cache(maxsize=128)
def load_font(path: str) -> Font:
    """Open a font file. Raises SetupError for what is no TrueType or OpenType font with outlines."""
    with font_errors(path):
        with open_for_reading(path) as file, TTFont(file, lazy=True, fontNumber=0) as tables:
            if not any(name in tables for name in ("glyf", "CFF ", "CFF2")):
                raise _not_a_font(path, "it has no outlines, only pictures of one size")
            metrics = tables["hhea"]
            typographic = tables.get("OS/2")
            ascent, descent = metrics.ascent, metrics.descent
            if not ascent and not descent and typographic is not None:
                ascent, descent = typographic.sTypoAscender, typographic.sTypoDescender
            em = tables["head"].unitsPerEm
            under = (
                (tables["post"].underlinePosition, tables["post"].underlineThickness) if "post" in tables else (0, 0)
            )
            through = (
                (typographic.yStrikeoutPosition, typographic.yStrikeoutSize) if typographic is not None else (0, 0)
            )
            characters = frozenset(tables.getBestCmap() or ())
        _sized(path, _MEASURED_PX)
        return Font(
            path, characters, ascent / em, -descent / em, _bar(under, em, _UNDERLINE), _bar(through, em, _STRIKEOUT)
        )


@contextmanager
def font_errors(path: str, failure: type[SetupError] | type[RenderError] = SetupError) -> Iterator[None]:
    """Turns what fontTools and FreeType raise over a font file into a `failure` that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise failure(
            "the font file does not exist",
            component="Text",
            file=path,
            suggestion="correct the path; paths are relative to the project file, and names of installed fonts are "
            "not looked up, so that a film does not depend on the machine",
        ) from error
    except (ExportError, MemoryError):
        raise
    except ImportError as error:
        raise failure(
            f'"{Path(path).name}" is a WOFF2 font, and the module brotli, which unpacks those, is not installed',
            component="Text",
            file=path,
            suggestion="install it: `pip install 'reelmill[woff2]'`, or name a TrueType or OpenType file (.ttf, .otf)",
        ) from error
    except (TTLibError, OSError) as error:
        raise _not_a_font(path, getattr(error, "strerror", None) or str(error), failure) from error
    except Exception as error:  # fontTools raises whatever its parser stumbles over in a damaged file
        raise _not_a_font(path, f"it is damaged ({type(error).__name__}: {error})", failure) from error


def _bar(told: tuple[float, float], em: int, usual: Bar) -> Bar:
    """A bar as the font has it; some have none."""
    height, thickness = told
    return Bar(height / em, thickness / em) if thickness > 0 else usual


def _not_a_font(
    path: str, why: str, failure: type[SetupError] | type[RenderError] = SetupError
) -> SetupError | RenderError:
    return failure(
        f'"{Path(path).name}" can\'t be used as a font: {why}',
        component="Text",
        file=path,
        suggestion="name a TrueType or OpenType file (.ttf, .otf, .ttc)",
    )


@functools.lru_cache(maxsize=64)
def _sized(path: str, size_px: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size_px, layout_engine=ImageFont.Layout.RAQM)


@functools.lru_cache(maxsize=4096)  # words come again
def _advance(path: str, text: str, direction: Literal["ltr", "rtl"]) -> float:
    if len(text) > _MEASURED_LENGTH:
        parts = (text[at : at + _MEASURED_LENGTH] for at in range(0, len(text), _MEASURED_LENGTH))
        about = sum(_measured(path, part, direction) for part in parts)
        if about > _MEASURED_EMS:
            return about
    return _measured(path, text, direction)


def _measured(path: str, text: str, direction: Literal["ltr", "rtl"]) -> float:
    with font_errors(path):
        return _sized(path, _MEASURED_PX).getlength(text, direction=direction) / _MEASURED_PX


@dataclass(frozen=True, slots=True)
class DrawnRun:
    """Coverage of one run, in pixels of the picture."""

    mask: Mask
    left: int
    top: int


def draw_run(
    font: Font, text: str, direction: Literal["ltr", "rtl"], size_px: float, x: float, y: float, stroke_px: float = 0.0
) -> DrawnRun | None:
    """Draw a text of one direction with its baseline's left end at (x, y); None where it has no ink.

    `stroke_px` makes the letters fatter on all sides, with round corners.
    """
    with font_errors(font.path, RenderError):
        extent = _extent(font, text, direction, size_px, x, y, stroke_px)
        if extent is None:
            return None
        left_px, top_px, right_px, bottom_px = extent
        samples = _samples(size_px)
        while (right_px - left_px) * (bottom_px - top_px) * samples**2 > _MAX_SAMPLES_OF_RUN and samples > 1:
            samples -= 1
        image = Image.new("L", ((right_px - left_px) * samples, (bottom_px - top_px) * samples))
        ImageDraw.Draw(image).text(
            (round(x * samples) - left_px * samples, round(y * samples) - top_px * samples),
            text,
            fill=255,
            font=_sized(font.path, size_px * samples),
            anchor="ls",
            direction=direction,
            stroke_width=stroke_px * samples,
            stroke_fill=255,
        )
    return DrawnRun(np.asarray(image.reduce(samples)), left_px, top_px)


def run_extent(
    font: Font, text: str, direction: Literal["ltr", "rtl"], size_px: float, x: float, y: float, stroke_px: float = 0.0
) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of what draw_run draws, in whole pixels; None where it has no ink."""
    with font_errors(font.path):
        return _extent(font, text, direction, size_px, x, y, stroke_px)


def _extent(
    font: Font, text: str, direction: Literal["ltr", "rtl"], size_px: float, x: float, y: float, stroke_px: float
) -> tuple[int, int, int, int] | None:
    samples = _samples(size_px)
    sized = _sized(font.path, size_px * samples)
    left, top, right, bottom = sized.getbbox(text, direction=direction, stroke_width=stroke_px * samples, anchor="ls")
    if right <= left or bottom <= top:
        return None
    origin_x, origin_y = round(x * samples), round(y * samples)
    # A sample of margin, since strokes reach fractions of samples outside; then out to whole pixels.
    return (
        math.floor((origin_x + left - 1) / samples),
        math.floor((origin_y + top - 1) / samples),
        math.ceil((origin_x + right + 1) / samples),
        math.ceil((origin_y + bottom + 1) / samples),
    )


def _samples(size_px: float) -> int:
    """Samples of a pixel, across and down."""
    return 1 if size_px > 4 * SAMPLED_EM_PX else max(2, min(MAX_SAMPLES, math.ceil(SAMPLED_EM_PX / size_px)))
