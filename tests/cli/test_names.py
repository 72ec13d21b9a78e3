"""Names of files that are no UTF-8, through every file and text that reelmill writes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reelmill.cli.main import main

ODD = os.fsdecode(b"caf\xe9")


def test_names_that_are_no_utf8_are_written_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / ODD
    folder.mkdir()
    clip = {"solid": "red", "duration": 0.08}
    project = {"version": 1, "canvas": {"width": 16, "height": 16, "fps": 25}, "tracks": [{"clips": [clip]}]}
    path = folder / f"{ODD}.json"
    path.write_text(json.dumps(project), encoding="utf-8")
    films = [folder / f"{ODD}.mp4", folder / f"{ODD}.m3u8", folder / ODD / "%02d.png"]
    report, depfile, profile, page = (folder / f"{ODD}-{name}" for name in ("r.json", "d", "p.json", "plan.html"))
    told = ["--report", str(report), "--depfile", str(depfile), "--profile", str(profile), "--progress", "json"]
    assert main(["export", str(path), *map(str, films), *told]) == 0
    assert json.loads(report.read_text())["outputs"][0]["path"] == str(films[0])
    assert os.fsencode(films[0].name) in depfile.read_bytes()
    names = [event.get("args", {}).get("name", "") for event in json.loads(profile.read_text())["traceEvents"]]
    assert f"encode {films[0].name}" in names
    media = films[1].read_bytes().partition(b'URI="')[2].partition(b"/")[0]
    assert (os.fsencode(folder) + b"/" + media).endswith(os.fsencode(next(folder.glob("*-????????")).name))
    capsys.readouterr()
    assert main(["plan", str(path), "--html", str(page)]) == 0
    assert r"caf\udce9" in capsys.readouterr().out
    assert r"caf\udce9" in page.read_text(encoding="utf-8")
