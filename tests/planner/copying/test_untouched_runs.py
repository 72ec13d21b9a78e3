"""Which frames are untouched frames of a file, in a row: against a plan of each frame, and cases worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings

from reelmill.planner.animation import Animated, Keyframe
from reelmill.planner.clock import frame_count
from reelmill.planner.contents.composition_content import CompositionContent
from reelmill.planner.contents.shape import Shape
from reelmill.planner.contents.solid import Solid
from reelmill.planner.contents.text import Text
from reelmill.planner.copying.untouched_runs import UntouchedRun, untouched_runs
from reelmill.planner.pictures.frame_planner import FramePlanner
from reelmill.planner.pictures.shared_plans import SharedPlans
from reelmill.planner.pictures.simplify import simplified, untouched
from reelmill.planner.timeline import Clip, Composition, Crop, Track, Transform
from tests.support.random_timelines import Film, films
from tests.support.timelines import media_clip, timeline, video

FACTS = {"a": video("a", 300), "b": video("b", 300)}


def runs(
    *tracks: Track, frames: int | None = None, **more: object
) -> list[tuple[int, int, str | None, int | str | None]]:
    """First frame, end, media and first position or reason of each run."""
    film = timeline(*tracks, **more)  # type: ignore[arg-type]
    count = frame_count(film.duration, film.fps) if frames is None else frames
    found = untouched_runs(film, FACTS, {Text("x", 10): (10.0, 12.0)}, range(count))
    assert [run.frames.stop for run in found[:-1]] == [run.frames.start for run in found[1:]]
    return [(r.frames.start, r.frames.stop, r.media, r.first if r.why is None else r.why) for r in found]


def track(*clips: Clip, name: str = "v", **more: object) -> Track:
    return Track(name, clips, **more)  # type: ignore[arg-type]


def test_cuts_are_runs() -> None:
    assert runs(track(media_clip("1", "a", "0", "2", "1"), media_clip("2", "b", "2", "1", "1/3"))) == [
        (0, 60, "a", 30),
        (60, 90, "b", 10),
    ]


def test_a_cut_without_a_jump_is_no_cut() -> None:
    assert runs(track(media_clip("1", "a", "0", "2", "1"), media_clip("2", "a", "2", "1", "3"))) == [(0, 90, "a", 30)]


def test_gaps_and_layers_are_told() -> None:
    below = track(media_clip("1", "a", "0", "4"), media_clip("2", "a", "5", "1"))
    above = track(Clip("t", Text("x", 10), Fraction(1), Fraction(1)), name="t")
    assert runs(below, above) == [
        (0, 30, "a", 0),
        (30, 60, None, "2 layers are composited"),
        (60, 120, "a", 60),
        (120, 150, None, "nothing is on screen but the background"),
        (150, 180, "a", 0),
    ]


def test_a_picture_that_hides_all_below_counts_alone() -> None:
    below = track(media_clip("1", "a", "0", "3"))
    above = track(media_clip("2", "b", "1", "1"), name="above")
    assert runs(below, above) == [(0, 30, "a", 0), (30, 60, "b", 0), (60, 90, "a", 60)]


def test_a_transition_is_made_and_the_rest_is_untouched() -> None:
    assert runs(track(media_clip("1", "a", "0", "2"), media_clip("2", "b", "1", "2"))) == [
        (0, 30, "a", 0),
        (30, 60, None, "a transition goes on"),
        (60, 90, "b", 30),
    ]


def test_where_a_fade_has_ended_frames_are_untouched() -> None:
    opacity = Animated((Keyframe(Fraction(0), (0,)), Keyframe(Fraction(1), (1,))))
    clip = media_clip("1", "a", "0", "3", transform=Transform(opacity=opacity))
    assert runs(track(clip)) == [
        (0, 1, None, "nothing is on screen but the background"),
        (1, 30, None, "it is not fully opaque"),
        (30, 90, "a", 30),
    ]


def test_repeated_and_skipped_frames_break_runs() -> None:
    assert runs(track(media_clip("1", "a", "0", "1/10", speed=Fraction(2)))) == [
        (0, 1, "a", 0),
        (1, 2, "a", 2),
        (2, 3, "a", 4),
    ]
    frozen = runs(track(media_clip("1", "a", "0", "1/10", speed=Fraction(0))))
    assert frozen == [(0, 1, "a", 0), (1, 2, "a", 0), (2, 3, "a", 0)]


def test_clips_that_begin_with_the_same_frame_are_told_apart() -> None:
    clips = (media_clip("1", "a", "0", "1/10", speed=Fraction(2)), media_clip("2", "a", "1/10", "1/10"))
    assert runs(track(*clips)) == [(0, 1, "a", 0), (1, 2, "a", 2), (2, 3, "a", 4), (3, 6, "a", 0)]


def test_frames_in_a_plain_composition_are_untouched() -> None:
    inner = Composition("c", 1920, 1080, (track(media_clip("i", "a", "0", "2", "1")),), duration=Fraction(2))
    outer = track(Clip("o", CompositionContent("c"), Fraction(0), Fraction(1), Fraction(1, 2)))
    assert runs(outer, compositions={"c": inner}) == [(0, 30, "a", 45)]


@pytest.mark.parametrize(
    ("clip", "why"),
    [
        (media_clip("1", "a", "0", "1", transform=Transform(opacity=Animated.constant(0.5))), "it is not fully opaque"),
        (media_clip("1", "a", "0", "1", blend="screen"), "it is blended with screen"),
        (media_clip("1", "a", "0", "1", crop=Crop(left=Animated.constant(0.1))), "it is cropped"),
        (
            media_clip("1", "a", "0", "1", transform=Transform(scale=Animated.constant(0.5, 0.5))),
            "it is moved, scaled or turned",
        ),
        (Clip("1", Solid((1, 0, 0, 1)), Fraction(0), Fraction(1)), "a solid is drawn"),
        (Clip("1", Text("x", 10), Fraction(0), Fraction(1)), "a text is drawn"),
        (Clip("1", Shape("ellipse", (9, 9), (1, 0, 0, 1)), Fraction(0), Fraction(1)), "a shape is drawn"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_done_to_a_picture_is_told(clip: Clip, why: str) -> None:
    assert runs(track(clip)) == [(0, 30, None, why)]


def test_other_sizes_alpha_and_stills_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    small, alpha, still = video("s", 60, size=(1280, 720)), video("t", 60, alpha=True), video("p", 1)
    assert still.video is not None
    still = replace(still, kind="still", video=replace(still.video, table=None))
    for name, facts in {"s": small, "t": alpha, "p": still}.items():
        monkeypatch.setitem(FACTS, name, facts)
    clips = [media_clip(str(i), name, str(i), "1") for i, name in enumerate("stp")]
    assert runs(track(*clips)) == [
        # It fills the canvas: that it has another size is told where files are held against the output.
        (0, 30, "s", 0),
        (30, 60, None, "the file has alpha"),
        (60, 90, None, "is a still"),
    ]
    bars = (0, 30, None, "it is scaled to 1280×720 on a canvas of 1280×800")
    assert runs(track(clips[0]), size=(1280, 800)) == [bars]


def test_a_range_keeps_the_numbers_of_the_whole_film() -> None:
    film = timeline(track(media_clip("1", "a", "0", "2", "1"), media_clip("2", "b", "2", "1")))
    assert untouched_runs(film, FACTS, {}, range(50, 70)) == [
        UntouchedRun(range(50, 60), "a", 80, None),
        UntouchedRun(range(60, 70), "b", 0, None),
    ]


@settings(deadline=None)
@given(films(alpha=False))
def test_runs_are_what_a_plan_of_each_frame_says(film: Film) -> None:
    count = min(frame_count(film.timeline.duration, film.timeline.fps), 120)
    planner = FramePlanner(film.timeline, film.facts, {})
    videos = {name: facts.video for name, facts in film.facts.items() if facts.video is not None}
    found = untouched_runs(film.timeline, film.facts, {}, range(count))
    assert [n for run in found for n in run.frames] == list(range(count))
    for before, after in pairwise(found):
        joined = before.media == after.media and before.why == after.why
        assert not (joined and (before.media is None or before.first + len(before.frames) == after.first))
    for run in found:
        for offset, n in enumerate(run.frames):
            request = untouched(simplified(planner.plan(n).picture, SharedPlans()))
            table = None if request is None else videos[request.media].table
            if request is None or table is None:
                assert run.media is None
            else:
                assert (run.media, run.first + offset) == (request.media, table.index_of(request.pts))
