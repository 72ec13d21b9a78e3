"""The example of sound: its loudness as ffmpeg measures it, a pan, and music that steps back for the chimes."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.example_media import EXAMPLES, MEDIA, export, make_footage, rms, sound

SOURCE = EXAMPLES / "soundtrack" / "project.json"
RATE = 48000


@pytest.fixture(scope="module", autouse=True)
def footage() -> None:
    make_footage()


def changed(folder: Path, **masters: Any) -> dict[str, Any]:
    """The project with other settings of the master, its footage beside `folder`."""
    folder.joinpath("media").symlink_to(MEDIA)
    project: dict[str, Any] = json.loads(SOURCE.read_text().replace("../media", "media"))
    project["audio"] = masters
    return project


def heard(folder: Path, project: dict[str, Any]) -> Any:
    (folder / "project.json").write_text(json.dumps(project))
    export(folder / "project.json", folder / "film.wav")
    return sound(folder / "film.wav")


def test_loudness_and_true_peak_are_those_asked_for(tmp_path: Path) -> None:
    export(SOURCE, tmp_path / "film.wav")
    command = ["ffmpeg", "-hide_banner", "-nostats", "-i", str(tmp_path / "film.wav"), "-af", "ebur128=peak=true"]
    said = subprocess.run([*command, "-f", "null", "-"], check=True, capture_output=True, text=True).stderr
    summary = said[said.rindex("Summary:") :]
    loudness, peak = (re.search(rf"{name}:\s+(-?[\d.]+)", summary) for name in ("I", "Peak"))
    assert loudness is not None
    assert peak is not None
    assert float(loudness[1]) == pytest.approx(-16, abs=0.3)
    assert float(peak[1]) <= -1.4


def test_street_goes_from_left_to_right(tmp_path: Path) -> None:
    project = changed(tmp_path)
    for track in project["tracks"][2:]:
        track["enabled"] = False
    samples = heard(tmp_path, project)
    street = sound(MEDIA / "city.mp4")

    def leftness(start: float, end: float) -> float:
        """How much further left the film is than the recording."""
        part = slice(round(start * RATE), round(end * RATE))
        left, right = (rms(samples[part, side]) / rms(street[part, side]) for side in (0, 1))
        return left / right

    assert leftness(0.5, 1) > 1.2
    assert leftness(1.9, 2.1) == pytest.approx(1, rel=0.05)
    assert leftness(2.5, 3) < 1 / 1.1


def test_music_steps_back_for_the_chimes(tmp_path: Path) -> None:
    """With the chimes on the left alone, the right is nothing but music."""
    project = changed(tmp_path)
    project["tracks"][0]["enabled"] = False
    project["tracks"][2]["clips"][0]["audio"]["pan"] = -1
    samples = heard(tmp_path, project)
    music = sound(MEDIA / "music.flac")
    assert len(samples) == 8 * RATE

    def level(start: float, end: float) -> float:
        part = slice(round(start * RATE), round(end * RATE))
        return rms(samples[part, 1]) / rms(music[part, 1])

    full = 10 ** (-3 / 20)
    assert level(1, 1.9) == pytest.approx(full, rel=0.001)
    tenths = [level(start / 10, start / 10 + 0.1) for start in range(20, 50)]
    assert min(tenths) == pytest.approx(full * 10 ** (-14 / 20), rel=0.001)
    assert level(5.9, 6) > 0.9 * full
