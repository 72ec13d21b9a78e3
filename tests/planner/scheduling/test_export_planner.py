"""Schedules, look-ahead and next uses, held against the plans of every single output frame."""

from __future__ import annotations

import threading
import time
import tracemalloc
from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelmill.planner.contents.composition_content import CompositionContent
from reelmill.planner.errors import SetupError
from reelmill.planner.frame_plan import CompositionPlan, Layer, PictureSource, TransitionLayer
from reelmill.planner.pictures.frame_planner import FramePlanner
from reelmill.planner.pictures.shared_plans import SharedPlans
from reelmill.planner.pictures.simplify import simplified
from reelmill.planner.scheduling.export_planner import ExportPlanner, decoded_picture_bytes
from reelmill.planner.scheduling.schedule import PRIORITIES
from reelmill.planner.source_frames import FrameRequest
from reelmill.planner.timeline import Clip, Composition, Media, Track
from tests.support.random_timelines import Film, films
from tests.support.timelines import media_clip, timeline, video

Shown = dict[int, set[tuple[str, int]]]
"""By output frame: file hashes and pts."""


def requests(picture: CompositionPlan) -> list[FrameRequest]:
    """Of all layers, as often as they are there."""
    found = []
    for layer in picture.layers:
        for each in [layer.before, layer.after] if isinstance(layer, TransitionLayer) else [layer]:
            if isinstance(each, Layer) and isinstance(each.source, PictureSource):
                found.append(each.source.request)
            elif isinstance(each, Layer) and isinstance(each.source, CompositionPlan):
                found += requests(each.source)
    return found


def shown(film: Film, frames: range, *, hidden: bool = False) -> Shown:
    """What each output frame needs; with `hidden` also the layers that nobody sees."""
    planner = FramePlanner(film.timeline, film.facts, {})
    pictures = {n: planner.plan(n).picture for n in frames}
    return {n: {(r.file_hash, r.pts) for r in requests(p if hidden else seen(p))} for n, p in pictures.items()}


def seen(picture: CompositionPlan) -> CompositionPlan:
    """What is drawn: layers may be hidden only once a composition is flattened, by what lies in it."""
    return simplified(picture, SharedPlans(), scale=Fraction(1))


def all_frames(film: Film) -> range:
    return range(FramePlanner(film.timeline, film.facts, {}).frame_count)


def new_planner(film: Film, frames: range | None = None) -> ExportPlanner:
    return ExportPlanner(film.timeline, film.facts, {}, all_frames(film) if frames is None else frames)


def table_of(film: Film, file_hash: str) -> list[int] | None:
    """Every pts of a file; None for stills."""
    facts = next(each for each in film.facts.values() if each.file_hash == file_hash)
    assert facts.video is not None
    return None if facts.video.table is None else list(facts.video.table.pts)


def positions(pts: set[int], table: list[int]) -> int:
    """Groups of frames that are more than 16 frames apart."""
    places = sorted(table.index(each) for each in pts)
    return 1 + sum(b - a > 16 for a, b in pairwise(places))


@settings(deadline=None, max_examples=150)
@given(films(), st.data())
def test_the_schedule_is_what_all_plans_add_up_to(film: Film, data: st.DataObject) -> None:
    whole = all_frames(film)
    first = data.draw(st.integers(0, len(whole) - 1))
    frames = range(first, data.draw(st.integers(first + 1, len(whole))))
    needed = shown(film, frames)
    usages = new_planner(film, frames).schedule.file_usage
    assert set(usages) == {file_hash for each in needed.values() for file_hash, _ in each}
    for file_hash, usage in usages.items():
        by_frame = {n: {pts for name, pts in each if name == file_hash} for n, each in needed.items()}
        by_frame = {n: each for n, each in by_frame.items() if each}
        distinct = set().union(*by_frame.values())
        assert usage.total_frames == len(distinct)
        assert usage.output_frames == len(by_frame)
        assert usage.heavy == (len(by_frame) > len(frames) / 5)
        table = table_of(film, file_hash)
        if table is None:
            assert usage.time_ranges == ()
            assert usage.positions == usage.least_decoded == 1
            continue
        assert usage.positions == max(positions(each, table) for each in by_frame.values())
        times = next(f.video.table for f in film.facts.values() if f.file_hash == file_hash and f.video)
        assert times is not None
        for pts in distinct:
            assert any(start <= times.source_time(pts) < end for start, end in usage.time_ranges)
        for (_, end), (start, _) in pairwise(usage.time_ranges):
            assert start - end >= 1
        stretches: set[int] = set()
        for pts in distinct:
            keyframe = times.keyframes[bisect_right(times.keyframes, pts) - 1]
            stretches.update(each for each in table if keyframe <= each <= pts)
        assert usage.least_decoded == len(stretches)


