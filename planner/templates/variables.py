"""`${name}` in the strings of a project: how it is written, and where its value comes from.

In: strings, and the variables that are in reach. Out: `Reference`s, and what they stand for. planner.template walks
the file with this. Passive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reelmill.planner.suggestion import did_you_mean
from reelmill.planner.templates.variable_values import TYPES, Value, ValueFault, as_type, is_plain, text_of, told

NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"
"""What a variable may be called."""
REFERENCE = rf"\$\{{{NAME}(:[a-z]+)?(=[^{{}}]*)?\}}"
"""A reference as a pattern, for the JSON Schema."""

_OPENING = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_INNER = re.compile(rf"({NAME})(?::([A-Za-z]+))?(?:=(.*))?", re.DOTALL)


class Substituted(str):
    """The value of a variable without a type that makes up a whole string of the file: fields of numbers and switches
    read it as such."""

    __slots__ = ()


class ReferenceFault(ValueError):
    """What begins with ${ and is no reference, or one without a value."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class VariableReference:
    """`${name:type=default}`."""

    name: str
    """May go on into an object or list: `item.title`."""
    kind: str | None
    default: str | None


def pieces(text: str) -> Iterator[str | VariableReference | ReferenceFault]:
    """The text, cut where references stand; `$${` comes as `${`."""
    at = 0
    for match in _OPENING.finditer(text):
        if match.start() > at:
            yield text[at : match.start()]
        at = match.end()
        yield "${" if match[0] == "$${" else _reference(match[1])
    if at < len(text):
        yield text[at:]


def _reference(inner: str | None) -> VariableReference | ReferenceFault:
    match = None if inner is None else _INNER.fullmatch(inner)
    if match is None:
        return ReferenceFault("${ does not begin the name of a variable here", "write $${ for a literal ${")
    name, kind, default = match.groups()
    if kind is not None and kind not in TYPES:
        return ReferenceFault(
            f'"{kind}" is not a type of a variable: {", ".join(TYPES)} are', did_you_mean(_usual(kind), TYPES)
        )
    return VariableReference(name, kind, default)


def _usual(kind: str) -> str:
    """What other languages call a type, in our words."""
    words = {"integer": "int", "str": "string", "text": "string", "float": "number", "boolean": "bool", "array": "list"}
    return words.get(kind.lower(), kind)


@dataclass(frozen=True, slots=True)
class Bound:
    """The value of a variable."""

    value: Value
    folder: Path
    """Where paths in it begin."""
    from_list: bool = False
    """A list of jobs gave it. A project that does not use it is no mistake: other projects of the list may."""


EMPTY_CELL = Bound(None, Path(), from_list=True)
"""A cell of a list of jobs that holds nothing: the variable counts as left out."""


class Scope:
    """The variables that can be seen from one place of the file. Passive."""

    def __init__(self, values: Mapping[str, Bound], folder: Path, empty: frozenset[str] = frozenset()) -> None:
        """`folder`: where paths begin that stand in the file itself, as defaults. `empty`: names of cells of a list of
        jobs that hold nothing."""
        self._values = dict(values)
        self._folder, self._empty = folder, empty

    def within(self, names: Mapping[str, Bound]) -> Scope:
        """The scope of something inside, which sees these, too."""
        return Scope({**self._values, **names}, self._folder, self._empty)

    def root_of(self, name: str) -> str:
        """The variable that a name such as `item.title` begins with."""
        return next((part for part in _prefixes(name) if part in self._values), name)

    def find(self, reference: VariableReference) -> Bound:
        """The value as its type. Raises ReferenceFault."""
        bound = self._look_up(reference)
        if reference.kind is None:
            return bound
        try:
            return Bound(as_type(bound.value, reference.kind, bound.folder), bound.folder)
        except ValueFault as fault:
            raise ReferenceFault(f"the variable {reference.name} {fault}", fault.hint) from None

    def text(self, reference: VariableReference) -> str:
        """The value inside of a text. Raises ReferenceFault."""
        value = self.find(reference).value
        if not is_plain(value):
            raise ReferenceFault(
                f"the variable {reference.name} is {told(value)}, which can't stand inside of a text",
                "let it be the whole string, or name a part of it, such as ${item.title}",
            )
        return text_of(value)

    def _look_up(self, reference: VariableReference) -> Bound:
        name = reference.name
        root = self.root_of(name)
        bound = self._values.get(root)
        if bound is not None:
            found, parts = bound.value, name[len(root) + 1 :].split(".") if root != name else []
            for part in parts:
                found = _part(found, part)
                if found is None:
                    break
            else:
                return Bound(found, bound.folder)
        if reference.default is not None:
            return Bound(reference.default, self._folder)
        if bound is not None:
            raise ReferenceFault(f"the variable ${{{name}}} has no value", _hint_inside(bound.value, root))
        if name in self._empty:
            hint = f"its cell in the list of jobs is empty: fill it in, or write a default, ${{{name}=…}}"
            raise ReferenceFault(f"the variable ${{{name}}} has no value", hint)
        hint = did_you_mean(name, self._values) or f'give it one in "variables" or with --set {name}=VALUE'
        raise ReferenceFault(f"the variable ${{{name}}} has no value", hint)


def _prefixes(name: str) -> Iterator[str]:
    """The name itself, then what stands before each dot, the longest first."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _part(value: Value, key: str) -> Value | None:
    """A member of an object, or an item of a list by its index; None where there is none."""
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and key.isdecimal() and int(key[:9]) < len(value):
        return value[int(key[:9])]
    return None


def _hint_inside(value: Value, root: str) -> str:
    if isinstance(value, dict):
        return f"{root} has {', '.join(list(value)[:20]) or 'nothing in it'}"
    return f"{root} is {told(value)}" + (f" of {len(value)}" if isinstance(value, list) else "")
