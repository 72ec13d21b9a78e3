"""What every kind of content has in common: what a clip shows, and what the planner must know of it.

A kind of content is one module in `planner/contents/`, with a row in its catalogue. A kind that is drawn from data
alone is a `Drawing`, and `compositor/contents/<kind>.py` draws it. Pure data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, fields, is_dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal, Self

from reelmill.planner.errors import Problem
from reelmill.planner.json_path import Location

Fit = Literal["contain", "cover", "fill", "none"]
Size = tuple[Fraction, Fraction]
"""Width and height, pixels."""
FILE_PATHS = {"file_paths": True}
"""Metadata of a dataclass field that holds the absolute path of a file, or a tuple of paths."""


class Content:
    """What a clip shows. Subclasses are frozen dataclasses with slots."""

    __slots__ = ()

    kind: ClassVar[str]
    """The key of the clip that gives this content in the project file."""
    default_fit: ClassVar[Fit] = "none"
    """How the picture is fitted to the canvas where the clip does not say."""
    can_sound: ClassVar[bool] = False
    """Whether the content may have sound, and can be put on an audio track."""
    has_end: ClassVar[bool] = False
    """Whether the content has a length of its own, so that its clip needs no `duration`."""

    @classmethod
    def of(cls, given: Any, canvas_height: int) -> Self:
        """The content that the value of the key `kind` describes.

        `given`: the checked value, as the catalogue declares it. `canvas_height`: pixels.
        """
        raise NotImplementedError

    @staticmethod
    def check(_data: dict[str, Any], _location: Location) -> Iterator[Problem]:
        """What is wrong between the fields of an object at a place of the project file. `_data` is JSON data, in which
        single fields may be wrong, too: those are reported elsewhere."""
        return iter(())

    @property
    def media_shown(self) -> str | None:
        """Name of the media entry that is shown; None where there is none."""
        return None

    @property
    def composition_shown(self) -> str | None:
        """Name of the composition that is shown; None where there is none."""
        return None

    @property
    def label(self) -> str:
        """What tells this content from others of its kind, for people."""
        raise NotImplementedError

    @property
    def files(self) -> tuple[str, ...]:
        """Absolute paths of the files that decide what is shown, apart from media."""
        return tuple(files_named_in(self))


class Drawing(Content):
    """A content that is drawn from its data alone. Drawings that are equal have equal pixels."""

    __slots__ = ()

    has_pixels: ClassVar[bool] = True
    """False for a single colour: there is nothing to draw and to sample."""
    stays_in_box: ClassVar[bool] = False
    """Nothing is painted outside of the nominal size."""
    is_still: ClassVar[bool] = True
    """The picture is the same at all times."""

    @property
    def opaque(self) -> bool:
        """Every pixel is opaque."""
        return False

    @property
    def overhang(self) -> float:
        """By how many pixels the picture may reach out of its nominal size on each side; not too few."""
        return 0.0

    def size_on(self, canvas: Size) -> Size | None:
        """Nominal size on a canvas; None where only the compositor can measure it."""
        raise NotImplementedError

    def at(self, _elapsed: Fraction, _backwards: bool) -> Drawing | None:
        """What is drawn at a time since the clip's start, seconds; None for nothing. `_backwards` asks for the moment
        just before that time."""
        return self


def holds_paths(field: Field[Any]) -> bool:
    """Whether the field of a dataclass holds paths of files."""
    return "file_paths" in field.metadata


def files_named_in(value: object) -> Iterator[str]:
    """The paths of files in a dataclass, and in those that it consists of."""
    if isinstance(value, tuple):
        for item in value:
            yield from files_named_in(item)
    elif is_dataclass(value):
        for field in fields(value):
            held = getattr(value, field.name)
            if holds_paths(field):
                yield from (held,) if isinstance(held, str) else held
            else:
                yield from files_named_in(held)
