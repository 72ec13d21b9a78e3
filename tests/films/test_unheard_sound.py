"""Sound that a clip's picture leaves out, and sound that can't be decoded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmill.decoders.probe import probe
from reelmill.export.opening.job import ExportOptions
from reelmill.export.rendering.session import export_film
from reelmill.export.validation import validate_project
from reelmill.planner.errors import ProjectError, SetupError
from reelmill.planner.timeline import Media
from tests.support.films import ffmpeg, film, read_sound

RECORDING: dict[str, Any] = {"canvas": {"width": 64, "height": 48, "fps": 25}, "media": {"r": {"path": "r.mov"}}}


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A narration of 4 s; the picture lasts from 1.8 to 2.8 s."""
    path = tmp_path / "r.mov"
    picture = ("-itsoffset", "1.8", "-f", "lavfi", "-i", "testsrc2=s=64x48:d=1")
    codecs = ("-vsync", "vfr", "-c:v", "libx264", "-ac", "2", "-c:a", "pcm_s16le")
    ffmpeg(*picture, "-f", "lavfi", "-i", "sine=d=4:r=48000", "-map", "0", "-map", "1", *codecs, path)
    return path


def warnings(folder: Path, *clips: dict[str, Any]) -> list[str]:
    path = folder / "p.json"
    path.write_text(json.dumps({"version": 1, **RECORDING, "tracks": [{"clips": list(clips)}]}), encoding="utf-8")
    return list(validate_project(path, ExportOptions()).warnings)


def test_sound_before_and_behind_the_picture_is_told_of(recording: Path) -> None:
    before, behind = warnings(recording.parent, {"id": "c", "media": "r"})
    assert '$.tracks[0].clips[0]: clip "c" leaves out 1.8 s of sound that lie before the first picture' in before
    assert '"in" may be -1.8 s' in before
    assert 'clip "c" leaves out 1.2 s of sound that lie behind the last picture of media "r"' in behind
    assert [text[:30] for text in warnings(recording.parent, {"media": "r", "speed": -1})] != []
    inside = {"media": "r", "in": 0.2, "duration": 0.5}
    for clip in (inside, {"media": "r", "audio": {"mute": True}}, {"media": "r", "speed": 0, "duration": 1}):
        assert warnings(recording.parent, clip) == []


def test_all_of_the_sound_can_be_kept(recording: Path) -> None:
    picture = {"media": "r", "start": 1.8, "audio": {"mute": True}}
    sound = {"kind": "audio", "clips": [{"media": "r", "in": -1.8}]}
    output, report = film(recording.parent, {**RECORDING, "tracks": [{"clips": [picture]}, sound]}, "out.wav")
    assert report["warnings"] == []
    assert np.array_equal(read_sound(output, 2), read_sound(recording, 2))


@pytest.fixture
def phone(tmp_path: Path) -> Path:
    """A film like those of phones whose first sound has a codec that libav does not know."""
    path = tmp_path / "r.mov"
    sound = [part for hz in (440, 880) for part in ("-f", "lavfi", "-i", f"sine=f={hz}:d=0.2:r=48000")]
    mapped = [part for number in range(3) for part in ("-map", str(number))]
    options = ("-c:v", "libx264", "-c:a", "aac")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", *sound, *mapped, *options, path)
    data = path.read_bytes()
    for tag, other in ((b"mp4a", b"apac"), (b"esds", b"free")):
        data = data.replace(tag, other, 1)
    path.write_bytes(data)
    return path


def phone_film(folder: Path, *, entry: dict[str, Any] | None = None, **clip: Any) -> Path:
    media = {"r": {"path": "r.mov", **(entry or {})}}
    tracks = [{"clips": [{"media": "r", **clip}]}]
    path = folder / "p.json"
    path.write_text(json.dumps({"version": 1, **RECORDING, "media": media, "tracks": tracks}), encoding="utf-8")
    return path


def test_sound_of_an_unknown_codec_is_an_error_where_it_is_heard(phone: Path) -> None:
    facts = probe(Media("r", str(phone)))
    assert facts.audio is None
    assert facts.sound_problem is not None
    assert facts.sound_problem.message == "the codec apac of audio stream 0 is not supported"
    project = phone_film(phone.parent)
    with pytest.raises(ProjectError) as caught:
        validate_project(project, ExportOptions())
    (problem,) = caught.value.problems
    assert "sounds, but the codec apac of audio stream 0 is not supported" in str(problem)
    assert '"audio_stream": 1 (aac, mono)' in (problem.hint or "")
    with pytest.raises(SetupError, match="the codec apac"):
        export_film(project, phone.parent / "out.mov", ExportOptions())


@pytest.mark.parametrize("name", ["out.mov", "out.png"])
def test_a_film_whose_sound_is_not_needed_is_shown(phone: Path, name: str) -> None:
    report = export_film(phone_film(phone.parent), phone.parent / name, ExportOptions(no_audio=name == "out.mov"))
    assert report["status"] == "ok"
    assert (phone.parent / name).exists()


def test_a_clip_that_is_mute_or_takes_other_sound_is_valid(phone: Path) -> None:
    for project in (
        phone_film(phone.parent, audio={"mute": True}),
        phone_film(phone.parent, entry={"audio_stream": 1}),
    ):
        assert validate_project(project, ExportOptions()).frames == 5


def test_sound_of_an_unknown_codec_on_an_audio_track(phone: Path) -> None:
    path = phone_film(phone.parent)
    data = json.loads(path.read_text(encoding="utf-8"))
    data["tracks"] = [{"kind": "audio", "clips": [{"media": "r"}]}]
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ProjectError) as caught:
        validate_project(path, ExportOptions())
    assert "the codec apac of audio stream 0 is not supported" in str(caught.value.problems[0])
