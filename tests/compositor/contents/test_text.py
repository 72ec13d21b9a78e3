"""Text against the outlines and metrics in the font files (read by fontTools) and plain numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import font_source_sans_pro
import numpy as np
import pytest
from fontTools.pens.areaPen import AreaPen
from fontTools.pens.boundsPen import BoundsPen
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import features

from reelmill.compositor.contents.text import check_text, draw_text, text_size
from reelmill.compositor.drawing.bidi import embedding_levels, visual_order
from reelmill.compositor.drawing.font_faces import load_face
from reelmill.compositor.drawing.line_breaks import break_ends, grapheme_starts
from reelmill.compositor.drawing.text_layout import lay_out
from reelmill.planner.contents.text import Text
from reelmill.planner.errors import ExportError, RenderError, SetupError
from reelmill.planner.text_style import Outline, Shadow

SANS = font_source_sans_pro.font_files_otf["SourceSansPro"]
ITALIC = font_source_sans_pro.font_files_ttf["SourceSansProBlackIt"]
DEJAVU = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
"""Has Hebrew and Arabic; of the package fonts-dejavu-core."""
WHITE = (1.0, 1.0, 1.0, 1.0)
HEBREW, ARABIC = "\u05e9\u05dc\u05d5\u05dd", "\u0633\u0644\u0627\u0645"


def alpha(text: Text, scale: float = 1.0) -> NDArray[np.float64]:
    return draw_text(text, scale).pixels[:, :, 3] / 255


def ink_box(text: Text) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is not transparent, relative to the nominal corner."""
    drawn = draw_text(text)
    rows, columns = np.nonzero(drawn.pixels[:, :, 3])
    x, y = drawn.origin
    return int(columns.min()) + x, int(rows.min()) + y, int(columns.max()) + 1 + x, int(rows.max()) + 1 + y


def advances(path: str, characters: str) -> float:
    """Sum of the advance widths in the font's table hmtx, ems: without kerning."""
    with TTFont(path) as font:
        names = font.getBestCmap()
        return float(sum(font["hmtx"][names[ord(c)]][0] for c in characters) / font["head"].unitsPerEm)


def outline_area(path: str, characters: str) -> float:
    """Area of the glyphs' outlines, square ems."""
    total = 0.0
    with TTFont(path) as font:
        glyphs, names = font.getGlyphSet(), font.getBestCmap()
        for character in characters:
            pen = AreaPen(glyphs)
            glyphs[names[ord(character)]].draw(pen)
            total += abs(pen.value)
        return float(total / font["head"].unitsPerEm ** 2)


def glyph_bounds(path: str, character: str) -> tuple[float, float, float, float]:
    """xMin, yMin, xMax, yMax of a glyph, ems."""
    with TTFont(path) as font:
        glyphs = font.getGlyphSet()
        pen = BoundsPen(glyphs)
        glyphs[font.getBestCmap()[ord(character)]].draw(pen)
        em = font["head"].unitsPerEm
        x0, y0, x1, y1 = pen.bounds
        return x0 / em, y0 / em, x1 / em, y1 / em


@pytest.mark.parametrize("path", [SANS, ITALIC, DEJAVU])
def test_size_is_advance_by_line_height(path: str) -> None:
    text = Text("monument", 37, fonts=(path,), line_height=1.5)
    width, height = text_size(text)
    assert width == pytest.approx(37 * advances(path, "monument"), rel=1e-4)
    assert height == pytest.approx(37 * 1.5)
    longest = text_size(Text("on\nmonument\n", 37, fonts=(path,), line_height=1.5))
    assert longest == pytest.approx((width, 3 * 37 * 1.5))


def test_kerning() -> None:
    """Source Sans Pro kerns A and V by −14 thousandths (its GPOS table)."""
    assert text_size(Text("AV", 1000))[0] == pytest.approx(1000 * advances(SANS, "AV") - 14, abs=0.1)


