"""What the media decide: defaults of times, and every clip that its media or its track can't give."""

from __future__ import annotations

import dataclasses
from array import array
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.planner.errors import ProjectError
from reelmill.planner.media import MediaFacts, VideoFacts
from reelmill.planner.pts_table import PtsTable
from reelmill.planner.timeline import Clip, Transition
from reelmill.planner.timelines.resolve import ResolvedProject, find_problems, resolve
from tests.support.project_files import Json, load_data, project, solid, sound_facts, still_facts, video_facts

FACTS: dict[str, MediaFacts] = {
    "beach": video_facts("beach", 250),
    "music": sound_facts("music", 20),
    "logo": still_facts("logo"),
}
"""beach lasts 10 s at 25 frames a second, music 20 s, logo has no end."""


def resolved(*clips: Json, **keys: Any) -> ResolvedProject:
    return resolve(load_data(project(*clips, **keys)).timeline, FACTS)


def clips_of(*clips: Json, **keys: Any) -> tuple[Clip, ...]:
    return resolved(*clips, **keys).timeline.root.tracks[0].clips


def problems(data: Json) -> list[str]:
    with pytest.raises(ProjectError) as caught:
        resolve(load_data(data).timeline, FACTS)
    return [str(problem) for problem in caught.value.problems]


def times(clip: Clip) -> tuple[Fraction, Fraction | None, Fraction | None]:
    return clip.start, clip.duration, clip.in_point


def seconds(*values: int | str) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, values))


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        ({}, ("0", "10", "0")),
        ({"in": 4}, ("0", "6", "4")),
        ({"in": 4, "speed": 3}, ("0", "2", "4")),
        ({"speed": 0.5}, ("0", "20", "0")),
        ({"speed": -1}, ("0", "10", "10")),
        ({"speed": -0.5, "in": 3}, ("0", "6", "3")),
        ({"speed": 0, "in": 3, "duration": 2}, ("0", "2", "3")),
        ({"start": 7, "duration": 1}, ("7", "1", "0")),
        ({"in": 8, "duration": 5, "after_end": "loop"}, ("0", "5", "8")),
        ({"in": 8, "after_end": "hold"}, ("0", "2", "8")),
    ],
)
def test_what_is_left_out_comes_from_the_media(clip: Json, expected: tuple[str, ...]) -> None:
    assert times(clips_of({"media": "beach", **clip})[0]) == seconds(*expected)


def test_clips_follow_one_another() -> None:
    clips = clips_of({"media": "beach"}, {"media": "logo", "duration": 2}, solid(), {"media": "beach", "speed": 2})
    assert [times(clip) for clip in clips] == [
        seconds(0, 10, 0),
        seconds(10, 2, 0),
        seconds(12, 1, 0),
        seconds(13, 5, 0),
    ]
    assert not any(clip.follows for clip in clips)


def test_audio_tracks_count_to_the_end_of_the_sound() -> None:
    data = project(solid())
    data["tracks"].append({"kind": "audio", "clips": [{"media": "music", "in": 5}]})
    timeline = resolve(load_data(data).timeline, FACTS).timeline
    assert times(timeline.root.tracks[1].clips[0]) == seconds(0, 15, 5)
    assert timeline.duration == 15


def test_lengths_of_compositions_are_found_deepest_first() -> None:
    compositions = {
        "outer": {"tracks": [{"clips": [{"composition": "inner"}, solid()]}]},
        "inner": {"tracks": [{"clips": [{"media": "beach", "speed": 4}]}]},
        "unused": {"tracks": [{"clips": [{"media": "missing"}]}]},
    }
    media = {"beach": {"path": "b"}, "missing": {"path": "m"}}
    timeline = resolved({"composition": "outer", "speed": -1}, compositions=compositions, media=media).timeline
    assert timeline.compositions["inner"].duration == Fraction(5, 2)
    assert timeline.compositions["outer"].duration == Fraction(7, 2)
    assert times(timeline.root.tracks[0].clips[0]) == seconds(0, "7/2", "7/2")
    assert timeline.duration == Fraction(7, 2)
    assert list(timeline.compositions) == ["outer", "inner"]


