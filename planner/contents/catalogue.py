"""All kinds of content, by their key in a clip. A new kind is one field and one row here (CONTRIBUTING.md)."""

from __future__ import annotations

from typing import Annotated

from reelmill.planner.content import Content
from reelmill.planner.contents.composition_content import CompositionContent
from reelmill.planner.contents.media_content import MediaContent
from reelmill.planner.contents.shape import Shape, ShapeModel
from reelmill.planner.contents.solid import Solid
from reelmill.planner.contents.text import Text, TextModel
from reelmill.planner.fields.base import AnyColour, ObjectModel, Shorthand
from reelmill.planner.fields.places import EntryName


class ContentModel(ObjectModel):
    """The keys of a clip that say what it shows. Exactly one of them is given."""

    media: Annotated[str, EntryName("media")] | None = None
    """Name of an entry of media: its picture and sound."""
    composition: Annotated[str, EntryName("compositions")] | None = None
    """Name of an entry of compositions."""
    text: Annotated[TextModel, Shorthand("content")] | None = None
    """A text."""
    solid: AnyColour | None = None
    """A colour that fills the canvas."""
    shape: ShapeModel | None = None
    """A drawn figure."""

    def content(self, canvas_height: int) -> Content:
        """What the clip shows. `canvas_height`: pixels."""
        for key, kind in CONTENTS.items():
            given = getattr(self, key)
            if given is not None:
                return kind.of(given, canvas_height)
        raise AssertionError("a clip that shows nothing is a problem of the project")


CONTENTS: dict[str, type[Content]] = {
    kind.kind: kind for kind in (MediaContent, CompositionContent, Text, Solid, Shape)
}
