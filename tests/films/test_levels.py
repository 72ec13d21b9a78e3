"""Levels through whole exports: loudness, limiter, ducking, filters, solo and pitch, measured in the finished file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmill.export.opening.job import ExportOptions, Listening, SilentListener, Started
from reelmill.export.rendering.session import export_film
from reelmill.export.validation import validate_project
from reelmill.planner.clock import parse_time
from reelmill.planner.errors import ProjectError, SetupError
from reelmill.planner.outputs import Output
from tests.support.films import film, read_sound
from tests.support.filtering import Floats, file_levels, filtered
from tests.support.sounds import write_wav

RATE = 48000
SECONDS = 4
TIMES = np.arange(SECONDS * RATE) / RATE
CANVAS = {"width": 64, "height": 64, "fps": 25}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    beat = 0.8 * np.sin(2 * np.pi * 60 * TIMES) * np.exp(-6 * ((2 * TIMES) % 1)) + 0.02 * np.sin(
        2 * np.pi * 277 * TIMES
    )
    syllables = np.random.default_rng(1).normal(0, 0.1, len(TIMES)) * (np.sin(2 * np.pi * 0.5 * TIMES) > 0)
    write_wav(tmp_path / "beat.wav", np.stack([beat, beat], 1), RATE)
    write_wav(tmp_path / "voice.wav", np.stack([syllables, syllables], 1), RATE)
    write_wav(tmp_path / "tone.wav", 0.25 * np.sin(2 * np.pi * 440 * TIMES), RATE)
    write_wav(tmp_path / "ones.wav", np.full((len(TIMES), 2), 0.5), RATE)
    return tmp_path


def track(name: str, media: str, audio: dict[str, Any] | None = None, **clip: Any) -> dict[str, Any]:
    """A track of one clip; `clip_audio` is the clip's sound."""
    clip |= {"audio": clip.pop("clip_audio", {})}
    return {"id": name, "kind": "audio", "audio": audio or {}, "clips": [{"media": media, **clip}]}


def project(*tracks: dict[str, Any], **keys: Any) -> dict[str, Any]:
    media = {name: {"path": f"{name}.wav"} for name in ("beat", "voice", "tone", "ones")}
    return {"canvas": CANVAS, "media": media, "tracks": list(tracks), **keys}


def rendered(folder: Path, what: dict[str, Any], channels: int = 2, **options: Any) -> Floats:
    """The film's samples, [channels, samples]."""
    what = {**what, "export": {"audio": {"codec": "pcm_f32le"}}}
    output, _ = film(folder, what, "out.mov", **options)
    return read_sound(output, channels).T.astype(np.float64)


@pytest.mark.parametrize(("loudness", "true_peak"), [(-23, None), (-14, -1), (-16, -3)])
def test_the_loudness_of_the_file(folder: Path, loudness: float, true_peak: float | None) -> None:
    audio = {"loudness": loudness} | ({} if true_peak is None else {"true_peak": true_peak})
    output, _ = film(folder, project(track("a", "beat"), track("b", "voice"), audio=audio), "out.wav")
    found = file_levels(output)
    assert abs(found.loudness - loudness) <= 0.3
    assert found.true_peak <= (-1 if true_peak is None else true_peak)


def test_the_loudness_of_a_film_with_a_lossy_codec(folder: Path) -> None:
    picture = {"clips": [{"solid": "navy", "duration": SECONDS}]}
    what = project(picture, track("a", "beat"), track("b", "voice"), audio={"loudness": -14})
    found = file_levels(film(folder, what, "out.mp4")[0])
    assert abs(found.loudness - -14) <= 0.3
    assert found.true_peak <= -1


def test_how_far_the_sound_was_heard_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelmill.export.rendering.meter.PROGRESS_INTERVAL_SECONDS", 0)
    told: list[Listening | Started] = []

    class Told(SilentListener):
        def listened(self, event: Listening) -> None:
            told.append(event)

        def started(self, event: Started) -> None:
            told.append(event)

    (folder / "p.json").write_text(json.dumps(project(track("a", "beat"), audio={"loudness": -14})))
    export_film(folder / "p.json", [Output(str(folder / "out.m4a"))], ExportOptions(), Told())
    *heard, last = told
    assert isinstance(last, Started)
    passes: dict[int, list[float]] = {}
    for event in heard:
        assert isinstance(event, Listening)
        assert event.total_seconds == SECONDS
        passes.setdefault(event.times, []).append(event.seconds)
    assert list(passes) == list(range(1, len(passes) + 1))
    assert len(passes) > 1  # AAC changes it
    for seconds in passes.values():
        assert seconds == sorted(seconds)
        assert seconds[0] < 0.5
        assert seconds[-1] == SECONDS


