"""The files of docs/guide/recipes: what of them can be run here is run. Docker and CI services themselves are not."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
RECIPES = ROOT / "docs" / "guide" / "recipes"
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "GITHUB_ACTIONS"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def project(color: str = "teal", **more: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "canvas": {"width": 64, "height": 36, "fps": 10},
        "tracks": [{"clips": [{"solid": color, "duration": 0.5}]}],
        **more,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "one.json").write_text(json.dumps(project()))
    return tmp_path


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_check_of_a_ci_job(folder: Path, name: str) -> None:
    (line,) = re.findall(r"(?:run: |- )(reelmill check .*)", (RECIPES / name).read_text())
    (update,) = re.findall(
        r"^reelmill check .* --update$", (ROOT / "docs" / "guide" / "recipes.md").read_text(), re.MULTILINE
    )
    assert run(folder, "sh", "-c", update).returncode == 0
    passed = run(folder, "sh", "-c", line)
    assert passed.returncode == 0, passed.stderr
    (folder / "films" / "one.json").write_text(json.dumps(project("maroon")))
    assert run(folder, "sh", "-c", line).returncode == 3
    assert "<failure" in (folder / "report" / "check.xml").read_text()
    assert (folder / "report" / "check.html").is_file()


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml", "Dockerfile"])
def test_system_packages_are_those_of_the_set_up(name: str) -> None:
    (packages,) = re.findall(r'^packages="(lib.*)"$', (ROOT / ".ci" / "setup.sh").read_text(), re.MULTILINE)
    assert f"apt-get install -y --no-install-recommends {packages}" in (RECIPES / name).read_text()


def test_make_renders_what_changed(folder: Path) -> None:
    shutil.copy(RECIPES / "Makefile", folder)
    for number in range(3):
        Image.new("RGB", (64, 36), (40 * number, 0, 0)).save(folder / f"shot{number}.png")
    pictures = project(media={"shot": {"path": "../shot%d.png", "fps": 10}})
    pictures["tracks"][0]["clips"] = [{"media": "shot"}]
    (folder / "films" / "two.json").write_text(json.dumps(pictures))
    first = run(folder, "make")
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("reelmill export") == 2
    assert "reelmill export" not in run(folder, "make").stdout
    later = (folder / "out" / "two.mp4").stat().st_mtime + 10
    os.utime(folder / "shot2.png", (later, later))
    again = run(folder, "make").stdout
    assert "films/two.json" in again
    assert "films/one.json" not in again


def test_a_night_goes_on_where_the_last_one_ended(folder: Path) -> None:
    shutil.copy(RECIPES / "nightly.sh", folder)
    template = project("${colour}", variables={"colour": "navy"})
    (folder / "template.json").write_text(json.dumps(template))
    rows = "".join(f"template.json,out/{colour}.mp4,{colour}\n" for colour in ("red", "green", "blue"))
    (folder / "jobs.csv").write_text(f"project,output,colour\n{rows}")
    done = run(folder, "./nightly.sh")
    assert done.returncode == 0, done.stderr
    films = sorted((folder / "out").glob("*.mp4"))
    assert [film.name for film in films] == ["blue.mp4", "green.mp4", "red.mp4"]
    before = [film.stat().st_mtime_ns for film in films]
    assert run(folder, "./nightly.sh").returncode == 0
    assert [film.stat().st_mtime_ns for film in films] == before
    with (folder / "log" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        late = run(folder, "./nightly.sh")
    assert (late.returncode, late.stderr) == (75, "the last run is still going on\n")
