"""What is stored beside golden pictures: facts of the film, of the machine, and the list of files. Pure data, as JSON.

In and out: the text of `manifest.json`. What can't be read is a ValueError that says why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from fractions import Fraction
from typing import Any, Literal, get_args, get_origin, get_type_hints

FORMAT = 1
PictureKind = Literal["composited", "encoded"]


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A golden picture."""

    frame: int
    """Output frame of the whole film."""
    reasons: tuple[str, ...]
    """Why it is looked at."""
    file: str
    """Name in the folder."""
    pixels: str
    """Hash of its samples."""
    key: str | None
    """Of all that decides the picture (planner.content_key); None where that can't be told."""


@dataclass(frozen=True, slots=True)
class StoredSound:
    """The fingerprint of the sound."""

    file: str
    samples: str
    """Hash of the samples."""


@dataclass(frozen=True, slots=True)
class FilmFacts:
    """What a film is, apart from what it shows."""

    width: int
    height: int
    fps: Fraction
    frames: int
    sample_rate: int | None
    """None for a film without sound."""
    channels: int | None
    samples: int | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """All of it."""

    project: str
    """Path from the folder of all goldens."""
    pictures: PictureKind
    """Whether they are as they were composited, or as they came out of the encoder."""
    film: FilmFacts
    moments: str
    """Which were asked for, as planner.checks reads it."""
    project_hash: str
    """Of the project file."""
    variables: Mapping[str, str]
    """That were given."""
    media: Mapping[str, str]
    """Hash of each media's content, by name; sequences have one for all of their files."""
    versions: Mapping[str, str]
    renderer: str
    system: str
    frames: tuple[StoredFrame, ...]
    """Ascending."""
    sound: StoredSound | None
    format: int = field(default=FORMAT)

    def by_frame(self) -> dict[int, StoredFrame]:
        return {each.frame: each for each in self.frames}

    def text(self) -> str:
        """As JSON."""
        data = asdict(self)
        data["film"]["fps"] = str(self.film.fps)
        return json.dumps({"format": data.pop("format"), **data}, indent=1, ensure_ascii=False) + "\n"


def read_manifest(text: str) -> Manifest:
    """The manifest of a text. Raises ValueError."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from error
    form = data.get("format") if isinstance(data, dict) else None
    if form != FORMAT:
        raise ValueError(f"it is of format {form!r}; {FORMAT} can be read")
    try:
        film = data.pop("film")
        stored, sound = data.pop("frames"), data.pop("sound")
        manifest = Manifest(
            **{each.name: data[each.name] for each in fields(Manifest) if each.name in data},
            film=FilmFacts(**{**film, "fps": Fraction(film["fps"])}),
            frames=tuple(_stored_frame(each) for each in stored),
            sound=None if sound is None else StoredSound(file=_plain_name(sound["file"]), samples=sound["samples"]),
        )
        _check_types(manifest)
        return manifest
    except (KeyError, TypeError, AttributeError, ValueError, ZeroDivisionError) as error:
        raise ValueError(f"something in it is missing or wrong ({type(error).__name__}: {error})") from error


def _check_types(data: Any) -> None:
    """Raises TypeError where a field holds what its annotation does not say: the file may be anyone's."""
    for name, kind in get_type_hints(type(data)).items():
        if not _fits(getattr(data, name), kind):
            raise TypeError(f"{name} is {str(getattr(data, name))[:100]}")


def _fits(value: object, kind: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return value in inner
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(each, inner[0]) for each in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(_fits(k, inner[0]) and _fits(v, inner[1]) for k, v in value.items())
    if inner:  # a choice of kinds
        return any(_fits(value, each) for each in inner)
    if is_dataclass(value):
        _check_types(value)
    return isinstance(value, kind)


def _stored_frame(data: Mapping[str, Any]) -> StoredFrame:
    found = StoredFrame(**{**data, "reasons": tuple(data["reasons"]), "file": _plain_name(data["file"])})
    if not isinstance(found.frame, int) or found.frame < 0:
        raise ValueError("a frame without a number")
    return found


def _plain_name(name: str) -> str:
    """A file in the folder, and nowhere else."""
    if not name or any(sign in name for sign in "/\\\0") or name.startswith("."):
        raise ValueError(f"{name!r} is no name of a file beside it")
    return name
