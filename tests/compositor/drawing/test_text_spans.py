"""Texts of several fonts and colours, boxes as narrow as can be, and fonts found by what their files say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import ImageFont

from reelmill.compositor.contents.text import draw_text, text_size
from reelmill.compositor.drawing.font_faces import DEFAULT_FACES, find_face, load_face
from reelmill.compositor.drawing.text_layout import lay_out, narrowest_box
from reelmill.planner.colour import Colour
from reelmill.planner.contents.text import Text, TextSpan
from reelmill.planner.text_style import Outline

DEJAVU = Path("/usr/share/fonts/truetype/dejavu")
SANS, BOLD, SERIF = (str(DEJAVU / f"{name}.ttf") for name in ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif"))
WHITE: Colour = (1.0, 1.0, 1.0, 1.0)
RED: Colour = (1.0, 0.0, 0.0, 1.0)
BLUE: Colour = (0.0, 0.0, 1.0, 0.5)


def length(path: str, text: str, size: float) -> float:
    """Advance as Pillow tells it."""
    return ImageFont.truetype(path, 1000).getlength(text) * size / 1000


def test_each_span_has_its_own_font() -> None:
    text = Text(
        "plain bold serif",
        40,
        fonts=(SANS,),
        spans=(TextSpan(6, 10, (BOLD,), WHITE), TextSpan(11, 16, (SERIF,), WHITE)),
    )
    expected = length(SANS, "plain ", 40) + length(BOLD, "bold ", 40) + length(SERIF, "serif", 40)
    assert text_size(text)[0] == pytest.approx(expected, abs=0.5)
    assert [(run.text, Path(run.font.path).stem) for run in lay_out(text).runs] == [
        ("plain ", "DejaVuSans"),
        ("bold ", "DejaVuSans-Bold"),
        ("serif", "DejaVuSerif"),
    ]


def test_each_span_has_its_own_colour() -> None:
    text = Text("II", 60, WHITE, (SANS,), spans=(TextSpan(1, 2, (SANS,), BLUE),))
    pixels = draw_text(text).pixels
    middle = pixels.shape[1] // 2
    left, right = pixels[:, :middle], pixels[:, middle:]
    assert tuple(left[left[..., 3].argmax() // left.shape[1], left[..., 3].max(axis=0).argmax()]) == (
        255,
        255,
        255,
        255,
    )
    # Premultiplied: half of blue.
    assert right[..., :2].max() == 0
    assert right[..., 2:].max(axis=(0, 1)).tolist() == [128, 128]
    # Without spans it is what it was.
    assert np.array_equal(draw_text(replace(text, spans=())).pixels[..., 3] > 0, pixels[..., 3] > 0)


def test_colours_that_meet_add_up_to_the_letters() -> None:
    outlined = Text("ftfi", 80, WHITE, (SERIF,), outline=Outline(4, (0.0, 0.0, 0.0, 1.0)))
    spans = tuple(TextSpan(i, i + 1, (SERIF,), color) for i, color in enumerate((WHITE, RED, WHITE, RED)))
    whole = draw_text(replace(outlined, spans=spans)).pixels
    assert whole[..., 3].max() == 255
    # Nothing is brighter than its coverage, at edges that two letters share either.
    assert (whole[..., :3] <= whole[..., 3:]).all()


def test_spans_hold_across_lines_and_directions() -> None:
    text = Text("one two\nthree שלום", 30, fonts=(SANS,), box_width=200, spans=(TextSpan(4, 11, (BOLD,), RED),))
    runs = [(run.text, Path(run.font.path).stem, run.ink.color) for run in lay_out(text).runs]
    assert runs == [
        ("one ", "DejaVuSans", WHITE),
        ("two", "DejaVuSans-Bold", RED),
        ("thr", "DejaVuSans-Bold", RED),
        ("ee ", "DejaVuSans", WHITE),
        ("שלום", "DejaVuSans", WHITE),
    ]


SENTENCE = "This is a line of text that has to be wrapped since it does not fit into the box that it is given"


@pytest.mark.parametrize("width", [200, 300, 460, 700, 1500])
@pytest.mark.parametrize("path", [SANS, SERIF])
def test_the_narrowest_box_has_no_more_lines(width: float, path: str) -> None:
    text = Text(SENTENCE, 30, fonts=(path,), box_width=width)
    lines = round(text_size(text)[1] / 36)
    narrow = narrowest_box(text)
    assert narrow <= width
    assert round(text_size(replace(text, box_width=narrow))[1] / 36) == lines
    if lines > 1:
        assert round(text_size(replace(text, box_width=narrow * 0.97))[1] / 36) > lines
    else:
        assert narrow == pytest.approx(length(path, SENTENCE, 30), rel=0.005)


def test_a_word_that_is_wider_than_the_box_leaves_it_as_it_is() -> None:
    assert narrowest_box(Text("a incomprehensibilities b", 40, fonts=(SANS,), box_width=100)) == pytest.approx(100)
    assert narrowest_box(Text("first\nand second", 40, fonts=(SANS,))) == pytest.approx(
        length(SANS, "and second", 40), rel=0.005
    )


def test_faces_are_what_their_tables_say() -> None:
    for path in (SANS, BOLD, *DEFAULT_FACES):
        face = load_face(path)
        with TTFont(path) as tables:
            os2, em = tables["OS/2"], tables["head"].unitsPerEm
            assert (face.ascent, face.descent) == (os2.usWinAscent / em, os2.usWinDescent / em)
            assert tables["name"].getDebugName(1).lower() in face.families
        assert face.bold == ("Bold" in path)
        assert face.italic == ("It." in path or "BoldIt" in path)


def test_a_face_is_found_by_family_and_style() -> None:
    fonts = (SANS, BOLD, SERIF)

    def found(family: str | None, bold: bool = False, italic: bool = False) -> tuple[str, bool]:
        face, known = find_face(fonts, family, bold=bold, italic=italic)
        return Path(face.path).stem, known

    assert found("DejaVu Sans") == ("DejaVuSans", True)
    assert found("dejavu sans ", bold=True) == ("DejaVuSans-Bold", True)
    assert found("DejaVu Sans Bold") == ("DejaVuSans-Bold", True)
    assert found("DejaVu Serif", bold=True) == ("DejaVuSerif", True)
    assert found("Arial", bold=True) == ("DejaVuSans-Bold", False)
    assert found(None, italic=True) == ("DejaVuSans", True)
    styles = [(bold, italic) for bold in (False, True) for italic in (False, True)]
    default = [Path(find_face(DEFAULT_FACES, None, bold=b, italic=i)[0].path).stem for b, i in styles]
    assert default == [f"SourceSansPro-{face}" for face in ("Regular", "It", "Bold", "BoldIt")]


def test_a_box_behind_each_line() -> None:
    box = Outline(6.5, (0.0, 0.0, 1.0, 0.5), "lines")
    drawn = draw_text(Text("wide line\n\nx", 40, WHITE, (SANS,), align="right", line_height=1.5, outline=box))
    widest, narrow = length(SANS, "wide line", 40), length(SANS, "x", 40)
    assert drawn.size[0] == pytest.approx(widest, abs=0.1)
    assert drawn.size[1] == 180
    fine = 64
    covered = np.zeros((drawn.pixels.shape[0], drawn.pixels.shape[1]))
    for left, top in ((0, 0), (widest - narrow, 120)):
        shares = []
        for count, origin, low, high in (
            (covered.shape[0], drawn.origin[1], top - 6.5, top + 66.5),
            (covered.shape[1], drawn.origin[0], left - 6.5, widest + 6.5),
        ):
            samples = origin + (np.arange(count * fine) + 0.5) / fine
            shares.append(((samples > low) & (samples < high)).reshape(count, fine).mean(axis=1))
        covered = np.maximum(covered, np.outer(*shares))
    letters = drawn.pixels[..., 0] > 0
    assert letters.sum() > 500
    assert np.allclose(drawn.pixels[..., 3][~letters] / 255, 0.5 * covered[~letters], atol=0.02)
