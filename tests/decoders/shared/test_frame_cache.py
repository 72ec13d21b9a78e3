"""The frame cache: what is kept, what goes first, what bounds it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable

import numpy as np
import pytest

from reelmill.decoders.shared import frame_memory
from reelmill.decoders.shared.frame_cache import MOST_THRASHING, FrameCache, FrameKey, frame_bytes
from reelmill.decoders.shared.frame_memory import FrameMemory
from reelmill.decoders.shared.thrash_watch import ThrashWatch
from reelmill.planner.colour import ColourTags
from reelmill.planner.errors import RenderError
from reelmill.planner.pixel_format import PIXEL_FORMATS
from reelmill.planner.source_frames import Frame, Plane

SIZE = 100
MEGABYTE = 10**6


class Owner:
    """Memory of a frame, whose end can be watched."""


def frame(pts: int, size: int = SIZE, owner: object = None) -> Frame:
    plane = Plane(memoryview(bytes(size)), size, size, 1)
    return Frame(pts, size, 1, PIXEL_FORMATS["gray"], (plane,), ColourTags(), owner=owner)


class Plan:
    """Output frames that show each source frame."""

    def __init__(self, **uses: dict[int, list[int]]) -> None:
        self.uses = uses

    def next_use(self, source: str, pts: int, after_frame: int) -> int | None:
        return min((use for use in self.uses.get(source, {}).get(pts, []) if use > after_frame), default=None)

    def at(self, output_frame: int) -> dict[FrameKey, int]:
        return {(s, pts): SIZE for s, each in self.uses.items() for pts, uses in each.items() if output_frame in uses}


def cache_of(plan: Plan, frames: int, limit: int | None = None) -> FrameCache:
    cache = FrameCache(budget_bytes=frames * SIZE, limit_bytes=(limit or 10 * frames) * SIZE, next_use=plan.next_use)
    cache.begin(0, plan.at(0))
    return cache


def held(cache: FrameCache, source: str, among: Iterable[int]) -> list[int]:
    return [pts for pts in among if cache.has(source, pts)]


def test_a_frame_that_is_never_shown_is_not_kept() -> None:
    cache = cache_of(Plan(a={1: [3]}), 10)
    assert cache.put("a", frame(1))
    assert not cache.put("a", frame(2))
    assert held(cache, "a", [1, 2]) == [1]
    assert cache.used_bytes == SIZE


def test_a_frame_leaves_the_moment_its_last_use_is_past_and_its_memory_with_it() -> None:
    plan = Plan(a={1: [1, 4], 2: [1]})
    cache = cache_of(plan, 10)
    owner = Owner()
    gone = weakref.ref(owner)
    cache.put("a", frame(1))
    cache.put("a", frame(2, owner=owner))
    del owner
    cache.begin(1, plan.at(1))
    assert held(cache, "a", [1, 2]) == [1, 2]
    cache.begin(2, plan.at(2))
    assert held(cache, "a", [1, 2]) == [1]
    assert gone() is None
    cache.begin(5, plan.at(5))
    assert held(cache, "a", [1, 2]) == []
    assert cache.used_bytes == 0
    assert cache.stats().evictions == 0


def test_the_frame_whose_next_use_is_farthest_gives_way() -> None:
    plan = Plan(a={1: [5], 2: [9], 3: [7], 4: [6]})
    cache = cache_of(plan, 3)
    for pts in (1, 2, 3):
        assert cache.put("a", frame(pts))
    assert cache.put("a", frame(4))
    assert held(cache, "a", [1, 2, 3, 4]) == [1, 3, 4]
    assert cache.stats().evictions == 1
    assert not cache.put("a", frame(2)), "what is kept is needed sooner"
    assert cache.stats().evictions == 1
    assert cache.would_keep("a", 4, SIZE)
    assert not cache.would_keep("a", 2, SIZE)


def test_of_equal_next_uses_the_least_recently_used_gives_way() -> None:
    plan = Plan(a={1: [9], 2: [9], 3: [9], 4: [5]})
    cache = cache_of(plan, 3)
    for pts in (1, 2, 3):
        cache.put("a", frame(pts))
    cache.get("a", 1)
    cache.put("a", frame(4))
    assert held(cache, "a", [1, 2, 3, 4]) == [1, 3, 4]


def test_a_file_above_its_share_gives_first() -> None:
    plan = Plan(a={1: [5], 2: [6], 3: [7]}, b={1: [90], 2: [4]})
    cache = cache_of(plan, 4)
    cache.set_share("a", 2)
    for pts in (1, 2, 3):
        cache.put("a", frame(pts))
    cache.put("b", frame(1))
    cache.put("b", frame(2))
    assert held(cache, "a", [1, 2, 3]) == [1, 2]
    assert held(cache, "b", [1, 2]) == [1, 2]


def test_frames_shown_now_stay_above_the_budget_but_never_above_the_limit() -> None:
    plan = Plan(a={pts: [0] for pts in range(5)}, b={1: [2]})
    cache = cache_of(plan, 2, limit=4)
    cache.put("b", frame(1))
    for pts in range(4):
        assert cache.put("a", frame(pts))
    assert held(cache, "b", [1]) == [], "what is shown later makes room"
    assert held(cache, "a", range(5)) == [0, 1, 2, 3]
    with pytest.raises(RenderError) as caught:
        cache.put("a", frame(4))
    assert caught.value.component == "FrameCache"
    assert "5 source frames that are shown at once take 0.0 MB" in caught.value.message
    assert "--memory-limit" in (caught.value.suggestion or "")
    assert cache.stats().peak_bytes == 4 * SIZE


def test_the_budget_holds_again_when_the_output_frame_is_done() -> None:
    plan = Plan(a={pts: [0, 5 + pts] for pts in range(4)})
    cache = cache_of(plan, 2, limit=4)
    for pts in range(4):
        cache.put("a", frame(pts))
    cache.begin(1, plan.at(1))
    assert cache.used_bytes == 2 * SIZE
    assert held(cache, "a", range(4)) == [0, 1]


def test_decoding_again_what_did_not_fit_is_counted() -> None:
    plan = Plan(a={1: [5], 2: [9], 3: [7]})
    cache = cache_of(plan, 2)
    for pts in (1, 2, 3):
        cache.put("a", frame(pts))
    assert cache.planned_redecodes == 0
    cache.begin(6, plan.at(6))
    cache.put("a", frame(2))
    assert cache.planned_redecodes == 1
    cache.begin(8, plan.at(8))
    cache.put("a", frame(2))
    assert cache.planned_redecodes == 1


def test_thrashing_raises_the_share_of_the_file_and_is_an_error_in_the_end() -> None:
    plan = Plan(a={1: [99]}, b={pts: [pts + 1] for pts in range(20)})
    cache = cache_of(plan, 1, limit=1)

    def play() -> None:
        for number in range(20):
            cache.begin(number, {}, {("a", 1): SIZE})
            cache.put("a", frame(1))
            cache.put("b", frame(number))

    with pytest.raises(RenderError) as caught:
        play()
    assert "--memory-limit" in (caught.value.suggestion or "")
    assert caught.value.component == "FrameCache"
    assert cache.planned_redecodes == MOST_THRASHING + 1


def test_what_finds_no_room_is_lost_until_the_budget_grows() -> None:
    plan = Plan(a={1: [9], 2: [5], 3: [6], 4: [99]})
    cache = cache_of(plan, 1, limit=2)
    cache.put("a", frame(1))
    cache.put("a", frame(2))
    cache.note_lost("a", 4)
    assert [pts for pts in range(5) if cache.lost("a", pts)] == [1, 4], "evicted, and not even tried"
    cache.grow(5 * SIZE)
    assert cache.budget_bytes == 2 * SIZE, "the limit"
    assert not any(cache.lost("a", pts) for pts in range(5))
    assert cache.put("a", frame(3))
    assert cache.put("a", frame(1)) is False
    assert cache.lost("a", 1)
    assert cache.planned_redecodes == 1


def test_the_budget_is_raised_in_steps_while_more_is_decoded_again_than_shown() -> None:
    watch = ThrashWatch(10 * MEGABYTE, 100 * MEGABYTE)
    assert watch.grown_budget(again=31, shown=5) is None, "too little to speak of"
    assert watch.grown_budget(again=90, shown=100) is None
    assert watch.warning(90, 100, 10 * MEGABYTE) is None
    assert watch.grown_budget(again=140, shown=120) == 40 * MEGABYTE
    assert watch.grown_budget(again=150, shown=130) is None, "counted from the last time on"
    assert "--cache-size 40MB" in (watch.warning(140, 130, 30 * MEGABYTE) or "")
    assert watch.grown_budget(again=190, shown=131) == 100 * MEGABYTE, "the limit"
    assert watch.grown_budget(again=290, shown=135) is None
    assert "more would not help" in (watch.warning(280, 135, 30 * MEGABYTE) or "")
    assert "--memory-limit 200MB" in (watch.warning(280, 135, 90 * MEGABYTE) or "")


def test_prewarming_tells_what_is_missing_and_protects_what_is_there() -> None:
    plan = Plan(a={1: [9], 2: [9], 3: [9]})
    cache = cache_of(plan, 2)
    cache.put("a", frame(1))
    cache.put("a", frame(2))
    assert cache.prewarm("a", [1, 3]) == [3]
    plan.uses["a"][3] = [4]
    cache.put("a", frame(3))
    assert held(cache, "a", [1, 2, 3]) == [1, 3]


def test_room_leaves_out_what_is_promised() -> None:
    plan = Plan(a={1: [1], 2: [2], 3: [3]})
    cache = cache_of(plan, 10)
    cache.begin(0, {}, {("a", 1): SIZE, ("a", 2): SIZE})
    assert cache.room_bytes == 8 * SIZE
    cache.put("a", frame(1))
    assert cache.room_bytes == 8 * SIZE
    cache.put("a", frame(3))
    assert cache.room_bytes == 7 * SIZE


def test_clearing_and_counting() -> None:
    plan = Plan(a={1: [3], 2: [4]}, b={1: [5]})
    cache = cache_of(plan, 10)
    cache.put("a", frame(1))
    cache.put("a", frame(2, size=3 * SIZE))
    cache.put("b", frame(1))
    stats = cache.stats()
    assert stats.peak_bytes == 5 * SIZE
    assert (stats.per_file["a"].frames, stats.per_file["a"].peak_bytes) == (2, 4 * SIZE)
    assert (stats.per_file["b"].frames, stats.per_file["b"].peak_bytes) == (1, SIZE)
    cache.clear()
    assert cache.used_bytes == 0
    assert held(cache, "a", [1, 2]) == []
    assert cache.stats().peak_bytes == 5 * SIZE


def test_bytes_are_those_of_all_planes() -> None:
    planes = (Plane(memoryview(bytes(64 * 4)), 64, 8, 4), *(Plane(memoryview(bytes(32 * 2)), 32, 4, 2),) * 2)
    assert frame_bytes(Frame(0, 8, 4, PIXEL_FORMATS["yuv420p"], planes, ColourTags())) == 64 * 4 + 2 * 32 * 2


def test_many_threads_may_use_it_at_once() -> None:
    plan = Plan(**{f"s{n}": {pts: [pts + 1] for pts in range(200)} for n in range(4)})
    cache = cache_of(plan, 50)
    most: list[int] = []

    def fill(source: str) -> None:
        for pts in range(200):
            cache.put(source, frame(pts))
            cache.get(source, pts // 2)
            most.append(cache.used_bytes)

    threads = [threading.Thread(target=fill, args=(f"s{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for number in range(0, 100, 5):
        cache.begin(number, plan.at(number))
    for thread in threads:
        thread.join()
    assert max(most) <= 54 * SIZE, "the budget, and the four frames that are shown now"
    cache.begin(1000, {})
    assert cache.used_bytes == 0


def decoded(pts: int, size: int, value: int) -> Frame:
    """A frame in a decoder's memory."""
    planes = tuple(Plane(memoryview(bytes([value + n]) * size), size, size, 1) for n in range(3))
    return Frame(pts, size, 1, PIXEL_FORMATS["yuv444p"], planes, ColourTags(), owner=object())


