"""`media`: the picture and the sound of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from reelmill.planner.content import Content, Fit


@dataclass(frozen=True, slots=True)
class MediaContent(Content):
    """An entry of `media`."""

    kind: ClassVar[str] = "media"
    default_fit: ClassVar[Fit] = "contain"
    can_sound: ClassVar[bool] = True
    has_end: ClassVar[bool] = True
    media: str
    """Name of the entry."""

    @classmethod
    def of(cls, given: str, _canvas_height: int) -> Self:
        return cls(given)

    @property
    def media_shown(self) -> str:
        return self.media

    @property
    def label(self) -> str:
        return self.media
