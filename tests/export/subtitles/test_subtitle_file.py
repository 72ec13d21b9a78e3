"""Files of subtitles: cues and times as ffmpeg reads them, encodings, and every problem by its line."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.planner.errors import SetupError
from reelmill.planner.subtitles import CueSheet
from tests.support.clips import ffmpeg
from tests.support.subtitle_files import ass_style, ass_text, dialogue, read

SRT = """\
1
00:00:01,500 --> 00:00:03,000
Hello <i>there</i> & <b>you</b>
second line

2
00:00:03,000 --> 00:00:04,250
born in
2019

3
00:01:02,003 --> 01:02:03,999
שלום (abc) 12
"""
VTT = """\
WEBVTT - some title

STYLE
::cue { color: red }

NOTE
not a cue

intro
00:01.500 --> 00:03.000 line:10% align:start
<v Anna>Hello <i>there</i> &amp; you
<c.yellow.big>second</c> line

00:00:03.000 --> 00:00:04.250
born in
2019
"""


def shown(sheet: CueSheet) -> list[tuple[Fraction, Fraction, str]]:
    return [(cue.start, cue.end, cue.text) for cue in sheet.cues]


def by_ffmpeg(path: Path) -> list[tuple[Fraction, Fraction, str]]:
    """The cues that ffmpeg's reader finds."""
    text = ffmpeg("-i", path, "-f", "srt", "-").decode().replace("\r", "")
    found = []
    for block in re.split(r"\n\n(?=\d+\n\d\d:)", text.strip()):
        _, times, *lines = block.split("\n")
        start, end = (
            Fraction(int(h) * 3600 + int(m) * 60 + int(s)) + Fraction(int(ms), 1000)
            for h, m, s, ms in re.findall(r"(\d+):(\d+):(\d+),(\d+)", times)
        )
        found.append((start, end, re.sub(r"</?[a-z][^>]*>", "", "\n".join(lines))))
    return found


def test_cues_and_times_are_those_that_ffmpeg_reads(tmp_path: Path) -> None:
    sheet = read(tmp_path, "a.srt", SRT)
    assert len(sheet.cues) == 3
    assert shown(sheet) == by_ffmpeg(tmp_path / "a.srt")
    sheet = read(tmp_path, "a.vtt", VTT)
    assert len(sheet.cues) == 2
    # ffmpeg 5.1 finds no cue behind a style sheet.
    (tmp_path / "plain.vtt").write_text(VTT.replace("STYLE\n::cue { color: red }\n\n", ""), encoding="utf-8")
    assert shown(sheet) == by_ffmpeg(tmp_path / "plain.vtt")


def test_ass_is_read_as_ffmpeg_reads_it(tmp_path: Path) -> None:
    events = [
        dialogue("{\\i1}One{\\i0} and\\Ntwo", "0:00:01.05", "0:00:02.10"),
        "Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,not shown",
        dialogue("with, commas", "0:00:00.50", "0:00:03.00", more="Someone,0,0,0,"),
    ]
    sheet = read(tmp_path, "a.ass", ass_text(events))
    assert shown(sheet) == by_ffmpeg(tmp_path / "a.ass")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_newlines_make_no_difference(tmp_path: Path, encoding: str, newline: str) -> None:
    plain = read(tmp_path, "plain.srt", SRT)
    assert read(tmp_path, "a.srt", SRT.replace("\n", newline).encode(encoding)) == plain


