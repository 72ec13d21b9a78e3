"""What follows the times of a WebVTT cue: `line`, `position`, `size`, `align`, roughly as browsers place them.

In: the settings as text, and the style of a plain cue, in hundredths of the picture. Out: a style and a place. The
vertical directions and regions are noted and left out. Passive; one function.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from reelmill.export.subtitles.cue_markup import Note
from reelmill.planner.subtitles import CueStyle

_ALIGNS = {"start": 1, "left": 1, "center": 2, "middle": 2, "end": 3, "right": 3}
"""Columns of a number pad."""
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)%")
_EDGES = {"line-left": 1, "start": 1, "left": 1, "center": 2, "middle": 2, "line-right": 3, "end": 3, "right": 3}
_ROWS = {"start": 7, "center": 4, "end": 1}
"""By the alignment of `line`: which row of a number pad."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Where a cue lies."""

    style: CueStyle
    position: tuple[float, float] | None


def settle(settings: str, plain: CueStyle, note: Note) -> Settled:
    """The style and place of a cue with settings (https://www.w3.org/TR/webvtt1/#webvtt-cue-settings)."""
    if not settings:
        return Settled(plain, None)
    given: dict[str, str] = {}
    for part in settings.split():
        key, _, value = part.partition(":")
        if key in ("line", "position", "size", "align") and value:
            given[key] = value
        else:
            note(f'the setting "{key[:20]}"')
    column = _ALIGNS.get(given.get("align", "center"), 2)
    left, right = _margins(given, column)
    style = replace(plain, align=plain.align - (plain.align - 1) % 3 + column - 1)
    if "position" in given or "size" in given or "align" in given:
        style = replace(style, margin_left=left, margin_right=right)
    return _on_line(given["line"], style, note) if "line" in given else Settled(style, None)


def _margins(given: dict[str, str], column: int) -> tuple[float, float]:
    """Left and right margins of the cue's box, hundredths."""
    value, _, edge = given.get("position", "").partition(",")
    position = _share(value, {1: 0.0, 2: 50.0, 3: 100.0}[column])
    anchor = _EDGES.get(edge, column)
    room = {1: 100 - position, 2: 2 * min(position, 100 - position), 3: position}[anchor]
    size = min(_share(given.get("size", ""), 100.0), room)
    left = position - {1: 0.0, 2: size / 2, 3: size}[anchor]
    return left, 100 - left - size


def _share(value: str, default: float) -> float:
    match = _PERCENT.fullmatch(value)
    return min(float(match[1]), 100.0) if match else default


def _on_line(value: str, style: CueStyle, note: Note) -> Settled:
    """A cue on a line: hundredths of the height, or lines counted from the top, or from the bottom where negative."""
    line, _, edge = value.partition(",")
    column = (style.align - 1) % 3
    row = _ROWS.get(edge, 7)
    if match := _PERCENT.fullmatch(line):
        y = min(float(match[1]), 100.0)
    elif re.fullmatch(r"-?[0-9]{1,4}", line):
        number = int(line)
        y = number * style.size if number >= 0 else 100 + (number + 1) * style.size
        row = row if number >= 0 else 1
    else:
        if line != "auto":
            note(f'the setting "line:{value[:20]}"')
        return Settled(style, None)
    x = (style.margin_left, (style.margin_left + 100 - style.margin_right) / 2, 100 - style.margin_right)[column]
    return Settled(replace(style, align=row + column), (x, y))
