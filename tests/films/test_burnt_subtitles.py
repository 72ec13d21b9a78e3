"""Burnt-in subtitles, pixel by pixel beside libass (ffmpeg's filter) drawing the same file with the same fonts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmill.planner.outputs import VideoSettings
from tests.support.clips import ffmpeg
from tests.support.films import Pixels, film, read_rgb
from tests.support.subtitle_files import ass_style, ass_text, dialogue

FONTS = Path("/usr/share/fonts/truetype/dejavu")
FACES = [str(FONTS / name) for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf")]
LOSSLESS = VideoSettings(codec="ffv1", pix_fmt="bgr0")
INK = 100
"""Of 255: what counts as drawn."""


def burnt(folder: Path, size: tuple[int, int], seconds: int, entries: list[dict[str, Any]]) -> tuple[Pixels, list[str]]:
    """A black film of one frame a second with subtitles: its frames, and the warnings."""
    project = {
        "canvas": {"width": size[0], "height": size[1], "fps": 1},
        "subtitles": [{"mode": "burn", "font": FACES, **entry} for entry in entries],
        "tracks": [{"clips": [{"solid": "black", "duration": seconds}]}],
    }
    output, report = film(folder, project, video=LOSSLESS)
    return read_rgb(output, *size), report["warnings"]


def by_libass(path: Path, size: tuple[int, int], seconds: int) -> Pixels:
    source = f"color=black:s={size[0]}x{size[1]}:r=1:d={seconds},format=rgb24,ass={path}:fontsdir={FONTS}"
    data = ffmpeg("-f", "lavfi", "-i", source, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return np.frombuffer(data, np.uint8).reshape(-1, size[1], size[0], 3)


def box(frame: Pixels) -> list[int]:
    """Left, top, right and bottom of what is drawn."""
    drawn = frame.max(axis=2) > INK
    assert drawn.any()
    rows, columns = np.nonzero(drawn.any(axis=1))[0], np.nonzero(drawn.any(axis=0))[0]
    return [int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])]


def times(second: int, count: int = 1) -> tuple[str, str]:
    return f"0:00:{second:02d}.00", f"0:00:{second + count:02d}.00"


def assert_alike(ours: Pixels, theirs: Pixels, within: int = 2) -> None:
    """Each frame's text has the same place and size, and about as much ink."""
    assert ours.shape == theirs.shape
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        apart = np.abs(np.subtract(box(one), box(other)))
        assert apart.max() <= within, f"frame {number}: {box(one)} instead of {box(other)}"
        ink, expected = float(one.sum()), float(other.sum())
        assert abs(ink - expected) < 0.05 * expected, f"frame {number}"


@pytest.mark.parametrize(("size", "script"), [((640, 360), (384, 288)), ((480, 480), (1920, 1080))])
def test_alignments_on_several_canvases(tmp_path: Path, size: tuple[int, int], script: tuple[int, int]) -> None:
    margins = (script[0] // 20, script[0] // 10, script[1] // 20)
    fonts = ("DejaVu Sans", "DejaVu Serif")
    styles = [
        ass_style(f"{font} {align}", font, script[1] / 12, align=align, margins=margins)
        for font in fonts
        for align in range(1, 10)
    ]
    names = [style.split(",")[0].removeprefix("Style: ") for style in styles]
    events = [dialogue("Hxgp\\NSecond line", *times(n), style=name) for n, name in enumerate(names)]
    path = tmp_path / "a.ass"
    path.write_text(ass_text(events, styles, script), encoding="utf-8")
    frames, warnings = burnt(tmp_path, size, len(names), [{"path": "a.ass"}])
    assert_alike(frames, by_libass(path, size, len(names)))
    assert not warnings


LONG = "This is a line of text that has to be wrapped since it does not fit"
OUTLINED: dict[str, Any] = {"outline": 2, "shadow": 1.5, "back_color": "&H0000FF00"}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("Outline", {"outline": 2}),
    ("Shadow", OUTLINED),
    ("{\\an7\\pos(100,50)}Upper left", {}),
    ("{\\an5\\pos(192,108)}Middle\\Nof it", {"outline": 1}),
    ("{\\pos(192,200)}Bottom", {}),
    ("A {\\b1}bold{\\b0} {\\fnDejaVu Serif}serif{\\r} end", {}),
    ("{\\c&H0000FF&}red {\\c&H00FF00&}green{\\c} white", {}),
    ("{\\alpha&H60&}half", {}),
    ("{\\1a&HFF&\\3c&HFFFFFF&}only the outline", {"outline": 3}),
    ("{\\fs40\\bord3\\shad0}large", OUTLINED),
    ("Boxes\\Nbehind two lines", {"outline": 4, "more": "0,0,0,0,100,100,0,0,3"}),
    ("{\\u1}under{\\u0} and {\\s1}struck out{\\s0}", {"outline": 2}),
    ("Boxes and their shadow", {**OUTLINED, "more": "0,0,0,0,100,100,0,0,3"}),
    (LONG, {}),
    (LONG + "\\N{\\q1}and " + LONG, {"align": 8}),
    ("{\\q2}no wrapping\\nbut here", {}),
    (" blanks \\N at both ends  of lines ", {}),
    ("שלום עולם", {}),
    ("{\\fad(2000,0)}fading", {}),
    ("braces \\{ {a comment}and \\h blanks", {}),
]


