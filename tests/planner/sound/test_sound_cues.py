"""Which clips sound, on which samples, and what leads from root time to their source."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

from reelmill.planner.contents.media_content import MediaContent
from reelmill.planner.contents.solid import Solid
from reelmill.planner.errors import SetupError
from reelmill.planner.sound.sound_cues import SoundCue, TimeLine, plan_sound
from reelmill.planner.timeline import AfterEnd, Clip, ClipAudio, Composition, Media, Timeline, Track
from tests.support import timelines
from tests.support.sounds import composition, composition_clip, media_clip

RATE = 48000
FACTS = {
    "sound": timelines.video("sound", 3000, 25, sound_seconds=Fraction(100)),
    "silent": timelines.video("silent", 3000, 25),
}


def project(root: Composition, *nested: Composition) -> Timeline:
    media = {name: Media(name, f"/media/{name}.mp4") for name in FACTS}
    return Timeline(None, Fraction(25), root, {c.id or "": c for c in nested}, media, RATE)


def cues_of(root: Composition, *nested: Composition) -> tuple[SoundCue, ...]:
    return plan_sound(project(root, *nested), FACTS).cues


def cues(*clips: Clip, duration: Fraction | int = 60) -> tuple[SoundCue, ...]:
    return cues_of(composition(None, duration, clips))


def test_a_clip_covers_the_samples_from_its_start_to_its_end() -> None:
    (cue,) = cues(media_clip("a", Fraction(1, 3), Fraction(7, 5), Fraction(5, 7)))
    assert (cue.first_sample, cue.end_sample) == (16000, round((Fraction(1, 3) + Fraction(7, 5)) * RATE))
    assert cue.instance == ("a",)
    assert cue.composition is None
    assert cue.source.at(Fraction(1, 3)) == Fraction(5, 7)
    assert cue.source.speed == 1


def test_halves_of_a_sample_go_up() -> None:
    (cue,) = cues(media_clip("a", Fraction(1, 2 * RATE), Fraction(2, RATE)))
    assert (cue.first_sample, cue.sample_count) == (1, 2)


def test_a_clip_shorter_than_a_sample_may_have_none() -> None:
    assert cues(media_clip("a", Fraction(1, 10 * RATE), Fraction(1, 10 * RATE))) == ()


def test_clips_of_video_tracks_sound_too() -> None:
    clip = media_clip("a", 0, 2)
    root = replace(composition(None, 2), tracks=(Track("v", (clip,)),))
    assert [c.instance for c in cues_of(root)] == [("a",)]


@pytest.mark.parametrize(
    "clip",
    [
        media_clip("a", 0, 2, enabled=False),
        media_clip("a", 0, 2, audio=ClipAudio(mute=True)),
        media_clip("a", 0, 2, speed=Fraction(0)),
        media_clip("a", 0, 2, media="silent"),
        Clip("a", Solid((0, 0, 0, 1)), Fraction(0), Fraction(2), Fraction(0)),
        composition_clip("a", "inner", 0, 2, audio=ClipAudio(mute=True)),
        composition_clip("a", "inner", 0, 2, speed=Fraction(0)),
        composition_clip("a", "empty", 0, 2),
    ],
)
def test_what_has_no_sound(clip: Clip) -> None:
    inner = composition("inner", 5, (media_clip("x", 0, 5),))
    assert cues_of(composition(None, 10, (clip,)), inner, composition("empty", 0)) == ()


def test_a_disabled_track_is_silent() -> None:
    root = composition(None, 2, (media_clip("a", 0, 2),), (media_clip("b", 0, 2),))
    root = replace(root, tracks=(replace(root.tracks[0], enabled=False), root.tracks[1]))
    assert [c.clip for c in cues_of(root)] == ["b"]


def test_the_film_ends_where_its_duration_says() -> None:
    (cue,) = cues(media_clip("a", 1, 10), media_clip("b", 11, 2), duration=Fraction(5))
    assert cue.end_sample == 5 * RATE


def test_nested_speeds_multiply_and_windows_trim() -> None:
    # Root 2…5 shows inner from 1 at double speed: inner time 1…7; x sounds at 3…6 of inner, at half speed.
    inner = composition("inner", 9, (media_clip("x", 3, 3, 40, speed=Fraction(1, 2)),))
    (cue,) = cues_of(composition(None, 20, (composition_clip("c", "inner", 2, 3, 1, speed=Fraction(2)),)), inner)
    assert cue.instance == ("c", "x")
    assert cue.composition == "inner"
    assert cue.source.speed == 1
    assert (cue.first_sample, cue.end_sample) == (3 * RATE, 9 * RATE // 2)
    assert cue.source.at(Fraction(3)) == 40
    assert [stage.time.at(Fraction(3)) for stage in cue.stages] == [0, 1]
    assert [stage.time.speed for stage in cue.stages] == [2, 1]


def test_a_composition_is_trimmed_by_the_clip_that_shows_it() -> None:
    inner = composition("inner", 9, (media_clip("x", 0, 9, 10),))
    (cue,) = cues_of(composition(None, 20, (composition_clip("c", "inner", 4, 2, 5),)), inner)
    assert (cue.first_sample, cue.sample_count) == (4 * RATE, 2 * RATE)
    assert cue.source.at(Fraction(4)) == 15


def test_a_composition_backwards() -> None:
    # Root 0…4 shows inner from 9 back to 5; x sounds at 4…7 of inner: at root 2…4 (7 back to 5).
    inner = composition("inner", 9, (media_clip("x", 4, 3, 20),))
    (cue,) = cues_of(composition(None, 20, (composition_clip("c", "inner", 0, 4, 9, speed=Fraction(-1)),)), inner)
    assert (cue.first_sample, cue.end_sample) == (2 * RATE, 4 * RATE)
    assert cue.source.speed == -1
    assert cue.source.at(Fraction(2)) == 23


def test_backwards_twice_is_forwards() -> None:
    inner = composition("inner", 9, (media_clip("x", 0, 9, 50, speed=Fraction(-1)),))
    (cue,) = cues_of(composition(None, 20, (composition_clip("c", "inner", 0, 4, 9, speed=Fraction(-1)),)), inner)
    assert cue.source.speed == 1
    assert cue.source.at(Fraction(0)) == 41


@pytest.mark.parametrize("after_end", ["hold", "blank"])
def test_after_the_end_of_the_media_there_is_silence(after_end: AfterEnd) -> None:
    (cue,) = cues(media_clip("a", 2, 30, 90, after_end=after_end))  # sound alone ends at 100
    assert (cue.first_sample, cue.end_sample) == (2 * RATE, 12 * RATE)
    assert cue.loop_end is None


def test_the_end_of_media_on_a_video_track_is_that_of_its_picture() -> None:
    clip = media_clip("a", 0, 30, 99, after_end="blank")
    long_picture = timelines.video("sound", 3000, 25, sound_seconds=Fraction(200))
    root = replace(composition(None, 60), tracks=(Track("v", (replace(clip, in_point=Fraction(115)),)),))
    (cue,) = plan_sound(project(root), {"sound": long_picture}).cues
    assert cue.end_sample == 5 * RATE


@pytest.mark.parametrize("after_end", ["hold", "blank"])
def test_before_the_beginning_of_the_media_there_is_silence(after_end: AfterEnd) -> None:
    (cue,) = cues(media_clip("a", 0, 30, 10, speed=Fraction(-1), after_end=after_end))
    assert (cue.first_sample, cue.end_sample) == (0, 10 * RATE)


def test_looped_media_is_one_cue() -> None:
    (cue,) = cues(media_clip("a", 0, 50, 90, after_end="loop"))
    assert cue.sample_count == 50 * RATE
    assert cue.loop_end == 100


def test_a_looped_composition_is_a_cue_for_each_pass() -> None:
    inner = composition("inner", Fraction(5, 3), (media_clip("x", Fraction(1, 3), Fraction(1, 3)),))
    made = cues_of(composition(None, 6, (composition_clip("c", "inner", 1, 4, 1, after_end="loop"),)), inner)
    # Inner time is t; x sounds at 1/3 + p × 5/3 for p = 1, 2 (p = 0 is before the in point).
    starts = [Fraction(1, 3) + p * Fraction(5, 3) for p in (1, 2)]
    assert [c.first_sample for c in made] == [round(s * RATE) for s in starts]
    assert [c.source.at(s) for c, s in zip(made, starts, strict=True)] == [0, 0]


def test_after_the_end_of_a_composition_there_is_silence() -> None:
    inner = composition("inner", 3, (media_clip("x", 0, 9),))
    (cue,) = cues_of(composition(None, 20, (composition_clip("c", "inner", 0, 9, after_end="hold"),)), inner)
    assert cue.sample_count == 3 * RATE


def test_overlapping_clips_crossfade_even_where_one_is_silent() -> None:
    made = cues(media_clip("a", 0, 5), media_clip("b", 4, 5), media_clip("s", 8, 4, media="silent"))
    assert [c.clip for c in made] == ["a", "b"]
    assert [c.stages[0].overlap_in for c in made] == [0, 1]
    assert [c.stages[0].overlap_out for c in made] == [1, 1]


def test_a_disabled_neighbour_does_not_crossfade() -> None:
    (cue,) = cues(media_clip("a", 0, 5), media_clip("b", 4, 5, enabled=False))
    assert cue.stages[0].overlap_out == 0


def test_instances_of_one_composition_are_told_apart() -> None:
    inner = composition("inner", 3, (media_clip("x", 0, 3),))
    uses = tuple(composition_clip(f"c{i}", "inner", 3 * i, 3) for i in range(3))
    made = cues_of(composition(None, 9, uses), inner)
    assert [c.instance for c in made] == [("c0", "x"), ("c1", "x"), ("c2", "x")]


def test_two_hours_of_cuts_do_not_drift() -> None:
    # 5,000 clips of 1.44144 s (a third of the time no whole number of samples) cut from one recording.
    length = Fraction(43243, 30000)
    clips = tuple(media_clip(f"c{i}", i * length, length, i * length) for i in range(5000))
    end = 5000 * length
    facts = {"sound": timelines.video("sound", 200_000, 25, sound_seconds=Fraction(8000))}
    made = plan_sound(project(composition(None, end, clips)), facts).cues
    assert made[0].first_sample == 0
    assert all(a.end_sample == b.first_sample for a, b in pairwise(made))
    assert made[-1].end_sample == round(end * RATE)
    assert end > 7200
    assert {c.source for c in made} == {TimeLine()}


def test_content_of_media_names_its_entry() -> None:
    (cue,) = cues(replace(media_clip("a", 0, 1), content=MediaContent("sound")))
    assert cue.media == "sound"


def tower(height: int, *innermost: Clip) -> list[Composition]:
    """Compositions of which each shows the next one twice: 2 ** height ways lead to the last one."""
    made = [
        composition(f"c{level}", 4, *((composition_clip(f"u{level}.{i}", f"c{level + 1}", 0, 4),) for i in range(2)))
        for level in range(height)
    ]
    return [*made, composition(f"c{height}", 4, innermost)]


def test_compositions_without_sound_cost_nothing() -> None:
    silent = tower(60, media_clip("s", 0, 4, media="silent"), media_clip("m", 4, 4, audio=ClipAudio(mute=True)))
    tiny = composition("tiny", Fraction(1, 10**12), (media_clip("t", 0, Fraction(1, 10**12), media="silent"),))
    uses = (composition_clip("a", "c0", 0, 4), composition_clip("b", "tiny", 4, 4, after_end="loop"))
    assert cues_of(composition(None, 8, uses), *silent, tiny) == ()


def test_more_ways_to_a_sound_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelmill.planner.sound.sound_cues.MAX_CUES", 500)
    with pytest.raises(SetupError, match=r"more than 500 sounds.*each way") as caught:
        cues_of(composition(None, 8, (composition_clip("a", "c0", 0, 4),)), *tower(60, media_clip("x", 0, 4)))
    assert caught.value.clip
    assert caught.value.suggestion


def test_a_loop_of_a_tiny_composition_names_its_clip() -> None:
    tiny = composition("tiny", Fraction(1, 10**9), (media_clip("t", 0, Fraction(1, 10**9)),))
    loop = composition_clip("again", "tiny", 4, 4, after_end="loop")
    with pytest.raises(SetupError, match=r'more than 1,000,000 sounds.*clip "again"') as caught:
        cues_of(composition(None, 8, (loop,)), tiny)
    assert (caught.value.clip, caught.value.composition) == ("again", None)


def test_as_many_cues_as_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelmill.planner.sound.sound_cues.MAX_CUES", 5)
    clips = tuple(media_clip(f"c{i}", i, 1) for i in range(5))
    assert len(cues(*clips)) == 5


def test_a_silent_neighbour_of_a_sounding_clip_in_a_window() -> None:
    inner = composition("inner", 9, tuple(media_clip(f"x{i}", 3 * i, 4) for i in range(3)))
    made = cues_of(composition(None, 9, (composition_clip("c", "inner", 0, 2, 5),)), inner)
    # Inner time 5…7 lies in x1 (3…7) and x2 (6…10).
    assert [(c.clip, c.first_sample, c.end_sample) for c in made] == [("x1", 0, 2 * RATE), ("x2", RATE, 2 * RATE)]
    assert [c.stages[0].overlap_in for c in made] == [1, 1]
