"""Texts on which a regular expression that backtracks would be slow, and the time that it takes on them.

A program of its own (`python -m tests.support.pattern_attacks`), which prints the patterns that are slow: one
that backtracks exponentially can't be interrupted. For each repetition in a pattern, the text is what leads to it,
then what it repeats many times, then what does not fit. Time counts as a ratio: a linear pattern takes 8 times as
long on 8 times the text, a quadratic one 64 times.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from re import _parser as parser  # type: ignore[attr-defined]  # CPython's own reading of patterns
from typing import Any

from reelmill.export.subtitles.cue_markup import parse_overrides, parse_tags
from reelmill.planner.subtitles import CueStyle

ROOT = Path(__file__).parents[2]
SHORT, LONG = 1_000, 8_000
"""Repetitions."""
SLOW_SECONDS = 0.02
"""Faster runs tell nothing."""
WORST_RATIO = 24
SEARCHES = ("search", "finditer", "findall", "sub", "split")
FILLERS = ("a", "0", " ", "\n", "\\", '"', "<", "{", "$", "-")
GUARDED = ("reelmill.export.subtitles.cue_markup._BLOCK", "reelmill.export.subtitles.cue_markup._TOKEN")
"""Patterns that only see texts on which they are fast; the functions that use them are tried instead."""
Pattern = tuple[re.Pattern[Any], bool]
"""And whether it is looked for anywhere in a text."""


def patterns() -> Iterator[tuple[str, Pattern]]:
    """Every pattern of the program, with its place."""
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    for package in packages:
        for file in sorted((ROOT / package.removeprefix("reelmill.").replace(".", "/")).glob("*.py")):
            source = file.read_text()
            if "re." not in source or file.name == "__main__.py":
                continue
            name = ".".join(("reelmill", *file.relative_to(ROOT).with_suffix("").parts))
            module = importlib.import_module(name.removesuffix(".__init__"))
            for key, value in vars(module).items():
                searched = any(f"{key}.{way}(" in source for way in SEARCHES)
                searched |= isinstance(value, tuple) and "pattern.search(" in source
                for pattern in _held(value):
                    yield f"{name}.{key}", (pattern, searched)
            yield from ((f"{name}:{line}", pattern) for line, pattern in _written(source))


def _held(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _held(each)


def _written(source: str) -> Iterator[tuple[int, Pattern]]:
    """Patterns in calls such as `re.match(r"…", text)`."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        module, text = node.func.value, node.args[0]
        if isinstance(module, ast.Name) and module.id == "re" and isinstance(text, ast.Constant):
            yield node.lineno, (re.compile(text.value, re.IGNORECASE), node.func.attr in SEARCHES)


