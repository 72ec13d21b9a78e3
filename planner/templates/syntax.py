"""JSON text to data, exactly and with a place for every fault.

In: the text of a project file. Out: dict, list, str, bool, None, int and Decimal (never a float). The standard
library reads the text; where that fails, or a key stands twice, or a number or character is none, `_Scanner` reads it
once more, slowly, to say where and what, for all such faults at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from reelmill.planner.errors import Problem, Problems, ProjectError
from reelmill.planner.json_path import Location, json_path
from reelmill.planner.limits import MAX_JSON_DEPTH


def parse_json(text: str) -> object:
    """The data of a JSON text. Raises ProjectError with line and column of each fault."""
    faults: list[str] = []

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(items)
        if len(members) != len(items):
            faults.append("duplicate key")
        return members

    try:
        data = json.loads(
            text, object_pairs_hook=pairs, parse_float=read_decimal, parse_int=_integer, parse_constant=faults.append
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise ProjectError(_Scanner(text).problems() or [Problem("$", str(error))]) from error
    if faults or _SURROGATE.search(text) or _deeper_than(data, MAX_JSON_DEPTH):
        problems = _Scanner(text).problems()
        if problems:
            raise ProjectError(problems)
    return data


def places_in(text: str, wanted: Collection[Location]) -> dict[Location, tuple[int, int]]:
    """Line and column, both from 1, of each wanted location of a JSON text: of its key, or of an item of a list.

    A location that the text does not have is that of the object or list that lacks it.
    """
    around = {location[:length] for location in wanted for length in range(len(location) + 1)}
    scanner = _Scanner(text, around)
    scanner.problems()
    found = {}
    for location in wanted:
        nearest = location
        while nearest and nearest not in scanner.places:
            nearest = nearest[:-1]
        found[location] = _line_and_column(text, scanner.places.get(nearest, 0))
    return found


def _line_and_column(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def is_text(text: str) -> bool:
    """Whether a string holds characters only, and no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_decimal(text: str) -> Decimal:
    """A number as it is written. An exponent that Decimal can't hold makes it infinite, which checks refuse."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")


def _integer(text: str) -> int | Decimal:
    """Python refuses to read integers of thousands of digits; all that long are out of every range anyway."""
    return int(text) if len(text) <= 30 else read_decimal(text)


def _deeper_than(data: object, levels: int) -> bool:
    if not isinstance(data, dict | list):
        return False
    if levels == 0:
        return True
    children = data.values() if isinstance(data, dict) else data
    return any(_deeper_than(child, levels - 1) for child in children if isinstance(child, dict | list))


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""An escape that is a character only as one of a pair."""
_SPACE = re.compile(r"[ \t\n\r]*")
_STRING_START = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+')
_STRING = re.compile(rf'{_STRING_START.pattern}"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.+])")
_WORD = re.compile(r"[-+.\w]+")
_NOT_A_NUMBER = ("NaN", "Infinity", "-Infinity")


@dataclass(slots=True)
class _Level:
    """An object or list whose end has not come yet."""

    location: Location
    close: str
    keys: dict[str, int] = field(default_factory=dict)
    """Of an object: where each stood first."""
    index: int = 0
    """Of a list: items so far."""


class _SyntaxFault(Exception):
    """Reading can't go on behind this."""

    def __init__(self, at: int, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.at = at
        self.message = message
        self.hint = hint


class _Scanner:
    """Reads JSON only to find what is wrong with it. One use, one thread."""

    def __init__(self, text: str, wanted: Collection[Location] = ()) -> None:
        self.places: dict[Location, int] = {}
        """Where the wanted locations begin."""
        self._wanted = wanted
        self._text = text
        self._at = 0
        self._levels: list[_Level] = []
        self._found = Problems()

    def problems(self) -> Problems:
        """Every duplicate key and NaN up to the first fault of syntax, and that."""
        try:
            self._document()
        except _SyntaxFault as fault:
            self._report(fault.at, fault.message, fault.hint, self._location())
        return self._found

    def _report(self, at: int, message: str, hint: str | None, location: Location) -> None:
        if self._found.full:
            self._found.more += 1
            return
        line, column = _line_and_column(self._text, at)
        self._found.add(Problem(json_path(location), message, hint, line, column, is_syntax=True))

    def _location(self) -> Location:
        return self._levels[-1].location if self._levels else ()

    def _document(self) -> None:
        if not self._peek():
            raise _SyntaxFault(self._at, "the file is empty", "write a project, or let `reelmill init` make one")
        self._value(())
        while self._levels:
            level = self._levels[-1]
            if level.close == "}":
                self._member(level)
            else:
                self._item(level)
        if self._peek():
            raise _SyntaxFault(self._at, f"{self._shown()} behind the end of the project")

    def _peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        match = _SPACE.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return self._text[self._at : self._at + 1]

    def _shown(self) -> str:
        """What stands here, for a message."""
        word = _WORD.match(self._text, self._at)
        shown = word[0][:20] if word else self._text[self._at : self._at + 1]
        return f"unexpected {json.dumps(shown, ensure_ascii=False)}" if shown else "unexpected end of the file"

    def _separated(self, level: _Level, first: bool, what: str) -> bool:
        """Whether another member or item follows."""
        end = self._at
        character = self._peek()
        if character == level.close:
            self._at += 1
            self._levels.pop()
            return False
        if first:
            return True
        if character and (character in '"{[-' or character.isalnum()):
            raise _SyntaxFault(end, f"a comma is missing between two {what}s", f"write , behind the {what} before")
        if character != ",":
            raise _SyntaxFault(self._at, f"{self._shown()} where , or {level.close} was expected", self._comment())
        comma = self._at
        self._at += 1
        if self._peek() == level.close:
            raise _SyntaxFault(comma, f"a comma behind the last {what}", "take it out")
        return True

    def _member(self, level: _Level) -> None:
        if not self._separated(level, not level.keys, "member"):
            return
        start = self._at
        if self._peek() != '"':
            hint = self._comment() or "keys stand in double quotes"
            raise _SyntaxFault(start, f"{self._shown()} where a key was expected", hint)
        key = self._string()
        if self._peek() != ":":
            raise _SyntaxFault(self._at, f'{self._shown()} where : was expected behind the key "{key[:40]}"')
        self._at += 1
        if key in level.keys:
            line = 0 if self._found.full else self._text.count("\n", 0, level.keys[key]) + 1
            self._report(start, f'the key "{key[:40]}" stands twice, first in line {line}', None, level.location)
        level.keys[key] = start
        self._note((*level.location, key), start)
        self._value((*level.location, key))

    def _item(self, level: _Level) -> None:
        if self._separated(level, level.index == 0, "item"):
            level.index += 1
            self._note((*level.location, level.index - 1), self._at)
            self._value((*level.location, level.index - 1))

    def _note(self, location: Location, at: int) -> None:
        if location in self._wanted:
            self.places[location] = at

    def _value(self, location: Location) -> None:
        character = self._peek()
        if character in ("{", "["):
            if len(self._levels) == MAX_JSON_DEPTH:
                raise _SyntaxFault(self._at, f"more than {MAX_JSON_DEPTH} objects and lists inside one another")
            self._levels.append(_Level(location, "}" if character == "{" else "]"))
            self._at += 1
        elif character == '"':
            self._string()
        else:
            self._plain(location)

    def _plain(self, location: Location) -> None:
        """A number, true, false or null, or what should have been one."""
        if number := _NUMBER.match(self._text, self._at):
            self._at = number.end()
            return
        word = _WORD.match(self._text, self._at)
        shown = word[0] if word else ""
        if shown in _NOT_A_NUMBER:
            self._report(self._at, f"{shown} is not a number", None, location)
        elif shown not in ("true", "false", "null"):
            raise _SyntaxFault(self._at, f"{self._shown()} where a value was expected", self._advice(shown))
        self._at += len(shown)

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            self._fail_in_string()
        assert match is not None
        text = str(json.loads(match[0]))
        if not is_text(text):
            message = "an escape that is half of a pair of surrogates, and no character"
            self._report(self._at, message, None, self._location())
            text = text.encode(errors="replace").decode()
        self._at = match.end()
        return text

    def _fail_in_string(self) -> None:
        start = _STRING_START.match(self._text, self._at)
        assert start is not None
        at = start.end()
        if at == len(self._text) or self._text[at] in "\r\n":
            raise _SyntaxFault(self._at, "a string without its closing quote")
        if self._text[at] == "\\":
            hint = r'a backslash is written \\; paths may use "/" everywhere'
            raise _SyntaxFault(at, f"{self._text[at : at + 2]} is no escape that JSON knows", hint)
        raise _SyntaxFault(at, "a control character inside a string", r"write it as an escape such as \t")

    def _comment(self) -> str | None:
        if self._text[self._at : self._at + 1] in ("/", "#"):
            return 'JSON has no comments; use "metadata"'
        return None

    def _advice(self, word: str) -> str | None:
        if word.lower() in ("true", "false", "null", "none"):
            return f"write {word.lower().replace('none', 'null')}"
        if self._text[self._at : self._at + 1] == "'":
            return "strings stand in double quotes"
        if word and (word[0].isdigit() or word[0] in "+-."):
            return "numbers are written as 12, -0.5 or 1e3"
        return self._comment()
