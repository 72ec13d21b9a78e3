"""A draft is not brought to a loudness, which would take hearing the whole film, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from reelmill.export.opening.job import ExportOptions
from reelmill.export.rendering.session import export_film
from tests.support.films import ffmpeg, read_sound


@pytest.mark.parametrize("draft", [False, True])
def test_a_draft_keeps_the_level(tmp_path: Path, draft: bool) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2", tmp_path / "a.wav")
    project = {
        "version": 1,
        "canvas": {"width": 32, "height": 18, "fps": 10},
        "audio": {"loudness": -33},
        "media": {"a": "a.wav"},
        "tracks": [
            {"clips": [{"solid": "red", "duration": 2}]},
            {"kind": "audio", "clips": [{"media": "a"}]},
        ],
    }
    path = tmp_path / "project.json"
    path.write_text(json.dumps(project), encoding="utf-8")
    film = tmp_path / "film.mkv"
    report = export_film(path, film, ExportOptions(draft=draft))
    told = [warning for warning in report["warnings"] if "not brought to -33 LUFS" in warning]
    assert bool(told) is draft
    made, source = (np.sqrt(np.mean(read_sound(sound, 1) ** 2)) for sound in (film, tmp_path / "a.wav"))
    # Near -21 LUFS before; a sine's loudness follows its level.
    assert np.isclose(made, source, rtol=0.02) == draft
