"""Sets of output frames, held against Python's own sets; and what a planner makes of gaps and steps."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reelmill.planner.frame_set import FrameSet
from reelmill.planner.pictures.frame_planner import FramePlanner
from reelmill.planner.scheduling.export_planner import ExportPlanner
from tests.support.random_timelines import Film, films

RANGES = st.lists(
    st.builds(
        lambda start, count, step: range(start, start + count, step),
        st.integers(0, 60),
        st.integers(0, 50),
        st.integers(1, 9),
    ),
    max_size=6,
)


@given(RANGES)
def test_it_is_the_union_of_its_ranges(parts: list[range]) -> None:
    wanted = sorted({frame for part in parts for frame in part})
    found = FrameSet.of(parts)
    assert list(found) == wanted
    assert len(found) == len(wanted)
    for frame in range(130):
        assert (frame in found) == (frame in wanted)
        assert found.next(frame) == next((each for each in wanted if each >= frame), None)


@given(RANGES)
def test_spans_cover_all_and_lie_apart(parts: list[range]) -> None:
    found = FrameSet.of(parts)
    spans = found.spans
    assert {frame for span in spans for frame in span} >= set(found)
    assert all(first.stop < second.start for first, second in pairwise(spans))
    assert all(span[0] in found and span[-1] in found for span in spans)
    assert found.hull == (range(min(found), max(found) + 1) if parts and set(found) else range(0))


@given(films(alpha=False), RANGES)
def test_a_planner_of_some_frames_asks_for_what_these_show(film: Film, parts: list[range]) -> None:
    frames = range(FramePlanner(film.timeline, film.facts, {}).frame_count)
    wanted = FrameSet.of(range(max(p.start, 0), min(p.stop, frames.stop), p.step) for p in parts)
    if not wanted.parts:
        return
    whole = ExportPlanner(film.timeline, film.facts, {}, frames)
    some = ExportPlanner(film.timeline, film.facts, {}, wanted)
    for frame in wanted:
        assert some.plan(frame) == whole.plan(frame)
        assert some.requests_at(frame) == whole.requests_at(frame)
        ahead = some.requests_ahead(frame)
        following = wanted.next(frame + 1)
        adjoining = following is not None and any(frame in span and following in span for span in wanted.spans)
        expected = whole.requests_at(following) if following is not None and adjoining else ()
        assert ahead == some.requests_at(frame) + expected
        for batch in some.next_decode_batch(frame):
            for request in batch.requests:
                assert request.output_frame in wanted
                assert request.request in whole.requests_at(request.output_frame)
