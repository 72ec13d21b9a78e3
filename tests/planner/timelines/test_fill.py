"""`"duration": "fill"`: a clip that lasts as long as the others of its composition."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from reelmill.planner.errors import ProjectError
from reelmill.planner.timeline import Clip
from reelmill.planner.timelines.resolve import ResolvedProject, find_problems, resolve
from tests.support.project_files import load_data, problems_in, project, sound_facts, video_facts

FACTS = {"song": sound_facts("song", 4), "clip": video_facts("clip", 75)}
MEDIA = {"song": "song.wav", "clip": "clip.mp4"}
PICTURES = {"clips": [{"solid": "red", "duration": 3}, {"solid": "blue", "duration": 2.5}]}


def bed(**more: Any) -> dict[str, Any]:
    """A track of music that ends with the pictures."""
    return {"kind": "audio", "clips": [{"id": "bed", "media": "song", "duration": "fill", **more}]}


def film(*tracks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return project(tracks=list(tracks), media=MEDIA, **more)


def resolved(*tracks: dict[str, Any], **more: Any) -> ResolvedProject:
    return resolve(load_data(film(*tracks, **more)).timeline, FACTS)


def filling(result: ResolvedProject) -> Clip:
    (clip,) = (clip for track in result.timeline.root.tracks for clip in track.clips if clip.id == "bed")
    return clip


@pytest.mark.parametrize("order", [1, -1])
def test_a_bed_of_music_ends_with_the_pictures(order: int) -> None:
    result = resolved(*[PICTURES, bed(after_end="loop")][::order])
    assert filling(result).end == Fraction("5.5") == result.timeline.duration
    assert result.warnings == ()


def test_it_counts_from_its_start() -> None:
    clip = filling(resolved(PICTURES, bed(start=2)))
    assert (clip.start, clip.end) == (Fraction(2), Fraction("5.5"))


def test_it_follows_the_clip_before_it() -> None:
    track = {"kind": "audio", "clips": [{"media": "song", "duration": 1.5}, *bed()["clips"]]}
    clip = filling(resolved(PICTURES, track))
    assert (clip.start, clip.end) == (Fraction("1.5"), Fraction("5.5"))


def test_other_clips_of_its_track_count() -> None:
    track = {"clips": [{"media": "clip"}, {"id": "bed", "solid": "red", "start": 1, "duration": "fill"}]}
    clip = filling(resolved(track, {"clips": [{"solid": "blue", "duration": 7}]}))
    assert clip.end == 7


def test_the_duration_of_the_canvas_wins() -> None:
    canvas = {"width": 64, "height": 36, "fps": 25, "duration": 3}
    assert filling(resolved(PICTURES, bed(), canvas=canvas)).duration == 3


def test_it_fills_a_nested_composition() -> None:
    inner = {"tracks": [PICTURES, {"clips": [{"id": "bed", "text": "x", "start": 1, "duration": "fill"}]}]}
    result = resolved({"clips": [{"composition": "inner"}]}, compositions={"inner": inner})
    assert result.timeline.compositions["inner"].tracks[1].clips[0].duration == Fraction("4.5")


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        ([PICTURES, bed(start=6)], "has nothing to fill: it starts at 6 s, and the others have ended at 5.5 s"),
        ([bed()], "has nothing to fill: it starts at 0 s, and no other clip is shown"),
        ([PICTURES, bed()], 'needs 0 s to 5.5 s of media "song", which ends at 4 s'),
    ],
)
def test_what_can_not_fill_is_a_problem(tracks: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ProjectError) as caught:
        resolved(*tracks)
    assert any(message in problem.message for problem in caught.value.problems), caught.value


def test_only_the_last_clip_of_a_track_fills() -> None:
    clips = [{"solid": "red", "duration": "fill"}, {"solid": "blue", "duration": 1}]
    (problem,) = problems_in(film({"clips": clips}))
    assert problem.startswith('$.tracks[0].clips[0].duration: "fill" is for the last clip of a track')


def test_a_missing_file_is_the_only_problem() -> None:
    timeline = load_data(film({"clips": [{"media": "clip"}]}, bed())).timeline
    assert not list(find_problems(timeline, {"song": FACTS["song"]}))


def test_a_clip_that_is_switched_off_fills_nothing() -> None:
    result = resolved(PICTURES, bed(enabled=False))
    assert [track.clips for track in result.timeline.root.tracks][1] == ()


def test_a_loop_without_a_duration_is_told() -> None:
    (warning,) = resolved(PICTURES, {"kind": "audio", "clips": [{"media": "song", "after_end": "loop"}]}).warnings
    assert "plays media" in warning
    assert '"fill"' in warning


@pytest.mark.parametrize(("end", "warned"), [(5, True), (4, False)])
def test_a_fade_out_that_is_cut_off_is_told(end: float, warned: bool) -> None:
    canvas = {"width": 64, "height": 36, "fps": 25, "duration": 4}
    music = {"kind": "audio", "clips": [{"media": "song", "start": end - 4, "audio": {"fade_out": 1}}]}
    found = [each for each in resolved(PICTURES, music, canvas=canvas).warnings if "fade_out" in each]
    assert bool(found) is warned
    if warned:
        assert "is cut off: the clip ends at 5 s, and the composition lasts 4 s" in found[0]
