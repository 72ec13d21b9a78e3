"""What the user may have meant: the nearest of the words that are allowed."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice

_MOST_WORDS = 2000
"""difflib's time grows with the number of words; a project may name a hundred thousand media."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str | None:
    """`did you mean "media"?` for `meda`; None where nothing is near."""
    words = tuple(islice(allowed, _MOST_WORDS + 1))
    if len(word) > 200 or len(words) > _MOST_WORDS:
        return None
    nearest = _nearest(word, words)
    return None if nearest is None else f'did you mean "{nearest}"?'


@lru_cache(maxsize=1000)  # one wrong name often stands in thousands of clips
def _nearest(word: str, words: tuple[str, ...]) -> str | None:
    by_lower = {w.lower(): w for w in words}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else None
