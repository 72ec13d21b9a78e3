"""What a film carries beside picture and sound, in the project file: markers and subtitles.

As planner.document, which holds the other objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import JsonSchemaValue

from reelmill.planner import timeline
from reelmill.planner.contents.text import OutlineModel, ShadowModel
from reelmill.planner.fields.base import AnyColour, ObjectModel
from reelmill.planner.fields.kinds import Characters, Choice, Kind, Number, Switch, fault, json_kind, shown
from reelmill.planner.fields.places import FilePath, FilePaths, Seconds
from reelmill.planner.languages import is_language, language_hint
from reelmill.planner.limits import MAX_CANVAS_PX

Name = Annotated[str, Characters()]


@dataclass(frozen=True, slots=True)
class Language(Kind):
    """A language by its code of ISO 639-2."""

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            raise fault(f"must be the code of a language, not {json_kind(value)}")
        if not is_language(value):
            raise fault(f"{shown(value)} is not the code of a language in ISO 639-2", language_hint(value))
        return str(value)

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "pattern": r"^[a-z]{3}$|\$\{"}


class MarkerModel(ObjectModel):
    """A named place in the film: a chapter begins there."""

    time: Annotated[Fraction, Seconds("not negative")]
    """When it begins, on the timeline."""
    name: Name
    """Title of the chapter."""
    end: Annotated[Fraction, Seconds("positive")] | None = None
    """When it ends. Default: where the next one begins, or the film ends."""


class CueLookModel(ObjectModel):
    """How burnt-in subtitles look whose file says nothing of it: srt and vtt."""

    value = timeline.CueLook

    size: Annotated[float, Number(0, 10_000, over=True)] | None = None
    """Pixels of one em. Default: a twentieth of the canvas' height."""
    color: AnyColour | None = None
    """Default: white."""
    outline: OutlineModel | None = None
    """Default: black, a twelfth of the size."""
    shadow: ShadowModel | None = None
    """Default: none."""
    margin: Annotated[float, Number(0, MAX_CANVAS_PX)] | None = None
    """Pixels between the text and the edge of the picture. Default: a twentieth of the canvas' height."""
    align: Annotated[Literal["top", "bottom"], Choice()] | None = None
    """Where the text stands. Default: bottom."""


class SubtitlesModel(ObjectModel):
    """A file of subtitles."""

    path: Annotated[str, FilePath()]
    """A file that ends in .srt, .vtt, .ass or .ssa, relative to the project file."""
    mode: Annotated[timeline.SubtitleMode, Choice()] = "mux"
    """mux makes it a track of the film, which players switch on and off; burn draws it into the pictures."""
    language: Annotated[str, Language()] | None = None
    """Of the track: a code of ISO 639-2, such as eng or deu."""
    title: Name | None = None
    """Of the track, for people."""
    default: Annotated[bool, Switch()] = False
    """Whether players show the track unless told otherwise."""
    forced: Annotated[bool, Switch()] = False
    """Whether the track holds only what has to be shown to everyone, such as translated signs."""
    offset: Annotated[Fraction, Seconds()] = Fraction(0)
    """Added to every time of the file; may be negative."""
    fonts: Annotated[tuple[str, ...], FilePaths(64)] | None = Field(default=None, alias="font")
    """Of burnt-in ones: a font file, or a list in which bold, italic and named fonts are looked for and which is
    tried glyph by glyph. Default: Source Sans Pro."""
    look: CueLookModel | None = Field(default=None, alias="style")
    """Of burnt-in srt and vtt. Default: white with a black outline, at the bottom."""
