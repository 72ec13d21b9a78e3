"""Which stretches are copied: worked out by hand from the order of packets, and held against what copying needs."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from reelmill.planner.copying.coded_video import CodedVideo
from reelmill.planner.copying.copy_plan import MIN_COPIED_FRAMES, Stretch, plan_copy
from reelmill.planner.copying.untouched_runs import UntouchedRun


def coded(order: list[int], entries: list[int], problem: str | None = None) -> CodedVideo:
    return CodedVideo(problem, (), None, array("q", order), array("q", entries))


def mini_gops(length: int, gops: int, b_frames: int = 2) -> CodedVideo:
    """Closed groups of pictures I B B P …: each P is coded before the B pictures that are shown before it."""
    order: list[int] = []
    for gop in range(gops):
        begin = gop * length
        order.append(begin)
        place = 1
        while place < length:
            step = min(b_frames + 1, length - place)
            order += [begin + place + step - 1, *range(begin + place, begin + place + step - 1)]
            place += step
    return coded(order, [gop * length for gop in range(gops)])


def planned(video: CodedVideo, *runs: UntouchedRun, **misfits: str) -> list[tuple[int, int, int | None, str | None]]:
    """First frame, end, first packet or None, and reason of each stretch."""
    found = plan_copy(runs, {} if misfits else {"m": video}, misfits)
    return [(s.frames.start, s.frames.stop, s.first_packet if s.copied else None, s.why) for s in found]


CUT = "the cut lies inside of a group of pictures of m"
REORDERED = "the cut lies between pictures of m that need later ones"


def test_a_run_is_copied_from_its_first_idr_picture_on() -> None:
    video = mini_gops(20, 3)
    # It ends with the last P picture and all B pictures before it.
    assert planned(video, UntouchedRun(range(100, 146), "m", 7, None)) == [
        (100, 113, None, CUT),
        (113, 146, 20, None),
    ]
    assert planned(video, UntouchedRun(range(100, 148), "m", 7, None)) == [
        (100, 113, None, CUT),
        (113, 146, 20, None),
        (146, 148, None, REORDERED),
    ]
    assert planned(video, UntouchedRun(range(60), "m", 0, None)) == [(0, 60, 0, None)]


def test_the_delay_is_how_far_pictures_are_decoded_ahead() -> None:
    (two,) = plan_copy([UntouchedRun(range(60), "m", 0, None)], {"m": mini_gops(20, 3)}, {})
    (none,) = plan_copy([UntouchedRun(range(60), "m", 0, None)], {"m": mini_gops(20, 3, b_frames=0)}, {})
    assert (two.delay, none.delay) == (1, 0)
    pyramid = coded([0, 4, 2, 1, 3, 8, 6, 5, 7], [0])
    (deep,) = plan_copy([UntouchedRun(range(9), "m", 0, None)], {"m": pyramid}, {})
    assert deep.delay == 2


def test_reasons_for_a_whole_run() -> None:
    run = UntouchedRun(range(40), "m", 3, None)
    open_gops = coded(list(range(60)), [0])
    assert planned(open_gops, run) == [(0, 40, None, "m has no 8 frames here that begin with an IDR picture")]
    assert planned(coded([], [], "is damaged"), run) == [(0, 40, None, "m is damaged")]
    assert planned(open_gops, run, m="is vp9, and the output is h264") == [
        (0, 40, None, "m is vp9, and the output is h264")
    ]
    why = "a transition goes on"
    assert planned(open_gops, UntouchedRun(range(5), None, 0, why)) == [(0, 5, None, why)]


def test_frames_that_are_shown_again_and_again_are_encoded_as_one_stretch() -> None:
    intra = coded(list(range(60)), list(range(60)))
    repeated = [UntouchedRun(range(n, n + 1), "m", n // 2, None) for n in range(20)]
    assert planned(intra, *repeated) == [
        (0, 20, None, "fewer than 8 frames of m follow one another in its own order"),
    ]


def test_packets_that_put_out_nothing_are_never_copied() -> None:
    order = [*range(20), -1, *range(20, 40), *range(40, 60)]
    video = coded(order, [0, 41])
    assert planned(video, UntouchedRun(range(60), "m", 0, None)) == [
        (0, 20, 0, None),
        (20, 40, None, CUT),
        (40, 60, 41, None),
    ]


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 3)), min_size=1, max_size=6),
    st.integers(0, 60),
    st.integers(1, 120),
)
def test_what_is_copied_needs_nothing_else(gops: list[tuple[int, int]], first: int, count: int) -> None:
    order: list[int] = []
    entries: list[int] = []
    for length, b_frames in gops:
        entries.append(len(order))
        order += [place + len(order) for place in mini_gops(length, 1, b_frames).order]
    count = min(count, len(order) - first)
    if count <= 0:
        return
    video = coded(order, entries)
    found = plan_copy([UntouchedRun(range(500, 500 + count), "m", first, None)], {"m": video}, {})
    assert [n for stretch in found for n in stretch.frames] == list(range(500, 500 + count))
    copied = [stretch for stretch in found if stretch.copied]
    for stretch in copied:
        check(stretch, video, first)
    # Every whole group that is long enough is copied.
    for begin, end in zip(entries, [*entries[1:], len(order)], strict=True):
        if first <= begin and end <= first + count and end - begin >= MIN_COPIED_FRAMES:
            frames = set(range(500 + begin - first, 500 + end - first))
            assert any(frames <= set(stretch.frames) for stretch in copied)


def check(stretch: Stretch, video: CodedVideo, first: int) -> None:
    """Packets from an IDR picture on are exactly the pictures shown, none before its decoding."""
    packets = video.order[stretch.first_packet : stretch.first_packet + len(stretch.frames)]
    begin = first + stretch.frames.start - 500
    assert stretch.first_packet in video.entries
    assert sorted(packets) == list(range(begin, begin + len(stretch.frames)))
    assert stretch.delay == max(decoded - (shown - begin) for decoded, shown in enumerate(packets))
