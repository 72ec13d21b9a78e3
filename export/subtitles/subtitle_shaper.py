"""What planner.cue_text must know of fonts, from the compositor that draws with them.

In: the font files of an entry of `subtitles`. Out: faces, widths and sizes. Passive; one thread (the fonts').
"""

from __future__ import annotations

from reelmill.compositor.contents.text import check_text, text_size
from reelmill.compositor.drawing.font_faces import DEFAULT_FACES, find_face
from reelmill.compositor.drawing.text_layout import narrowest_box
from reelmill.planner.contents.text import Text
from reelmill.planner.pictures.cue_text import FontFace


class SubtitleShaper:
    """The fonts of one entry."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        """`paths`: of font files; none for the default font."""
        self._paths = paths or DEFAULT_FACES
        self._faces: dict[tuple[str | None, bool, bool], tuple[FontFace, bool]] = {}

    def face(self, family: str | None, *, bold: bool, italic: bool) -> tuple[FontFace, bool]:
        """See planner.cue_text.CueShaper."""
        key = (family, bold, italic)
        if key not in self._faces:
            self._faces[key] = find_face(self._paths, family, bold=bold, italic=italic)
        return self._faces[key]

    def fonts(self, face: FontFace) -> tuple[str, ...]:
        """See planner.cue_text.CueShaper."""
        return (face.path, *(path for path in self._paths if path != face.path))

    def narrowest(self, text: Text) -> float:
        """See planner.cue_text.CueShaper."""
        return narrowest_box(text)

    def size(self, text: Text) -> tuple[float, float]:
        """See planner.cue_text.CueShaper. Refuses what can't be drawn, too."""
        check_text(text)
        return text_size(text)
