"""Sound through a whole export: impulses are where the timeline puts them, and cuts leave no trace."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmill.planner.outputs import AudioSettings, VideoSettings
from tests.support.films import ffmpeg, film, probe, read_sound

RATE = 48000


def impulse(path: Path, at: int, length: int = RATE) -> None:
    """A mono WAV of zeros with one short click whose peak is at a sample."""
    samples = np.zeros(length, np.float32)
    samples[at] = 0.9
    ffmpeg("-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "-", "-c:a", "pcm_f32le", path, data=samples.tobytes())


def project(start: str | float, picture: bool = True) -> dict[str, Any]:
    tracks: list[dict[str, Any]] = [{"kind": "audio", "clips": [{"media": "click", "start": start}]}]
    if picture:
        tracks.append({"clips": [{"solid": "navy", "duration": 2.5}]})
    return {
        "canvas": {"width": 64, "height": 64, "fps": "30000/1001"},
        "media": {"click": {"path": "click.wav"}},
        "tracks": tracks,
    }


@pytest.mark.parametrize(
    ("name", "codec", "tolerance"),
    [
        ("out.wav", None, 0),
        ("out.flac", None, 0),
        ("out.mkv", "flac", 0),
        ("out.mkv", "pcm", 0),
        ("out.mov", "pcm", 0),
        ("out.mp4", "aac", 1),
        ("out.mov", "aac", 1),
        ("out.mkv", "opus", 1),
        ("out.webm", "opus", 1),
        ("out.mp4", None, 1),
        ("out.mkv", None, 1),
    ],
)
def test_an_impulse_is_at_its_sample(tmp_path: Path, name: str, codec: str | None, tolerance: int) -> None:
    impulse(tmp_path / "click.wav", 12345)
    start = Fraction(7, 13)
    output, _ = film(
        tmp_path, project("7/13", picture=not name.endswith(("wav", "flac"))), name, audio=AudioSettings(codec=codec)
    )
    sound = read_sound(output, 2)
    expected = round(start * RATE) + 12345
    for channel in sound.T:
        assert abs(int(np.abs(channel).argmax()) - expected) <= tolerance
    for stream in probe(output)["streams"]:
        assert abs(float(stream.get("start_time", 0))) < 0.03


def test_sound_lasts_exactly_as_long_as_the_timeline(tmp_path: Path) -> None:
    impulse(tmp_path / "click.wav", 5)
    output, report = film(tmp_path, project("7/13", picture=False), "out.wav")
    assert len(read_sound(output, 2)) == round((Fraction(7, 13) + 1) * RATE)
    assert report["frames"] == 0
    assert report["renderer"] is None


def test_settings_of_the_project_do_not_stand_in_the_way_of_another_output(tmp_path: Path) -> None:
    impulse(tmp_path / "click.wav", 5)
    what = project(0)
    what["export"] = {"audio": {"codec": "aac", "bitrate": 192000}, "video": {"codec": "h264", "preset": "fast"}}
    sound, _ = film(tmp_path, what, "out.wav")
    assert probe(sound)["streams"][0]["codec_name"] == "pcm_s16le"
    other, _ = film(tmp_path, what, "out.mkv", video=VideoSettings(codec="ffv1"), audio=AudioSettings(codec="flac"))
    assert [stream["codec_name"] for stream in probe(other)["streams"]] == ["ffv1", "flac"]


def test_adjoining_clips_are_the_uncut_recording(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=d=3:r=44100:seed=3", "-c:a", "aac", "-b:a", "128k", tmp_path / "noise.m4a")
    media = {"n": {"path": "noise.m4a"}}

    def rendered(folder: str, clips: list[dict[str, Any]]) -> Any:
        place = tmp_path / folder
        place.mkdir()
        (place / "noise.m4a").write_bytes((tmp_path / "noise.m4a").read_bytes())
        output, _ = film(place, {"canvas": CANVAS, "media": media, "tracks": [track(clips)]}, "out.wav")
        return read_sound(output, 2)

    def track(clips: list[dict[str, Any]]) -> dict[str, Any]:
        return {"kind": "audio", "clips": [{"media": "n", **c} for c in clips]}

    uncut = rendered("uncut", [{"start": 0, "duration": 2.5}])
    cuts = [0, "1/3", 0.7, "27f", "1001/700", 2, 2.5]
    seconds = [Fraction(0), Fraction(1, 3), Fraction(7, 10), Fraction(27, 30), Fraction(1001, 700), Fraction(2)]
    lengths = [b - a for a, b in zip(seconds, [*seconds[1:], Fraction(5, 2)], strict=True)]
    pieces = rendered(
        "cut",
        [
            {"start": a, "in": a, "duration": f"{d.numerator}/{d.denominator}"}
            for a, d in zip(cuts, lengths, strict=False)
        ],
    )
    assert uncut.shape == (round(2.5 * RATE), 2)
    assert np.abs(uncut).max() > 0.05
    assert np.array_equal(uncut, pieces)


CANVAS = {"width": 64, "height": 64, "fps": 30}


def test_the_report_tells_of_the_sound_engine(tmp_path: Path) -> None:
    impulse(tmp_path / "click.wav", 5)
    output, report = film(tmp_path, project("7/13"), "out.mov", audio_workers=3)
    told = report["audio"]
    assert (told["workers"], told["cues"], told["opened"], told["peak_open"]) == (3, 1, 1, 1)
    assert told["chunks"] >= RATE // 8192
    assert 0 <= told["utilisation"] <= 1
    assert told["encoder_waited_seconds"] < report["wall_seconds"]
    assert report["stages"]["audio"]["seconds"] > 0
    _, silent = film(tmp_path, project("7/13"), "silent.mp4", no_audio=True)
    assert silent["audio"] is None
    assert silent["stages"]["audio"]["seconds"] == 0
    assert output.exists()
