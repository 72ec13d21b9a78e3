"""The settings of sound in a project file: what they mean, and what is wrong with them."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import jsonschema
import pytest

from reelmill.planner.animation import Animated
from reelmill.planner.errors import ProjectError
from reelmill.planner.project_file.schema import json_schema
from reelmill.planner.timeline import ZERO, ClipAudio, Duck, MasterAudio, TrackAudio
from tests.support.project_files import Json, load_data, problems_in, project

VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def clip_audio(audio: Json) -> ClipAudio:
    data = project({"media": "beach", "audio": audio})
    VALIDATOR.validate(data)
    return load_data(data).timeline.root.tracks[0].clips[0].audio


def with_tracks(*audio: Json | None) -> Json:
    clips = [{"media": "music", "duration": 5}]
    tracks = [{"id": f"t{i}", "kind": "audio", "clips": clips} for i in range(len(audio))]
    return project(tracks=[t if a is None else {**t, "audio": a} for t, a in zip(tracks, audio, strict=True)])


def track_audio(*audio: Json | None) -> list[TrackAudio]:
    data = with_tracks(*audio)
    VALIDATOR.validate(data)
    return [track.audio for track in load_data(data).timeline.root.tracks]


def master(audio: Json) -> MasterAudio:
    data = project({"solid": "red", "duration": 1}, audio=audio)
    VALIDATOR.validate(data)
    return load_data(data).timeline.master


def test_defaults() -> None:
    assert clip_audio({}) == ClipAudio()
    assert track_audio(None, {}) == [TrackAudio(), TrackAudio()]
    assert master({}) == MasterAudio(ZERO, None, None, None)
    assert track_audio({"duck": {"by": "t1"}}, None)[0].duck == Duck("t1", -12, -40, Fraction(1, 20), Fraction(2, 5))


@pytest.mark.parametrize(
    ("given", "seconds", "curve"),
    [
        (0, 0, "linear"),
        (0.5, Fraction(1, 2), "linear"),
        ("12f", Fraction(12, 25), "linear"),
        ({"duration": 2}, 2, "linear"),
        ({"duration": "1/3", "curve": "equal_power"}, Fraction(1, 3), "equal_power"),
        ({"duration": 1, "curve": "exponential", "metadata": 1}, 1, "exponential"),
    ],
)
def test_fades(given: Any, seconds: Fraction, curve: str) -> None:
    audio = clip_audio({"fade_in": given})
    assert (audio.fade_in, audio.fade_in_curve) == (seconds, curve)
    audio = clip_audio({"fade_out": given})
    assert (audio.fade_out, audio.fade_out_curve) == (seconds, curve)


def test_everything_of_a_clip() -> None:
    audio = clip_audio({"pitch": "follow", "filters": "lowpass=f=300", "gain_db": -3, "pan": 0.5, "mute": True})
    assert audio == ClipAudio(
        Animated.constant(-3), Animated.constant(0.5), mute=True, pitch="follow", filters="lowpass=f=300"
    )


def test_everything_of_a_track() -> None:
    moving = {"keyframes": [{"time": 0, "value": -6}, {"time": "25f", "value": 0}]}
    duck = {"by": "t1", "amount_db": -20, "threshold_db": -30, "attack": "1/10", "release": "25f"}
    given = {"gain_db": moving, "pan": -1, "mute": True, "solo": True, "filters": "bass", "duck": duck}
    audio, _ = track_audio(given, None)
    assert [(k.time, *k.value) for k in audio.gain_db.keyframes] == [(Fraction(0), -6.0), (Fraction(1), 0.0)]
    assert audio.pan == Animated.constant(-1)
    assert (audio.mute, audio.solo, audio.filters) == (True, True, "bass")
    assert audio.duck == Duck("t1", -20, -30, Fraction(1, 10), Fraction(1))


def test_the_master() -> None:
    given = {"gain_db": -3, "filters": "acompressor", "loudness": -14, "true_peak": -2}
    assert master(given) == MasterAudio(Animated.constant(-3), "acompressor", -14.0, -2.0)


def test_a_loudness_has_a_ceiling_and_a_ceiling_alone_is_a_limiter() -> None:
    assert (master({"loudness": -23}).loudness, master({"loudness": -23}).true_peak) == (-23.0, -1.0)
    assert (master({"true_peak": -3}).loudness, master({"true_peak": -3}).true_peak) == (None, -3.0)


def test_tracks_without_an_id_duck_by_their_number() -> None:
    clips = [{"media": "music", "duration": 5}]
    tracks = [
        {"kind": "audio", "clips": clips},
        {"kind": "audio", "clips": clips, "audio": {"duck": {"by": "track-1"}}},
    ]
    duck = load_data(project(tracks=tracks)).timeline.root.tracks[1].audio.duck
    assert duck is not None
    assert duck.by == "track-1"


CLIP_PROBLEMS: list[tuple[Json, str]] = [
    ({"fade_in": -1}, ".fade_in: must not be negative, but is -1"),
    ({"fade_in": {"duration": -1}}, ".fade_in.duration: must not be negative, but is -1"),
    ({"fade_in": {"curve": "linear"}}, '.fade_in: the key "duration" is missing'),
    (
        {"fade_out": {"duration": 1, "curve": "equal-power"}},
        '.fade_out.curve: "equal-power" is not one of linear, equal_power, exponential (did you mean "equal_power"?)',
    ),
    ({"fade_out": {"duration": 1, "shape": "linear"}}, '.fade_out: unknown key "shape"'),
    ({"pitch": "folow"}, '.pitch: "folow" is not one of keep, follow (did you mean "follow"?)'),
    ({"filters": ""}, ".filters: must not be empty"),
    ({"filters": ["bass"]}, ".filters: must be a string, not a list"),
    ({"solo": True}, ': unknown key "solo"'),
    ({"by": "voice"}, ': unknown key "by" ("by" belongs in "duck")'),
]


@pytest.mark.parametrize(("audio", "message"), CLIP_PROBLEMS)
def test_problems_of_clips(audio: Json, message: str) -> None:
    found = problems_in(project({"media": "beach", "audio": audio}))
    assert found == ["$.tracks[0].clips[0].audio" + message]


DUCK_PROBLEMS: list[tuple[Json, str]] = [
    ({}, ': the key "by" is missing'),
    ({"by": "t0"}, '.by: "t0" is the track that is ducked'),
    ({"by": "t9"}, '.by: "t9" is no track of this composition (give the id of a track; '),
    ({"by": 7}, ".by: must be a string, not a number"),
    ({"by": "t1", "amount_db": 3}, ".amount_db: 3 is out of range: it must be -100 to 0"),
    ({"by": "t1", "threshold_db": 1}, ".threshold_db: 1 is out of range: it must be -100 to 0"),
    ({"by": "t1", "attack": -1}, ".attack: must not be negative, but is -1"),
]


@pytest.mark.parametrize(("duck", "message"), DUCK_PROBLEMS)
def test_problems_of_ducking(duck: Json, message: str) -> None:
    (found,) = problems_in(with_tracks({"duck": duck}, None))
    assert found.startswith("$.tracks[0].audio.duck" + message)


def test_tracks_can_not_duck_one_another_in_a_ring() -> None:
    data = with_tracks({"duck": {"by": "t1"}}, {"duck": {"by": "t2"}}, None)
    assert load_data(data)
    data["tracks"][2]["clips"] = [{"media": "music", "duration": 5, "audio": {"duck": {"by": "t0"}}}]
    (found,) = problems_in(data)
    path, message = found.split(": ", 1)
    assert message.startswith("tracks are ducked by one another in a ring: ")
    assert path.endswith("audio.duck.by")


def test_tracks_of_other_compositions_are_not_heard() -> None:
    inner = {"tracks": [{"id": "in", "clips": [{"media": "beach", "audio": {"duck": {"by": "t0"}}}]}]}
    data = {**with_tracks(None, None), "compositions": {"card": inner}}
    (found,) = problems_in(data)
    assert found.startswith('$.compositions.card.tracks[0].clips[0].audio.duck.by: "t0" is no track of this comp')


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        ({"loudness": 3}, ".loudness: 3 is out of range: it must be -60 to 0"),
        ({"true_peak": 1}, ".true_peak: 1 is out of range: it must be -60 to 0"),
        ({"gain": 1}, ': unknown key "gain" (did you mean "gain_db"?)'),
    ],
)
def test_problems_of_the_master(audio: Json, message: str) -> None:
    found = problems_in(project({"solid": "red", "duration": 1}, audio=audio))
    assert found == ["$.audio" + message]


EVERYTHING: Json = {
    "variables": {"level": "-3", "on": "true", "word": "follow"},
    "audio": {"gain_db": -1, "filters": "bass", "loudness": -14, "true_peak": -1},
    "tracks": [
        {
            "id": "t0",
            "audio": {"gain_db": 1, "pan": 0, "mute": False, "solo": True, "filters": "bass", "duck": {"by": "t1"}},
            "clips": [
                {
                    "media": "beach",
                    "audio": {
                        "fade_in": 1,
                        "fade_out": {"duration": 1, "curve": "linear"},
                        "pitch": "keep",
                        "filters": "bass",
                        "duck": {"by": "t1", "amount_db": -3, "threshold_db": -30, "attack": 0, "release": "5f"},
                    },
                }
            ],
        },
        {"id": "t1", "clips": [{"media": "beach"}]},
    ],
}
VALUES: list[Any] = [None, True, -1, 0, 1, 1e9, 0.3, "x", "1/2", "12f", "t1", "linear", [], [1], {}, {"by": "t1"}]
VALUES += ["${level}", "${on}", "${word}", {"duration": 1}, {"duration": "1f", "curve": "exponential"}]
VALUES += [{"keyframes": [{"time": 0, "value": -1}]}]


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in JSON data."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


@pytest.mark.parametrize("place", [p for p in places(EVERYTHING) if "audio" in p[:-1]], ids=str)
def test_what_the_loader_takes_the_schema_takes(place: tuple[str | int, ...]) -> None:
    taken = 0
    for value in VALUES:
        changed = copy.deepcopy({**project(), **EVERYTHING})
        target: Any = changed
        for step in place[:-1]:
            target = target[step]
        target[place[-1]] = value
        try:
            load_data(changed)
        except ProjectError:
            continue
        taken += 1
        VALIDATOR.validate(changed)
    assert taken
