"""A project file as a template: variables replaced, repeated objects made.

In: the data of the file as planner.syntax read it, and the values given from outside. Out: data without references,
`repeat` or `metadata`; the problems met; and the way back to the file's own places (planner.origins). `variables` and
keys are left as they are, but for the names of repeated media and compositions.

Values are data: what they hold is never searched for references.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelmill.planner.errors import Problem, Problems, ProjectError
from reelmill.planner.json_path import Location, json_path
from reelmill.planner.limits import MAX_INSERTED_CHARACTERS, MAX_REPEATED_VALUES
from reelmill.planner.suggestion import did_you_mean
from reelmill.planner.templates.origins import Origins, Step
from reelmill.planner.templates.repeat import KEY, Repeat, RepeatFault, read_repeat, rounds
from reelmill.planner.templates.syntax import is_text
from reelmill.planner.templates.variable_values import Value, ValueFault, is_plain, plain_value, text_of
from reelmill.planner.templates.variables import (
    EMPTY_CELL,
    Bound,
    ReferenceFault,
    Scope,
    Substituted,
    VariableReference,
    pieces,
)

_NAMED = (("media",), ("compositions",))
"""Objects whose members have names of the author's own, and may be repeated, too."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """A template that was filled in."""

    data: dict[str, Any]
    problems: Problems
    """With paths of the expanded data."""
    origins: Origins
    unused: Mapping[str, str | None] = field(default_factory=dict)
    """Variables of a list of jobs that the project does not use, each with a hint."""


def expand(data: dict[str, Any], given: Mapping[str, object], *, folder: Path = Path()) -> Expansion:
    """Fill a template in; what was given wins over the file's `variables`.

    `folder` is the project's, where paths in it begin; those of a value that was given begin in the current folder, or
    where its `Bound` says. The problems are names without a value, values of another type, names given that nothing
    uses, nulls. Raises ProjectError where the result would be larger than any project may be.
    """
    return _Template(data, given, folder).expand()


