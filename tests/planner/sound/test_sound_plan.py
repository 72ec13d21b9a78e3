"""Through which stages and buses clips sound, and from where on a film is to be mixed."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from reelmill.planner.animation import Animated, Keyframe
from reelmill.planner.errors import SetupError
from reelmill.planner.sound import sound_cues as planner_cues
from reelmill.planner.sound.sound_cues import plan_sound
from reelmill.planner.sound.sound_plan import Bus, Ducking, GainStage, SoundPlan, TimeLine
from reelmill.planner.timeline import (
    Clip,
    ClipAudio,
    Composition,
    Duck,
    MasterAudio,
    Media,
    Timeline,
    Track,
    TrackAudio,
)
from tests.support import timelines
from tests.support.sounds import composition_clip, media_clip

RATE = 48000
FACTS = {"sound": timelines.video("sound", 3000, 25, sound_seconds=Fraction(100))}


def track(name: str, *clips: Clip, **audio: Any) -> Track:
    return Track(name, clips, kind="audio", audio=TrackAudio(**audio), path=f"$.{name}")


def composition(name: str | None, duration: Fraction | int, *tracks: Track) -> Composition:
    return Composition(name, 64, 36, tracks, duration=Fraction(duration))


def plan(root: Composition, *nested: Composition, master: MasterAudio | None = None) -> SoundPlan:
    media = {"sound": Media("sound", "/media/sound.mp4")}
    inner = {c.id or "": c for c in nested}
    return plan_sound(Timeline(None, Fraction(25), root, inner, media, RATE, master=master or MasterAudio()), FACTS)


def clip(name: str, start: Fraction | int = 0, duration: Fraction | int = 4, **more: Any) -> Clip:
    return media_clip(name, start, duration, **more)


def db(value: float) -> Animated:
    return Animated.constant(value)


def gains(stages: tuple[GainStage, ...]) -> list[float]:
    return [stage.gain_db.keyframes[0].value[0] for stage in stages]


def test_a_plain_film_has_the_master_alone() -> None:
    made = plan(composition(None, 10, track("a", clip("x")), track("b", clip("y"))))
    assert made.buses == (Bus(None, 0, 10 * RATE, path="$.audio"),)
    assert [cue.bus for cue in made.cues] == [0, 0]
    assert [len(cue.stages) for cue in made.cues] == [1, 1]
    assert (made.sample_rate, made.channels, made.bus_channels, made.sample_count) == (RATE, 2, 2, 10 * RATE)
    assert (made.loudness, made.true_peak) == (None, None)


def test_faders_of_tracks_lie_between_their_clips_and_what_shows_them() -> None:
    inner = composition("inner", 4, track("t", clip("x", audio=ClipAudio(gain_db=db(-1))), gain_db=db(-2), pan=db(0.5)))
    shown = composition_clip("c", "inner", 3, 4, audio=ClipAudio(gain_db=db(-4)))
    (cue,) = plan(composition(None, 10, track("outer", shown, gain_db=db(-8))), inner).cues
    assert gains(cue.stages) == [-1, -2, -4, -8]
    fader, outer = cue.stages[1], cue.stages[3]
    assert fader.pan == db(0.5)
    assert fader.time == TimeLine(Fraction(1), Fraction(-3))
    assert outer.time == TimeLine()
    assert not any((fader.fade_in, fader.fade_out, fader.overlap_in, fader.overlap_out))


def test_times_of_a_track_count_from_the_start_of_its_composition_and_take_its_speed() -> None:
    moving = Animated((Keyframe(Fraction(0), (0.0,)), Keyframe(Fraction(4), (-6.0,))))
    inner = composition("inner", 4, track("t", clip("x", 1, 3), gain_db=moving))
    shown = composition_clip("c", "inner", 3, 2, speed=Fraction(2))
    (cue,) = plan(composition(None, 10, track("outer", shown)), inner).cues
    assert [cue.stages[1].time.at(Fraction(t)) for t in (3, 4, 5)] == [0, 2, 4]


def test_mute_and_solo_of_tracks() -> None:
    def heard(*tracks: Track) -> list[str]:
        return [cue.clip for cue in plan(composition(None, 10, *tracks)).cues]

    a, b, c = (track(name, clip(name)) for name in "abc")
    assert heard(a, track("m", clip("m"), mute=True), b) == ["a", "b"]
    alone = track("s", clip("s"), solo=True)
    assert heard(a, alone, b) == ["s"]
    assert heard(a, alone, track("t", clip("t"), solo=True)) == ["s", "t"]
    assert heard(a, track("q", clip("q"), solo=True, mute=True)) == []
    assert heard(a, replace(alone, enabled=False), c) == ["a", "c"]


def test_solo_concerns_the_tracks_of_its_composition() -> None:
    inner = composition("inner", 4, track("t", clip("x"), solo=True), track("u", clip("y")))
    shown = composition_clip("c", "inner", 0, 4)
    made = plan(composition(None, 10, track("a", clip("z")), track("b", shown)), inner)
    assert [cue.instance for cue in made.cues] == [("z",), ("c", "x")]


def test_filters_of_a_clip_give_it_a_bus() -> None:
    audio = ClipAudio(gain_db=db(-3), filters="highpass=f=80")
    made = plan(composition(None, 10, track("a", clip("x", 1, 4, audio=audio), clip("y", 5), gain_db=db(-1))))
    x, y = made.cues
    assert (x.bus, x.stages) == (1, ())
    assert (y.bus, gains(y.stages)) == (0, [0, -1])
    bus = made.buses[1]
    assert (bus.parent, bus.first_sample, bus.end_sample) == (0, RATE, 5 * RATE)
    assert (bus.filters, bus.ducking, gains(bus.stages)) == ("highpass=f=80", None, [-3, -1])
    assert (bus.clip, bus.composition) == ("x", None)


def test_filters_of_a_track_in_a_composition_give_a_bus_to_every_instance() -> None:
    inner = composition("inner", 4, track("t", clip("x"), clip("y", 4, 4), filters="lowpass", gain_db=db(-2)))
    showing = [composition_clip(f"c{i}", "inner", 10 * i, 4, audio=ClipAudio(gain_db=db(-i))) for i in range(3)]
    made = plan(composition(None, 100, track("a", *showing)), inner)
    assert [cue.bus for cue in made.cues] == [1, 2, 3]
    assert all(gains(cue.stages) == [0] for cue in made.cues)
    for i, bus in enumerate(made.buses[1:]):
        assert (bus.parent, bus.first_sample, bus.sample_count) == (0, 10 * i * RATE, 4 * RATE)
        assert (bus.filters, bus.composition, gains(bus.stages)) == ("lowpass", "inner", [-2, -i])


def test_buses_lie_in_one_another() -> None:
    inner = composition("inner", 4, track("t", clip("x", audio=ClipAudio(filters="bass")), filters="treble"))
    shown = composition_clip("c", "inner", 0, 4, audio=ClipAudio(filters="volume=2"))
    made = plan(composition(None, 10, track("a", shown, filters="lowpass")), inner, master=MasterAudio(filters="anull"))
    chain = [made.cues[0].bus]
    while (parent := made.buses[chain[-1]].parent) is not None:
        assert parent < chain[-1]
        chain.append(parent)
    assert [made.buses[n].filters for n in chain] == ["bass", "treble", "volume=2", "lowpass", "anull"]


def test_each_pass_of_a_repeated_composition_has_its_buses() -> None:
    inner = composition("inner", 2, track("t", clip("x", 0, 2), filters="lowpass"))
    shown = composition_clip("c", "inner", 0, 5, after_end="loop", audio=ClipAudio(filters="anull"))
    made = plan(composition(None, 10, track("a", shown)), inner)
    assert [(bus.parent, bus.first_sample // RATE, bus.end_sample // RATE) for bus in made.buses] == [
        (None, 0, 10),
        (0, 0, 5),
        (1, 0, 2),
        (1, 2, 4),
        (1, 4, 5),
    ]


def test_a_ducked_track_listens_to_the_bus_of_the_other() -> None:
    duck = Duck("voice", -9, -30, Fraction(1, 10), Fraction(1))
    music = track("music", clip("m"), duck=duck)
    made = plan(composition(None, 10, music, track("voice", clip("v")), track("fx", clip("f"))))
    assert [cue.bus for cue in made.cues] == [1, 2, 0]
    assert made.buses[1].ducking == Ducking(2, -9, -30, Fraction(1, 10), Fraction(1))
    assert made.buses[2] == Bus(0, 0, 10 * RATE, path="$.voice.audio")


def test_a_ducked_clip_listens_too() -> None:
    ducked = clip("m", 2, 3, audio=ClipAudio(duck=Duck("voice")))
    made = plan(composition(None, 10, track("voice", clip("v")), track("music", ducked)))
    assert made.buses[2].ducking is not None
    assert made.buses[2].ducking.by == 1
    assert (made.buses[2].first_sample, made.buses[2].end_sample) == (2 * RATE, 5 * RATE)


@pytest.mark.parametrize("other", [track("voice"), track("voice", clip("v"), mute=True)])
def test_nothing_is_ducked_by_a_silent_track(other: Track) -> None:
    made = plan(composition(None, 10, track("music", clip("m"), duck=Duck("voice")), other))
    assert len(made.buses) == 1


def test_pitch_follows_the_speeds_that_say_so() -> None:
    follow = ClipAudio(pitch="follow")
    inner = composition("inner", 4, track("t", clip("x", 0, 2, speed=Fraction(-2), in_point=4, audio=follow)))
    showing = [
        composition_clip("c", "inner", 0, 2, speed=Fraction(2), audio=follow),
        composition_clip("d", "inner", 2, 2, speed=Fraction(2)),
        composition_clip("e", "inner", 8, 6, speed=Fraction(2, 3), audio=follow),
    ]
    made = plan(composition(None, 20, track("a", *showing)), inner)
    assert [(cue.source.speed, cue.pitch) for cue in made.cues] == [
        (-4, 4),
        (-4, 2),
        (Fraction(-4, 3), Fraction(4, 3)),
    ]


def test_the_master() -> None:
    made = plan(
        composition(None, 10, track("a", clip("x"))),
        master=MasterAudio(db(-3), "acompressor", -14, -2),
    )
    (bus,) = made.buses
    assert (bus.filters, gains(bus.stages), bus.stages[0].time) == ("acompressor", [-3], TimeLine())
    assert (made.loudness, made.true_peak) == (-14, -2)


def test_too_many_buses_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner_cues, "MAX_BUSES", 5)
    clips = [clip(f"c{i}", i, 1, audio=ClipAudio(filters="anull")) for i in range(5)]
    assert len(plan(composition(None, 10, track("a", *clips[:4]))).buses) == 5
    with pytest.raises(SetupError, match="more than 5 clips and tracks have filters or ducking") as caught:
        plan(composition(None, 10, track("a", *clips)))
    assert caught.value.clip == "c4"


# --- where mixing begins ---


def begin(first: int, *buses: Bus, true_peak: float | None = None) -> int:
    return SoundPlan(RATE, 2, 1000, (), (Bus(None, 0, 1000), *buses), true_peak=true_peak).begin(first)


def test_mixing_begins_where_it_is_asked_to_if_nothing_remembers() -> None:
    assert begin(500) == 500
    assert begin(500, Bus(0, 100, 800)) == 500


def test_filters_are_run_from_their_beginning() -> None:
    assert begin(500, Bus(0, 100, 400, "lowpass")) == 500
    assert begin(500, Bus(0, 100, 401, "lowpass")) == 100
    assert begin(500, Bus(0, 600, 100, "lowpass")) == 500


def test_what_was_heard_there_is_run_from_its_beginning_too() -> None:
    assert begin(500, Bus(0, 300, 400, "lowpass"), Bus(0, 200, 101, "bass"), Bus(0, 50, 150, "treble")) == 200


def test_a_ducked_bus_needs_what_it_listened_to() -> None:
    ducking = Ducking(2, -12, -40, Fraction(0), Fraction(0))
    assert begin(500, Bus(0, 600, 100, ducking=ducking), Bus(0, 100, 900)) == 100


def test_a_limiter_remembers_the_whole_film() -> None:
    assert begin(500, true_peak=-1.0) == 0
