"""What a check is asked for: moments and tolerances as texts, in projects, and the frames that they name."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelmill.planner.checks import (
    ENCODER,
    EXACT,
    RENDERER,
    Auto,
    CheckMoment,
    Every,
    Tolerance,
    ToleranceError,
    moments_text,
    parse_moments,
    parse_tolerance,
)
from reelmill.planner.clock import Time, TimeError
from reelmill.planner.errors import ProjectError
from reelmill.planner.pictures.check_moments import choose_moments
from reelmill.planner.pictures.content_key import ContentKeys
from reelmill.planner.pictures.frame_planner import FramePlanner
from reelmill.planner.timeline import Media, Timeline, Track
from reelmill.planner.timelines.resolve import resolve
from tests.support.project_files import load_data
from tests.support.timelines import media_clip, video
from tests.support.timelines import timeline as plain_timeline

CANVAS = {"width": 64, "height": 48, "fps": 10}


def timeline(tracks: list[dict[str, Any]], **more: Any) -> Timeline:
    """Of solids, texts and compositions: nothing needs media."""
    return resolve(load_data({"version": 1, "canvas": CANVAS, "tracks": tracks, **more}).timeline, {}).timeline


def solid(start: float, duration: float, **more: Any) -> dict[str, Any]:
    return {"solid": "red", "start": start, "duration": duration, **more}


def chosen(film: Timeline, *moments: CheckMoment) -> dict[int, tuple[str, ...]]:
    return dict(choose_moments(film, {}, {}, moments or (Auto(),)).frames)


def test_moments_are_read_and_written_alike() -> None:
    moments = parse_moments("0.5, 1001/30000,120f, every:30,auto,00:00:01:02")
    assert moments == (
        Time(seconds=Fraction(1, 2)),
        Time(seconds=Fraction(1001, 30000)),
        Time(frames=120),
        Every(30),
        Auto(),
        Time(timecode="00:00:01:02"),
    )
    assert parse_moments(moments_text(moments)) == moments


@pytest.mark.parametrize("text", ["", "every:0", "every:x", "every:9999999", "-1", "-3f", "soon", "1,,2"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(TimeError):
        parse_moments(text)


def test_tolerances() -> None:
    assert [parse_tolerance(name) for name in ("exact", "renderer", "encoder")] == [EXACT, RENDERER, ENCODER]
    assert parse_tolerance("2") == Tolerance("2", largest=2)
    assert parse_tolerance("2:0.1%") == Tolerance("2:0.1%", largest=2, share=0.001)
    assert parse_tolerance("3:0.002").share == 0.002
    found = parse_tolerance("encoder, ssim=0.9, level=0.5dB,offset=2ms")
    assert found == replace(
        ENCODER, name="encoder, ssim=0.9, level=0.5dB,offset=2ms", ssim=0.9, level_db=0.5, offset_seconds=0.002
    )
    assert parse_tolerance("ssim=0.95").largest == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exakt", 'did you mean "exact"?'),
        ("2:200%", "out of range"),
        ("256", "out of range"),
        ("2:x", "no value"),
        ("ssim=1.1", "out of range"),
        ("sim=1", 'did you mean "ssim"?'),
        ("largest=1.5", "no value"),
        ("level=1%", "no value"),
        ("2,", "no setting"),
    ],
)
def test_what_is_no_tolerance(text: str, said: str) -> None:
    with pytest.raises(ToleranceError, match=said.replace("?", r"\?")):
        parse_tolerance(text)


def test_a_project_says_what_is_checked() -> None:
    film = timeline([{"clips": [solid(0, 1)]}], checks=[0.5, "3f", "every:4"])
    assert film.checks.frames == (Time(seconds=Fraction(1, 2)), Time(frames=3), Every(4))
    assert film.checks.tolerance is None
    film = timeline([{"clips": [solid(0, 1)]}], checks={"tolerance": "2:0.1%", "metadata": {"a": 1}})
    assert film.checks.frames is None
    assert film.checks.tolerance == Tolerance("2:0.1%", largest=2, share=0.001)


@pytest.mark.parametrize(
    ("checks", "where"),
    [
        (["soon"], "$.checks.frames"),
        ([-1], "$.checks.frames"),
        ([], "$.checks.frames"),
        (["00:00:00:10"], "$.checks.frames"),
        ({"frame": [1]}, "$.checks"),
        ({"tolerance": "exakt"}, "$.checks.tolerance"),
        (3, "$.checks"),
    ],
)
def test_wrong_checks_of_a_project(checks: Any, where: str) -> None:
    with pytest.raises(ProjectError) as error:
        timeline([{"clips": [solid(0, 1)]}], checks=checks)
    assert [problem.path for problem in error.value.problems] == [where]


def test_moments_name_frames() -> None:
    film = timeline([{"clips": [solid(0, 2.05)]}])  # 21 frames
    assert list(chosen(film, Every(8))) == [0, 8, 16, 20]
    assert list(chosen(film, Time(seconds=Fraction("0.59")), Time(frames=7))) == [5, 7]
    choice = choose_moments(film, {}, {}, (Time(seconds=Fraction("2.1")), Time(frames=3)))
    assert (list(choice.frames), dict(choice.outside)) == ([3], {21: "21/10"})


def test_cuts_transitions_and_middles() -> None:
    clips = [
        solid(0, 2, id="a"),
        solid(1.5, 1.5, id="b"),  # they overlap in 1.5…2
        solid(3, 1, id="c"),
    ]
    assert chosen(timeline([{"clips": clips}])) == {
        0: ("first frame", "first of a"),
        9: ("middle of a",),
        14: ("before b",),
        15: ("first of b",),
        17: ("middle of a → b",),
        19: ("last of a",),
        20: ("after a",),
        22: ("middle of b",),
        29: ("last of b",),
        30: ("first of c",),
        34: ("middle of c",),
        39: ("last frame", "last of c"),
    }


def test_gaps_and_invisible_clips() -> None:
    gone = solid(0.2, 1, id="gone", transform={"opacity": 0})
    off = solid(1.2, 0.5, id="off", enabled=False)
    late = solid(2, 1, id="late")
    found = chosen(timeline([{"clips": [gone]}, {"clips": [off]}, {"clips": [late]}]))
    assert found == {
        0: ("first frame",),
        19: ("before late",),
        20: ("first of late",),
        24: ("middle of late",),
        29: ("last frame", "last of late"),
    }


def test_clips_inside_compositions_where_they_are_visible() -> None:
    inner = {
        "width": 8,
        "height": 8,
        "tracks": [{"clips": [solid(0, 1, id="x"), solid(1, 1, id="y"), solid(2, 1, id="z")]}],
    }
    # Shown from its second 0.5 at double speed, for a second: x to 0.25 s, y to 0.75 s, then z.
    shown = {"id": "card", "composition": "inner", "start": 1, "in": 0.5, "speed": 2, "duration": 1}
    found = chosen(timeline([{"clips": [solid(0, 3, id="base")]}, {"clips": [shown]}], compositions={"inner": inner}))
    # 2t + 0.5 < 1 for t = 0, 0.1, 0.2; < 2 for t up to 0.7.
    assert found[10] == ("first of card", "first of card/x")
    assert found[11] == ("middle of card/x",)
    assert found[12] == ("last of card/x",)
    assert found[13] == ("first of card/y",)
    assert found[17] == ("last of card/y",)
    assert found[18] == ("first of card/z", "middle of card/z")
    assert found[19] == ("last of card", "last of card/z")
    assert 9 in found
    assert 20 in found


def test_a_composition_that_loops_is_looked_at_once() -> None:
    inner = {"width": 8, "height": 8, "tracks": [{"clips": [solid(0, 0.2, id="x"), solid(0.2, 0.2, id="y")]}]}
    shown = {"id": "loop", "composition": "inner", "duration": 20, "after_end": "loop"}
    assert list(chosen(timeline([{"clips": [shown]}], compositions={"inner": inner}))) == [0, 1, 2, 3, 4, 99, 199]


def keys_of(film: Timeline, **changed: Any) -> list[str]:
    keys = ContentKeys(changed.get("media", {}), changed.get("fonts", {}), changed.get("salt", ""))
    planner = FramePlanner(film, {}, {})
    return [keys.key(planner.plan(number).picture) for number in range(planner.frame_count)]


def test_keys_tell_pictures_apart_and_nothing_else() -> None:
    def film(opacity: float = 1, name: str = "a", colour: str = "red") -> Timeline:
        inner = {"width": 8, "height": 8, "tracks": [{"clips": [{"id": name, "solid": colour, "duration": 1}]}]}
        clip = {
            "id": f"clip-{name}",
            "composition": f"inner-{name}",
            "duration": 0.4,
            "transform": {"opacity": opacity},
        }
        return timeline([{"clips": [clip]}], compositions={f"inner-{name}": inner})

    base = keys_of(film())
    assert len(base[0]) == 32
    assert len(set(base)) == 1  # nothing moves
    assert keys_of(film(name="b")) == base  # names don't count
    others = [keys_of(film(0.5)), keys_of(film(colour="blue")), keys_of(film(), salt="x")]
    assert len({base[0], *(other[0] for other in others)}) == 4


def test_keys_are_those_of_every_process() -> None:
    """Python's own hashes of texts differ from process to process."""
    code = (
        "from tests.planner.test_checks import keys_of, solid, timeline\n"
        "print(keys_of(timeline([{'clips': [solid(0, 0.1, id='a')]}]))[0])"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {keys_of(timeline([{"clips": [solid(0, 0.1, id="b")]}]))[0] + "\n"}


def test_keys_follow_the_content_of_media() -> None:
    film = plain_timeline(Track("v", (media_clip("a", "m", "0", "1"),)), media={"m": Media("m", "/media/m.mp4")})
    facts = {"m": video("m", 30)}
    planner = FramePlanner(film, facts, {})
    plans = [planner.plan(number).picture for number in (0, 1)]
    one, other = (ContentKeys(dict.fromkeys(facts, content), {}, "") for content in ("one", "other"))
    assert one.key(plans[0]) != one.key(plans[1])
    assert one.key(plans[0]) != other.key(plans[0])
    # What the probe calls the content, a hash of samples of it, does not count: the whole does.
    renamed = {name: replace(each, file_hash="another") for name, each in facts.items()}
    assert one.key(FramePlanner(film, renamed, {}).plan(0).picture) == one.key(plans[0])
