"""Reading ahead: one thread, in the order of the film; errors come where frames are asked for."""

from __future__ import annotations

import threading
from fractions import Fraction

import pytest

from reelmill.decoders.read_ahead import ReadAhead
from reelmill.planner.colour import BLACK, VIDEO
from reelmill.planner.errors import RenderError
from reelmill.planner.frame_plan import CompositionPlan, FramePlan
from reelmill.planner.pixel_format import PIXEL_FORMATS
from reelmill.planner.source_frames import DecodeStatistics, Frame, FrameRequest


def request(pts: int, clip: str = "a") -> FrameRequest:
    return FrameRequest("m", "hash", pts, (clip,))


def plan(number: int) -> FramePlan:
    picture = CompositionPlan(None, 2, 2, BLACK, ())
    return FramePlan(number, Fraction(number), picture, frozenset())


class Source:
    """Notes what it is told, and by whom."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.calls: list[str] = []
        self.threads: set[int] = set()
        self.closed = 0

    def begin(self, plan: FramePlan) -> None:
        self.calls.append(f"begin {plan.output_frame}")
        self.threads.add(threading.get_ident())

    def frame(self, request: FrameRequest) -> Frame:
        self.calls.append(f"read {request.pts}")
        self.threads.add(threading.get_ident())
        if request.pts == 13:
            raise RenderError("damaged", component="Decoder")
        return Frame(request.pts, 2, 2, PIXEL_FORMATS["gray"], (), VIDEO)

    def statistics(self) -> DecodeStatistics:
        return DecodeStatistics(frames_decoded=7)

    def close(self) -> None:
        self.closed += 1


def reading(source: Source, *films: list[int]) -> ReadAhead:
    def requests(output_frame: int) -> list[FrameRequest]:
        return [request(pts) for frame in films[output_frame : output_frame + 2] for pts in frame]

    return ReadAhead(source, requests)


def test_the_order_is_that_of_the_film_and_the_thread_is_another() -> None:
    source = Source()
    ahead = reading(source, [1, 11], [2, 12], [2, 14])
    for number, shown in enumerate([(1, 11), (12, 2), (14, 2)]):
        ahead.begin(plan(number))
        assert [ahead.frame(request(pts, "another clip")).pts for pts in shown] == list(shown)
    ahead.close()
    assert source.calls == ["begin 0", "read 1", "read 11", "read 2", "read 12", "begin 1", "read 14", "begin 2"]
    assert len(source.threads) == 1
    assert threading.get_ident() not in source.threads
    assert source.closed >= 1


def test_what_was_not_foreseen_is_read_when_it_is_asked_for() -> None:
    source = Source()
    ahead = reading(source, [1])
    ahead.begin(plan(0))
    assert ahead.frame(request(99)).pts == 99
    ahead.close()


def test_an_error_comes_with_the_frame_and_not_before() -> None:
    ahead = reading(Source(), [1], [13])
    ahead.begin(plan(0))
    assert ahead.frame(request(1)).pts == 1
    ahead.begin(plan(1))
    with pytest.raises(RenderError, match="damaged"):
        ahead.frame(request(13))
    ahead.close()


def test_no_thread_is_left_over() -> None:
    before = set(threading.enumerate())
    ahead = reading(Source(), [1], [2])
    ahead.begin(plan(0))
    ahead.close()
    ahead.close()
    assert set(threading.enumerate()) == before


def test_counters_are_the_sources_but_for_waiting() -> None:
    ahead = reading(Source(), [1])
    ahead.begin(plan(0))
    ahead.frame(request(1))
    assert ahead.statistics().frames_decoded == 7
    assert ahead.statistics().waited_seconds > 0
    ahead.close()
