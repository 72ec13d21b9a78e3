"""`${name}` in the strings of a project: replaced from the file's `variables` and from what the command line gave.

In: the data of the file as planner.syntax read it. Out: the same data, changed in place, without `variables` being
touched and without any `metadata`; and the problems met. A string that is nothing but one `${name}` becomes a
`Substituted`, which fields of numbers and switches read as such.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from planner.errors import Problem
from planner.json_path import Location, json_path
from planner.suggestion import did_you_mean
from planner.syntax import is_text

NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"
"""What a variable may be called."""

_NAME = re.compile(NAME)
_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")


class Substituted(str):
    """The value of a variable that makes up a whole string of the file."""

    __slots__ = ()


def substitute(data: dict[str, object], given: Mapping[str, str]) -> list[Problem]:
    """Replace `${name}` in every string of `data`, in place; what was given wins over the file.

    Keys, `variables` and `metadata` are left alone; `metadata` is taken out. Returns the problems: names without a
    value, names given that nothing uses, nulls.
    """
    return _Substitution(data, given).run()


class _Substitution:
    """One walk through the data. One use, one thread."""

    def __init__(self, data: dict[str, object], given: Mapping[str, str]) -> None:
        self._data = data
        self._given = {_characters(name): _characters(value) for name, value in given.items()}
        self._problems = [
            Problem("$.variables", f'the value given for "{_characters(name)}" is not UTF-8 text')
            for name, value in given.items()
            if not is_text(name + value)
        ]
        self._declared = self._read_declared()
        self._values = {**self._declared, **self._given}
        self._used: set[str] = set()

    def run(self) -> list[Problem]:
        self._data.pop("metadata", None)
        for key, value in self._data.items():
            if key != "variables":
                self._data[key] = self._replaced(value, (key,))
        known = {**self._declared, **dict.fromkeys(self._used)}
        for name in self._given:
            if name not in known:
                message = f'a value was given for "{name}", but the project has no such variable'
                self._problems.append(Problem("$.variables", message, did_you_mean(name, known)))
        return self._problems

    def _read_declared(self) -> dict[str, str]:
        variables = self._data.get("variables")
        if not isinstance(variables, dict):
            return {}
        variables.pop("metadata", None)
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in variables.items()
            if isinstance(value, str | int | Decimal)
        }

    def _replaced(self, value: object, location: Location) -> object:
        if isinstance(value, str):
            if "${" in value:
                value = self._text(value, location)
        elif isinstance(value, dict):
            value.pop("metadata", None)
            for key, child in value.items():
                value[key] = self._replaced(child, (*location, key))
        elif isinstance(value, list):
            for index, child in enumerate(value):
                value[index] = self._replaced(child, (*location, index))
        elif value is None:
            self._problems.append(Problem(json_path(location), "null is not a value", "leave the key out"))
        return value

    def _text(self, text: str, location: Location) -> str:
        def value(match: re.Match[str]) -> str:
            return "${" if match[0] == "$${" else self._value(match[1], location)

        replaced = _REFERENCE.sub(value, text)
        whole = _REFERENCE.fullmatch(text)
        return Substituted(replaced) if whole and whole[1] is not None else replaced

    def _value(self, name: str | None, location: Location) -> str:
        """A name without a value is replaced by nothing, after the problem has been noted."""
        if name is None or not _NAME.fullmatch(name):
            message = "${ does not begin the name of a variable here"
            self._problems.append(Problem(json_path(location), message, "write $${ for a literal ${"))
            return ""
        self._used.add(name)
        if name not in self._values:
            hint = did_you_mean(name, self._values) or f'give it one in "variables" or with --set {name}=VALUE'
            self._problems.append(Problem(json_path(location), f"the variable ${{{name}}} has no value", hint))
        return self._values.get(name, "")


def _characters(text: str) -> str:
    """The text with `?` for what came from the command line and is no character."""
    return text if is_text(text) else text.encode(errors="replace").decode()
