"""Markers and subtitles from a project file to what the commands say: problems with their paths, warnings, films."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reelmill.cli.main import main
from tests.support.films import ffmpeg, probe

SRT = "1\n00:00:00,200 --> 00:00:00,600\nHello\n\n2\n00:00:00,600 --> 00:00:05,000\nlate\n"


def write(folder: Path, **keys: Any) -> Path:
    (folder / "en.srt").write_text(SRT, encoding="utf-8")
    (folder / "wrong.srt").write_bytes(b"1\n00:00:00,000 --> 00:00:01,000\nna\xefve\n")
    project = {
        "version": 1,
        "canvas": {"width": 64, "height": 64, "fps": 25},
        "tracks": [{"clips": [{"solid": "navy", "duration": 1}]}],
        **keys,
    }
    path = folder / "project.json"
    path.write_text(json.dumps(project), encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    code = main([*map(str, arguments)])
    return code, " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("keys", "path", "message"),
    [
        ({"subtitles": [{"path": "none.srt"}]}, "$.subtitles[0].path", "the file does not exist"),
        ({"subtitles": [{"path": "wrong.srt"}]}, "$.subtitles[0].path", "line 3: the byte 0xEF is not UTF-8 text"),
        ({"subtitles": [{"path": "en.txt"}]}, "$.subtitles[0].path", '".txt" is no file of subtitles'),
        ({"subtitles": [{"path": "en.srt", "language": "en"}]}, "$.subtitles[0].language", 'write "eng"'),
        ({"subtitles": [{"path": "en.srt", "mode": "burnt"}]}, "$.subtitles[0].mode", 'did you mean "burn"?'),
        ({"subtitles": [{"path": "en.srt", "lang": "eng"}]}, "$.subtitles[0]", 'did you mean "language"?'),
        (
            {"subtitles": [{"path": "en.srt", "mode": "burn", "font": "none.ttf"}]},
            "$.subtitles[0]",
            "the font file does not exist",
        ),
        ({"markers": [{"time": 1, "name": "End"}]}, "$.markers[0].time", 'the marker "End" begins at 1 s'),
        ({"markers": [{"time": 0}]}, "$.markers[0]", 'the key "name" is missing'),
        ({"markers": [{"time": -1, "name": "a"}]}, "$.markers[0].time", "must not be negative"),
    ],
)
def test_problems_have_their_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], keys: dict[str, Any], path: str, message: str
) -> None:
    code, said = run(capsys, "validate", write(tmp_path, **keys))
    assert code == 2
    assert f"{path}: " in said
    assert message in said


def test_a_film_with_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = write(
        tmp_path,
        tags={"title": "T", "mood": "good"},
        markers=[{"time": "5f", "name": "One"}],
        subtitles=[{"path": "en.srt", "language": "eng"}, {"path": "en.srt", "mode": "burn", "style": {"size": 20}}],
    )
    code, said = run(capsys, "export", project, tmp_path / "out.mp4")
    assert code == 0
    assert 'warning: out.mp4: the tag "mood" is not kept by .mp4' in said
    assert said.count("1 cue reaches after the film's end at 1 s (line 6)") == 2
    found = probe(tmp_path / "out.mp4", "-show_chapters")
    assert [each["tags"]["title"] for each in found["chapters"]] == ["", "One"]
    cues = ffmpeg("-i", tmp_path / "out.mp4", "-map", "0:s", "-f", "srt", "-").decode()
    assert "00:00:00,600 --> 00:00:01,000" in cues
    frames = ffmpeg("-i", tmp_path / "out.mp4", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    brightest = [max(frames[n * 4096 : (n + 1) * 4096]) for n in range(25)]
    assert [value > 150 for value in brightest] == [n >= 5 for n in range(25)]


def test_a_container_without_subtitles_is_refused_before_rendering(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "export", write(tmp_path, subtitles=[{"path": "en.srt"}]), tmp_path / "out.ts")
    assert code == 2
    assert "out.ts: .ts takes no tracks of subtitles" in said
    assert not (tmp_path / "out.ts").exists()
