"""Strands: which cues share an open file."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from reelmill.decoders.sound.sound_playback import PlayedPart
from reelmill.decoders.sound.sound_strands import CANDIDATES, plan_strands

RATE = 48000


def part(
    first: int, count: int, source: int, speed: Fraction | int = 1, loop_end: Fraction | None = None
) -> PlayedPart:
    """Plays `count` output samples from `first` on, from source sample `source` on."""
    speed = Fraction(speed)
    return PlayedPart(first, count, speed, (source - speed * first) / RATE, loop_end, RATE)


def strands(*parts: PlayedPart) -> list[int]:
    return [place.strand for place in plan_strands(("file", each) for each in parts)]


def test_adjoining_clips_are_one_strand_that_knows_when_it_goes_on() -> None:
    places = plan_strands(("file", part(n * 1000, 1000, n * 1000)) for n in range(500))
    assert {place.strand for place in places} == {0}
    assert [place.goes_on for place in places] == [*((n + 1) * 1000 for n in range(499)), None]


def test_clips_that_sound_together_need_a_file_each() -> None:
    assert strands(part(0, 1000, 0), part(999, 1000, 5000)) == [0, 1]


def test_a_clip_from_earlier_in_the_recording_begins_anew() -> None:
    assert strands(part(0, 1000, 100_000), part(1000, 1000, 50_000)) == [0, 1]


def test_stretched_clips_look_back_a_little() -> None:
    speed = Fraction(2)
    assert strands(part(0, 10_000, 0, speed), part(10_000, 10_000, 20_000, speed)) == [0, 0]


def test_a_loop_begins_at_the_beginning() -> None:
    assert strands(part(0, 1000, 60_000), part(1000, 1000, 61_000, 1, Fraction(2))) == [0, 1]


def test_recordings_have_strands_of_their_own() -> None:
    places = plan_strands([("a", part(0, 10, 0)), ("b", part(10, 10, 10)), ("a", part(20, 10, 20))])
    assert [place.strand for place in places] == [0, 1, 0]


def test_a_part_follows_the_one_that_ended_nearest_before_it() -> None:
    assert strands(part(0, 1000, 0), part(500, 1000, 400_000), part(2000, 1000, 500_000)) == [0, 1, 1]


def test_only_the_strands_used_last_are_looked_at() -> None:
    together = [part(n, 1000 - n, 100_000 * (n + 1)) for n in range(CANDIDATES + 1)]
    # The first strand is the only one that fits, and forgotten.
    assert strands(*together, part(5000, 10, 110_000))[-1] == CANDIDATES + 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50_000), st.integers(1, 20_000), st.integers(0, 90_000)), max_size=40))
def test_cues_of_a_strand_never_sound_together_nor_go_back(drawn: list[tuple[int, int, int]]) -> None:
    parts = [part(*each) for each in sorted(drawn)]
    places = plan_strands(("file", each) for each in parts)
    last: dict[int, PlayedPart] = {}
    for place, each in zip(places, parts, strict=True):
        before = last.get(place.strand)
        if before is not None:
            assert before.first + before.count <= each.first
            assert before.highest_index - RATE // 2 <= each.lowest_index
        last[place.strand] = each