@pytest.mark.parametrize("path", [SANS, DEJAVU])
@pytest.mark.parametrize("size", [11.5, 40.0, 300.0])
def test_glyphs_are_filled_with_their_outlines_area(path: str, size: float) -> None:
    """Nothing is cut off, hinted away or drawn twice: the ink is the outlines' area."""
    ink = alpha(Text("H\u00c5gj\u03a9\u0416", size, fonts=(path,))).sum()
    assert ink == pytest.approx(outline_area(path, "H\u00c5gj\u03a9\u0416") * size**2, rel=0.01)


@pytest.mark.parametrize("character", ["j", "f", "\u00c4"])
def test_overhanging_glyphs_are_whole(character: str) -> None:
    x0, y0, x1, y1 = glyph_bounds(ITALIC, character)
    size = 200
    text = Text(character, size, fonts=(ITALIC,), line_height=0.5)
    with TTFont(ITALIC) as font:
        rise = (font["hhea"].ascent + font["hhea"].descent) / font["head"].unitsPerEm
    baseline = (0.5 + rise) / 2 * size
    expected = x0 * size, baseline - y1 * size, x1 * size, baseline - y0 * size
    assert ink_box(text) == pytest.approx(expected, abs=1.01)
    assert min(draw_text(text).origin) < 0


def test_scale_changes_nothing_but_the_size() -> None:
    text = Text("Waffle jukebox\nTo go", 24, outline=Outline(2, (1, 0, 0, 1)), shadow=Shadow((3, 5), 2, (0, 0, 1, 0.5)))
    small, large = draw_text(text), draw_text(text, 4)
    assert large.size == pytest.approx((small.size[0] * 4, small.size[1] * 4))
    canvas = np.zeros((400, 1200, 4))
    x, y = large.origin[0] + 100, large.origin[1] + 100
    canvas[y : y + large.pixels.shape[0], x : x + large.pixels.shape[1]] = large.pixels
    averaged = canvas.reshape(100, 4, 300, 4, 4).mean((1, 3))
    x, y = small.origin[0] + 25, small.origin[1] + 25
    part = averaged[y : y + small.pixels.shape[0], x : x + small.pixels.shape[1]]
    assert np.abs(part - small.pixels).mean() < 2
    assert np.abs(part - small.pixels).max() < 40


def test_colours_are_premultiplied_without_fringes() -> None:
    drawn = draw_text(Text("Sphinx", 30, color=(1.0, 0.5, 0.0, 0.6)))
    pixels = drawn.pixels.astype(int)
    assert pixels[:, :, 3].max() == 153
    assert (pixels[:, :, 0] == pixels[:, :, 3]).all()
    assert np.abs(pixels[:, :, 1] - pixels[:, :, 3] / 2).max() <= 1
    assert not pixels[:, :, 2].any()


def test_alignment() -> None:
    size, box = 40, 300
    side = glyph_bounds(DEJAVU, "H")[0] * size
    advance = advances(DEJAVU, "H") * size
    for align, left in (("left", 0.0), ("center", (box - advance) / 2), ("right", box - advance)):
        text = Text("H", size, fonts=(DEJAVU,), align=align, box_width=box)  # type: ignore[arg-type]
        assert ink_box(text)[0] == pytest.approx(left + side, abs=1)
        assert text_size(text)[0] == box


def test_lines_stand_one_line_height_apart() -> None:
    top, below = ink_box(Text("H", 40)), ink_box(Text("\nH", 40, line_height=1.2))
    assert below[1] - top[1] == pytest.approx(48, abs=1)
    assert ink_box(Text("\r\n\u2028H", 40))[1] - top[1] == pytest.approx(96, abs=1)


def lines(text: Text) -> list[str]:
    """Logical text of each line, by baseline."""
    found: dict[float, list[str]] = {}
    for run in lay_out(text).runs:
        found.setdefault(run.baseline, []).append(run.text)
    return ["".join(parts) for _, parts in sorted(found.items())]


