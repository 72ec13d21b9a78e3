"""Where text may be broken: user-perceived characters, and the places between words.

In: a paragraph. Out: offsets into it. A compact form of Unicode's UAX #29 (grapheme clusters) and UAX #14 (line
breaking) that needs no tables beyond Python's own. Pure functions.
"""

from __future__ import annotations

import unicodedata

SOFT_HYPHEN = "\u00ad"
_ZWJ, _ZWNJ, _ZERO_WIDTH_SPACE = "\u200d", "\u200c", "\u200b"
_GLUE = frozenset("\u00a0\u202f\u2007\u2060\ufeff")
"""No break before or after: the no-break spaces and the joiners of words."""
_BREAK_AFTER = frozenset("-\u2010\u2012\u2013\u2014\u0964" + SOFT_HYPHEN + _ZERO_WIDTH_SPACE)
_NO_BREAK_BEFORE = frozenset(
    "\u3005\u303b\u30fc\u3041\u3043\u3045\u3047\u3049\u3063\u3083\u3085\u3087\u308e\u30a1\u30a3\u30a5\u30a7\u30a9\u30c3\u30e3\u30e5\u30e7\u30ee\u30f5\u30f6"
)
"""Japanese iteration marks, the long vowel mark and small kana."""


def grapheme_starts(text: str) -> list[int]:
    """Offsets at which user-perceived characters begin, and the end: [0, …, len(text)]."""
    starts = []
    flags = 0
    for index, character in enumerate(text):
        before = text[index - 1] if index else ""
        is_flag = "\U0001f1e6" <= character <= "\U0001f1ff"
        joined = bool(before) and (_extends(character) or before == _ZWJ or _hangul_joins(before, character))
        if is_flag:
            joined = joined or flags % 2 == 1
        flags = flags + 1 if is_flag else 0
        if not joined:
            starts.append(index)
    return [*starts, len(text)]


def _extends(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Mn", "Me", "Mc")
        or character in (_ZWJ, _ZWNJ)
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def _hangul_joins(before: str, character: str) -> bool:
    """Whether two conjoining jamo, or a syllable and a jamo, are one syllable block."""
    leads = "\u1100" <= before <= "\u115f" or "\ua960" <= before <= "\ua97c"
    if "\u1100" <= character <= "\u115f":
        return leads
    if not ("\u1160" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7fb"):
        return False
    return leads or "\uac00" <= before <= "\ud7fb" or "\u1160" <= before <= "\u11ff"


def break_ends(text: str) -> list[int]:
    """Offsets behind which a line may end, ascending; the last is len(text)."""
    ends = [index for index in grapheme_starts(text)[1:-1] if _may_break(text[index - 1], text[index])]
    return [*ends, len(text)]


def _may_break(before: str, after: str) -> bool:
    if after.isspace() or before in _GLUE or after in _GLUE:
        return False
    if before.isspace() or before == _ZERO_WIDTH_SPACE:
        return True
    if before in _BREAK_AFTER:
        # "well-known" may be broken, "-5" and "3-4" may not.
        return after.isalpha() or before in (SOFT_HYPHEN, "\u2014")
    if not (_is_ideographic(before) or _is_ideographic(after)):
        return False
    closes = unicodedata.category(after) in ("Pe", "Pf", "Po", "Pd") or after in _NO_BREAK_BEFORE
    opens = unicodedata.category(before) in ("Ps", "Pi")
    return not closes and not opens


def _is_ideographic(character: str) -> bool:
    """Whether lines may be broken on both sides of it: Chinese and Japanese characters, syllables of Yi, emoji."""
    return unicodedata.east_asian_width(character) == "W" and not "\uac00" <= character <= "\ud7a3"