def test_a_loudness_out_of_reach_is_found_before_a_frame_is_rendered(folder: Path) -> None:
    with pytest.raises(SetupError, match=r"the film can't be brought to -3 LUFS .* LUFS can be reached"):
        film(folder, project(track("a", "beat"), audio={"loudness": -3}), "out.wav")
    assert not (folder / "out.wav").exists()


def test_a_ceiling_alone_is_a_limiter(folder: Path) -> None:
    output, _ = film(folder, project(track("a", "beat"), audio={"gain_db": 9, "true_peak": -2}), "out.wav")
    assert -2.5 < file_levels(output).true_peak <= -2


def test_a_range_has_the_levels_of_the_whole(folder: Path) -> None:
    duck = {"duck": {"by": "voice"}, "filters": "acompressor"}
    tracks = track("music", "beat", duck), track("voice", "voice", {"filters": "superequalizer"})
    for audio in ({"loudness": -14}, {"true_peak": -9}, {"filters": "highpass=f=200"}):
        what = project(*tracks, audio=audio)
        whole = rendered(folder, what)
        part = rendered(folder, what, range=(parse_time("1"), parse_time("2.2")))
        assert np.array_equal(part, whole[:, RATE : RATE * 11 // 5])


def test_ducking(folder: Path) -> None:
    duck = {"by": "voice", "amount_db": -12, "attack": 0.05, "release": 0.4}
    what = project(track("music", "ones", {"duck": duck}), track("voice", "voice"))
    alone = rendered(folder, project(track("voice", "voice")))
    factors = (rendered(folder, what) - alone)[0] / 0.5
    ducked = 10 ** (-12 / 20)
    # The voice sounds from 0 to 1 s and from 2 to 3 s.
    assert np.allclose(factors[RATE // 5 : RATE - 100], ducked, atol=1e-3)
    assert np.allclose(factors[RATE * 3 // 2 : 2 * RATE], 1, atol=1e-3)
    middle = factors[RATE + round(0.02 * RATE) + round(0.2 * RATE)]
    assert 20 * np.log10(middle) == pytest.approx(-6, abs=0.3)


def test_filters_of_clips_tracks_and_the_master_are_those_of_ffmpeg(folder: Path) -> None:
    one, two, three = "highpass=f=100", "acompressor=threshold=0.05:ratio=4", "equalizer=f=300:t=q:w=1:g=-6"
    plain = rendered(folder, project(track("a", "beat")))
    chained = filtered(filtered(filtered(plain, one, RATE), two, RATE), three, RATE)
    what = project(track("a", "beat", {"filters": two}, clip_audio={"filters": one}), audio={"filters": three})
    assert np.abs(rendered(folder, what) - chained).max() < 1e-5


def test_a_mono_clip_with_filters_sounds_from_both_sides(folder: Path) -> None:
    what = project(track("a", "tone", clip_audio={"filters": "volume=0.5", "gain_db": 6}))
    out = rendered(folder, what)
    assert np.allclose(out[0], 0.5 * 10 ** (6 / 20) * 0.25 * np.sin(2 * np.pi * 440 * TIMES), atol=1e-4)
    assert np.array_equal(out[0], out[1])


def test_six_channels(folder: Path) -> None:
    audio = {"channels": 6, "filters": "volume=0.5", "true_peak": -3}
    out = rendered(folder, project(track("a", "tone", {"filters": "anull"}), audio=audio), channels=6)
    assert np.allclose(out[:2], 0.125 * np.sin(2 * np.pi * 440 * TIMES), atol=1e-4)
    assert not out[2:].any()


def test_filters_in_a_nested_composition_are_placed_with_it(folder: Path) -> None:
    inner = {"tracks": [track("t", "beat", {"filters": "highpass=f=100", "gain_db": -6}, duration=2, start=0.5)]}
    shown = {"kind": "audio", "clips": [{"composition": "inner", "start": 1, "duration": 1, "in": 1}]}
    out = rendered(folder, {**project(shown), "compositions": {"inner": inner}})
    # The track's bus is there from where the composition is heard: the filter begins half a second into the beat.
    beat = rendered(folder, project(track("a", "beat")))[:, RATE // 2 : RATE // 2 + RATE]
    expected = filtered(beat, "highpass=f=100", RATE) * 10 ** (-6 / 20)
    assert not out[:, :RATE].any()
    assert np.abs(out[:, RATE : 2 * RATE] - expected).max() < 1e-5


def test_solo_mute_gain_and_pan_of_tracks(folder: Path) -> None:
    left = rendered(folder, project(track("a", "tone", {"pan": -1, "gain_db": -6}), track("m", "beat", {"mute": True})))
    assert np.allclose(left[0], 2 * 0.25 * np.sin(2 * np.pi * 440 * TIMES) * 10 ** (-6 / 20), atol=1e-4)
    assert np.abs(left[1]).max() < 1e-9
    alone = rendered(folder, project(track("a", "tone", {"solo": True}), track("b", "beat")))
    assert np.array_equal(alone, rendered(folder, project(track("a", "tone"))))


def frequency(samples: Floats) -> float:
    """Of a steady tone: the peak of its spectrum, interpolated."""
    spectrum = np.abs(np.fft.rfft(samples * np.blackman(len(samples)), 16 * len(samples)))
    peak = int(spectrum.argmax())
    a, b, c = np.log(spectrum[peak - 1 : peak + 2])
    return float((peak + (a - c) / (2 * (a - 2 * b + c))) * RATE / (16 * len(samples)))


@pytest.mark.parametrize("speed", [0.5, 1.25, 2, -1.5])
@pytest.mark.parametrize(("pitch", "follows"), [("keep", False), ("follow", True)])
def test_the_pitch_of_a_tone(folder: Path, speed: float, pitch: str, follows: bool) -> None:
    what = project(track("a", "tone", speed=speed, duration=1.5, clip_audio={"pitch": pitch}))
    tone = rendered(folder, what)[0, RATE // 4 : RATE * 5 // 4]
    expected = 440 * abs(speed) if follows else 440
    assert abs(1200 * np.log2(frequency(tone) / expected)) < 3
    assert np.sqrt(np.mean(np.square(tone))) == pytest.approx(0.25 / 2**0.5, rel=0.02)


def test_pitch_of_a_composition_follows_where_its_clip_says_so(folder: Path) -> None:
    inner = {"tracks": [track("t", "tone", speed=1.25, duration=3, clip_audio={"pitch": "follow"})]}
    for pitch, expected in (("keep", 440 * 1.25), ("follow", 440 * 2.5)):
        clip = {"composition": "inner", "speed": 2, "audio": {"pitch": pitch}}
        what = {**project({"kind": "audio", "clips": [clip]}), "compositions": {"inner": inner}}
        tone = rendered(folder, what)[0, RATE // 4 : RATE * 5 // 4]
        assert abs(1200 * np.log2(frequency(tone) / expected)) < 3


@pytest.mark.parametrize("curve", ["linear", "equal_power", "exponential"])
def test_fades_with_curves(folder: Path, curve: str) -> None:
    audio = {"fade_in": {"duration": 1, "curve": curve}, "fade_out": {"duration": "1/2", "curve": curve}}
    out = rendered(folder, project(track("a", "ones", clip_audio=audio)))[0] / 0.5
    curves = {
        "linear": lambda p: p,
        "equal_power": lambda p: np.sin(p * np.pi / 2),
        "exponential": lambda p: (1000**p - 1) / 999,
    }
    expected = curves[curve](np.clip(TIMES, 0, 1)) * curves[curve](np.clip((SECONDS - TIMES) / 0.5, 0, 1))
    assert np.allclose(out, expected, atol=1e-6)


def test_wrong_filters_are_found_by_validate_with_their_place(folder: Path) -> None:
    what = project(
        track("a", "beat", {"filters": "highpas=f=80"}, clip_audio={"filters": "bass,amovie=x.wav"}),
        audio={"filters": "volume=loud"},
    )
    with pytest.raises(ProjectError) as caught:
        film(folder, what, "out.wav")
    found = {problem.path: problem.message for problem in caught.value.problems}
    assert set(found) == {"$.audio.filters", "$.tracks[0].audio.filters", "$.tracks[0].clips[0].audio.filters"}
    assert found["$.tracks[0].audio.filters"] == 'filter 1 of the chain, "highpas" at character 1, is no filter'
    assert (
        'filter 2 of the chain, "amovie" at character 6, can\'t be used here'
        in found["$.tracks[0].clips[0].audio.filters"]
    )
    assert 'filter 1 of the chain, "volume" at character 1, is not taken by libav: ' in found["$.audio.filters"]
    with pytest.raises(ProjectError):
        validate_project(folder / "project.json", ExportOptions())