def test_wrapping_by_words() -> None:
    width = text_size(Text("The quick", 20))[0]
    text = Text("The quick brown   fox\njumps", 20, box_width=width)
    assert lines(text) == ["The quick", "brown", "fox", "jumps"]
    assert text_size(text) == pytest.approx((width, 4 * 24))


@pytest.mark.parametrize(
    ("content", "broken"),
    [
        ("well-known", ["well-", "known"]),
        ("in -5 ok", ["in ", "-5 ", "ok"]),
        ("no\u00a0break", ["no\u00a0break"]),
        ("zero\u200bwidth", ["zero\u200b", "width"]),
        ("\u65e5\u672c\u300c\u8a9e\u300d\u3002", ["\u65e5", "\u672c", "\u300c\u8a9e\u300d\u3002"]),
    ],
)
def test_places_to_break(content: str, broken: list[str]) -> None:
    ends = break_ends(content)
    assert [content[a:b] for a, b in zip([0, *ends], ends, strict=False)] == broken


def test_graphemes() -> None:
    """Examples of UAX #29: combining marks, jamo, joined emoji, flags."""
    clusters = [
        "e\u0301",
        "\u1112\u1161\u11ab",
        "\U0001f469\u200d\U0001f680",
        "\U0001f1e9\U0001f1ea",
        "\U0001f1eb",
        "x",
    ]
    text = "".join(clusters)
    starts = grapheme_starts(text)
    assert [text[a:b] for a, b in pairwise(starts)] == [
        *clusters[:3],
        "\U0001f1e9\U0001f1ea",
        "\U0001f1eb",
        "x",
    ]


def test_soft_hyphens_show_where_a_line_breaks() -> None:
    width = text_size(Text("hyphen-", 20))[0]
    assert lines(Text("hyphen\u00adated", 20, box_width=width)) == ["hyphen-", "ated"]
    assert lines(Text("hyphen\u00adated", 20)) == ["hyphenated"]


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(st.text("abcimwAV\u00e9\u0416\u05d0\u05d1", min_size=1, max_size=14), min_size=1, max_size=8),
    box=st.floats(5, 200),
)
def test_wrapping_loses_nothing_and_stays_in_the_box(words: list[str], box: float) -> None:
    text = Text(" ".join(words), 20, fonts=(DEJAVU,), box_width=box)
    broken = lines(text)
    assert sorted("".join(broken).replace(" ", "")) == sorted("".join(words))
    for line in broken:
        assert len(line) == 1 or text_size(Text(line, 20, fonts=(DEJAVU,)))[0] <= box + 0.05


def test_outline_area_of_a_bar() -> None:
    """DejaVu's l is a rectangle: the outline adds its perimeter × width and four quarters of a disc."""
    x0, y0, x1, y1 = (v * 100 for v in glyph_bounds(DEJAVU, "l"))
    width = 7.5
    drawn = draw_text(Text("l", 100, (0, 1, 0, 1), fonts=(DEJAVU,), outline=Outline(width, (1, 0, 0, 1))))
    red, green = drawn.pixels[:, :, 0].sum() / 255, drawn.pixels[:, :, 1].sum() / 255
    assert green == pytest.approx((x1 - x0) * (y1 - y0), rel=0.01)
    assert red == pytest.approx(2 * (x1 - x0 + y1 - y0) * width + math.pi * width**2, rel=0.02)
    # The two share the pixels of the edge: no gap and nothing twice.
    assert (drawn.pixels[:, :, :2].sum(2, dtype=int) - drawn.pixels[:, :, 3]).max() <= 1
    assert drawn.size == text_size(Text("l", 100, fonts=(DEJAVU,)))