def expected_next(needed: Shown, file_hash: str, pts: int, after: int) -> int | None:
    return next((n for n in sorted(needed) if n > after and (file_hash, pts) in needed[n]), None)


@settings(deadline=None, max_examples=150)
@given(films(), st.data())
def test_next_use_is_exact_where_nothing_is_hidden(film: Film, data: st.DataObject) -> None:
    frames = all_frames(film)
    needed = shown(film, frames)
    planner = new_planner(film)
    known = sorted(set().union(*needed.values()))
    for file_hash, pts in known[:: max(len(known) // 25, 1)]:
        for after in data.draw(st.lists(st.integers(-1, len(frames)), min_size=1, max_size=4)):
            assert planner.next_use(file_hash, pts, after) == expected_next(needed, file_hash, pts, after)


@settings(deadline=None, max_examples=80)
@given(films(alpha=False), st.data())
def test_next_use_never_misses_one_and_is_exact_in_the_look_ahead(film: Film, data: st.DataObject) -> None:
    frames = all_frames(film)
    seen, all_layers = shown(film, frames), shown(film, frames, hidden=True)
    planner = new_planner(film)
    now = data.draw(st.sampled_from(frames))
    planner.next_decode_batch(now)
    reached = now + planner.look_ahead - 1
    known = sorted(set().union(*all_layers.values()))
    for file_hash, pts in known[:: max(len(known) // 25, 1)]:
        after = data.draw(st.integers(max(now - 5, -1), now + 100))
        found = planner.next_use(file_hash, pts, after)
        exact = expected_next(seen, file_hash, pts, after)
        if exact is not None:
            assert found is not None
            assert found <= exact
        if found is not None and now <= found <= reached:
            assert found == exact


@settings(deadline=None, max_examples=100)
@given(films(alpha=False), st.data())
def test_a_batch_has_what_the_look_ahead_needs_in_order(film: Film, data: st.DataObject) -> None:
    frames = all_frames(film)
    needed = shown(film, frames)
    planner = new_planner(film)
    fps = film.timeline.fps
    for now in sorted(data.draw(st.lists(st.sampled_from(frames), min_size=1, max_size=5))):
        batches = planner.next_decode_batch(now)
        ahead = range(now, min(now + planner.look_ahead, frames.stop))
        assert {(b.file_hash, r.request.pts, r.output_frame) for b in batches for r in b.requests} == {
            (*key, min(n for n in ahead if key in needed[n])) for key in set().union(*(needed[n] for n in ahead))
        }
        for batch in batches:
            assert film.facts[batch.media].file_hash == batch.file_hash
            order = [(PRIORITIES.index(r.priority), r.request.pts) for r in batch.requests]
            assert order == sorted(set(order))
            for each in batch.requests:
                seconds = (each.output_frame - now) / fps
                assert each.priority == ("current" if seconds == 0 else "near" if seconds <= 1 else "far")
                assert each.depth == len(each.request.instance) - 1
        firsts = [min(r.output_frame for r in batch.requests) for batch in batches]
        assert firsts == sorted(firsts)


@settings(deadline=None, max_examples=50)
@given(films(alpha=False))
def test_plans_are_those_of_the_frame_planner_simplified_or_as_they_are(film: Film) -> None:
    frames = all_frames(film)
    planner, plain = new_planner(film), FramePlanner(film.timeline, film.facts, {})
    as_it_is = ExportPlanner(film.timeline, film.facts, {}, frames, simplify=False)
    for n in frames:
        planner.next_decode_batch(n)
        expected = plain.plan(n)
        assert planner.plan(n) == replace(expected, picture=simplified(expected.picture, SharedPlans()))
        assert as_it_is.plan(n) == expected


def test_plans_of_the_look_ahead_are_kept_and_those_left_behind_are_not() -> None:
    planner = new_planner(simple(media_clip("a", "m", "0", "20")))
    planner.next_decode_batch(0)
    first, ahead = planner.plan(0), planner.plan(89)
    assert planner.plan(0) is first
    planner.next_decode_batch(60)
    assert planner.plan(89) is ahead
    planner.next_decode_batch(300)
    assert planner.plan(0) is not first


def test_next_use_may_be_asked_on_other_threads_while_the_look_ahead_moves() -> None:
    planner = new_planner(simple(media_clip("a", "m", "0", "20"), media_clip("b", "m", "20", "20")))
    moving = threading.Event()

    def ask() -> list[int | None]:
        found = []
        while not moving.is_set():
            found += [planner.next_use("hash-m", pts, 599) for pts in range(0, 600, 50)]
        return found

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(ask) for _ in range(2)]
        for n in range(0, 1200, 3):
            planner.next_decode_batch(n)
        moving.set()
        assert {found for each in asked for found in each.result()} == {600 + pts for pts in range(0, 600, 50)}


def simple(*clips: Clip, frames: int = 3000, **more: object) -> Film:
    return Film(timeline(Track("v", clips), **more), {"m": video("m", frames)})  # type: ignore[arg-type]


def test_clips_far_apart_are_two_ranges_and_close_ones_are_one() -> None:
    film = simple(
        media_clip("a", "m", "0", "2", "10"),
        media_clip("b", "m", "2", "2", "12.9"),
        media_clip("c", "m", "4", "1", "50"),
    )
    usage = new_planner(film).schedule.file_usage["hash-m"]
    assert usage.time_ranges == ((Fraction(10), Fraction("14.9")), (Fraction(50), Fraction(51)))
    assert usage.clip_ids == ("a", "b", "c")
    assert usage.total_frames == 150


def test_instances_are_named_by_the_clips_that_lead_to_them() -> None:
    inner = Composition("card", 320, 180, (Track("t", (media_clip("x", "m", "0", "2"),)),), duration=Fraction(2))
    clips = tuple(
        Clip(name, CompositionContent("card"), Fraction(start), Fraction(2), Fraction(0))
        for name, start in (("one", 0), ("two", 2))
    )
    usage = new_planner(simple(*clips, compositions={"card": inner})).schedule.file_usage["hash-m"]
    assert usage.clip_ids == ("one/x", "two/x")
    assert usage.total_frames == 60
    assert usage.output_frames == 120


def test_a_file_on_screen_at_8_positions_has_8() -> None:
    tracks = [Track(f"t{i}", (media_clip(f"c{i}", "m", "0", "5", str(7 * i)),)) for i in range(8)]
    film = Film(timeline(*tracks), {"m": video("m", 3000, alpha=True)})
    assert new_planner(film).schedule.file_usage["hash-m"].positions == 8


def test_a_file_in_a_fifth_of_the_film_is_not_heavy_and_in_more_it_is() -> None:
    filler = media_clip("filler", "n", "2", "8")
    for duration, heavy in (("2", False), ("61/30", True)):
        film = Film(
            timeline(Track("v", (media_clip("a", "m", "0", duration),)), Track("w", (filler,))),
            {"m": video("m", 300), "n": video("n", 300)},
        )
        assert new_planner(film).schedule.file_usage["hash-m"].heavy is heavy


@pytest.mark.parametrize(("fps", "expected"), [(10, 60), (24, 72), (30, 90), (60, 90)])
def test_the_look_ahead_is_three_seconds_within_60_and_90_frames(fps: int, expected: int) -> None:
    planner = new_planner(simple(media_clip("a", "m", "0", "20"), fps=fps))
    assert planner.look_ahead == expected
    planner.next_decode_batch(0)
    assert planner.look_ahead == expected


def test_the_look_ahead_ends_with_the_film() -> None:
    planner = new_planner(simple(media_clip("a", "m", "0", "10")))
    (batch,) = planner.next_decode_batch(295)
    assert [r.request.pts for r in batch.requests] == [295, 296, 297, 298, 299]
    assert planner.look_ahead == 5
    assert planner.next_decode_batch(300) == ()


def test_a_budget_shortens_the_look_ahead_to_what_fits_but_never_to_nothing() -> None:
    planner = new_planner(simple(media_clip("a", "m", "0", "10")))
    frame = 1920 * 1080 * 3 // 2
    planner.set_budget(10 * frame)
    (batch,) = planner.next_decode_batch(0)
    assert len(batch.requests) == planner.look_ahead == 10
    planner.set_budget(frame - 1)
    (batch,) = planner.next_decode_batch(0)
    assert len(batch.requests) == planner.look_ahead == 1


def test_a_frozen_frame_costs_the_budget_once() -> None:
    planner = new_planner(simple(media_clip("a", "m", "0", "10", "1", speed=Fraction(0))))
    planner.set_budget(2 * 1920 * 1080)
    (batch,) = planner.next_decode_batch(0)
    assert [(r.request.pts, r.priority) for r in batch.requests] == [(30, "current")]
    assert planner.look_ahead == 90


@pytest.mark.parametrize(
    ("pix_fmt", "expected"),
    [
        ("yuv420p", 1920 * 1080 * 3 // 2),
        ("yuv422p10le", 1920 * 1080 * 4),
        ("rgba", 1920 * 1080 * 4),
        ("rgba64le", 1920 * 1080 * 8),
        ("gbrap", 1920 * 1080 * 4),
        ("gray", 1920 * 1080),
    ],
)
def test_bytes_of_a_frame(pix_fmt: str, expected: int) -> None:
    facts = video("m", 1).video
    assert facts is not None
    assert decoded_picture_bytes(replace(facts, pix_fmt=pix_fmt)) == expected


def test_entries_that_read_one_file_alike_are_one_batch_and_others_are_apart() -> None:
    facts = {name: replace(video(name, 300, alpha=True), file_hash="hash-m") for name in ("m", "n")}
    tracks = (Track("v", (media_clip("a", "m", "0", "1"),)), Track("w", (media_clip("b", "n", "0", "1", "5"),)))
    alike = ExportPlanner(timeline(*tracks), facts, {}, range(30))
    entries = {name: Media(name, "f", deinterlace="off" if name == "n" else "auto") for name in facts}
    apart = ExportPlanner(timeline(*tracks, media=entries), facts, {}, range(30))
    assert [(b.media, len(b.requests)) for b in alike.next_decode_batch(0)] == [("m", 60)]
    assert [(b.media, len(b.requests)) for b in apart.next_decode_batch(0)] == [("m", 30), ("n", 30)]
    for planner in (alike, apart):
        usage = planner.schedule.file_usage["hash-m"]
        assert (usage.media, usage.total_frames, usage.positions) == (("m", "n"), 60, 2)


def test_a_frame_that_no_file_has_is_no_question() -> None:
    planner = new_planner(simple(media_clip("a", "m", "0", "1"), frames=30))
    with pytest.raises(KeyError):
        planner.next_use("hash-m", 30, 0)
    with pytest.raises(KeyError):
        planner.next_use("hash-x", 0, 0)


def test_the_last_use_is_found_across_hours_and_then_there_is_none() -> None:
    film = simple(media_clip("a", "m", "0", "1"), media_clip("z", "m", "7200", "1"))
    planner = new_planner(film)
    planner.next_decode_batch(0)
    assert planner.next_use("hash-m", 10, 10) == 7200 * 30 + 10
    assert planner.next_use("hash-m", 10, 7200 * 30 + 10) is None
    assert planner.next_use("hash-m", 100, -1) is None


def test_a_short_loop_over_hours_is_one_use() -> None:
    film = simple(media_clip("a", "m", "0", "36000", after_end="loop"), frames=7)
    planner = new_planner(film)
    assert planner.schedule.file_usage["hash-m"].total_frames == 7
    assert planner.next_use("hash-m", 3, 1_000_000) == 1_000_002
    assert planner.next_use("hash-m", 3, 36000 * 30 - 1) is None


def nested_twice(depth: int, *, apart: bool) -> Film:
    """A composition of one clip, shown twice by the next, and so on; at the same moments, or one after the other."""
    compositions = {}
    track = Track("t", (media_clip("x", "m", "0", "1"),))
    tracks: tuple[Track, ...] = (track,)
    length = Fraction(1)
    for level in range(depth):
        name = f"level{level}"
        compositions[name] = Composition(name, 320, 180, tracks, duration=length)
        starts = (Fraction(0), length if apart else Fraction(0))
        tracks = tuple(
            Track(f"t{i}", (Clip(f"c{level}.{i}", CompositionContent(name), start, length, Fraction(0)),))
            for i, start in enumerate(starts)
        )
        length = length * 2 if apart else length
    return Film(timeline(*tracks, compositions=compositions), {"m": video("m", 300)})


def test_a_composition_shown_twice_on_each_of_30_levels_is_walked_once() -> None:
    film = nested_twice(30, apart=False)
    planner = new_planner(film)
    usage = planner.schedule.file_usage["hash-m"]
    assert (usage.total_frames, usage.positions, len(usage.clip_ids)) == (30, 1, 1)
    (batch,) = planner.next_decode_batch(0)
    assert [(r.request.pts, r.depth) for r in batch.requests] == [(n, 30) for n in range(30)]
    assert planner.next_use("hash-m", 7, -1) == 7


def test_instances_one_after_the_other_are_all_there() -> None:
    planner = new_planner(nested_twice(8, apart=True))
    usage = planner.schedule.file_usage["hash-m"]
    assert (usage.total_frames, usage.output_frames, len(usage.clip_ids)) == (30, 30 * 256, 256)
    assert planner.next_use("hash-m", 7, 5000) == 5017


def test_too_many_instances_are_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelmill.planner.scheduling.clip_uses.MAX_USES", 200)
    with pytest.raises(SetupError, match="shows clips more than 200 times") as caught:
        new_planner(nested_twice(8, apart=True))
    assert caught.value.suggestion == "nest compositions less deeply, or show them less often"


def two_hours(clips: int) -> Film:
    """Clips of 50 files on two tracks, each file used at scattered places, a tenth of the clips nested."""
    facts = {f"m{i}": video(f"m{i}", 20_000, alpha=True) for i in range(50)}
    length = Fraction(7200 * 2, clips)
    card = Composition("card", 320, 180, (Track("t", (media_clip("x", "m0", "0", "300"),)),), duration=Fraction(300))
    tracks: list[list[Clip]] = [[], []]
    for i in range(clips):
        start, in_point = (i // 2) * length, Fraction(i * 37 % 500)
        if i % 10 == 0:
            clip = Clip(f"c{i}", CompositionContent("card"), start, length, Fraction(i % 250))
        else:
            clip = media_clip(f"c{i}", f"m{i % 50}", str(start), str(length), str(in_point))
        tracks[i % 2].append(clip)
    return Film(timeline(*(Track(f"t{i}", tuple(c)) for i, c in enumerate(tracks)), compositions={"card": card}), facts)


def planning_cost(film: Film) -> tuple[float, int]:
    """Seconds of processor time to make a schedule, find next uses and some batches; bytes held in the end."""
    tracemalloc.start()
    planner = new_planner(film)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    began = time.process_time()
    planner = new_planner(film)
    for pts in range(0, 20_000, 10):
        planner.next_use("hash-m3", pts, pts * 7)
    return time.process_time() - began, peak_bytes


@pytest.mark.slow
def test_planning_two_hours_is_linear_in_clips() -> None:
    (few, few_bytes), (many, many_bytes) = planning_cost(two_hours(2_000)), planning_cost(two_hours(10_000))
    assert many < 10 * few
    assert many_bytes < 10 * few_bytes
    assert many_bytes < 60 * 2**20
