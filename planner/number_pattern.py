"""The number patterns that make a path an image sequence: `%d`, or `%04d` for four digits with zeros in front.

In: the path of a media entry. Out: the literal texts and the widths that its last part consists of. Plain functions.
"""

from __future__ import annotations

import re
from pathlib import PurePath

_PERCENT = re.compile(r"%(?:%|([0-9]{0,2})d)")
"""A percent sign, which is written twice, or a number."""


def is_sequence(path: str) -> bool:
    """Whether a path names an image sequence: its last part holds a number pattern, `%d` or such as `%04d`."""
    return bool(split_pattern(path)[1])


def split_pattern(path: str) -> tuple[list[str], list[int]]:
    """The texts around the number patterns of a path's last part, and the least digits of each number.

    There is one text more than there are numbers. `%%` stands for a percent sign: it is one in the texts.
    """
    texts, widths, position = [""], [], 0
    name = PurePath(path).name
    for match in _PERCENT.finditer(name):
        texts[-1] += name[position : match.start()]
        position = match.end()
        if match[1] is None:
            texts[-1] += "%"
        else:
            widths.append(int(match[1] or 1))
            texts.append("")
    texts[-1] += name[position:]
    return texts, widths