def test_a_duration_that_is_given_wins() -> None:
    canvas = {"width": 640, "height": 360, "fps": 25, "duration": 2}
    project_ = resolved(solid(duration=5), solid(id="late"), canvas=canvas)
    assert project_.timeline.duration == 2
    assert project_.warnings == (
        '$.tracks[0].clips[1]: clip "late" is never seen: it starts at 5 s, but the composition lasts 2 s',
    )


def test_what_is_switched_off_keeps_its_place_and_is_left_out() -> None:
    off = {"media": "beach", "enabled": False}
    data = project(solid(), off, solid(id="last"))
    data["tracks"].append({"enabled": False, "clips": [solid(duration=99)]})
    timeline = resolve(load_data(data).timeline, FACTS).timeline
    assert [(clip.id, clip.start) for clip in timeline.root.tracks[0].clips] == [
        ("track-1[0]", Fraction(0)),
        ("last", Fraction(11)),
    ]
    assert len(timeline.root.tracks) == 1
    assert timeline.duration == 12


def test_media_of_clips_that_are_off_need_not_be_known() -> None:
    data = project(solid(duration=3), {"media": "beach", "in": 99, "enabled": False})
    assert resolve(load_data(data).timeline, {}).timeline.duration == 3


def test_overlaps_are_transitions() -> None:
    clips = clips_of(
        solid(duration=5), solid(start=4, duration=5), solid(start=8, duration=2, transition={"type": "push"}), solid()
    )
    assert [clip.transition for clip in clips] == [None, Transition(), Transition("push"), None]


def test_a_transition_from_a_clip_that_is_off_does_not_take_place() -> None:
    clips = clips_of(solid(duration=5, enabled=False), solid(start=4, transition={"type": "iris"}))
    assert [clip.transition for clip in clips] == [None]


# --- problems ---

AFTER = 'or say what is shown there with "after_end": "hold", "loop" or "blank"'


@pytest.mark.parametrize(
    ("clip", "message", "hint"),
    [
        (
            {"in": 6, "duration": 5},
            'needs 6 s to 11 s of media "beach", which ends at 10 s',
            f'shorten "duration" to 4 s, {AFTER}',
        ),
        (
            {"in": 6, "duration": 3, "speed": 1.5},
            'needs 6 s to 10.5 s of media "beach", which ends at 10 s',
            f'shorten "duration" to 2.666666 s, {AFTER}',
        ),
        (
            {"in": 12, "duration": 1},
            'needs 12 s to 13 s of media "beach", which ends at 10 s',
            f'choose another "in", {AFTER}',
        ),
        (
            {"in": -1, "duration": 2},
            'needs -1 s to 1 s of media "beach", which begins at 0 s',
            f'choose another "in", {AFTER}',
        ),
        (
            {"in": 2, "duration": 3, "speed": -1},
            'needs -1 s to 2 s of media "beach", which begins at 0 s',
            f'shorten "duration" to 2 s, {AFTER}',
        ),
        (
            {"in": 10},
            '"in" is 10 s, and media "beach" has its end at 10 s',
            'choose another "in", or give the clip a "duration" and "after_end"',
        ),
        (
            {"in": 0, "speed": -1},
            '"in" is 0 s, and media "beach" has its beginning at 0 s',
            'choose another "in", or give the clip a "duration" and "after_end"',
        ),
        ({"speed": 0}, "a frozen frame has no end of its own", 'give the clip a "duration"'),
        ({"media": "logo"}, 'media "logo" has no end of its own', 'give the clip a "duration"'),
        (
            {"media": "music"},
            'media "music" has no picture, and this is a video track',
            'put it on a track of "kind": "audio"',
        ),
    ],
)
def test_what_the_media_can_not_give(clip: Json, message: str, hint: str) -> None:
    assert problems(project({"media": "beach", "id": "x", **clip})) == [
        f'$.tracks[0].clips[0]: clip "x": {message} ({hint})'
    ]


