"""Every problem of a project file, in words for people: all at once, each at its place."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.planner.timelines import nesting
from tests.support.project_files import Json, load_data, problems_in, project, solid

ONE_PROBLEM: list[tuple[Json, str]] = [
    ({"meda": "beach", "solid": "red", "duration": 1}, ': unknown key "meda" (did you mean "media"?)'),
    ({"media": "baech"}, '.media: "baech" is not one of the media (did you mean "beach"?)'),
    ({"composition": "card"}, '.composition: "card" is not one of the compositions ("compositions" has no entries)'),
    ({}, ": the clip shows nothing (give it one of media, composition, text, solid, shape)"),
    (
        solid(media="beach", shape={"type": "ellipse", "size": [1, 1], "fill": "red"}),
        ": the clip has media, solid and shape; it can show one of them (use a clip for each)",
    ),
    ({"solid": "red"}, ': a solid has no end of its own (give the clip a "duration")'),
    (solid(start=-1), ".start: must not be negative, but is -1"),
    (solid(duration=0), ".duration: must be greater than 0"),
    (solid(duration="-5f"), '.duration: must not be negative, but is "-5f"'),
    (solid(start=True), '.start: must be a time, not true or false (write seconds, "N/D", "120f" or a timecode)'),
    (solid(start=2_000_000), ".start: is beyond the limit of 1000000 seconds"),
    (solid(start="99999999f"), '.start: "99999999f" is beyond the limit of 1000000 seconds'),
    (solid(start="00:00:00:25"), '.start: "00:00:00:25" is not a timecode at 25 frames a second'),
    (solid(blend="colour-burn"), '.blend: "colour-burn" is not one of normal, multiply, screen, overlay, darken, '
     "lighten, color_dodge, color_burn, hard_light, soft_light, difference, exclusion, hue, saturation, color, "
     'luminosity, add (did you mean "color_burn"?)'),
    (solid(opacity=1), ': unknown key "opacity" ("opacity" belongs in "transform")'),
    (solid(transform={"opacity": 1.5}), ".transform.opacity: 1.5 is out of range: it must be 0 to 1"),
    (solid(transform={"position": 4}), ".transform.position: must be a list of 2 numbers [x, y], not a number"),
    (solid(transform={"scale": [1, 2, 3]}), ".transform.scale: must be a list of 2 numbers [x, y], not a list of 3"),
    (solid(transform={"rotation": [1, 2]}), ".transform.rotation: must be a number, not a list"),
    (solid(transform=[]), ".transform: must be an object"),
    (solid(speed="fast"), '.speed: "fast" is not a speed (write a number from -1000 to 1000, or "N/D")'),
    (solid(enabled=1), ".enabled: must be true or false, not a number"),
    (solid(id=""), ".id: must not be empty"),
    (solid(id=7), ".id: must be a string, not a number"),
    (solid(fit="coverr"), '.fit: "coverr" is not one of contain, cover, fill, none (did you mean "cover"?)'),
    (solid(crop={"left": 0.5, "right": 0.5}), '.crop: "left" and "right" together cut off the whole picture'),
    (solid(audio={"pan": -2}), ".audio.pan: -2 is out of range: it must be -1 to 1"),
    (solid(transition={"type": "disolve"}), '.transition.type: "disolve" is not one of dissolve, fade, wipe, push, '
     'iris (did you mean "dissolve"?)'),
    (solid(transition={"easing": [0.5, 0, 2, 1]}),
     ".transition.easing: x1 and x2 of a cubic-bezier must lie in 0 to 1"),
    (
        solid(transform={"opacity": {"keyframes": [{"time": 1, "value": 0}, {"time": 1, "value": 1}]}}),
        ".transform.opacity.keyframes[1].time: is not later than the keyframe before it, at 1 s",
    ),
    (solid(transform={"opacity": {"keyframes": []}}),
     ".transform.opacity.keyframes: must be 1 to 100000 keyframes, not 0"),
    (
        solid(transform={"scale": {"keyframes": [{"time": 0, "value": 1, "easing": "ease-in"}]}}),
        '.transform.scale.keyframes[0].easing: "ease-in" is not an easing: write linear, hold, ease_in, ease_out, '
        'ease_in_out or [x1, y1, x2, y2] (did you mean "ease_in"?)',
    ),
    ({"solid": "rde", "duration": 1}, '.solid: "rde" is not a colour (did you mean "red"?)'),
    ({"solid": "#12345", "duration": 1}, '.solid: "#12345" is not a colour '
     "(write #rgb, #rrggbb or #rrggbbaa with digits 0-9 and a-f)"),
    ({"solid": 5, "duration": 1}, '.solid: must be a colour, not a number '
     '(write "#rrggbb", a CSS colour name or transparent)'),
    ({"text": {"size": 5}, "duration": 1}, '.text: the key "content" is missing'),
    ({"text": {"content": "x" * 100_001, "size": 5}, "duration": 1},
     ".text.content: has 100001 characters; 100000 is the limit"),
    ({"shape": {"type": "polygon", "size": [1, 1], "fill": "red", "points": [[0, 0], [1, 1]]}, "duration": 1},
     '.shape: a polygon needs "points": a list of 3 or more [x, y]'),
    ({"shape": {"type": "ellipse", "size": [1, 1], "fill": "red", "radius": 3}, "duration": 1},
     '.shape: "radius" is for the corners of a rectangle, not for the ellipse'),
    ({"shape": {"type": "rectangle", "size": [1, 1]}, "duration": 1},
     '.shape: the shape has no colour (give it a "fill")'),
    ({"shape": {"type": "line", "size": [1, 1], "fill": "red", "points": [[0, 0], [1, 1]]}, "duration": 1},
     '.shape: a line has no fill (give it a "stroke")'),
    (solid(duration=None), ".duration: null is not a value (leave the key out)"),
]  # fmt: skip


@pytest.mark.parametrize(("clip", "problem"), ONE_PROBLEM)
def test_one_wrong_clip(clip: Json, problem: str) -> None:
    assert problems_in(project(clip)) == [f"$.tracks[0].clips[0]{problem}"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"version": 2}, "$.version: 2 is not a version of the project file that can be read; 1 is"),
        ({"trakcs": []}, '$: unknown key "trakcs" (did you mean "tracks"?)'),
        ({"canvas": {"width": 10, "height": 10}}, '$.canvas: the key "fps" is missing'),
        (
            {"canvas": {"width": 20000, "height": 10, "fps": 25}},
            "$.canvas.width: 20000 is out of range: it must be 1 to 16384",
        ),
        ({"canvas": {"width": 1.5, "height": 10, "fps": 25}}, "$.canvas.width: must be a whole number, not 1.5"),
        (
            {"canvas": {"width": 10, "height": 10, "fps": "25fps"}},
            '$.canvas.fps: "25fps" is not a frame rate from 0.01 to 1000 frames a second '
            '(write 25, 29.97 or "30000/1001")',
        ),
        ({"audio": {"channels": 9}}, "$.audio.channels: 9 is out of range: it must be 1 to 8"),
        (
            {"audio": {"sample_rate": 200}},
            "$.audio.sample_rate: 200 is out of range: it must be 8000 to 192000",
        ),
        ({"tracks": {}}, "$.tracks: must be a list"),
        ({"media": []}, "$.media: must be an object"),
        ({"media": {"a": {}}}, '$.media.a: the key "path" is missing'),
        ({"media": {"a": {"path": ""}}}, "$.media.a.path: is not a path"),
        ({"media": {"a": {"path": "a\0b"}}}, "$.media.a.path: is not a path"),
        (
            {"export": {"video": {"bitrate": "fast"}}},
            '$.export.video.bitrate: "fast" is not a bit rate (write 192000, "192k" or "8M")',
        ),
    ],
)
def test_one_wrong_section(change: Json, problem: str) -> None:
    assert problems_in({**project(solid()), **change}) == [problem]


def test_every_problem_at_once() -> None:
    data = project(
        {"meda": "beach"},
        {"media": "bech", "start": -1, "speed": "x"},
        solid(transform={"opacity": {"keyframes": [{"time": 0, "value": 2}, {"time": "?", "value": 0, "esing": 1}]}}),
        canvas={"width": 0, "height": "tall", "fps": 0},
        colour="red",
    )
    assert [problem.split(": ")[0] for problem in problems_in(data)] == [
        "$",
        "$.canvas.fps",
        "$.canvas.height",
        "$.canvas.width",
        "$.tracks[0].clips[0]",
        "$.tracks[0].clips[0]",
        "$.tracks[0].clips[1].media",
        "$.tracks[0].clips[1].speed",
        "$.tracks[0].clips[1].start",
        "$.tracks[0].clips[2].transform.opacity.keyframes[0].value",
        "$.tracks[0].clips[2].transform.opacity.keyframes[1]",
        "$.tracks[0].clips[2].transform.opacity.keyframes[1].time",
    ]


def test_ids_stand_once_in_a_composition() -> None:
    data = project(solid(id="a"), solid(id="a"), compositions={"c": {"tracks": [{"clips": [solid(id="a")]}]}})
    data["tracks"].append({"id": "track-1", "clips": []})
    assert problems_in(data) == [
        '$.tracks[0].clips[1].id: "a" is already the id of the clip at $.tracks[0].clips[0] '
        "(give each clip of a composition an id of its own)",
        '$.tracks[1].id: "track-1" is already the id of the track at $.tracks[0] '
        "(give each track of a composition an id of its own)",
    ]


def test_pictures_on_audio_tracks() -> None:
    data = project()
    data["tracks"] = [{"kind": "audio", "clips": [solid()]}]
    assert problems_in(data) == [
        '$.tracks[0].clips[0]: a solid has no sound, and this is an audio track (put it on a track of "kind": "video")'
    ]


def nested(**shown: list[str]) -> Json:
    """Compositions, each with clips of others; the root shows the first."""
    compositions = {
        name: {"tracks": [{"clips": [{"composition": c} for c in inner] or [solid()]}]} for name, inner in shown.items()
    }
    return project({"composition": next(iter(shown))}, compositions=compositions)


def test_cycles_of_compositions_are_named() -> None:
    problems = problems_in(nested(a=["b"], b=["c"], c=["d", "a"], d=[], e=["e"]))
    assert len(problems) == 2
    words = "compositions contain one another without end"
    assert problems[1] == (
        f"$.compositions.e.tracks[0].clips[0].composition: {words}: e → e (take one of these clips out)"
    )
    loops = [f"{x} → {y} → {z} → {x}" for x, y, z in ("abc", "bca", "cab")]
    assert any(f"{words}: {loop} (" in problems[0] for loop in loops)


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3)))
def test_cycles_are_found_and_are_real(graph: dict[str, list[str]]) -> None:
    graph = {name: [inner for inner in graph.get(name, []) if inner in graph] for name in graph}
    loops = nesting.cycles(graph)
    for loop in loops:
        assert loop[0] == loop[-1]
        assert all(b in graph[a] for a, b in pairwise(loop))

    def returns(start: str) -> bool:
        seen, waiting = set(), list(graph[start])
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += graph[name]
        return start in seen

    assert bool(loops) == any(map(returns, graph))


def test_nesting_that_no_machine_could_render() -> None:
    chain = {f"c{i}": [f"c{i + 1}"] if i < 70 else [] for i in range(71)}
    assert problems_in(nested(**chain)) == ["$.compositions: compositions nest 71 deep; 64 is the limit"]
    laughs = {f"c{i}": [f"c{i + 1}"] * 10 if i < 9 else [] for i in range(10)}
    assert problems_in(nested(**laughs)) == ["$.tracks: nesting makes 2111111111 clips of this; 10000000 is the limit"]


def test_too_many_tracks() -> None:
    data = project(tracks=[{}] * 100_001)
    assert problems_in(data) == ["$: 100001 tracks; 100000 is the limit"]


def test_keys_of_a_transition_without_effect_are_told() -> None:
    clips = [solid(), solid(start=0.5, transition={"type": "iris", "direction": "up", "color": "red"})]
    assert load_data(project(*clips)).warnings == (
        "$.tracks[0].clips[1].transition.direction: without effect on the transition iris; it is for wipe and push",
        "$.tracks[0].clips[1].transition.color: without effect on the transition iris; it is for fade",
    )
