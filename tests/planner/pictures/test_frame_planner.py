"""Which layers and which source frames an output frame is made of; expected values worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.planner.animation import EASINGS, Animated, Easing, Keyframe
from reelmill.planner.contents.composition_content import CompositionContent
from reelmill.planner.contents.media_content import MediaContent
from reelmill.planner.contents.shape import Shape
from reelmill.planner.contents.solid import Solid
from reelmill.planner.frame_plan import CompositionPlan, FramePlan, Layer, PictureSource, TransitionLayer
from reelmill.planner.media import MediaFacts
from reelmill.planner.pictures.frame_planner import FramePlanner
from reelmill.planner.pictures.hidden_layers import without_hidden
from reelmill.planner.pictures.shared_plans import SharedPlans
from reelmill.planner.pictures.simplify import untouched
from reelmill.planner.pictures.source_time import Moment, within_source
from reelmill.planner.timeline import AfterEnd, Clip, Composition, Timeline, Track, Transform, Transition
from tests.support.timelines import media_clip, timeline, video


def planner(line: Timeline, *files: MediaFacts) -> FramePlanner:
    return FramePlanner(line, {f.media: f for f in files}, {})


def shown(layer: Layer | TransitionLayer) -> int:
    """The pts that a layer shows."""
    assert isinstance(layer, Layer)
    assert isinstance(layer.source, PictureSource)
    return layer.source.request.pts


def shown_frames(line: Timeline, *files: MediaFacts) -> list[int | None]:
    """Of a timeline with one media layer at most: the pts of each frame, None where nothing is shown."""
    plans = planner(line, *files)
    return [shown(p.picture.layers[0]) if p.picture.layers else None for p in plans.plans(range(plans.frame_count))]


def test_every_frame_of_a_clip_of_the_canvas_rate_is_shown_once() -> None:
    line = timeline(Track("v", (media_clip("a", "m", "0", "1"),)))
    assert shown_frames(line, video("m", 30)) == list(range(30))


def test_the_in_point_shifts_and_the_gap_is_empty() -> None:
    line = timeline(Track("v", (media_clip("a", "m", "0", "1/10", "1"), media_clip("b", "m", "1/5", "1/10"))))
    assert shown_frames(line, video("m", 60)) == [30, 31, 32, None, None, None, 0, 1, 2]


def test_backwards_shows_the_frames_of_the_stretch_in_reverse() -> None:
    line = timeline(Track("v", (media_clip("a", "m", "0", "1/3", "2/3", speed=Fraction(-1)),)))
    assert shown_frames(line, video("m", 60)) == list(range(19, 9, -1))


def test_half_speed_of_60_fps_shows_each_frame_and_double_speed_of_30_each_second() -> None:
    slow = timeline(Track("v", (media_clip("a", "m", "0", "1/5", speed=Fraction(1, 2)),)))
    fast = timeline(Track("v", (media_clip("a", "m", "0", "1/5", speed=Fraction(2)),)))
    assert shown_frames(slow, video("m", 60, fps=60)) == [0, 1, 2, 3, 4, 5]
    assert shown_frames(fast, video("m", 60)) == [0, 2, 4, 6, 8, 10]


def test_frozen_shows_the_in_point() -> None:
    line = timeline(Track("v", (media_clip("a", "m", "0", "1/10", "1/2", speed=Fraction(0)),)))
    assert shown_frames(line, video("m", 60)) == [15, 15, 15]


@pytest.mark.parametrize(
    ("after_end", "expected"),
    [("hold", [8, 9, 9, 9, 9]), ("loop", [8, 9, 0, 1, 2]), ("blank", [8, 9, None, None, None])],
)
def test_past_the_end(after_end: AfterEnd, expected: list[int | None]) -> None:
    line = timeline(Track("v", (media_clip("a", "m", "0", "5/30", "8/30", after_end=after_end),)))
    assert shown_frames(line, video("m", 10)) == expected


def test_backwards_past_the_beginning_loops_to_the_last_frame() -> None:
    clip = media_clip("a", "m", "0", "4/30", "2/30", speed=Fraction(-1), after_end="loop")
    assert shown_frames(timeline(Track("v", (clip,))), video("m", 10)) == [1, 0, 9, 8]


def test_tracks_are_painted_bottom_to_top_and_disabled_ones_left_out() -> None:
    line = timeline(
        Track("v1", (media_clip("a", "m", "0", "1"),)),
        Track("v2", (media_clip("b", "m", "0", "1"),), enabled=False),
        Track("v3", (media_clip("c", "m", "0", "1"), media_clip("off", "m", "1", "1", enabled=False))),
        Track("a1", (media_clip("d", "m", "0", "1"),), kind="audio"),
    )
    plan = planner(line, video("m", 30)).plan(0)
    assert [layer.instance for layer in plan.picture.layers if isinstance(layer, Layer)] == [("a",), ("c",)]
    assert plan.active == {("a",), ("c",)}


def test_what_stands_still_and_changes_its_size_zooms() -> None:
    grows = Transform(scale=Animated((Keyframe(Fraction(0), (1.0, 1.0)), Keyframe(Fraction(1), (1.2, 1.2)))))
    shape = Shape("ellipse", (20, 10))
    for content, transform, zooms in (
        (shape, grows, True),
        (shape, Transform(), False),
        (Solid((1, 0, 0, 1)), grows, False),
        (MediaContent("m"), grows, False),
    ):
        clip = Clip("a", content, Fraction(0), Fraction(1), Fraction(0), transform=transform)
        (layer,) = planner(timeline(Track("v", (clip,))), video("m", 30)).plan(3).picture.layers
        assert isinstance(layer, Layer)
        assert layer.zooms == zooms


def test_opacity_is_the_clips_times_the_tracks_and_nothing_is_planned_at_zero() -> None:
    fade = Animated((Keyframe(Fraction(0), (0.0,)), Keyframe(Fraction(1), (1.0,))))
    clip = media_clip("a", "m", "1", "2", transform=Transform(opacity=fade))
    line = timeline(Track("v", (clip,), opacity=Animated.constant(0.5)))
    plans = planner(line, video("m", 90))
    assert plans.plan(30).picture.layers == ()
    assert plans.plan(45).picture.layers[0].opacity == pytest.approx(0.25)
    assert plans.plan(75).picture.layers[0].opacity == pytest.approx(0.5)


def test_a_composition_backwards_has_its_steps_at_the_same_places() -> None:
    """A step at 0.5 s of 1 s: forwards half of the frames lie before it, and backwards the same half."""
    step = Animated((Keyframe(Fraction(0), (1.0,), EASINGS["hold"]), Keyframe(Fraction(1, 2), (0.5,))))
    clip = media_clip("x", "m", "0", "1", transform=Transform(opacity=step))
    inner = Composition("c", 1920, 1080, (Track("t", (clip,)),), duration=Fraction(1))

    def opacities(speed: int, in_point: int) -> list[float]:
        outer = Clip("o", CompositionContent("c"), Fraction(0), Fraction(1), Fraction(in_point), Fraction(speed))
        plans = planner(timeline(Track("v", (outer,)), fps=10, compositions={"c": inner}), video("m", 60))
        pictures = [plan.picture.layers[0] for plan in plans.plans(range(10))]
        return [
            p.source.layers[0].opacity
            for p in pictures
            if isinstance(p, Layer) and isinstance(p.source, CompositionPlan)
        ]

    assert opacities(1, 0) == [1.0] * 5 + [0.5] * 5
    assert opacities(-1, 1) == [0.5] * 5 + [1.0] * 5


def test_an_overshooting_opacity_is_one_before_the_tracks_counts() -> None:
    overshoot = Easing(0.5, 1.8, 0.5, 1.8)
    fade = Animated((Keyframe(Fraction(0), (0.0,), overshoot), Keyframe(Fraction(1), (1.0,))))
    clip = media_clip("a", "m", "0", "2", transform=Transform(opacity=fade))
    plans = planner(timeline(Track("v", (clip,), opacity=Animated.constant(0.5))), video("m", 90))
    assert max(plans.plan(n).picture.layers[0].opacity for n in range(10, 30)) == 0.5


def test_an_overlap_is_a_transition_with_eased_progress() -> None:
    line = timeline(
        Track(
            "v",
            (
                media_clip("a", "m", "0", "2"),
                media_clip("b", "m", "1", "2", transition=Transition("wipe", "up", easing=EASINGS["hold"])),
            ),
        )
    )
    plans = planner(line, video("m", 90))
    layer = plans.plan(45).picture.layers[0]
    assert isinstance(layer, TransitionLayer)
    assert (layer.type, layer.direction, layer.progress) == ("wipe", "up", 0.0)
    assert layer.before is not None
    assert layer.after is not None
    assert (shown(layer.before), shown(layer.after)) == (45, 15)
    assert isinstance(plans.plan(60).picture.layers[0], Layer)


def test_a_nested_composition_is_planned_at_its_own_time() -> None:
    inner = Composition("card", 960, 540, (Track("t", (media_clip("x", "m", "1", "3"),)),), duration=Fraction(4))
    outer = Clip("pip", CompositionContent("card"), Fraction(2), Fraction(1), Fraction(2), fit="none")
    plans = planner(timeline(Track("v", (outer,)), compositions={"card": inner}), video("m", 90))
    (layer,) = plans.plan(60).picture.layers
    assert isinstance(layer, Layer)
    assert isinstance(layer.source, CompositionPlan)
    assert (layer.source.id, layer.source.width, layer.source.height) == ("card", 960, 540)
    assert shown(layer.source.layers[0]) == 30
    assert plans.plan(60).active == {("pip", "x")}


def nested(speed: int, in_point: str, inner_speed: int, inner_in: str) -> list[int | None]:
    """Frames of a third of a second of a composition played at a speed, its one clip at another."""
    clip = media_clip("x", "m", "0", "1", inner_in, speed=Fraction(inner_speed))
    inner = Composition("c", 1920, 1080, (Track("t", (clip,)),), duration=Fraction(1))
    outer = Clip("o", CompositionContent("c"), Fraction(0), Fraction(1, 3), Fraction(in_point), Fraction(speed))
    plans = planner(timeline(Track("v", (outer,)), compositions={"c": inner}), video("m", 60))
    frames: list[int | None] = []
    for plan in plans.plans(range(10)):
        (layer,) = plan.picture.layers
        assert isinstance(layer, Layer)
        assert isinstance(layer.source, CompositionPlan)
        frames.append(shown(layer.source.layers[0]) if layer.source.layers else None)
    return frames


def test_a_composition_backwards_shows_its_frames_in_reverse_from_its_end() -> None:
    assert nested(-1, "1", 1, "0") == list(range(29, 19, -1))


def test_backwards_twice_is_forwards() -> None:
    assert nested(-1, "1", -1, "1") == list(range(10))


def test_equal_pictures_have_equal_plans_whoever_shows_them() -> None:
    first = timeline(Track("v", (media_clip("a", "m", "0", "1", speed=Fraction(0)),)))
    plans = planner(first, video("m", 30))
    assert plans.plan(0).picture == plans.plan(1).picture
    assert hash(plans.plan(0).picture) == hash(plans.plan(1).picture)
    other = planner(timeline(Track("v", (media_clip("b", "m", "0", "1", speed=Fraction(0)),))), video("m", 30))
    assert plans.plan(0).picture == other.plan(0).picture


def test_a_composition_used_twice_at_each_level_is_planned_once_a_level() -> None:
    depth = 30
    leaf = Composition("c0", 1920, 1080, (Track("t", (media_clip("x", "m", "0", "1"),)),), duration=Fraction(1))
    compositions = {"c0": leaf}
    for level in range(1, depth):
        clips = tuple(
            Track(f"t{i}", (Clip(f"k{i}", CompositionContent(f"c{level - 1}"), Fraction(0), Fraction(1), Fraction(0)),))
            for i in range(2)
        )
        compositions[f"c{level}"] = Composition(f"c{level}", 1920, 1080, clips, duration=Fraction(1))
    outer = Clip("o", CompositionContent(f"c{depth - 1}"), Fraction(0), Fraction(1), Fraction(0))
    plans = planner(timeline(Track("v", (outer,)), compositions=compositions), video("m", 60))
    # 2^29 instances of the leaf; one is decoded.
    assert plans.plan(0).active == {("o", *["k0"] * (depth - 1), "x")}
    shared = SharedPlans()
    first, second = (without_hidden(plans.plan(n).picture, shared) for n in (0, 0))
    other = without_hidden(plans.plan(1).picture, shared)
    assert first is second
    assert other != first


def one_plan(*tracks: Track, files: tuple[MediaFacts, ...] = (), frame: int = 0) -> FramePlan:
    return planner(timeline(*tracks), *files).plan(frame)


def test_layers_under_an_opaque_full_canvas_layer_are_dropped() -> None:
    low, high = media_clip("low", "m", "0", "1"), media_clip("high", "m", "0", "1")
    plan = one_plan(Track("1", (low,)), Track("2", (high,)), files=(video("m", 30),))
    assert len(plan.picture.layers) == 2
    (kept,) = without_hidden(plan.picture).layers
    assert isinstance(kept, Layer)
    assert kept.instance == ("high",)
    # Decoders of hidden clips stay open: they may show again.
    assert plan.active == {("low",), ("high",)}


@pytest.mark.parametrize(
    "high",
    [
        media_clip("high", "alpha", "0", "1"),
        media_clip("high", "small", "0", "1", fit="none"),
        media_clip("high", "m", "0", "1", blend="multiply"),
        media_clip("high", "m", "0", "1", transform=Transform(opacity=Animated.constant(0.99))),
        media_clip("high", "m", "0", "1", transform=Transform(rotation=Animated.constant(1))),
        media_clip("high", "m", "0", "1", transform=Transform(position=Animated.constant(961, 540))),
        Clip("high", Solid((0.0, 0.0, 0.0, 0.5)), Fraction(0), Fraction(1)),
    ],
)
def test_layers_under_anything_else_stay(high: Clip) -> None:
    files = (video("m", 30), video("alpha", 30, alpha=True), video("small", 30, size=(1918, 1080)))
    plan = one_plan(Track("1", (media_clip("low", "m", "0", "1"),)), Track("2", (high,)), files=files)
    assert len(without_hidden(plan.picture).layers) == 2


def test_a_clip_alone_on_the_canvas_is_untouched_and_only_then() -> None:
    base = media_clip("a", "m", "0", "1")
    files = (video("m", 30), video("hd", 30, size=(1280, 720)))
    request = untouched(one_plan(Track("1", (base,)), files=files, frame=7).picture)
    assert request is not None
    assert (request.media, request.pts) == ("m", 7)
    scaled = media_clip("a", "m", "0", "1", transform=Transform(scale=Animated.constant(1, -1)))
    faded = media_clip("a", "m", "0", "1", transform=Transform(opacity=Animated.constant(0.5)))
    assert untouched(one_plan(Track("1", (scaled,)), files=files).picture) is None
    assert untouched(one_plan(Track("1", (faded,)), files=files).picture) is None
    two = one_plan(Track("1", (base,)), Track("2", (media_clip("b", "hd", "0", "1", fit="none"),)), files=files)
    assert untouched(two.picture) is None


@given(
    time=st.fractions(-20, 20, max_denominator=60),
    end=st.fractions(Fraction(1, 30), 5, max_denominator=60),
    backwards=st.booleans(),
    after_end=st.sampled_from(["error", "hold", "loop", "blank"]),
)
def test_what_is_shown_always_lies_inside_of_the_source(
    time: Fraction, end: Fraction, backwards: bool, after_end: AfterEnd
) -> None:
    moment = within_source(Moment(time, backwards), end, after_end)
    if moment is None:
        assert after_end == "blank"
        assert time < 0 or time > end or (time == end and not backwards) or (time == 0 and backwards)
    else:
        assert moment.within(Fraction(0), end)
        if after_end == "loop":
            assert (time - moment.time) % end == 0