@pytest.mark.parametrize(
    ("clip", "works"),
    [
        ({"in": 6, "duration": "101f"}, True),
        ({"in": 6, "duration": "102f"}, False),
        ({"in": "-1f", "duration": 1}, True),
        ({"in": "-2f", "duration": 1}, False),
        ({"in": -2, "duration": 1, "after_end": "blank"}, True),
        ({"in": 9, "duration": 20, "after_end": "loop"}, True),
        ({"in": 50, "speed": 0, "duration": 1, "after_end": "hold"}, True),
        ({"in": 50, "speed": 0, "duration": 1}, False),
    ],
)
def test_a_frame_may_be_missing_at_each_end(clip: Json, works: bool) -> None:
    timeline = load_data(project({"media": "beach", **clip})).timeline
    assert (not find_problems(timeline, FACTS)) == works


def test_the_frames_that_may_be_missing_are_the_ones_of_the_source() -> None:
    """A file of three frames that last 1, 2 and 4 seconds."""
    facts = video_facts("beach", 3)
    assert facts.video is not None
    table = PtsTable(Fraction(1), array("q", [0, 1, 3]), 7, array("q", [0]))
    slow = MediaFacts("beach", "", "video", "", _with_table(facts, table), None)
    for clip, works in (
        ({"in": -1, "duration": 12}, True),
        ({"in": 0, "duration": 11.01}, False),
        ({"in": -1.01, "duration": 5}, False),
    ):
        timeline = load_data(project({"media": "beach", **clip})).timeline
        assert (not find_problems(timeline, {"beach": slow})) == works


def _with_table(facts: MediaFacts, table: PtsTable) -> VideoFacts:
    assert facts.video is not None
    return dataclasses.replace(facts.video, table=table)


def test_sound_and_compositions_may_miss_a_frame_of_the_canvas() -> None:
    compositions = {"card": {"duration": 4}}
    for frames, works in ((1, True), (2, False)):
        data = project({"composition": "card", "duration": f"{100 + frames}f"}, compositions=compositions)
        data["tracks"].append({"kind": "audio", "clips": [{"media": "music", "duration": f"{500 + frames}f"}]})
        assert len(find_problems(load_data(data).timeline, FACTS)) == (0 if works else 2)


def test_media_without_sound_on_an_audio_track() -> None:
    data = project()
    data["tracks"] = [{"kind": "audio", "clips": [{"id": "x", "media": "beach"}]}]
    assert problems(data) == [
        '$.tracks[0].clips[0]: clip "x": media "beach" has no sound, and this is an audio track '
        "(put it on a video track)"
    ]


def test_sound_that_begins_before_the_picture_may_be_used() -> None:
    film = video_facts("beach", 250, audio=sound_facts("", 11, start=-1).audio)
    data = project()
    data["tracks"] = [{"kind": "audio", "clips": [{"media": "beach", "in": -1}]}]
    timeline = resolve(load_data(data).timeline, {"beach": film}).timeline
    assert times(timeline.root.tracks[0].clips[0]) == seconds(0, 11, -1)


@pytest.mark.parametrize(
    ("clips", "expected"),
    [
        (
            [solid(id="a", duration=5), solid(id="b", start=3, duration=5), solid(id="c", start=4, duration=9)],
            '[2]: clip "c": is shown together with "a" and "b" at 4 s; a track shows two clips at once at most '
            "(put one on another track)",
        ),
        (
            [solid(id="a", start=5), solid(id="b", start=2)],
            '[1]: clip "b": starts at 2 s, not later than clip "a", which lasts from 5 s to 6 s '
            "(list the clips of a track in order of time, or use another track)",
        ),
        (
            [solid(id="a", duration=5), solid(id="b", start=1, duration=4)],
            '[1]: clip "b": ends at 5 s, not later than clip "a", which lasts from 0 s to 5 s '
            "(put one of the two on another track)",
        ),
        (
            [solid(id="a"), solid(id="b", transition={})],
            '[1]: clip "b": has a "transition", but overlaps no clip before it '
            "(a transition takes place where a clip overlaps the one before; let it start earlier than 1 s)",
        ),
        (
            [solid(id="a", transition={"type": "wipe"})],
            '[0]: clip "a": has a "transition", but overlaps no clip before it '
            "(the first clip of a track can't have one)",
        ),
    ],
)
def test_clips_that_do_not_fit_on_one_track(clips: list[Json], expected: str) -> None:
    assert problems(project(*clips)) == [f"$.tracks[0].clips{expected}"]


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), min_size=1, max_size=5),
)
def test_the_rules_of_overlap(spans: list[tuple[int, int]]) -> None:
    """Against the rules said plainly: starts and ends ascend, and no instant has three clips."""
    ends = [start + length for start, length in spans]
    ascending = all(a[0] < b[0] for a, b in pairwise(spans))
    ascending = ascending and all(a < b for a, b in pairwise(ends))
    crowded = any(sum(s <= t < s + n for s, n in spans) > 2 for t in range(20))
    timeline = load_data(project(*[solid(start=start, duration=length) for start, length in spans])).timeline
    assert (not find_problems(timeline, {})) == (ascending and not crowded)