def test_outline_does_not_show_through_translucent_letters() -> None:
    drawn = draw_text(Text("l", 100, (0, 1, 0, 0.5), fonts=(DEJAVU,), outline=Outline(6, (1, 0, 0, 1))))
    inside = drawn.pixels[:, :, 1].max()
    assert inside == 128
    row, column = np.argwhere(drawn.pixels[:, :, 1] == inside)[40]
    assert drawn.pixels[row, column].tolist() == [0, 128, 0, 128]


def test_shadow_is_the_blurred_and_shifted_silhouette() -> None:
    sigma, offset = 3.0, (9.0, -4.0)
    plain = Text("Sh", 40, outline=Outline(2, WHITE))
    silhouette = draw_text(plain)
    shadowed = Text(
        "Sh", 40, (0, 0, 0, 0), outline=Outline(2, (0, 0, 0, 0)), shadow=Shadow(offset, sigma, (1, 0, 0, 0.8))
    )
    drawn = draw_text(shadowed)
    pad = 20
    mask = np.pad(silhouette.pixels[:, :, 3] / 255, pad)
    k = np.arange(-15, 16)
    weights = np.exp(-(k**2) / (2 * sigma**2))
    weights /= weights.sum()
    blurred = sum(w * np.roll(mask, int(i), axis=1) for i, w in zip(k, weights, strict=True))
    blurred = sum(w * np.roll(blurred, int(i), axis=0) for i, w in zip(k, weights, strict=True))
    expected = np.zeros((300, 300))
    x, y = silhouette.origin[0] - pad + 9 + 100, silhouette.origin[1] - pad - 4 + 100
    expected[y : y + mask.shape[0], x : x + mask.shape[1]] = blurred
    got = np.zeros((300, 300, 4))
    x, y = drawn.origin[0] + 100, drawn.origin[1] + 100
    got[y : y + drawn.pixels.shape[0], x : x + drawn.pixels.shape[1]] = drawn.pixels
    assert np.abs(got[:, :, 3] - expected * 0.8 * 255).max() <= 1.5
    assert np.abs(got[:, :, 0] - got[:, :, 3]).max() == 0
    assert drawn.size == text_size(plain)


def test_a_sharp_shadow_moves_by_fractions_of_pixels() -> None:
    def centre(offset: float) -> float:
        shadow = Shadow((offset, 0), 0, WHITE)
        drawn = draw_text(Text("l", 60, (0, 0, 0, 0), shadow=shadow))
        mass = drawn.pixels[:, :, 3].sum(0)
        return float((mass * (np.arange(len(mass)) + drawn.origin[0])).sum() / mass.sum())

    assert centre(2.3) - centre(0) == pytest.approx(2.3, abs=0.02)


@pytest.mark.parametrize(
    ("levels", "order"),
    [
        ([0, 1, 0], [0, 1, 2]),
        ([1, 2, 1], [2, 1, 0]),
        ([0, 1, 2, 1, 0], [0, 3, 2, 1, 4]),
        ([2, 1, 2, 3, 2], [2, 3, 4, 1, 0]),
        ([1], [0]),
        ([], []),
    ],
)
def test_order_of_runs(levels: Sequence[int], order: list[int]) -> None:
    """Worked by hand from rule L2 of UAX #9: from the highest level down, reverse what is at it or above."""
    assert visual_order(levels) == order


def test_levels() -> None:
    """From the examples of UAX #9, section 3.4 (capitals there are right to left)."""
    assert embedding_levels("car is \u05d0\u05d1\u05d2", "auto") == [0] * 7 + [1] * 3
    assert embedding_levels("\u05d0\u05d1 12", "auto") == [1, 1, 1, 2, 2]
    assert embedding_levels("ab", "rtl") == [2, 2]
    assert embedding_levels("a (\u05d0)", "ltr") == [0, 0, 0, 1, 0]


def runs_from_left(text: Text) -> list[tuple[str, str]]:
    return [(run.text, run.direction) for run in sorted(lay_out(text).runs, key=lambda run: run.x)]


