"""Which way the characters of a paragraph run: the Unicode Bidirectional Algorithm, by the FriBidi library.

In: a paragraph. Out: the embedding level of each character (odd is right to left), and the order of runs on a line.
It is the same library that Pillow's Raqm layout loads; Raqm itself orders only text of one font. Thread-safe.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from collections.abc import Sequence
from typing import Literal

from reelmill.planner.errors import SetupError

_NAMES = ("libfribidi.so.0", "libfribidi.so", "libfribidi.0.dylib", "libfribidi.dylib", "libfribidi-0.dll", "fribidi")
_PARAGRAPH = {"auto": 0x40, "ltr": 0x110, "rtl": 0x111}
"""FriBidiParType: neutral (the first strong character decides), left to right, right to left."""
OVERRIDES = frozenset("\u202d\u202e")
CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that only direct; they are taken out of what is drawn (UAX #9, X9)."""


@functools.cache
def _library() -> ctypes.CDLL:
    found = ctypes.util.find_library("fribidi")
    for name in (*_NAMES, found):
        if name is None:
            continue
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise SetupError(
        "text can't be laid out on this machine: the FriBidi library is missing",
        component="Text",
        suggestion="install it: `apt-get install libfribidi0` (Debian, Ubuntu)",
    )


def embedding_levels(paragraph: str, direction: Literal["auto", "ltr", "rtl"]) -> list[int]:
    """The level of each character of a paragraph without newlines."""
    if not paragraph or (direction != "rtl" and paragraph.isascii()):
        return [0] * len(paragraph)
    library, length = _library(), len(paragraph)
    codes = (ctypes.c_uint32 * length)(*map(ord, paragraph))
    types = (ctypes.c_uint32 * length)()
    brackets = (ctypes.c_uint32 * length)()
    levels = (ctypes.c_int8 * length)()
    base = ctypes.c_uint32(_PARAGRAPH[direction])
    library.fribidi_get_bidi_types(codes, length, types)
    library.fribidi_get_bracket_types(codes, length, types, brackets)
    if not library.fribidi_get_par_embedding_levels_ex(types, brackets, length, ctypes.byref(base), levels):
        raise MemoryError("FriBidi could not allocate memory")
    return list(levels)


def visual_order(levels: Sequence[int]) -> list[int]:
    """Indices of a line's runs from left to right: rule L2 of UAX #9."""
    order = list(range(len(levels)))
    odd = [level for level in levels if level % 2]
    for level in range(max(levels, default=0), min(odd, default=1) - 1, -1):
        start = 0
        while start < len(order):
            end = start
            while end < len(order) and levels[order[end]] >= level:
                end += 1
            order[start:end] = reversed(order[start:end])
            start = end + 1
    return order