def test_markup_becomes_runs(tmp_path: Path) -> None:
    text = 'a <b>b <i>bi</b> </i>&lt;c&gt; <font color="#ff8000">d</font> <x> {\\an8}{literal} 3 < 4'
    [cue] = read(tmp_path, "a.srt", f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n").cues
    marked = [
        (run.text, run.bold, run.italic, run.color and tuple(round(255 * c) for c in run.color)) for run in cue.runs
    ]
    assert marked == [
        ("a ", False, False, None),
        ("b ", True, False, None),
        ("bi", True, True, None),
        (" <c> ", False, False, None),
        ("d", False, False, (255, 128, 0, 255)),
        (" <x> {literal} 3 < 4", False, False, None),
    ]
    assert cue.style.align == 8


def test_styles_and_overrides_of_ass(tmp_path: Path) -> None:
    styles = [
        ass_style("Top", "Some Font", 30, color="&H80112233", outline=1.5, shadow=2, align=8, margins=(1, 2, 3)),
        ass_style("Loud", more="-1,0,0,0,100,100,0,0,1"),
    ]
    text = "{\\pos(100,50)\\bord3\\fs40\\fad(200,300)\\3c&H0000FF&}one {\\b1\\fnOther\\c&HFF0000&}two{\\rLoud} three"
    [cue] = read(tmp_path, "a.ass", ass_text([dialogue(text, style="Top", more=",7,0,0,")], styles, (640, 480))).cues
    style = cue.style
    assert (style.family, style.size, style.outline, style.shadow, style.align) == ("Some Font", 40, 3, 2, 8)
    assert (style.margin_left, style.margin_right, style.margin_vertical) == (7, 2, 3)
    assert [round(255 * c) for c in style.color] == [0x33, 0x22, 0x11, 0x7F]
    assert [round(255 * c) for c in style.outline_color] == [255, 0, 0, 255]
    assert cue.position == (100, 50)
    assert cue.fade == (Fraction(1, 5), Fraction(3, 10))
    assert [(run.text, run.family, run.bold) for run in cue.runs] == [
        ("one ", "Some Font", False),
        ("two", "Other", True),
        (" three", "DejaVu Sans", True),
    ]


def test_what_is_not_drawn_is_named_once_with_its_line(tmp_path: Path) -> None:
    events = [
        dialogue("{\\move(1,2,3,4)}moving {\\t(\\fs40)}growing"),
        dialogue("{\\k20}ka{\\k30}ra{\\kf10}oke"),
        dialogue("{\\p1}m 0 0 l 100 0{\\p0}after the drawing"),
        dialogue("{\\move(1,2,3,4)}again {\\be1}under{\\u0} \\h"),
    ]
    sheet = read(tmp_path, "a.ass", ass_text(events, [ass_style(more="0,0,0,0,120,100,0,0,4")]))
    first = ass_text(events).split("\n").index(events[0]) + 1
    assert sheet.unsupported == {
        "ScaleX (stretched letters)": first,
        "BorderStyle 4 (an outline is drawn)": first,
        "\\move (movement; the text stays where it begins)": first,
        "\\t (animation)": first,
        "karaoke (\\k)": first + 1,
        "\\p (drawings)": first + 2,
        "\\be (blurred edges)": first + 3,
    }
    assert [cue.text for cue in sheet.cues][2] == "after the drawing"


def test_settings_of_webvtt_place_a_cue(tmp_path: Path) -> None:
    def cue(settings: str) -> tuple[int, tuple[float, float] | None, float, float]:
        [found] = read(tmp_path, "a.vtt", f"WEBVTT\n\n00:00.000 --> 00:01.000 {settings}\nx\n").cues
        return found.style.align, found.position, found.style.margin_left, found.style.margin_right

    assert cue("") == (2, None, 5, 5)
    assert cue("align:start") == (1, None, 0, 0)
    assert cue("align:end position:80%") == (3, None, 0, 20)
    assert cue("position:30% size:40%") == (2, None, 10, 50)
    assert cue("line:10%") == (8, (50, 10), 5, 5)
    assert cue("line:0 align:left") == (7, (0, 0), 0, 0)
    assert cue("line:-1") == (2, (50, 100), 5, 5)
    assert cue("line:50%,center") == (5, (50, 50), 5, 5)


def test_the_offset_moves_every_cue(tmp_path: Path) -> None:
    sheet = read(tmp_path, "a.srt", SRT, offset=Fraction(-2002, 1000))
    assert shown(sheet)[0][:2] == (Fraction(-502, 1000), Fraction(998, 1000))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", SRT, '".txt" is no file of subtitles'),
        ("a.srt", "", "the file is empty"),
        ("a.srt", "\ufeff\n\n", "the file is empty"),
        ("a.srt", "1\n2\n", "the file has no cues"),
        ("a.srt", "WEBVTT\n", 'line 1: "WEBVTT" stands before the first cue'),
        ("a.srt", SRT.replace("00:00:03,000 -->", "0:3 -->"), 'line 7: "0:3 --> 00:00:04,250" is not the times'),
        ("a.srt", SRT.replace("00:00:04,250", "00:00:03,000"), "line 7: the cue ends at 3 s, not after its start"),
        ("a.srt", SRT.replace("second", "sec\udcffond").encode(errors="surrogateescape"), "line 4: the byte 0xFF"),
        ("a.vtt", SRT, 'line 1: a file of WebVTT begins with "WEBVTT"'),
        ("a.vtt", VTT.replace("00:00:03.000 -->", "00:00:03,000 -->"), "line 14: \"00:00:03,000 -->"),
        ("a.vtt", VTT.replace("intro\n", "intro\n\n"), 'line 9: "intro" is not the times'),
        ("a.ass", ass_text(["Dialogue: 0,0:00:00.00,0:00:01.00,text"]), "line 13: 4 fields, and there must be 10"),
        ("a.ass", ass_text([dialogue("x", end="soon")]), "line 13: Failed to parse timestamp: 'soon'"),
        ("a.ass", ass_text([dialogue("x")], [ass_style().replace(",24,", ",big,")]), "line 9: could not convert"),
        ("a.ass", ass_text([dialogue("x")], [ass_style(align=12)]), "line 9: Failed to parse alignment"),
        ("a.ass", ass_text([dialogue("x")], [ass_style(size=math.nan)]), 'line 9: the style "Default": fontsize is'),
        ("a.ass", ass_text([dialogue("x")], [ass_style(shadow=math.inf)]), 'the style "Default": shadow is inf, not a'),
        ("a.ass", ass_text([dialogue("x")], [ass_style(outline=1e300)]), "outline is 1e+300, not a number up to"),
        ("a.ass", ass_text([dialogue("x", more=",9999999,0,0,")]), "line 13: marginl is 1e+07, not a number"),
        ("a.ass", ass_text([]), "the file has no cues"),
        ("a.ass", ass_text([dialogue("x" * 10_001)]), "line 13: the cue has 10001 characters; 10000 is the limit"),
        (
            "a.ass",
            ass_text([dialogue("x")]).replace("Layer, Start, End", "Layer, End, Start"),
            "line 12: the fields stand in another order than layer, start, end",
        ),
    ],
)  # fmt: skip
def test_problems_are_told_with_their_line(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(SetupError) as caught:
        read(tmp_path, name, content)
    assert message in caught.value.message
    assert caught.value.file == str(tmp_path / name)


def test_numbers_without_end_are_cut_off(tmp_path: Path) -> None:
    endless = "9" * 400
    text = ass_text([dialogue(f"{{\\fs{endless}\\pos({endless},-{endless})}}x")]).replace(
        "PlayResX: 384", f"PlayResX: {endless}"
    )
    (cue,) = read(tmp_path, "a.ass", text).cues
    assert cue.style.size == 1e6
    assert cue.position == (1e6, -1e6)


def test_a_missing_file_and_several_problems(tmp_path: Path) -> None:
    from reelmill.export.subtitles.subtitle_file import read_subtitles
    from reelmill.planner.timeline import Subtitles

    with pytest.raises(SetupError, match="the file does not exist"):
        read_subtitles(Subtitles(str(tmp_path / "none.srt")))
    wrong = "".join(f"{n}\n00:00:0{n},000 --> 00:00:00,500\nx\n\n" for n in range(1, 9))
    with pytest.raises(SetupError) as caught:
        read(tmp_path, "a.srt", wrong)
    assert caught.value.message.count("line ") == 5
    assert caught.value.message.endswith("; and 3 more")


SSA = """\
[Script Info]
ScriptType: v4.00
PlayResY: 600

[V4 Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, TertiaryColour, BackColour, Bold, Italic, \
BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, AlphaLevel, Encoding
Style: *Default,Arial,18,16777215,65535,65535,255,-1,0,1,2,3,6,30,30,30,0,0

[Events]
Format: Marked, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: Marked=0,0:00:01.00,0:00:02.00,*Default,,0000,0000,0000,,On top
"""


def test_the_older_format_of_ass(tmp_path: Path) -> None:
    sheet = read(tmp_path, "a.ssa", SSA)
    [cue] = sheet.cues
    assert sheet.script == (800, 600)
    # 6 is top centre there, colours are decimal numbers, and outline and shadow have one colour.
    assert (cue.style.align, cue.style.bold, cue.style.outline, cue.text) == (8, True, 2, "On top")
    assert cue.style.color == (1, 1, 1, 1)
    assert cue.style.outline_color == cue.style.shadow_color == (1, 0, 0, 1)
    assert "[V4+ Styles]" in sheet.header


GOOD = {
    "a.srt": SRT,
    "a.vtt": VTT,
    "a.ass": ass_text([dialogue("{\\pos(1,2)\\c&HFF&}x{\\i1}y"), dialogue("z")]),
    "a.ssa": SSA,
}


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_whatever_stands_in_a_file_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    content = GOOD[name]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        end = min(start + data.draw(st.integers(0, 12)), len(content))
        content = (
            content[:start] + data.draw(st.text("09:,.-> \n\\{}()&H#[]<i/>aZ\u05d0\0\t", max_size=6)) + content[end:]
        )
    folder = tmp_path_factory.mktemp("fuzz", numbered=True)
    try:
        sheet = read(folder, name, content)
    except SetupError:
        return
    assert all(cue.start < cue.end for cue in sheet.cues)