class _Template:
    """One walk through the data. One use, one thread."""

    def __init__(self, data: dict[str, Any], given: Mapping[str, object], folder: Path) -> None:
        self._data = data
        self._folder = folder
        self._problems = Problems()
        self._origins = Origins()
        self._used: set[str] = set()
        self._inserted_characters = 0
        self._repeated_values = 0
        self._repeating = False
        self._declared = self._read_declared()
        self._given = self._read_given(given)
        empty = frozenset(name for name, value in given.items() if value == EMPTY_CELL)
        self._scope = Scope({**self._declared, **self._given}, folder, empty)

    def expand(self) -> Expansion:
        kept = {key: value for key, value in self._data.items() if key != "metadata"}
        data = {
            key: value if key == "variables" else self._filled(value, (key,), self._scope)
            for key, value in kept.items()
        }
        known = {**self._declared, **dict.fromkeys(self._used)}
        unused = {name: did_you_mean(name, known) for name in self._given if name not in known}
        for name, hint in unused.items():
            if not self._given[name].from_list:
                message = f'a value was given for "{name}", but the project has no such variable'
                self._problems.add(Problem("$.variables", message, hint))
        optional = {name: hint for name, hint in unused.items() if self._given[name].from_list}
        return Expansion(data, self._problems, self._origins, optional)

    def _read_declared(self) -> dict[str, Bound]:
        variables = self._data.get("variables")
        if not isinstance(variables, dict):
            return {}
        variables.pop("metadata", None)
        declared = {}
        for name, value in variables.items():
            try:
                declared[name] = Bound(plain_value(value), self._folder)
            except ValueFault as fault:
                path = json_path(("variables", name))
                self._problems.add(Problem(path, f"the value {fault}", fault.hint))
        return declared

    def _read_given(self, given: Mapping[str, object]) -> dict[str, Bound]:
        found = {}
        for name, value in given.items():
            if value == EMPTY_CELL:
                continue
            bound = value if isinstance(value, Bound) else Bound(value, Path.cwd())
            shown = _characters(name)
            try:
                plain_value(name)
                found[shown] = Bound(plain_value(bound.value), bound.folder, bound.from_list)
            except ValueFault as fault:
                self._problems.add(Problem("$.variables", f'the value given for "{shown}" {fault}', fault.hint))
                found[shown] = Bound(_characters(str(bound.value)), bound.folder, bound.from_list)
        return found

    def _filled(self, value: object, location: Location, scope: Scope) -> Any:
        """A part of the file without references; what holds other parts is made anew."""
        if self._repeating:
            self._count_value()
        if isinstance(value, str):
            return self._text(value, location, scope) if "${" in value else value
        if isinstance(value, list):
            return self._list(value, location, scope)
        if isinstance(value, dict):
            if location in _NAMED:
                return self._named(value, location, scope)
            return {
                key: self._filled(child, (*location, key), scope) for key, child in value.items() if key != "metadata"
            }
        if value is None:
            self._problems.add(Problem(json_path(location), "null is not a value", "leave the key out"))
        return value

    def _list(self, items: list[Any], location: Location, scope: Scope) -> list[Any]:
        if not any(isinstance(item, dict) and KEY in item for item in items):
            return [self._filled(item, (*location, index), scope) for index, item in enumerate(items)]
        filled: list[Any] = []
        for origin, item in enumerate(items):
            if not (isinstance(item, dict) and KEY in item):
                self._origins.add(location, len(filled), origin, None)
                filled.append(self._filled(item, (*location, len(filled)), scope))
                continue
            for number, body, inner in self._rounds(item, location, origin, len(filled), scope):
                place = (*location, len(filled))
                self._origins.add(location, len(filled), origin, number)
                filled.append(self._repeated(body, place, inner))
        return filled

    def _named(self, members: dict[str, Any], location: Location, scope: Scope) -> dict[str, Any]:
        """Media or compositions: the name of a repeated one holds a variable of the round."""
        filled: dict[str, Any] = {}
        for key, member in members.items():
            if key == "metadata":
                continue
            if not (isinstance(member, dict) and KEY in member):
                self._add_named(filled, key, self._filled(member, (*location, key), scope), location)
                continue
            for number, body, inner in self._rounds(member, location, key, key, scope):
                name = str(self._text(key, (*location, key), inner)) if "${" in key else key
                self._origins.add(location, name, key, number)
                if not self._add_named(filled, name, self._repeated(body, (*location, name), inner), location):
                    break
        return filled

    def _add_named(self, filled: dict[str, Any], name: str, member: object, location: Location) -> bool:
        if name not in filled:
            filled[name] = member
            return True
        hint = "let the name hold a variable that differs from round to round, such as photo-${index}"
        self._problems.add(Problem(json_path((*location, name)), f'the name "{name[:100]}" stands twice', hint))
        return False

    def _rounds(
        self, item: dict[str, Any], location: Location, origin: Step, place: Step, scope: Scope
    ) -> Iterator[tuple[int, dict[str, Any], Scope]]:
        """Number, body and scope of each round; none after a problem, which is noted."""
        body = {key: child for key, child in item.items() if key != KEY}
        count = 0
        try:
            repeat = read_repeat(item[KEY])
            for names in rounds(repeat, self._items(repeat, (*location, place, KEY, "in"), scope)):
                count += 1
                yield count, body, scope.within(names)
        except RepeatFault as fault:
            self._origins.add(location, place, origin, None)
            inside = (*location, place, KEY) if fault.key is None else (*location, place, KEY, fault.key)
            self._problems.add(Problem(json_path(inside), str(fault), fault.hint))
        if not count:
            self._note_names(body)

    def _items(self, repeat: Repeat, location: Location, scope: Scope) -> Bound:
        """What a repeat goes through. Raises RepeatFault."""
        if not isinstance(repeat.items, str):
            return Bound(self._filled(repeat.items, location, scope), self._folder)
        parts = list(pieces(repeat.items))
        if len(parts) != 1 or not isinstance(parts[0], VariableReference):
            raise RepeatFault("must be a list, a number of rounds, or one variable", 'write "${items}"', key="in")
        self._used.add(scope.root_of(parts[0].name))
        try:
            return scope.find(parts[0])
        except ReferenceFault as fault:
            raise RepeatFault(str(fault), fault.hint, key="in") from fault

    def _repeated(self, body: dict[str, Any], location: Location, scope: Scope) -> Any:
        outermost, self._repeating = not self._repeating, True
        filled = self._filled(body, location, scope)
        self._repeating = not outermost
        return filled

    def _text(self, text: str, location: Location, scope: Scope) -> Any:
        """A string with its references replaced; one that is nothing but a reference may stand for any value."""
        parts = list(pieces(text))
        if len(parts) == 1 and isinstance(parts[0], VariableReference):
            return self._value(parts[0], location, scope)
        replaced = ""
        for part in parts:
            if isinstance(part, VariableReference):
                self._used.add(scope.root_of(part.name))
                try:
                    replaced += scope.text(part)
                except ReferenceFault as fault:
                    self._note(fault, location)
            elif isinstance(part, ReferenceFault):
                self._note(part, location)
            else:
                replaced += part
        self._count_characters(len(replaced))
        return replaced

    def _value(self, reference: VariableReference, location: Location, scope: Scope) -> Any:
        """The value of a whole string; after a problem, which is noted, nothing."""
        self._used.add(scope.root_of(reference.name))
        try:
            value = scope.find(reference).value
        except ReferenceFault as fault:
            self._note(fault, location)
            return Substituted("")
        if not is_plain(value):
            return self._copied(value)
        if isinstance(value, str):
            self._count_characters(len(value))
        return Substituted(text_of(value)) if reference.kind is None else value

    def _note(self, fault: ReferenceFault, location: Location) -> None:
        self._problems.add(Problem(json_path(location), str(fault), fault.hint))

    def _note_names(self, value: object) -> None:
        """The variables that a part uses which is not made: whoever gives them makes no mistake."""
        if isinstance(value, str) and "${" in value:
            references = (part for part in pieces(value) if isinstance(part, VariableReference))
            self._used |= {self._scope.root_of(reference.name) for reference in references}
        elif isinstance(value, dict | list):
            for child in value.values() if isinstance(value, dict) else value:
                self._note_names(child)

    def _copied(self, value: Value) -> Value:
        self._count_value()
        if isinstance(value, dict):
            return {key: self._copied(child) for key, child in value.items()}
        if isinstance(value, list):
            return [self._copied(child) for child in value]
        return value

    def _count_value(self) -> None:
        self._repeated_values += 1
        if self._repeated_values > MAX_REPEATED_VALUES:
            raise _too_large(f"repeats and variables make more than {MAX_REPEATED_VALUES:,} values, which is the limit")

    def _count_characters(self, count: int) -> None:
        self._inserted_characters += count
        if self._inserted_characters > MAX_INSERTED_CHARACTERS:
            limit = f"{MAX_INSERTED_CHARACTERS:,} characters, which is the limit"
            raise _too_large(f"variables make texts of more than {limit}")


def _characters(text: str) -> str:
    """The text with `?` for what came from the command line and is no character."""
    return text if is_text(text) else text.encode(errors="replace").decode()


def _too_large(message: str) -> ProjectError:
    return ProjectError([Problem("$", message, "repeat over fewer items, or make several projects")])