def attacks(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """What stands before, and what is repeated."""
    text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    tree = parser.parse(text, pattern.flags & ~re.UNICODE)
    seen = set()
    for before, body in _repeats(list(tree), ""):
        for unit in (body, *FILLERS, *(body[:1] + filler for filler in FILLERS)):
            if unit and (before, unit) not in seen:
                seen.add((before, unit))
                yield before, unit


def _repeats(items: list[Any], before: str) -> Iterator[tuple[str, str]]:
    for operation, argument in items:
        name = str(operation)
        if name.endswith("REPEAT"):
            inner = list(argument[2])
            if argument[1] > 100:
                yield before, _sample(inner)
            yield from _repeats(inner, before)
        elif name == "SUBPATTERN":
            yield from _repeats(list(argument[3]), before)
        elif name == "ATOMIC_GROUP":
            yield from _repeats(list(argument), before)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _repeats(list(branch), before)
        before += _sample([(operation, argument)])


def _sample(items: list[Any]) -> str:
    """A text that fits."""
    made = ""
    for operation, argument in items:
        match str(operation):
            case "LITERAL":
                made += chr(argument)
            case "NOT_LITERAL":
                made += "b" if argument == ord("a") else "a"
            case "ANY":
                made += "a"
            case "IN":
                made += _member(argument)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                made += _sample(list(argument[2])) * max(argument[0], 1)
            case "SUBPATTERN":
                made += _sample(list(argument[3]))
            case "ATOMIC_GROUP":
                made += _sample(list(argument))
            case "BRANCH":
                made += _sample(list(argument[1][0]))
    return made


def _member(argument: list[Any]) -> str:
    """A character of a class."""
    if str(argument[0][0]) == "NEGATE":
        named = {chr(value) for kind, value in argument if str(kind) == "LITERAL"}
        return next(each for each in "ab-" if each not in named)
    kind, value = argument[0]
    if str(kind) == "LITERAL":
        return chr(value)
    if str(kind) == "RANGE":
        return chr(value[0])
    return {"CATEGORY_SPACE": " ", "CATEGORY_DIGIT": "0"}.get(str(value), "a")


def captures_in_final_parts(pattern: re.Pattern[Any]) -> bool:
    """Whether a group is captured inside a possessive repetition or an atomic group.

    Python 3.11 raises SystemError, or tells wrong spans, for `(?:(a)|b)++` (python/cpython#106052).
    """
    text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    tree = parser.parse(text, pattern.flags & ~re.UNICODE)
    return any(_captures(part) for name, part in _nodes(tree) if name in ("POSSESSIVE_REPEAT", "ATOMIC_GROUP"))


def _captures(tree: Any) -> bool:
    return any(name == "SUBPATTERN" and argument[0] is not None for name, argument in _nodes(tree))


def _nodes(tree: Any) -> Iterator[tuple[str, Any]]:
    """Every operation of a parsed pattern, with its argument."""
    if isinstance(tree, tuple) and len(tree) == 2 and isinstance(tree[0], type(parser.SUBPATTERN)):
        yield str(tree[0]), tree[1]
    if isinstance(tree, tuple | list | parser.SubPattern):
        for part in tree:
            yield from _nodes(part)


def seconds(pattern: Pattern, before: str, unit: str, count: int) -> float:
    """CPU time."""
    compiled, searched = pattern
    text: Any = before + unit * (count // len(unit)) + "\1"
    if isinstance(compiled.pattern, bytes):
        text = text.encode("latin-1", "replace")
    started = time.process_time()
    compiled.match(text)
    compiled.fullmatch(text)
    if searched:
        compiled.search(text)
    return time.process_time() - started


def slow(pattern: Pattern) -> Iterator[str]:
    for before, unit in attacks(pattern[0]):
        taken = seconds(pattern, before, unit, LONG)
        if taken > SLOW_SECONDS and taken > WORST_RATIO * seconds(pattern, before, unit, SHORT):
            yield f"{before!r} + {unit!r} * n"


def slow_markup() -> Iterator[str]:
    """Attacks on cues."""
    for unit in ("{", "{\\", "a{", "<a", "<s>", "</s>", "<b></s>", "<font a", "{\\t(", "}{", "&a"):
        for read in (_tags, _overrides):
            taken = [_reading_seconds(read, unit, count) for count in (SHORT, LONG)]
            if taken[1] > SLOW_SECONDS and taken[1] > WORST_RATIO * taken[0]:
                yield f"{read.__name__} on {unit!r} * n"


def _reading_seconds(read: Callable[[str], object], unit: str, count: int) -> float:
    started = time.process_time()
    read(unit * (count // len(unit)))
    return time.process_time() - started


def _tags(text: str) -> object:
    return parse_tags(text, _STYLE, lambda _: None)


def _overrides(text: str) -> object:
    return parse_overrides(text, _STYLE, {}, "even", lambda _: None)


_STYLE = CueStyle(50.0)


def main() -> int:
    count = 0
    for place, pattern in patterns():
        count += 1
        print(place, flush=True)
        if captures_in_final_parts(pattern[0]):
            print(f"wrong: {place} captures a group inside a possessive or atomic part", flush=True)
        for attack in slow(pattern) if place not in GUARDED else ():
            print(f"slow: {place} {pattern[0].pattern!r} on {attack}", flush=True)
    for attack in slow_markup():
        print(f"slow: {attack}", flush=True)
    print(f"patterns: {count}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
