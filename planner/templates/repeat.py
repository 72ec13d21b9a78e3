"""`"repeat": {"for": "item", "in": "${items}"}`: what it says, checked.

In: the JSON of `repeat` and of what it is to go through. Out: `Repeat`, and its rounds. planner.template carries it
out. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from reelmill.planner.limits import MAX_ROUNDS
from reelmill.planner.suggestion import did_you_mean
from reelmill.planner.templates.variable_values import Value, ValueFault, as_type, told
from reelmill.planner.templates.variables import NAME, Bound

KEY = "repeat"
_KEYS = ("for", "in", "index", "from")
DEFAULT_INDEX = "index"


class RepeatFault(ValueError):
    """A repeat that can't be carried out."""

    def __init__(self, message: str, hint: str | None = None, key: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.key = key
        """Where in the object the fault lies; None for the whole of it."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """What a repeat asks for."""

    name: str
    """Of the variable that holds the item."""
    items: Any
    """As the file has it: a list, a number of rounds, or a string with one reference."""
    index: str
    """Name of the variable that counts the rounds."""
    first: int
    """Its value in the first round."""


def read_repeat(given: object) -> Repeat:
    """What an object under the key `repeat` asks for. Raises RepeatFault."""
    example = '{"for": "item", "in": "${items}"}'
    if not isinstance(given, dict):
        raise RepeatFault("must be an object", f"write {example}")
    for key in given:
        if key not in _KEYS and key != "metadata":
            raise RepeatFault(f'unknown key "{str(key)[:100]}"', did_you_mean(key, _KEYS))
    if "in" not in given:
        raise RepeatFault('the key "in" is missing', f"write {example}")
    first = given.get("from", 0)
    if isinstance(first, bool) or not isinstance(first, int) or abs(first) > 10**9:
        raise RepeatFault("must be a whole number", key="from")
    name = _name(given, "for", "item")
    index = _name(given, "index", DEFAULT_INDEX)
    if name == index:
        raise RepeatFault(f'"for" and "index" are both called "{name}"', "give them different names", key="index")
    return Repeat(name, given["in"], index, first)


def _name(given: dict[str, object], key: str, default: str) -> str:
    name = given.get(key, default)
    if not isinstance(name, str) or not re.fullmatch(NAME, name) or "." in name:
        raise RepeatFault("must be the name of a variable, without dots", key=key)
    return name


def rounds(repeat: Repeat, items: Bound) -> Iterator[dict[str, Bound]]:
    """The variables of each round. `items`: what `in` stands for. Raises RepeatFault."""
    each = _items(items.value, items.folder)
    if len(each) > MAX_ROUNDS:
        raise RepeatFault(f"{len(each)} rounds; {MAX_ROUNDS} is the limit", key="in")
    for number, item in enumerate(each, repeat.first):
        yield {repeat.index: Bound(number, items.folder), repeat.name: Bound(item, items.folder)}


def _items(value: Value, folder: Path) -> list[Value] | range:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        if value < 0 or value != int(value):
            raise RepeatFault(f"{value} is not a number of rounds", key="in")
        return range(min(int(value), MAX_ROUNDS + 1))
    try:
        found: list[Value] = as_type(value, "list", folder)
    except ValueFault as fault:
        hint = 'a text has one item a line with "${name:lines}", and is a number of rounds with "${name:int}"'
        raise RepeatFault(f"is {told(value)}, not a list", hint, key="in") from fault
    return found


def repeat_schema() -> dict[str, Any]:
    """The JSON Schema of the object."""
    name = {"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_-]*$"}
    return {
        "title": "Repeat",
        "description": "Makes one object for each item of a list.",
        "type": "object",
        "additionalProperties": False,
        "required": ["in"],
        "properties": {
            "for": {**name, "default": "item", "description": "Name of the variable that holds the item."},
            "in": {
                "anyOf": [
                    {"type": "array", "maxItems": MAX_ROUNDS},
                    {"type": "integer", "minimum": 0, "maximum": MAX_ROUNDS},
                    {"type": "string", "pattern": r"^\$\{"},
                ],
                "description": "The list, a number of rounds, or a variable that holds one of them.",
            },
            "index": {**name, "default": DEFAULT_INDEX, "description": "Name of the variable that counts the rounds."},
            "from": {"type": "integer", "default": 0, "description": "What counting begins with."},
        },
    }
