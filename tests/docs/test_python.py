"""docs/guide/python.md: every script runs as it stands there, passes mypy as a user's, and names what there is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reelmill
from reelmill.export.opening.api_options import RenderOptions
from tests.support.films import probe

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guide" / "python.md").read_text(encoding="utf-8")
FIRST, MANY, BATCH, TESTS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
PROJECT = {
    "canvas": {"width": 32, "height": 18, "fps": 10},
    "tracks": [
        {"clips": [{"solid": "teal", "duration": 1}]},
        {"clips": [{"text": {"content": "${title}", "size": "${size:number=8}"}, "duration": 1}]},
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "film.json").write_text(json.dumps(PROJECT), encoding="utf-8")
    return tmp_path


def python(folder: Path, script: str) -> str:
    (folder / "script.py").write_text(script, encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "error", "script.py"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def frames(path: Path) -> str:
    return str(probe(path)["streams"][0]["nb_frames"])


def test_the_first_script(folder: Path) -> None:
    said = python(folder, FIRST)
    assert said.startswith("10 frames, ")
    assert "10 of 10 frames" in said
    assert said.splitlines()[-1].startswith("film.mp4 1.0 ")
    assert frames(folder / "film.mp4") == "10"
    assert probe(folder / "still.png")["streams"][0]["width"] == 32
    (folder / "film.json").write_text('{"tracks": [', encoding="utf-8")
    assert python(folder, FIRST).startswith("1 problem in the project")


def test_many_films_in_one_process(folder: Path) -> None:
    python(folder, MANY)
    assert [frames(folder / f"{city}.mp4") for city in ("Rome", "Oslo")] == ["10", "10"]


def test_the_batch_script(folder: Path) -> None:
    assert python(folder, BATCH).splitlines()[-1] == "3 films made, 0 were there"
    assert sorted(path.name for path in (folder / "films").glob("*.mp4")) == ["Oslo.mp4", "Rome.mp4", "Łódź.mp4"]
    assert python(folder, BATCH).splitlines()[-1] == "0 films made, 3 were there"


def run_tests(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_cards.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_fixture(folder: Path) -> None:
    (folder / "test_cards.py").write_text(TESTS, encoding="utf-8")
    missing = run_tests(folder)
    assert missing.returncode == 1
    assert "pytest --update-goldens stores what is rendered now" in missing.stdout
    assert not (folder / "golden").exists()
    assert run_tests(folder, "--update-goldens").returncode == 0
    stored = sorted(path.name for path in (folder / "golden").iterdir())
    assert stored == ["test_sizes-32", "test_sizes-64", "test_the_title_card"]
    missing_flag = missing.stdout.replace("--update-goldens", "")
    assert "--update-goldens stores them" in missing.stdout
    assert "--update" not in missing_flag
    again = run_tests(folder)
    assert again.returncode == 0, again.stdout
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder / "test_cards.py")]
    assert subprocess.run(command, cwd=elsewhere, capture_output=True).returncode == 0
    assert "3 passed" in again.stdout
    changed = json.dumps(PROJECT).replace("teal", "maroon")
    (folder / "film.json").write_text(changed, encoding="utf-8")
    different = run_tests(folder)
    assert "3 failed" in different.stdout
    assert "film.json does not look or sound as its goldens in " in different.stdout
    page = re.search(r"expected, actual and difference: (\S+)", different.stdout)
    assert page
    assert Path(page[1]).read_text(encoding="utf-8").lower().startswith("<!doctype html")
    (folder / "film.json").write_text("{", encoding="utf-8")
    assert "ProjectError" in run_tests(folder).stdout


@pytest.mark.slow
def test_scripts_pass_mypy_as_those_of_users(folder: Path) -> None:
    for number, script in enumerate((FIRST, MANY, BATCH)):
        (folder / f"script{number}.py").write_text(script, encoding="utf-8")
    wrong = 'from reelmill import render\nrender("a.json", "b.mp4", crf="low")\nrender("a.json", "b.mp4", speed=2)\n'
    (folder / "wrong.py").write_text(wrong, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--no-error-summary"]
    done = subprocess.run([*command, "."], cwd=folder, capture_output=True, text=True, env={"MYPYPATH": str(ROOT)})
    lines = [line for line in done.stdout.splitlines() if not line.startswith(str(ROOT)) and ": note:" not in line]
    assert [line.partition(": ")[0] for line in lines if "error" in line] == ["wrong.py:2", "wrong.py:3"], done.stdout


def test_the_page_names_every_function_and_option() -> None:
    functions = {name for name in reelmill.__all__ if name.islower()}
    assert set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE)) == functions
    page = " ".join(PAGE.split())
    listed = page[page.index("**Options**") : page.index("They mean what")]
    assert set(re.findall(r"`(\w+)`", listed)) - {"RenderOptions"} == set(RenderOptions.__annotations__)