def test_styles_and_overrides(tmp_path: Path) -> None:
    size, script = (640, 360), (384, 216)
    styles = [ass_style(f"s{number}", **keys) for number, (_, keys) in enumerate(CASES)]
    events = [dialogue(text, *times(number), style=f"s{number}") for number, (text, _) in enumerate(CASES)]
    # What fades in over two seconds is half there after one.
    faded = next(number for number, (text, _) in enumerate(CASES) if "fad" in text)
    events[faded] = dialogue(CASES[faded][0], *times(faded - 1, 2), style=f"s{faded}").replace(":16.00", ":17.00", 1)
    path = tmp_path / "a.ass"
    path.write_text(ass_text(events, styles, script), encoding="utf-8")
    frames, warnings = burnt(tmp_path, size, len(CASES), [{"path": "a.ass"}])
    assert_alike(frames, by_libass(path, size, len(CASES)), within=3)
    assert not warnings


@pytest.mark.parametrize("align", [2, 5, 8])
def test_cues_that_are_shown_together_do_not_cover_each_other(tmp_path: Path, align: int) -> None:
    style = ass_style(align=align, **OUTLINED)
    events = [
        dialogue("First", *times(0, 3)),
        dialogue("Second\\Ntwo lines", *times(1, 3)),
        dialogue("Third", *times(2, 1)),
        dialogue("Fourth", *times(4, 1)),
    ]
    path = tmp_path / "a.ass"
    path.write_text(ass_text(events, [style], (384, 216)), encoding="utf-8")
    frames, _ = burnt(tmp_path, (640, 360), 5, [{"path": "a.ass"}])
    assert_alike(frames, by_libass(path, (640, 360), 5), within=3)


def test_several_canvases_show_srt_and_vtt_within_their_margins(tmp_path: Path) -> None:
    long = " ".join([LONG] * 2)
    (tmp_path / "a.srt").write_text(f"1\n00:00:00,000 --> 00:00:01,000\n{long}\n", encoding="utf-8")
    (tmp_path / "a.vtt").write_text(
        f"WEBVTT\n\n00:01.000 --> 00:02.000 line:10% align:start position:20% size:50%\n{long}\n", encoding="utf-8"
    )
    for width, height in ((640, 360), (360, 640)):
        frames, _ = burnt(tmp_path, (width, height), 2, [{"path": "a.srt"}, {"path": "a.vtt"}])
        left, top, right, bottom = box(frames[0])
        assert 0.05 * width <= left < right <= 0.95 * width
        # Lines of about equal length stand in the middle, above the margin at the bottom.
        assert abs((left + right) / 2 - width / 2) <= 2
        assert 0.92 * height <= bottom <= 0.95 * height
        assert top > height / 2
        left, top, right, _ = box(frames[1])
        assert abs(left - 0.2 * width) <= 4
        assert right <= 0.7 * width
        assert 0.1 * height <= top <= 0.1 * height + 0.02 * height


def test_a_style_of_the_entry(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nIIII\n", encoding="utf-8")
    style = {"size": 100, "color": "#00ff00", "outline": {"width": 0}, "margin": 30, "align": "top"}
    frames, _ = burnt(tmp_path, (640, 360), 1, [{"path": "a.srt", "style": style}])
    _, top, _, bottom = box(frames[0])
    # DejaVu's capitals are 0.729 em high; its line begins 0.928 em above the baseline.
    assert bottom - top + 1 == pytest.approx(72.9, abs=1)
    assert top == pytest.approx(30 + 92.8 - 72.9, abs=2)
    assert frames[0][..., [0, 2]].max() == 0


def test_a_range_shows_what_the_film_shows(tmp_path: Path) -> None:
    from reelmill.planner.clock import parse_time

    events = [
        dialogue("First", *times(0, 4)),
        dialogue("Second", *times(1, 3)),
        dialogue("{\\fad(3000,0)}Third", *times(1, 4)),
    ]
    (tmp_path / "a.ass").write_text(ass_text(events, [ass_style(outline=1)]), encoding="utf-8")
    whole, _ = burnt(tmp_path, (320, 180), 5, [{"path": "a.ass"}])
    project = {
        "canvas": {"width": 320, "height": 180, "fps": 1},
        "subtitles": [{"path": "a.ass", "mode": "burn", "font": FACES}],
        "tracks": [{"clips": [{"solid": "black", "duration": 5}]}],
    }
    output, _ = film(tmp_path, project, video=LOSSLESS, range=(parse_time("2"), parse_time("5")))
    assert np.array_equal(read_rgb(output, 320, 180), whole[2:])


def test_warnings_name_what_is_left_out(tmp_path: Path) -> None:
    events = [
        dialogue("{\\move(1,2,3,4)}moving", *times(0)),
        dialogue("{\\fnComic Sans}font {\\fnDejaVu Serif\\b1}bold", *times(1)),
        dialogue("{\\move(1,2,3,4)}late", *times(1, 4)),
    ]
    (tmp_path / "a.ass").write_text(ass_text(events), encoding="utf-8")
    _, warnings = burnt(tmp_path, (320, 180), 2, [{"path": "a.ass", "style": {"size": 20}, "offset": -0.5}])
    line = ass_text(events).split("\n").index(events[0]) + 1
    assert warnings == [
        f"$.subtitles[0]: 1 cue reaches after the film's end at 2 s (line {line + 2})",
        f"$.subtitles[0]: 1 cue reaches before the film's beginning (line {line})",
        "$.subtitles[0].style: without effect on a file that brings styles of its own",
        f"$.subtitles[0]: burnt in without \\move (movement; the text stays where it begins) (line {line})",
        f'$.subtitles[0]: burnt in without the font "Comic Sans" (line {line + 1})',
        f"$.subtitles[0]: burnt in without bold letters, which the fonts given do not have (line {line + 1})",
    ]