def test_runs_of_several_fonts_stand_in_visual_order() -> None:
    fonts = (SANS, DEJAVU)
    assert runs_from_left(Text(f"one {HEBREW} two", 20, fonts=fonts)) == [
        ("one ", "ltr"),
        (HEBREW, "rtl"),
        (" ", "ltr"),
        ("two", "ltr"),
    ]
    assert runs_from_left(Text(f"{HEBREW} two 3", 20, fonts=fonts)) == [
        ("two 3", "ltr"),
        (f"{HEBREW} ", "rtl"),
    ]


def test_letters_run_from_right_to_left() -> None:
    """The first letter of a Hebrew word, drawn alone, is the rightmost part of the word's picture."""
    word, first = alpha(Text(HEBREW, 50, fonts=(DEJAVU,))), alpha(Text(HEBREW[0], 50, fonts=(DEJAVU,)))
    width = first.shape[1] - 3
    difference = [np.abs(word[:, -width - i :][:, :width] - first[:, -width:]).mean() for i in range(3)]
    assert min(difference) < 0.02
    assert np.abs(word[:, :width] - first[:, :width]).mean() > 0.1


def test_arabic_letters_are_joined() -> None:
    joined = text_size(Text(ARABIC, 100, fonts=(DEJAVU,)))[0]
    alone = sum(text_size(Text(letter, 100, fonts=(DEJAVU,)))[0] for letter in ARABIC)
    assert joined < 0.9 * alone
    columns = alpha(Text(ARABIC[:2], 100, fonts=(DEJAVU,))).max(0) > 0
    inked = np.flatnonzero(columns)
    assert columns[inked[0] : inked[-1] + 1].all()


def test_direction_can_be_forced() -> None:
    """An exclamation mark stands at the end of the paragraph's direction."""
    assert runs_from_left(Text("Hi!", 20, direction="rtl"))[0] == ("!", "rtl")
    forced = Text("\u202eabc\u202c", 50)
    assert np.abs(alpha(forced) - alpha(Text("cba", 50))).mean() < 0.02


def font_of_runs(content: str) -> list[tuple[str, str]]:
    runs = lay_out(Text(content, 20, fonts=(SANS, DEJAVU))).runs
    assert len({run.baseline for run in runs}) == 1
    return [(run.text, Path(run.font.path).stem) for run in runs]


def test_fonts_are_tried_glyph_by_glyph() -> None:
    assert font_of_runs("x \u2603 e\u0301") == [
        ("x ", "SourceSansPro-Regular"),
        ("\u2603 ", "DejaVuSans"),
        ("e\u0301", "SourceSansPro-Regular"),
    ]


def test_marks_stay_with_their_base() -> None:
    """A mark that the first font has not takes its base along to the font that has both."""
    assert font_of_runs("a\u030db") == [("a\u030d", "DejaVuSans"), ("b", "SourceSansPro-Regular")]


@pytest.mark.parametrize(
    "content", ["a\tb", "a\u00a0\u2003\u3000b", "a\u200d\u200cb", "x\ufe0f", "\u200f\u2066a\u2069", ""]
)
def test_blanks_and_joiners_are_never_missing(content: str) -> None:
    check_text(Text(content, 20))
    assert draw_text(Text(content, 20)).pixels.size


