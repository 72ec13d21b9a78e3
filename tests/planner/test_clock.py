"""Exact time, animation and the frame rule, against published values and plain searches."""

from __future__ import annotations

import math
from array import array
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.planner import clock
from reelmill.planner.animation import EASINGS, Animated, Easing, Keyframe
from reelmill.planner.clock import Time, TimeError, parse_rate, parse_time, timecode, timecode_frames
from reelmill.planner.pts_table import PtsTable

NTSC = Fraction(30000, 1001)
rates = st.sampled_from([Fraction(24000, 1001), Fraction(24), Fraction(25), NTSC, Fraction(30), Fraction(60000, 1001)])
times = st.fractions(min_value=0, max_value=10_000, max_denominator=10_000)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (5, Fraction(5)),
        (Decimal("0.1"), Fraction(1, 10)),
        (Decimal("1e-3"), Fraction(1, 1000)),
        ("2.5", Fraction(5, 2)),
        ("1001/30000", Fraction(1001, 30000)),
        ("-3/4", Fraction(-3, 4)),
        (" 7 ", Fraction(7)),
        ("120f", 120 / NTSC),
        ("00:00:10:00", Fraction(300) / NTSC),
        ("01:00:00;00", Fraction(107892) / NTSC),
    ],
)
def test_every_way_to_write_a_time(written: object, seconds: Fraction) -> None:
    assert parse_time(written).resolve(NTSC) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1:30", 90),
        ("0:00.5", Fraction(1, 2)),
        ("01:02:03.250", Fraction(372325, 100)),
        ("90:00", 5400),
        ("2:00:00", 7200),
    ],
)
def test_minutes_and_hours(text: str, seconds: Fraction) -> None:
    assert parse_time(text).seconds == seconds


@pytest.mark.parametrize(
    "written",
    [None, True, "", "abc", "1/0", "1:60", "00:00:00:0", "5 f", "1e3", "NaN", Decimal("NaN"), Decimal("Infinity"),
     Decimal("1e999999"), Decimal("1e-999999"), 10**7, "9999999", "9" * 50, [], 1.5, "99999999999f"],
)  # fmt: skip
def test_what_is_no_time(written: object) -> None:
    with pytest.raises(TimeError):
        parse_time(written)


# SMPTE ST 12-1: drop frame leaves out counts 00 and 01 of each minute that is no tenth, so that an hour of 29.97
# has 107,892 frames, ten minutes 17,982 and the first minute 1,800.
@pytest.mark.parametrize(
    ("text", "rate", "frames"),
    [
        ("00:00:59;29", NTSC, 1799),
        ("00:01:00;02", NTSC, 1800),
        ("00:02:00;02", NTSC, 3598),
        ("00:09:59;29", NTSC, 17981),
        ("00:10:00;00", NTSC, 17982),
        ("01:00:00;00", NTSC, 107892),
        ("23:59:59;29", NTSC, 2589407),
        ("00:01:00;04", 2 * NTSC, 3600),
        ("01:00:00;00", 2 * NTSC, 215784),
        ("01:00:00:00", NTSC, 108000),
        ("00:00:01:00", Fraction(24000, 1001), 24),
        ("00:00:00:24", Fraction(25), 24),
        ("100:00:00:00", Fraction(25), 9_000_000),
    ],
)
def test_timecode(text: str, rate: Fraction, frames: int) -> None:
    assert timecode_frames(text, rate) == frames


@pytest.mark.parametrize(
    ("text", "rate", "words"),
    [
        ("00:01:00;00", NTSC, "drop frame skips"),
        ("00:01:00;01", NTSC, "drop frame skips"),
        ("00:01:00;03", 2 * NTSC, "drop frame skips"),
        ("00:00:00;10", Fraction(30), "only 29.97 and 59.94"),
        ("00:00:00;10", Fraction(25), "only 29.97 and 59.94"),
        ("00:00:00:25", Fraction(25), "not a timecode at 25"),
        ("00:60:00:00", Fraction(25), "not a timecode"),
        ("00:00:60:00", Fraction(25), "not a timecode"),
    ],
)
def test_timecodes_that_a_rate_does_not_have(text: str, rate: Fraction, words: str) -> None:
    with pytest.raises(TimeError, match=words):
        parse_time(text).resolve(rate)


