"""Where in the file something stands that a template has moved: `repeat` makes many objects of one.

In: JSON paths of the expanded data, in problems and warnings. Out: the paths of the file that its author wrote, with
the rounds in which a problem was met. Filled in by planner.template; passive.
"""

from __future__ import annotations

from dataclasses import replace

from reelmill.planner.errors import Problem, Problems
from reelmill.planner.json_path import PATH, Location, json_path, location_of
from reelmill.planner.templates.syntax import places_in

MAX_SOURCE_LENGTH = 20_000_000
"""Characters of a project file in which lines are looked for: a second for each ten million."""
_MOST_ROUNDS = 5
"""That a message names."""
Step = str | int
_Rounds = tuple[int, ...]


class Origins:
    """The way back. Without a repeat everything stands where it stood."""

    def __init__(self) -> None:
        self._moved: dict[Location, dict[Step, tuple[Step, int | None]]] = {}
        self.source: str | None = None
        """Text of the project file, for lines and columns; None where there is no file."""

    def add(self, holder: Location, step: Step, origin: Step, number: int | None) -> None:
        """What now is `step` of a list or object was `origin` there; `number`: of the round that made it, from 1."""
        self._moved.setdefault(holder, {})[step] = (origin, number)

    def problems(self, found: Problems) -> Problems:
        """The problems with the paths, lines and columns of the file; what repeats from round to round is told once."""
        return self._placed(self._led_back(found))

    def _placed(self, found: Problems) -> Problems:
        if self.source is None or len(self.source) > MAX_SOURCE_LENGTH:
            return found
        missing = {location_of(problem.path) for problem in found if problem.line is None}
        places = places_in(self.source, missing) if missing else {}
        known = [
            problem
            if problem.line is not None or (place := places.get(location_of(problem.path))) is None
            else replace(problem, line=place[0], column=place[1])
            for problem in found
        ]
        placed = Problems(sorted(known, key=lambda problem: (problem.line or 0, problem.column or 0)))
        placed.more = found.more
        return placed

    def _led_back(self, found: Problems) -> Problems:
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
        return PATH.sub(lambda match: self._written(match[0])[0], text) if self._moved else text

    def _written(self, path: str) -> tuple[str, _Rounds]:
        match = PATH.match(path)
        if match is None:
            return path, ()
        here: Location = ()
        written: list[Step] = []
        numbers: list[int] = []
        for step in location_of(match[0]):
            origin, number = self._moved.get(here, {}).get(step, (step, None))
            here = (*here, step)
            written.append(origin)
            if number is not None:
                numbers.append(number)
        return json_path(written) + path[match.end() :], tuple(numbers)


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
