"""What is kept for later uses, held against a plain simulation of a decoder a clip and of every frame that is held."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_right
from dataclasses import replace
from fractions import Fraction

import pytest

from reelmill.planner.media import MediaFacts
from reelmill.planner.scheduling.clip_uses import clip_uses, decode_sources
from reelmill.planner.scheduling.keeping import KeepPlan
from reelmill.planner.timeline import Timeline, Track
from tests.support.timelines import media_clip, timeline, video

FRAME = 100
"""Bytes of a frame."""


def file(frames: int, gop: int) -> MediaFacts:
    facts = video("m", frames)
    assert facts.video is not None
    assert facts.video.table is not None
    keyframes = array("q", range(0, frames, gop))
    return replace(facts, video=replace(facts.video, table=replace(facts.video.table, keyframes=keyframes)))


def layers(*clips: tuple[int, int, int], speed: int = 1) -> Timeline:
    """Of start, in point and length, in frames."""
    return timeline(
        *(
            Track(
                f"t{n}", (media_clip(f"c{n}", "m", f"{start}/30", f"{length}/30", f"{at}/30", speed=Fraction(speed)),)
            )
            for n, (start, at, length) in enumerate(clips)
        )
    )


def simulate(film: Timeline, facts: MediaFacts, budget: int) -> tuple[int, int]:
    """Frames decoded, and the most bytes held for a later use, when all is done as planned."""
    sources = decode_sources({}, {"m": facts})
    source = sources["m"]
    frames = range(int(film.duration * film.fps))
    uses = clip_uses(film, sources, frames)
    plan = KeepPlan({source: uses}, {source: FRAME}, budget)
    shows = [{n: use.index_at(n) for n in use.frames} for use in uses]
    moments: dict[int, list[int]] = {}
    for each in shows:
        for n, index in each.items():
            moments.setdefault(index, []).append(n)
    assert facts.video is not None
    assert facts.video.table is not None
    keyframes = list(facts.video.table.keyframes)
    places: list[int | None] = [None] * len(uses)
    held: set[int] = set()
    decoded = most = 0

    def keep(index: int, now: int) -> None:
        after = min((n for n in moments.get(index, ()) if n > now), default=None)
        if after is not None and plan.keeps(source, index, after):
            held.add(index)
        else:
            held.discard(index)

    for now in frames:
        # Those that are ahead go first: what they decode on their way may be what others need.
        for number in sorted(range(len(uses)), key=lambda n: -shows[n].get(now, 0)):
            at = shows[number].get(now)
            if at is None or at in held:
                continue
            place, keyframe = places[number], keyframes[bisect_right(keyframes, at) - 1]
            start = keyframe if place is None or not keyframe <= place <= at else place + 1
            for passed in range(start, at + 1):
                decoded += 1
                keep(passed, now - 1)
            places[number] = at
        for seen in {each[now] for each in shows if now in each}:
            keep(seen, now)
        most = max(most, len(held) * FRAME)
    return decoded, most


EIGHT = [(0, 210 * n, 300) for n in range(8)]
TWICE = [(0, 0, 400), (500, 0, 400)]
LATER = [(0, 0, 240), (30, 60, 180)]
STAGGERED = [(30 * n, 0, 300) for n in range(6)]


@pytest.mark.parametrize("gop", [12, 250])
@pytest.mark.parametrize("clips", [EIGHT, TWICE, STAGGERED], ids=["eight", "twice", "staggered"])
def test_with_room_each_frame_is_decoded_once_and_without_nothing_is_held(
    clips: list[tuple[int, int, int]], gop: int
) -> None:
    facts = file(2000, gop)
    film = layers(*clips)
    union = {index for start, at, length in clips for index in range(at // gop * gop, at + length)}
    assert simulate(film, facts, 10**9)[0] == len(union)
    alone = sum(length + at % gop for _, at, length in clips)
    assert simulate(film, facts, 0) == (alone, 0)


@pytest.mark.parametrize("frames", [100, 300, 600, 1000])
@pytest.mark.parametrize("clips", [EIGHT, TWICE, STAGGERED], ids=["eight", "twice", "staggered"])
def test_what_is_held_stays_below_the_budget_and_more_room_saves_more(
    clips: list[tuple[int, int, int]], frames: int
) -> None:
    facts = file(2000, 250)
    film = layers(*clips)
    decoded, most = simulate(film, facts, frames * FRAME)
    assert most <= frames * FRAME
    assert decoded <= simulate(film, facts, frames * FRAME // 2)[0] <= simulate(film, facts, 0)[0]


def test_a_clip_that_another_overtakes_is_served_from_there_on() -> None:
    decoded, _ = simulate(layers(*LATER), file(2000, 250), 10**9)
    assert decoded == 30 + 240, "the lead-in of the second passes what the first has shown"


def test_the_saving_that_takes_less_room_comes_first() -> None:
    facts = file(2000, 250)
    near, far = (0, 500, 200), (60, 500, 200)
    film = layers(near, far, (0, 0, 200), (1500, 0, 200))
    sources = decode_sources({}, {"m": facts})
    uses = clip_uses(film, sources, range(1700))
    plan = KeepPlan({sources["m"]: uses}, {sources["m"]: FRAME}, 100 * FRAME)
    assert plan.keeps(sources["m"], 600, 160)
    assert not plan.keeps(sources["m"], 100, 1600)
    assert 60 * FRAME <= plan.peak_bytes <= 100 * FRAME


def test_uses_that_are_not_foreseen_are_worth_it() -> None:
    facts = file(2000, 250)
    film = layers((0, 0, 200), (300, 200, 200), speed=-1)
    sources = decode_sources({}, {"m": facts})
    plan = KeepPlan({sources["m"]: clip_uses(film, sources, range(500))}, {sources["m"]: FRAME}, 0)
    assert plan.keeps(sources["m"], 100, 400)
    assert plan.peak_bytes == 0


@pytest.mark.slow
def test_planning_what_to_keep_of_two_hours_is_linear() -> None:
    def seconds(minutes: int) -> float:
        frames = minutes * 1800
        film = layers((0, 0, frames), (60, 0, frames), (frames // 2, 0, frames))
        sources = decode_sources({}, {"m": file(frames, 12)})
        uses = clip_uses(film, sources, range(2 * frames))
        began = time.process_time()
        KeepPlan({sources["m"]: uses}, {sources["m"]: 3 * 10**6}, 350 * 10**6)
        return time.process_time() - began

    assert seconds(120) < 20 * max(seconds(12), 0.01)
