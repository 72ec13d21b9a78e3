"""Names of numbered pictures: what a pattern means, and what is none."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.export.pictures.picture_names import PictureNames, check_single, is_numbered
from reelmill.planner.errors import SetupError
from tests.support.sinks import shown

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("pattern", "number", "name"),
    [
        ("f/%06d.png", 7, "000007.png"),
        ("f/%d.png", 7, "7.png"),
        ("f/a-%03d-b.jpg", 1234, "a-1234-b.jpg"),
        ("f/{frame}.png", 42, "42.png"),
        ("f/{frame:06d}.png", 42, "000042.png"),
        ("f/{frame:04}.png", 42, "0042.png"),
        ("f/100%%-%02d.png", 3, "100%-03.png"),
        ("f/(x)+-%d.png", 3, "(x)+-3.png"),
        ("f/%02d.{frame}.png", 3, "03.3.png"),
    ],
)
def test_numbers(pattern: str, number: int, name: str) -> None:
    names = PictureNames(Path(pattern))
    assert names.name(number, shown(2000)) == name
    assert names.matches(name)


def test_the_start_number_shifts_counted_numbers_and_no_timecodes() -> None:
    names = PictureNames(Path("%04d_{frame}_{timecode}.png"), start_number=1001)
    assert names.name(0, shown(10, first=50)) == "1001_1001_00-00-02-00.png"


@pytest.mark.parametrize(
    ("frame", "fps", "name"),
    [
        (0, NTSC, "00-00-00-00"),
        (1799, NTSC, "00-00-59-29"),
        (1800, NTSC, "00-01-00-02"),  # SMPTE ST 12-1: counts 00 and 01 are dropped
        (17981, NTSC, "00-09-59-29"),
        (17982, NTSC, "00-10-00-00"),  # but not each tenth minute
        (107892, NTSC, "01-00-00-00"),
        (3600, NTSC * 2, "00-01-00-04"),
        (1500, Fraction(25), "00-01-00-00"),
        (1440, Fraction(24000, 1001), "00-01-00-00"),
        (121, Fraction(120), "00-00-01-001"),
    ],
)
def test_timecodes_are_those_of_the_timeline(frame: int, fps: Fraction, name: str) -> None:
    names = PictureNames(Path("{timecode}.png"))
    assert names.name(0, shown(1, fps, first=frame)) == f"{name}.png"
    assert names.matches(f"{name}.png")


def test_every_second_frame_has_its_own_timecode() -> None:
    assert PictureNames(Path("{timecode}.png")).name(3, shown(5, 25, first=10, step=2)) == "00-00-00-16.png"


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("f/still.png", "no number in its name", "still-%06d.png"),
        ("f/100%%.png", "no number in its name", "%06d"),
        ("%03d/still.png", "in the name of a folder", "in the file's name"),
        ("%03d/%03d.png", "in the name of a folder", "in the file's name"),
        ("f/%x.png", '"%x"', "%06d"),
        ("f/%6d.png", '"%6"', "%06d"),
        ("f/%d%.png", '"%."', "%06d"),
        ("f/{Frame}.png", '"{Frame}"', "{frame}"),
        ("f/{frame:x}.png", '"{frame:x}"', "{frame}"),
        ("f/%0100d.png", "more than 20 digits", "%06d"),
    ],
)
def test_what_is_no_pattern_is_an_error_with_a_hint(pattern: str, message: str, hint: str) -> None:
    with pytest.raises(SetupError) as refused:
        PictureNames(Path(pattern))
    assert message in refused.value.message
    assert hint in (refused.value.suggestion or "")


def test_a_start_number_is_not_negative() -> None:
    with pytest.raises(SetupError, match="from -1"):
        PictureNames(Path("%d.png"), start_number=-1)


def test_a_rate_without_timecodes_is_an_error() -> None:
    with pytest.raises(SetupError, match=r"no timecodes at 0\.25 frames"):
        PictureNames(Path("{timecode}.png")).check_timecodes(shown(5, Fraction(1, 4)))
    PictureNames(Path("%d.png")).check_timecodes(shown(5, Fraction(1, 4)))


@pytest.mark.parametrize("name", ["a.png", "100%%.png", "{name}.png", "%x.png"])
def test_one_picture_is_not_numbered(name: str) -> None:
    assert not is_numbered(Path("%d") / name)


@pytest.mark.parametrize("name", ["%d.png", "%06d.png", "{frame}.png", "{frame:06d}.png", "{timecode}.png"])
def test_many_are(name: str) -> None:
    assert is_numbered(Path("f") / name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("%d.gif", "is one file"),
        ("{frame:03d}.png", "is one file"),
        ("%6d.png", '"%6d"'),
        ("%i.png", '"%i"'),
        ("{Frame}.png", '"{Frame}"'),
        ("{frame:x}.png", '"{frame:x}"'),
    ],
)
def test_one_file_is_not_named_like_many(name: str, message: str) -> None:
    with pytest.raises(SetupError) as refused:
        check_single(Path("f") / name)
    assert message in refused.value.message


@pytest.mark.parametrize("name", ["100%.png", "a{b}.png", "%.png", "50% off.gif", "f%d/still.png"])
def test_other_signs_in_names_are_fine(name: str) -> None:
    check_single(Path(name))


@pytest.mark.parametrize("name", ["7.png", "x000007.png", "000007.png.bak", "000007.jpg", "00000a.png", "٠٠٠٠٠٧.png"])
def test_other_files_are_not_taken_for_pictures(name: str) -> None:
    assert not PictureNames(Path("%06d.png")).matches(name)


@given(
    st.sampled_from(["%06d.png", "%d.png", "a{frame:03d}b.png", "{timecode}.png", "%02d-{timecode}.webp"]),
    st.sets(st.integers(0, 200_000), min_size=2, max_size=20),
    st.sampled_from([Fraction(25), NTSC, NTSC * 2, Fraction(24000, 1001), Fraction(12)]),
    st.integers(1, 7),
)
def test_no_two_pictures_have_one_name(pattern: str, numbers: set[int], fps: Fraction, step: int) -> None:
    names, frames = PictureNames(Path(pattern)), shown(200_001, fps, step=step)
    found = {names.name(number, frames) for number in numbers}
    assert len(found) == len(numbers)
    assert all(names.matches(name) for name in found)
