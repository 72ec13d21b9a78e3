"""Names of numbered pictures: a pattern such as `%06d.png`, `shot-{frame:04d}.jpg` or `{timecode}.webp`. Pure.

In: the name that was asked for. Out: the name of each picture, and whether some other name could be one of them.
"""

from __future__ import annotations

import re
from pathlib import Path

from reelmill.export.outputs.picture_sink import ShownFrames
from reelmill.planner.clock import TimeError, timecode
from reelmill.planner.errors import SetupError

_FIELD = re.compile(r"%%|%(?:0(?P<percent>\d+))?d|\{frame(?::(?:0(?P<brace>\d+))?d?)?\}|\{timecode\}")
_LOOKS_LIKE_A_FIELD = re.compile(r"%.?|\{\w*+(?::[^{}]*+)?\}")
_MEANT_AS_A_FIELD = re.compile(r"%\d*+[diu]|\{(?:frame|timecode|number)[^{}]*+\}", re.IGNORECASE)
_MAX_DIGITS = 20
_MAX_FIELDS = 3
"""How many numbers a name holds. Numbers that touch could be told apart in too many ways if there were more."""
_SUGGESTION = "number the pictures with %06d, {frame} or {frame:06d}, or {timecode}; %% stands for a percent sign"


def is_numbered(path: Path) -> bool:
    """Whether a file's name holds a number pattern, so that it stands for many pictures."""
    return any(field[0] != "%%" for field in _FIELD.finditer(path.name))


def check_single(path: Path) -> None:
    """Raises SetupError where one picture, or an animation, is named like many."""
    if is_numbered(path):
        raise _refused(path, "has a number pattern in its name, and is one file", "name it without a number")
    if wrong := _MEANT_AS_A_FIELD.search(path.name):
        raise _refused(path, f'has "{wrong[0]}" in its name, which is no number pattern', _SUGGESTION)


class PictureNames:
    """A checked pattern. Passive, immutable."""

    def __init__(self, pattern: Path, *, start_number: int = 0) -> None:
        """`%06d` and `{frame:06d}` count pictures from `start_number`; `{timecode}` is that of the timeline.

        Raises SetupError for a name without a number, a pattern in a folder's name, and fields that don't exist.
        """
        self._start_number = start_number
        self.pattern = pattern
        if is_numbered(pattern.parent) or any(is_numbered(folder) for folder in pattern.parents):
            raise _refused(pattern, "has its number in the name of a folder", f"{_SUGGESTION}, in the file's name")
        self._parts: list[str | re.Match[str]] = []
        end = 0
        for field in _FIELD.finditer(pattern.name):
            self._parts += [self._literal(pattern.name[end : field.start()]), "%" if field[0] == "%%" else field]
            end = field.end()
        self._parts.append(self._literal(pattern.name[end:]))
        fields = self._fields()
        if not fields:
            raise _refused(
                pattern,
                "has no number in its name, so all pictures would have one name",
                f"{_SUGGESTION}, as in {pattern.with_name(f'{pattern.stem}-%06d{pattern.suffix}')}",
            )
        if len(fields) > _MAX_FIELDS:
            raise _refused(pattern, f"has {len(fields)} numbers in its name; {_MAX_FIELDS} is the limit", _SUGGESTION)
        if any(_digits(field) > _MAX_DIGITS for field in fields):
            raise _refused(pattern, f"asks for more than {_MAX_DIGITS} digits", _SUGGESTION)
        if start_number < 0:
            raise _refused(pattern, f"can't be numbered from {start_number}", "give a start number of 0 or more")

    def check_timecodes(self, shown: ShownFrames) -> None:
        """Raises SetupError where the pattern needs timecodes and the canvas' rate has none."""
        if any(field[0] == "{timecode}" for field in self._fields()):
            try:
                timecode(0, shown.timeline_fps)
            except TimeError as error:
                raise _refused(self.pattern, f"can't be named: {error}", "number them with %06d") from error

    def name(self, number: int, shown: ShownFrames) -> str:
        """Name of picture `number` (counted from 0)."""
        parts = []
        for part in self._parts:
            if isinstance(part, str):
                parts.append(part)
            elif part[0] == "{timecode}":
                parts.append(re.sub("[:;]", "-", timecode(shown.frames[number], shown.timeline_fps)))
            else:
                parts.append(f"{self._start_number + number:0{_digits(part) or 1}}")
        return "".join(parts)

    def matches(self, name: str) -> bool:
        """Whether a file of that name could be a picture of this pattern, of whatever number."""
        expressions = []
        for part in self._parts:
            if isinstance(part, str):
                expressions.append(re.escape(part))
            elif part[0] == "{timecode}":
                expressions.append(r"\d{2,}-\d\d-\d\d-\d{2,3}")
            else:
                expressions.append(rf"\d{{{_digits(part) or 1},}}")
        return re.fullmatch("".join(expressions), name, re.ASCII) is not None

    def _fields(self) -> list[re.Match[str]]:
        return [part for part in self._parts if not isinstance(part, str)]

    def _literal(self, text: str) -> str:
        if wrong := _LOOKS_LIKE_A_FIELD.search(text):
            raise _refused(self.pattern, f'has "{wrong[0]}" in its name, which is no number pattern', _SUGGESTION)
        return text


def _digits(field: re.Match[str]) -> int:
    return int(field["percent"] or field["brace"] or 0)


def _refused(pattern: Path, why: str, suggestion: str) -> SetupError:
    return SetupError(f"{pattern} {why}", component="Output", file=str(pattern), suggestion=suggestion)