def test_frames_are_copied_into_buffers_that_are_used_again_when_no_view_is_left() -> None:
    memory = FrameMemory()
    first = memory.own(decoded(1, 16, 10))
    assert first.owner is None
    assert [bytes(plane.data) for plane in first.planes] == [bytes([10 + n]) * 16 for n in range(3)]
    assert all(plane.data.readonly for plane in first.planes)
    chroma = first.planes[2].data
    address = np.frombuffer(first.planes[0].data, np.uint8).ctypes.data
    del first
    second = memory.own(decoded(2, 16, 20))
    assert bytes(chroma) == bytes([12]) * 16, "a view of one plane keeps all of the buffer"
    del chroma
    third = memory.own(decoded(3, 16, 30))
    assert np.frombuffer(third.planes[0].data, np.uint8).ctypes.data == address
    assert [bytes(plane.data) for plane in second.planes] == [bytes([20 + n]) * 16 for n in range(3)]
    other = memory.own(decoded(4, 8, 40))
    assert other.planes[1].data.nbytes == 8
    own = frame(5)
    assert memory.own(own) is own


def test_free_buffers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_memory, "FREE_BYTES", 100)
    memory = FrameMemory()
    frames = [memory.own(decoded(n, 16, n)) for n in range(5)]
    frames.clear()
    assert sum(buffer.nbytes for free in memory._free.values() for buffer in free) == 96
    memory.clear()
    assert not memory._free