@given(st.integers(0, 24 * 107892 - 1))
def test_drop_frame_counts_every_frame_once(count: int) -> None:
    """The other way round, by the usual recipe: add the dropped counts, then divide."""
    tens, rest = divmod(count, 17982)
    shown = count + 18 * tens + (2 * ((rest - 2) // 1798) if rest >= 2 else 0)
    hours, minutes, seconds, frames = shown // 108000, shown // 1800 % 60, shown // 30 % 60, shown % 30
    assert timecode_frames(f"{hours:02}:{minutes:02}:{seconds:02};{frames:02}", NTSC) == count


@given(st.integers(0, 10_000_000), rates)
def test_frames_are_exact(frame: int, fps: Fraction) -> None:
    time = clock.frame_time(frame, fps)
    assert time * fps == frame
    assert clock.frame_count(time, fps) == frame
    assert Time(frames=frame).resolve(fps) == time


@given(times, rates)
def test_frame_count_is_the_number_of_frames_before_the_end(duration: Fraction, fps: Fraction) -> None:
    count = clock.frame_count(duration, fps)
    assert count / fps >= duration
    assert count == 0 or (count - 1) / fps < duration


@given(times, times, rates)
def test_frames_in_a_range(one: Fraction, other: Fraction, fps: Fraction) -> None:
    start, end = sorted((one, other))
    frames = clock.frames_in(start, end, fps)
    assert all(start <= n / fps < end for n in (*frames[:2], *frames[-2:]))
    for outside in (frames.start - 1, frames.stop):
        assert not start <= outside / fps < end


@given(times, st.sampled_from([8000, 44100, 48000, 192000]))
def test_samples_are_rounded_to_the_nearest(time: Fraction, rate: int) -> None:
    assert abs(clock.sample_at(time, rate) - time * rate) <= Fraction(1, 2)


def test_half_a_sample_goes_up() -> None:
    assert [clock.round_half_up(Fraction(n, 2)) for n in (-3, -1, 1, 3, 5)] == [-1, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("written", "rate"), [(25, Fraction(25)), ("30000/1001", NTSC), (Decimal("29.97"), Fraction(2997, 100))]
)
def test_rates(written: object, rate: Fraction) -> None:
    assert parse_rate(written) == rate


@pytest.mark.parametrize("written", [0, -25, 2000, "25f", "x", "00:00:01:00"])
def test_what_is_no_rate(written: object) -> None:
    with pytest.raises(TimeError):
        parse_rate(written)


def test_times_for_people() -> None:
    assert clock.format_time(Fraction(5, 2)) == "2.5 s"
    assert clock.format_time(Fraction(1, 3)) == "0.333333 s"
    assert clock.format_time(Fraction(0)) == "0 s"


# Values of the CSS curves at 0.25, 0.5 and 0.75, as WebKit's UnitBezier and bezier-easing give them.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("linear", (0.25, 0.5, 0.75)),
        ("ease_in", (0.0934646507, 0.3153568190, 0.6218622704)),
        ("ease_out", (0.3781377296, 0.6846431810, 0.9065353493)),
        ("ease_in_out", (0.1291616850, 0.5, 0.8708383150)),
        ("hold", (0.0, 0.0, 0.0)),
    ],
)
def test_the_named_easings(name: str, expected: tuple[float, float, float]) -> None:
    assert [EASINGS[name](x) for x in (0.25, 0.5, 0.75)] == pytest.approx(expected, abs=1e-6)


def test_css_ease() -> None:
    """cubic-bezier(0.25, 0.1, 0.25, 1) is 0.8024033877 in the middle."""
    assert Easing(0.25, 0.1, 0.25, 1.0)(0.5) == pytest.approx(0.8024033877, abs=1e-6)


@given(st.floats(0, 1), st.floats(-2, 3), st.floats(0, 1), st.floats(-2, 3), st.floats(0, 1))
def test_every_bezier_lies_on_its_curve(x1: float, y1: float, x2: float, y2: float, t: float) -> None:
    """x(t), y(t) by de Casteljau; the easing at x(t) is y(t) wherever the curve is not too steep to tell."""

    def casteljau(a: float, b: float) -> float:
        points = [0.0, a, b, 1.0]
        while len(points) > 1:
            points = [p + (q - p) * t for p, q in pairwise(points)]
        return points[0]

    slope = 3 * (x1 * (1 - t) ** 2 + 2 * (x2 - x1) * t * (1 - t) + (1 - x2) * t * t)
    if slope > 1e-3:
        assert Easing(x1, y1, x2, y2)(casteljau(x1, x2)) == pytest.approx(casteljau(y1, y2), abs=1e-6)


@given(st.sampled_from(sorted(EASINGS)))
def test_easings_keep_their_ends(name: str) -> None:
    assert EASINGS[name](0) == 0
    assert EASINGS[name](1) == 1


