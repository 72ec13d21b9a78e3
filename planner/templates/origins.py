"""Where in the file something stands that a template has moved: `repeat` makes many objects of one.

In: JSON paths of the expanded data, in problems and warnings. Out: the paths of the file that its author wrote, with
the rounds in which a problem was met. Filled in by planner.template; passive.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from reelmill.planner.errors import Problem, Problems
from reelmill.planner.json_path import Location, json_path

_NAME = r"\.[A-Za-z_][A-Za-z0-9_]*+"
_INDEX = r"\[(?:0|[1-9][0-9]{0,8}+)\]"
_ESCAPE = r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})'
_QUOTED = rf'\["[^"\\\x00-\x1f]*+(?:{_ESCAPE}[^"\\\x00-\x1f]*+)*+"\]'
_STEP = re.compile(rf"{_NAME}|{_INDEX}|{_QUOTED}")
_PATH = re.compile(rf"\$(?:{_STEP.pattern})++")
_MOST_ROUNDS = 5
"""That a message names."""
Step = str | int
_Rounds = tuple[int, ...]


class Origins:
    """The way back. Without a repeat everything stands where it stood."""

    def __init__(self) -> None:
        self._moved: dict[Location, dict[Step, tuple[Step, int | None]]] = {}

    def add(self, holder: Location, step: Step, origin: Step, number: int | None) -> None:
        """What now is `step` of a list or object was `origin` there; `number`: of the round that made it, from 1."""
        self._moved.setdefault(holder, {})[step] = (origin, number)

    def problems(self, found: Problems) -> Problems:
        """The problems with the file's own paths; what repeats from round to round is told once."""
        if not self._moved:
            return found
        rounds: dict[Problem, list[_Rounds]] = {}
        for problem in found:
            path, numbers = self._written(problem.path)
            key = replace(problem, path=path, message=self.text(problem.message))
            rounds.setdefault(key, []).append(numbers)
        led_back = Problems(replace(key, message=key.message + _in_rounds(numbers)) for key, numbers in rounds.items())
        led_back.more = found.more
        return led_back

    def text(self, text: str) -> str:
        """A message, with the paths in it as the file has them."""
        return _PATH.sub(lambda match: self._written(match[0])[0], text) if self._moved else text

    def _written(self, path: str) -> tuple[str, _Rounds]:
        match = _PATH.match(path)
        if match is None:
            return path, ()
        here: Location = ()
        written: list[Step] = []
        numbers: list[int] = []
        for step in _steps(match[0]):
            origin, number = self._moved.get(here, {}).get(step, (step, None))
            here = (*here, step)
            written.append(origin)
            if number is not None:
                numbers.append(number)
        return json_path(written) + path[match.end() :], tuple(numbers)


def _steps(path: str) -> list[Step]:
    return [step[1:] if step[0] == "." else json.loads(step[1:-1]) for step in _STEP.findall(path)]


def _in_rounds(numbers: list[_Rounds]) -> str:
    """`, in round 3 of the repeat`; inner rounds stand behind outer ones: 3.1."""
    different = [".".join(map(str, each)) for each in dict.fromkeys(numbers) if each]
    if not different:
        return ""
    if len(different) == 1:
        return f", in round {different[0]} of the repeat"
    more = len(different) - _MOST_ROUNDS
    listed = ", ".join(different[:_MOST_ROUNDS])
    return f", in rounds {listed}{f' and {more} more' if more > 0 else ''} of the repeat"
