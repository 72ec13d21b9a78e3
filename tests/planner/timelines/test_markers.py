"""Markers: what is wrong with them, and the chapters of a part of the film."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.planner.languages import is_language, language_hint, other_code
from reelmill.planner.timeline import Composition, Marker, Timeline
from reelmill.planner.timelines.markers import Chapter, chapters, find_marker_problems
from tests.support.project_files import load_data, problems_in, project, solid

FPS = Fraction(30000, 1001)


def film(frames: int, *markers: Marker) -> Timeline:
    return Timeline(None, FPS, Composition(None, 64, 64, (), duration=frames / FPS), {}, {}, markers=markers)


def problems(*markers: Marker, duration: Fraction | None = Fraction(10)) -> list[str]:
    return [str(problem) for problem in find_marker_problems(markers, duration)]


def marker(time: int, end: int | None = None, path: str = "$.markers[0]") -> Marker:
    return Marker(f"m{time}", Fraction(time), None if end is None else Fraction(end), path)


def test_they_are_read_in_order_of_time() -> None:
    data = project(solid(), markers=[{"time": "50f", "name": "b"}, {"time": 1, "name": "a", "end": "00:00:01:05"}])
    assert load_data(data).timeline.markers == (
        Marker("a", Fraction(1), Fraction(6, 5), "$.markers[1]"),
        Marker("b", Fraction(2), None, "$.markers[0]"),
    )


def test_compositions_have_none() -> None:
    data = project(solid(), compositions={"c": {"markers": [], "tracks": []}})
    assert problems_in(data)[0].startswith('$.compositions.c: unknown key "markers"')


@pytest.mark.parametrize(
    ("markers", "problem"),
    [
        (
            (marker(3, 3),),
            '$.markers[0].end: the marker "m3" ends at 3 s, not after its beginning (give an "end" after 3 s)',
        ),
        (
            (marker(3), marker(3, path="$.markers[1]")),
            '$.markers[1].time: begins at 3 s, as "m3" at $.markers[0] does (give each marker a time of its own)',
        ),
        (
            (marker(3, 5), marker(4)),
            '$.markers[0].end: the marker "m3" reaches into "m4", which begins at 4 s '
            '(leave "end" out: a marker lasts until the next one)',
        ),
        (
            (marker(10),),
            '$.markers[0].time: the marker "m10" begins at 10 s, and the film ends at 10 s '
            "(leave it out, or make the film longer)",
        ),
        (
            (marker(9, 11),),
            '$.markers[0].end: the marker "m9" ends at 11 s, and the film at 10 s '
            "(leave it out, or make the film longer)",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_them(markers: tuple[Marker, ...], problem: str) -> None:
    assert problems(*markers) == [problem]


def test_what_depends_on_the_length_of_the_film_waits_for_it() -> None:
    assert problems(marker(3, 5), marker(20), duration=None) == []
    assert problems(marker(0, 3), marker(3), marker(9, 10)) == []


@given(st.lists(st.integers(0, 99), unique=True), st.integers(0, 99), st.integers(1, 100))
def test_chapters_of_a_part_are_those_that_are_on_screen(times: list[int], first: int, count: int) -> None:
    last = min(first + count, 100)
    markers = [Marker(str(time), time / FPS) for time in sorted(times)]
    found = chapters(film(100, *markers), range(first, last))
    shown = [max((time for time in times if time <= frame), default=None) for frame in range(first, last)]
    expected = [str(time) for time in dict.fromkeys(shown) if time is not None]
    assert [chapter.title for chapter in found] == expected
    for chapter in found:
        on_screen = [index for index, time in enumerate(shown) if str(time) == chapter.title]
        assert chapter == Chapter(chapter.title, on_screen[0] / FPS, (on_screen[-1] + 1) / FPS)


def test_languages() -> None:
    assert all(map(is_language, ("eng", "deu", "ger", "zho", "und", "qaa", "qtz")))
    assert not any(map(is_language, ("en", "english", "qua1", "quz", "EN", "", "xxx")))
    assert [language_hint(code) for code in ("en", "de-DE", "ENG", "gerr", "###")] == [
        'write "eng"',
        'write "ger"',
        'write "eng"',
        'did you mean "ger"?',
        None,
    ]
    assert (other_code("deu"), other_code("ger"), other_code("eng")) == ("ger", "deu", None)