def test_an_animation_holds_outside_and_interpolates_inside() -> None:
    animated = Animated(
        (
            Keyframe(Fraction(1), (0.0, 10.0)),
            Keyframe(Fraction(3), (4.0, 20.0), EASINGS["hold"]),
            Keyframe(Fraction(4), (8.0, 0.0)),
        )
    )
    assert animated.at(Fraction(0)) == (0.0, 10.0)
    assert animated.at(Fraction(2)) == (2.0, 15.0)
    assert animated.at(Fraction(3)) == (4.0, 20.0)
    assert animated.at(Fraction(399, 100)) == (4.0, 20.0)
    assert animated.at(Fraction(4)) == (8.0, 0.0)
    assert animated.at(Fraction(100)) == (8.0, 0.0)
    assert not animated.is_constant
    assert Animated.constant(3).scalar(Fraction(77)) == 3.0


@st.composite
def tables(draw: st.DrawFn) -> PtsTable:
    pts = sorted(draw(st.sets(st.integers(-1000, 5000), min_size=1, max_size=40)))
    keyframes = sorted(draw(st.sets(st.sampled_from(pts))))
    base = draw(st.sampled_from([Fraction(1, 25), Fraction(1001, 30000), Fraction(1, 1000), Fraction(1, 90000)]))
    return PtsTable(base, array("q", pts), pts[-1] + draw(st.integers(1, 100)), array("q", keyframes))


@given(tables(), st.fractions(-50, 300, max_denominator=200_000))
def test_the_frame_rule(table: PtsTable, time: Fraction) -> None:
    """Docs, "Which frame": a search through all frames, in the words of the rule."""
    half = table.time_base / 2
    shown = [pts for pts in table.pts if (pts - table.pts[0]) * table.time_base <= time + half]
    assert table.frame_at(time) == (shown[-1] if shown else table.pts[0])
    before = [pts for pts in table.pts if (pts - table.pts[0]) * table.time_base < time - half]
    assert table.frame_before(time) == (before[-1] if before else table.pts[0])


@given(st.integers(0, 500), st.sampled_from([Fraction(1, 1000), Fraction(1, 90000)]), rates)
def test_material_of_the_canvas_rate_does_not_judder(frame: int, base: Fraction, fps: Fraction) -> None:
    """Frame n of a file whose timestamps were rounded to ticks is shown at n / fps; backwards, the one before."""
    pts = array("q", [round(n / fps / base) for n in range(502)])
    table = PtsTable(base, pts, round(502 / fps / base), pts)
    assert table.frame_at(frame / fps) == pts[frame]
    assert table.frame_before((frame + 1) / fps) == pts[frame]


@given(tables())
def test_tables_find_their_own(table: PtsTable) -> None:
    for index, pts in enumerate(table.pts):
        assert table.index_of(pts) == index
        assert table.frame_at(table.source_time(pts)) == pts
    with pytest.raises(KeyError):
        table.index_of(table.end_pts)
    assert table.duration == (table.end_pts - table.first_pts) * table.time_base
    assert math.isclose(float(table.last_frame_duration), (table.end_pts - table.pts[-1]) * float(table.time_base))


@pytest.mark.parametrize(
    ("frame", "fps", "text"),
    [
        (0, Fraction(25), "00:00:00:00"),
        (89_999, Fraction(25), "00:59:59:24"),
        (1799, NTSC, "00:00:59;29"),
        (1800, NTSC, "00:01:00;02"),  # SMPTE ST 12-1: a minute has 1798 counts,
        (17_981, NTSC, "00:09:59;29"),
        (17_982, NTSC, "00:10:00;00"),  # but for each tenth,
        (107_892, NTSC, "01:00:00;00"),  # and an hour 107892
        (3600, 2 * NTSC, "00:01:00;04"),
        (1440, Fraction(24000, 1001), "00:01:00:00"),
        (1800, Fraction(2997, 100), "00:01:00;02"),
        (1800, Fraction(59, 2), "00:01:00:00"),
        (361, Fraction(120), "00:00:03:001"),
    ],
)
def test_timecode_of_a_frame(frame: int, fps: Fraction, text: str) -> None:
    assert timecode(frame, fps) == text


@given(
    st.integers(0, 10_000_000),
    st.sampled_from([Fraction(24), Fraction(25), Fraction(30), NTSC, 2 * NTSC, Fraction(24000, 1001), Fraction(25, 2)]),
)
def test_a_timecode_is_read_back_as_its_frame(frame: int, fps: Fraction) -> None:
    assert timecode_frames(timecode(frame, fps), fps) == frame


def test_slow_rates_have_no_timecodes() -> None:
    with pytest.raises(TimeError, match=r"no timecodes at 0\.25 frames a second"):
        timecode(3, Fraction(1, 4))