def test_a_tab_is_four_spaces() -> None:
    assert text_size(Text("a\tb", 20)) == text_size(Text("a    b", 20))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (Text("\u65e5", 20), r'the font "SourceSansPro-Regular.otf" does not have a glyph for "日" \(U\+65E5, CJK'),
        (Text("ok \U0001f600", 20, fonts=(SANS, ITALIC)), r"none of the fonts .* has a glyph for .*GRINNING FACE"),
        (Text("e\u20e3", 20), r"U\+20E3, COMBINING ENCLOSING KEYCAP"),
        (Text("a\x07b", 20), r"control character U\+0007"),
        (Text("x", 20, fonts=("/nowhere/font.ttf",)), "the font file does not exist"),
        (Text("x", 20, fonts=(__file__,)), r'"test_text.py" can\'t be used as a font'),
        (Text("x", 20, fonts=("/",)), "can't be used as a font"),
        (Text("x" * 2000, 100), r"the text is \d+×120 pixels; the limit is 16384×16384"),
        (Text("x", 20, shadow=Shadow((16384, 0), 0, WHITE)), r"would be a picture of 16\d+×\d+ pixels; the limit is"),
        (Text("x", 20, shadow=Shadow((0, 0), 3000, WHITE)), "would be a picture of"),
        (Text("x", 20, outline=Outline(9000, WHITE)), "would be a picture of"),
    ],
)
def test_what_check_text_refuses(text: Text, message: str) -> None:
    with pytest.raises(SetupError, match=message) as caught:
        check_text(text)
    assert caught.value.suggestion


def test_a_woff2_font_without_its_module_is_no_damaged_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fontTools.ttLib.woff2.haveBrotli", False)
    path = tmp_path / "web.woff2"
    path.write_bytes(b"wOF2" + bytes(100))
    with pytest.raises(SetupError, match="the module brotli, which unpacks those, is not installed") as caught:
        check_text(Text("a", 20, fonts=(str(path),)))
    assert "pip install 'reelmill[woff2]'" in str(caught.value.suggestion)


def test_damaged_font(tmp_path: Path) -> None:
    path = tmp_path / "cut.otf"
    path.write_bytes(Path(SANS).read_bytes()[:5000])
    with pytest.raises(SetupError, match=r'"cut\.otf" can\'t be used as a font'):
        check_text(Text("x", 20, fonts=(str(path),)))


def test_layout_library_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda name: name != "raqm")
    with pytest.raises(SetupError, match="FriBidi") as caught:
        check_text(Text("x", 20))
    assert "libfribidi0" in (caught.value.suggestion or "")


def test_a_shadow_may_not_make_the_picture_too_large() -> None:
    with pytest.raises(RenderError, match="the limit is 16384×16384"):
        draw_text(Text("x", 20, shadow=Shadow((20000, 0), 0, WHITE)))


def test_what_check_text_lets_pass_can_be_drawn() -> None:
    """The limit lies where the picture is as wide as it may be, to the pixel."""

    def shadowed(x: int) -> Text:
        return Text("x", 20, outline=Outline(3, WHITE), shadow=Shadow((x, 0), 2, WHITE))

    width = draw_text(shadowed(1000)).pixels.shape[1]
    widest = 1000 + 16384 - width
    check_text(shadowed(widest))
    assert draw_text(shadowed(widest)).pixels.shape[1] == 16384
    with pytest.raises(SetupError, match=r"16385×\d+ pixels"):
        check_text(shadowed(widest + 1))


@pytest.mark.parametrize(("table", "kept_bytes"), [("glyf", 0), ("head", 18), ("OS/2", 0)])
def test_a_font_with_a_damaged_table_is_named(tmp_path: Path, table: str, kept_bytes: int) -> None:
    """In `head`, the em becomes 0 behind the magic number that makes it a font."""
    data = bytearray(Path(ITALIC).read_bytes())
    with TTFont(ITALIC) as font:
        entry = font.reader.tables[table]
    first, end = entry.offset + kept_bytes, entry.offset + entry.length
    data[first:end] = (b"\0" if table == "head" else b"\xff") * (end - first)
    path = tmp_path / "damaged.ttf"
    path.write_bytes(data)

    def use() -> None:
        load_face(str(path))
        draw_text(Text("Hi", 20, fonts=(str(path),)))

    with pytest.raises(ExportError, match=r"damaged\.ttf") as caught:
        use()
    assert caught.value.file == str(path)
