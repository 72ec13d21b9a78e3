"""The values of variables: what may be given, and what `${name:type}` makes of it.

In: what the command line, a job file, a script or the project's `variables` gave. Out: JSON data (str, int, Decimal,
bool, list, dict; never a float). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Any

from reelmill.planner.errors import ProjectError
from reelmill.planner.limits import MAX_JSON_DEPTH
from reelmill.planner.templates.syntax import is_text, parse_json

Value = Any
"""JSON data: str, int, Decimal, bool, or a list or dict of such."""
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_MAX_NUMBER_LENGTH = 100


class ValueFault(ValueError):
    """A value that can't be used: `str()` goes on where the variable's name ends."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def plain_value(value: object, levels: int = MAX_JSON_DEPTH) -> Value:
    """A value from outside as JSON data. Raises ValueFault.

    Floats become the decimal that Python shows for them, fractions "N/D", paths their text.
    """
    if isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        if not is_text(value):
            raise ValueFault("is not UTF-8 text")
        return value
    if isinstance(value, float | Decimal):
        number = Decimal(repr(value)) if isinstance(value, float) else value
        if not number.is_finite():
            raise ValueFault(f"is {value}, which is not a number")
        return number
    if isinstance(value, Fraction | PurePath):
        return plain_value(str(value))
    if levels == 0:
        raise ValueFault(f"has more than {MAX_JSON_DEPTH} objects and lists inside one another")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) and is_text(key) for key in value):
            raise ValueFault("has a key that is no text")
        return {key: plain_value(child, levels - 1) for key, child in value.items() if key != "metadata"}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain_value(child, levels - 1) for child in value]
    if value is None:
        raise ValueFault("is null, which is not a value", "leave it out")
    raise ValueFault(f"is of a kind that JSON does not have ({type(value).__name__})")


def text_of(value: Value) -> str:
    """A number, switch or text as it stands in a string."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_plain(value: Value) -> bool:
    """Whether a value can stand inside of a text."""
    return not isinstance(value, list | dict)


def told(value: Value) -> str:
    """A value as a message shows it."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = text_of(value)
    short = text if len(text) <= 40 else f"{text[:40]}…"
    return f'"{short}"' if isinstance(value, str) else short


def as_type(value: Value, kind: str, folder: Path) -> Value:
    """A value as a type of TYPES; paths are relative to the `folder` of what gave the value. Raises ValueFault."""
    return _READERS[kind](value, folder)


def _string(value: Value, _folder: Path) -> str:
    if not is_plain(value):
        raise ValueFault(f"is {told(value)}, not a text")
    return text_of(value)


def _int(value: Value, folder: Path) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    try:
        number = _number(value, folder)
    except ValueFault:
        number = None
    if number is None or number != number.to_integral_value() or abs(number) >= 10**30:
        raise ValueFault(f"is {told(value)}, not a whole number")
    return int(number)


def _number(value: Value, _folder: Path) -> Decimal:
    if isinstance(value, str) and len(value) <= _MAX_NUMBER_LENGTH and _NUMBER.fullmatch(value.strip()):
        value = Decimal(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueFault(f"is {told(value)}, not a number")
    return Decimal(value)


def _bool(value: Value, _folder: Path) -> bool:
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise ValueFault(f"is {told(value)}, not true or false")
    return value


def _json(value: Value, _folder: Path) -> Value:
    if not isinstance(value, str):
        return value
    try:
        return plain_value(parse_json(value))
    except ProjectError as error:
        problem = error.problems[0]
        hint = f"line {problem.line}, column {problem.column}: {problem.message}" if problem.line else problem.message
        raise ValueFault(f"is {told(value)}, which is not JSON", hint) from error


def _list(value: Value, folder: Path) -> list[Value]:
    found = _json(value, folder)
    if not isinstance(found, list):
        hint = "one item a line makes a list with the type lines" if isinstance(value, str) else None
        raise ValueFault(f"is {told(value)}, not a list", hint)
    return found


def _object(value: Value, folder: Path) -> dict[str, Value]:
    found = _json(value, folder)
    if not isinstance(found, dict):
        raise ValueFault(f"is {told(value)}, not an object")
    return found


def _lines(value: Value, folder: Path) -> list[Value]:
    """The lines of a text that are not empty."""
    if isinstance(value, list):
        return value
    return [line.strip() for line in _string(value, folder).splitlines() if line.strip()]


def _path(value: Value, folder: Path) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueFault(f"is {told(value)}, not a path")
    return value if _ADDRESS.match(value) else str(folder / value)


_READERS: dict[str, Callable[[Value, Path], Value]] = {
    "string": _string,
    "int": _int,
    "number": _number,
    "bool": _bool,
    "list": _list,
    "lines": _lines,
    "object": _object,
    "json": _json,
    "path": _path,
}
TYPES = tuple(_READERS)
"""What may stand behind the colon of `${name:type}`."""
