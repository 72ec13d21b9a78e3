"""Burnt-in subtitles on the timeline: tracks, places, the room that cues make for each other, fades, time taken.

The shaper is a plain one: each character is half an em wide and no line is broken, so places can be reckoned by hand.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.planner.colour import BLACK
from reelmill.planner.contents.text import Text, TextSpan
from reelmill.planner.errors import SetupError
from reelmill.planner.frame_plan import WHOLE, Affine, CompositionPlan, Layer
from reelmill.planner.pictures.burnt_subtitles import BurntSubtitles, burn_subtitles
from reelmill.planner.pictures.content_key import ContentKeys
from reelmill.planner.pictures.cue_text import FontFace
from reelmill.planner.subtitles import CueRun, CueSheet, CueStyle, SubtitleCue
from reelmill.planner.timeline import Clip, Composition, Subtitles, Timeline

FACE = FontFace("/f.ttf", frozenset({"plain"}), False, False, 0.75, 0.25, 0.75, 0.25)


class Monospaced:
    def face(self, family: str | None, *, bold: bool, italic: bool) -> tuple[FontFace, bool]:
        return replace(FACE, bold=bold, italic=italic), family in (None, "Plain")

    def fonts(self, face: FontFace) -> tuple[str, ...]:
        return (face.path,)

    def narrowest(self, text: Text) -> float:
        return self.size(text)[0]

    def size(self, text: Text) -> tuple[float, float]:
        if "?" in text.content:
            raise SetupError('no glyph for "?"', component="Text", suggestion="add a font")
        lines = text.content.split("\n")
        return max(map(len, lines)) * text.size / 2, len(lines) * text.size * text.line_height


STYLE = CueStyle(size=10, family="Plain", margin_left=10, margin_right=10, margin_vertical=10)


def cue(text: str, start: float, end: float, line: int = 1, **keys: object) -> SubtitleCue:
    times = Fraction(start), Fraction(end)
    made = SubtitleCue(*times, line, text, (CueRun(text, "Plain"),), STYLE)
    return replace(made, **keys)  # type: ignore[arg-type]  # of tests, with names of fields


def burn(*cues: SubtitleCue, seconds: int = 100, size: tuple[int, int] = (200, 100)) -> BurntSubtitles:
    film = Timeline(None, Fraction(25), Composition(None, *size, (), duration=Fraction(seconds)), {}, {})
    sheet = CueSheet("ass", tuple(sorted(cues, key=lambda cue: cue.start)), (200.0, 100.0))
    return burn_subtitles(film, [(Subtitles("/a.ass", "burn", place="$.subtitles[0]"), sheet, Monospaced())])


def lanes(burnt: BurntSubtitles) -> list[list[Clip]]:
    return [list(track.clips) for track in burnt.timeline.root.tracks]


def place(clip: Clip) -> tuple[float, ...]:
    assert clip.transform.position is not None
    return clip.transform.position.at(Fraction(0))


def places(burnt: BurntSubtitles) -> dict[str, tuple[float, ...]]:
    return {
        clip.content.content: place(clip) for lane in lanes(burnt) for clip in lane if isinstance(clip.content, Text)
    }


@pytest.mark.parametrize(
    ("align", "expected"),
    [
        *((1, (10, 80)), (2, (90, 80)), (3, (170, 80))),
        *((4, (10, 45)), (5, (90, 45)), (6, (170, 45))),
        *((7, (10, 10)), (8, (90, 10)), (9, (170, 10))),
    ],
)
def test_nine_alignments(align: int, expected: tuple[float, float]) -> None:
    """A text of 20×10 pixels on a canvas of 200×100."""
    burnt = burn(cue("abcd", 0, 1, style=replace(STYLE, align=align)))
    assert places(burnt) == {"abcd": expected}
    positioned = burn(cue("abcd", 0, 1, style=replace(STYLE, align=align), position=(100.0, 50.0)))
    column, row = (align - 1) % 3, (align - 1) // 3
    assert places(positioned) == {"abcd": (100 - 10 * column, 50 - 5 * (2 - row))}


def test_lengths_of_the_script_become_pixels_of_the_canvas() -> None:
    burnt = burn(
        cue("abcd", 0, 1, style=replace(STYLE, align=1, outline=1, shadow=2, shadow_color=(0, 0, 0, 1))),
        size=(600, 200),
    )
    [[clip]] = lanes(burnt)
    assert place(clip) == (30, 160)
    text = clip.content
    assert isinstance(text, Text)
    assert (text.size, text.line_height) == (20, 1)
    assert text.outline is not None
    assert text.shadow is not None
    assert (text.outline.width, text.shadow.offset) == (2, (4, 4))


def test_later_cues_make_room_for_earlier_ones() -> None:
    assert places(burn(cue("first", 0, 9), cue("second", 1, 5), cue("third", 2, 4), cue("fourth", 5, 8))) == {
        "first": (88, 80),
        "second": (85, 70),
        "third": (88, 60),
        "fourth": (85, 70),
    }
    top = replace(STYLE, align=8)
    assert places(burn(cue("first", 0, 9, style=top), cue("second", 1, 5, style=top)))["second"] == (85, 20)
    # Side by side there is room for both, and other layers and placed cues do not count.
    left, right = replace(STYLE, align=1), replace(STYLE, align=3)
    beside = burn(cue("left", 0, 9, style=left), cue("right", 1, 5, style=right))
    assert {y for _, y in places(beside).values()} == {80}
    assert places(burn(cue("first", 0, 9), cue("second", 1, 5, layer=1)))["second"] == (85, 80)
    assert places(burn(cue("first", 0, 9, position=(100, 90)), cue("second", 1, 5)))["second"] == (85, 80)


def test_cues_of_one_track_follow_one_another() -> None:
    burnt = burn(*(cue(f"cue {n}", n, n + 1, n) for n in range(50)))
    [lane] = lanes(burnt)
    assert [(clip.start, clip.end) for clip in lane] == [(Fraction(n), Fraction(n + 1)) for n in range(50)]
    assert len({clip.id for clip in lane}) == 50
    layered = lanes(burn(cue("over", 0, 3, layer=2), cue("under", 1, 2, layer=-1)))
    assert [clip.content.content for [clip] in layered if isinstance(clip.content, Text)] == ["under", "over"]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9), st.integers(1, 9), st.integers(0, 1)), max_size=40))
def test_no_track_shows_two_at_once_and_none_is_covered(given_cues: list[tuple[int, int, int, int]]) -> None:
    cues = [
        cue(f"cue {n}", start, start + length, n, style=replace(STYLE, align=align), layer=layer)
        for n, (start, length, align, layer) in enumerate(given_cues)
    ]
    burnt = burn(*cues, size=(2000, 10000))
    clips = []
    for lane in lanes(burnt):
        assert all(one.end <= other.start for one, other in pairwise(lane))
        clips += lane
    assert len(clips) == len(cues)
    boxes = []
    for clip in clips:
        assert isinstance(clip.content, Text)
        number = int(clip.content.content.split()[1])
        (x, y), (width, height) = place(clip), burnt.drawn_sizes[clip.content]
        boxes.append((clip.start, clip.end, cues[number].layer, x, y, x + width, y + height))
    for index, one in enumerate(boxes):
        for other in boxes[:index]:
            together = one[0] < other[1] and other[0] < one[1] and one[2] == other[2]
            apart = one[5] <= other[3] or other[5] <= one[3] or one[6] <= other[4] or other[6] <= one[4]
            assert apart or not together


def test_cues_end_with_the_film_and_begin_with_it() -> None:
    burnt = burn(
        cue("early", -2, 1), cue("late", 9, 12, 2), cue("gone", 10, 11, 3), cue("before", -3, 0, 4), seconds=10
    )
    times = [(int(clip.start), int(clip.end)) for lane in lanes(burnt) for clip in lane]
    assert times == [(0, 1), (9, 10)]


def test_fades_are_keyframes_of_the_opacity() -> None:
    [[clip]] = lanes(burn(cue("x", 1, 5, fade=(Fraction(1), Fraction(2)))))
    opacity = clip.transform.opacity
    assert [opacity.scalar(Fraction(t)) for t in (0, Fraction(1, 2), 1, 2, 3, 4)] == [0, 0.5, 1, 1, 0.5, 0]
    [[clip]] = lanes(burn(cue("x", -1, 3, fade=(Fraction(2), Fraction(0)))))
    assert [clip.transform.opacity.scalar(Fraction(t)) for t in (0, 1, 3)] == [0.5, 1, 1]
    [[clip]] = lanes(burn(cue("x", 0, 2, fade=(Fraction(3), Fraction(1)))))
    assert clip.transform.opacity.scalar(Fraction(3, 2)) == 1


def test_runs_become_spans_and_missing_fonts_warnings() -> None:
    runs = (CueRun("a", "Plain"), CueRun("bc", "Plain", bold=True), CueRun("d", "Other", color=(1.0, 0.0, 0.0, 1.0)))
    burnt = burn(cue("abcd", 0, 1, 7, runs=runs))
    [[clip]] = lanes(burnt)
    assert isinstance(clip.content, Text)
    assert [(span.start, span.end, span.color[:3]) for span in clip.content.spans] == [
        (1, 3, (1, 1, 1)),
        (3, 4, (1, 0, 0)),
    ]
    assert burnt.warnings == ('$.subtitles[0]: burnt in without the font "Other" (line 7)',)


def test_a_missing_glyph_is_one_problem_with_its_first_line() -> None:
    burnt = burn(cue("what?", 0, 1, 12), cue("fine", 1, 2, 15), cue("why?", 2, 3, 18))
    assert [str(problem) for problem in burnt.problems] == [
        '$.subtitles[0]: /a.ass, line 12: no glyph for "?" (add a font)'
    ]


def test_thousands_of_cues_take_time_in_proportion() -> None:
    def once(count: int) -> float:
        draw = random.Random(1)
        cues = [cue(f"cue {n}", n, n + draw.choice((0.5, 1, 1.5)), n) for n in range(count)]
        started = time.process_time()
        assert sum(map(len, lanes(burn(*cues, seconds=count + 9)))) == count
        return time.process_time() - started

    def seconds(count: int) -> float:
        return min(once(count) for _ in range(5))  # the collector of garbage comes now and then

    assert seconds(4000) < 10 * seconds(1000)


@pytest.mark.parametrize("row", [2, 8])
def test_cues_that_are_shown_together_stand_side_by_side(row: int) -> None:
    """Of any width and column; each keeps the row that it would have alone, or moves by whole heights of others."""
    draw = random.Random(row)
    several = [
        cue(f"{n:0{draw.randint(1, 30)}}", 0, 9, n, style=replace(STYLE, align=row + draw.randint(-1, 1)))
        for n in range(60)
    ]
    shown = [clip for lane in lanes(burn(*several)) for clip in lane]
    boxes = [(*place(clip), *Monospaced().size(clip.content)) for clip in shown if isinstance(clip.content, Text)]
    for index, (left, top, width, height) in enumerate(boxes):
        for x, y, wide, high in boxes[:index]:
            assert left >= x + wide - 1 or x >= left + width - 1 or top >= y + high or y >= top + height


def test_cues_that_are_all_shown_together_take_time_in_proportion() -> None:
    def seconds(count: int) -> float:
        cues = [cue(f"cue {n}", 0, 9, n) for n in range(count)]
        started = time.process_time()
        assert sum(map(len, lanes(burn(*cues)))) == count
        return time.process_time() - started

    assert seconds(4000) < 8 * seconds(1000)


def test_in_a_crowd_later_cues_lie_above_earlier_ones() -> None:
    crowd = [cue(f"{n:04}", 0, 9, n) for n in range(600)]
    shown = [clip.content.content for [clip] in lanes(burn(*crowd)) if isinstance(clip.content, Text)]
    assert shown == sorted(shown)
    later = burn(*crowd, cue("alone", 20, 21))
    assert places(later)["alone"] == (88, 80)


def test_the_key_of_a_frame_knows_fonts_by_their_content() -> None:
    def key(path: str, content: str) -> str:
        text = Text("ab", 10, fonts=(path,), spans=(TextSpan(0, 1, (path,), (1.0, 1.0, 1.0, 1.0)),))
        layer = Layer(("t",), text, WHOLE, 10, 10, Affine(), 1.0, "normal")
        return ContentKeys({}, {path: content}, "").key(CompositionPlan(None, 64, 64, BLACK, (layer,)))

    assert key("/here/a.ttf", "one") == key("/there/b.ttf", "one")
    assert key("/here/a.ttf", "one") != key("/here/a.ttf", "two")
