"""Font files as subtitles ask for them: by family, bold or italic, with the height of a line.

In: paths of font files. Out: `FontFace`s of planner.cue_text, and the one among them that fits a name. Nothing is
looked for outside of the files that were given. One thread.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import font_source_sans_pro
from fontTools.ttLib import TTFont

from reelmill.compositor.drawing.fonts import font_errors, load_font
from reelmill.planner.pictures.cue_text import FontFace
from reelmill.planner.process.regular_files import open_for_reading

DEFAULT_FACES: tuple[str, ...] = tuple(
    font_source_sans_pro.font_files_otf[f"SourceSansPro{face}"] for face in ("", "Bold", "It", "BoldIt")
)
"""Source Sans Pro: regular, bold, italic, bold and italic."""
_FAMILY, _FULL, _POSTSCRIPT, _TYPOGRAPHIC_FAMILY = 1, 4, 6, 16
_BOLD, _ITALIC, _OBLIQUE = 1 << 5, 1 << 0, 1 << 9
"""Of OS/2's fsSelection."""
_SEMIBOLD = 600
"""The lightest weight class that is taken for bold."""


@functools.lru_cache(maxsize=128)
def load_face(path: str) -> FontFace:
    """Read a font file. Raises SetupError for what is no font."""
    font = load_font(path)
    with font_errors(path), open_for_reading(path) as file, TTFont(file, lazy=True, fontNumber=0) as tables:
        names = frozenset(
            str(record).strip().lower()
            for record in (tables["name"].names if "name" in tables else ())
            if record.nameID in (_FAMILY, _FULL, _POSTSCRIPT, _TYPOGRAPHIC_FAMILY)
        )
        ascent, descent, bold, italic = font.ascent, font.descent, False, False
        if "OS/2" in tables:
            windows, em = tables["OS/2"], tables["head"].unitsPerEm
            bold = bool(windows.fsSelection & _BOLD) or windows.usWeightClass >= _SEMIBOLD
            italic = bool(windows.fsSelection & (_ITALIC | _OBLIQUE))
            if windows.usWinAscent + windows.usWinDescent > 0:
                ascent, descent = windows.usWinAscent / em, windows.usWinDescent / em
    return FontFace(path, names, bold, italic, ascent, descent, font.ascent, font.descent)


def find_face(paths: Sequence[str], family: str | None, *, bold: bool, italic: bool) -> tuple[FontFace, bool]:
    """The best of the fonts, and whether it is of the family: right slant before right weight before place in the list.

    Without a family, or where no font is of it, the family of the first font is taken. Raises SetupError.
    """
    faces = [load_face(path) for path in paths]
    wanted = [face for face in faces if family is not None and family.strip().lower() in face.families]
    candidates = wanted or [face for face in faces if face.families & faces[0].families] or faces[:1]
    best = min(candidates, key=lambda face: (face.italic != italic, face.bold != bold))
    return best, family is None or bool(wanted)
