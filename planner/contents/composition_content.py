"""`composition`: another canvas of the project, shown like one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from reelmill.planner.content import Content


@dataclass(frozen=True, slots=True)
class CompositionContent(Content):
    """An entry of `compositions`."""

    kind: ClassVar[str] = "composition"
    can_sound: ClassVar[bool] = True
    has_end: ClassVar[bool] = True
    composition: str
    """Name of the entry."""

    @classmethod
    def of(cls, given: str, _canvas_height: int) -> Self:
        return cls(given)

    @property
    def composition_shown(self) -> str:
        return self.composition

    @property
    def label(self) -> str:
        return self.composition
