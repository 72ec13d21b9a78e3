"""What one case of the fuzzer is: a kind, a seed and a number. From these three everything else follows.

Passive data that cross from the parent to its children as JSON lines.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["project", "media", "data"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """One input to be made and tried."""

    kind: Kind
    seed: int
    number: int

    @property
    def name(self) -> str:
        """Names its folder, and reproduces it: `make fuzz FUZZ="--only NAME"`."""
        return f"{self.kind}-{self.seed}-{self.number}"

    @classmethod
    def of(cls, name: str) -> Case:
        """The case of a name."""
        kind, seed, number = name.split("-")
        return cls(next(each for each in KINDS if each == kind), int(seed), int(number))

    def dice(self) -> random.Random:
        """Random numbers that are this case's alone."""
        return random.Random(self.name)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that must not happen."""

    command: str
    """The command line that showed it, or what else was done."""
    what: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case."""

    faults: tuple[Fault, ...] = ()
    commands: tuple[str, ...] = ()
    """`command=exit code` of each command that ran."""
    notes: tuple[str, ...] = ()
    """What is worth counting and no fault."""