def test_a_film_without_length() -> None:
    expected = ['$.tracks: the film has no length: no clip is shown (add a clip, or give the canvas a "duration")']
    assert problems(project()) == expected
    assert problems(project(solid(enabled=False))) == expected


def test_a_composition_without_length() -> None:
    data = project({"id": "x", "composition": "empty"}, compositions={"empty": {}})
    assert problems(data) == [
        '$.tracks[0].clips[0]: clip "x": composition "empty" has no length (add a clip to it, or give it a "duration")'
    ]


def test_a_film_beyond_the_limit() -> None:
    clips = [{"media": "beach", "speed": 0.00001}, {"media": "beach", "speed": 0.00001}]
    assert problems(project(*clips)) == ["$.tracks: the film would be 2000000 s long; 1000000 s is the limit"]


def test_every_problem_at_once_and_none_that_follows_from_another() -> None:
    compositions = {"card": {"tracks": [{"clips": [{"media": "logo"}]}]}}
    data = project(
        {"media": "beach", "in": 99, "id": "a"},
        solid(transition={}, id="b"),
        {"composition": "card", "id": "c"},
        {"media": "music", "start": 50, "id": "d"},
        compositions=compositions,
    )
    assert [p.split(": ")[0] for p in problems(data)] == [
        "$.compositions.card.tracks[0].clips[0]",
        "$.tracks[0].clips[0]",
        "$.tracks[0].clips[3]",
    ]


def test_media_that_nothing_is_known_of() -> None:
    timeline = load_data(project({"media": "beach"}, {"media": "music", "start": 20})).timeline
    with pytest.raises(ProjectError) as caught:
        resolve(timeline, {"music": FACTS["music"]})
    assert [p.path for p in caught.value.problems] == ["$.tracks[0].clips[1]", "$.media.beach"]
    assert [p.path for p in find_problems(timeline, {"music": FACTS["music"]})] == ["$.tracks[0].clips[1]"]


# --- warnings ---


def test_deep_nesting_is_told() -> None:
    compositions: Json = {f"c{i}": {"tracks": [{"clips": [{"composition": f"c{i + 1}"}]}]} for i in range(5)}
    compositions["c5"] = {"duration": 1}
    assert resolved({"composition": "c1"}, compositions=compositions).warnings == ()
    assert resolved({"composition": "c0"}, compositions=compositions).warnings == (
        "compositions nest 6 deep, which is slow to render: c0 → c1 → c2 → c3 → c4 → c5",
    )


def test_fades_that_overlap_are_told() -> None:
    clip = solid(id="x", audio={"fade_in": 0.6, "fade_out": 0.5})
    assert resolved(clip).warnings == (
        '$.tracks[0].clips[0].audio: the fades of clip "x" are longer than it; it lasts 1 s',
    )


@given(
    st.fractions(0, 9, max_denominator=1000),
    st.fractions(Fraction(1, 8), 8, max_denominator=8),
    st.booleans(),
)
def test_the_rest_of_the_media_is_all_of_it_and_no_more(in_point: Fraction, speed: Fraction, backwards: bool) -> None:
    in_point = 10 - in_point if backwards else in_point
    written = f"{-speed if backwards else speed}"
    (clip,) = clips_of({"media": "beach", "in": f"{in_point}", "speed": written})
    assert clip.duration is not None
    assert clip.in_point == in_point
    assert in_point + clip.duration * clip.speed == (0 if backwards else 10)
