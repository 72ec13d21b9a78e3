"""The wheel as its users have it: one importable name, beside folders of theirs that are called as ours are."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = {
    "version": 1,
    "canvas": {"width": 64, "height": 36, "fps": 10},
    "tracks": [{"clips": [{"solid": "red", "duration": 0.3}]}],
}
API = """
import export, cli, planner, decoders
assert export.THEIRS and not hasattr(planner, "errors")
import reelmill
assert reelmill.render("project.json", "api.mkv").frames == 3
"""
TEST = """
import export

def test_golden(render_matches_golden):
    assert export.THEIRS
    render_matches_golden("project.json")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # The sources are copied, since setuptools builds in the folder itself.
    copy = folder / "copy"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/", "examples/")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(folder), str(copy)]
    subprocess.run(command, check=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the wheel; the libraries that it needs are those of the tests."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    (site,) = (folder / "lib").glob("python3*/site-packages")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python"


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder of a user, with modules of their own."""
    (tmp_path / "project.json").write_text(json.dumps(PROJECT))
    for name in ("export/__init__.py", "cli.py", "planner.py", "decoders/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("THEIRS = True\n")
    return tmp_path


def run(python: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run([python, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_only_importable_name_is_reelmill(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = {name.partition("/")[0] for name in packed.namelist()}
        assert "reelmill/py.typed" in packed.namelist()
    assert {name for name in names if not name.endswith(".dist-info")} == {"reelmill"}


def test_the_interface_beside_folders_of_the_same_names(python: Path, theirs: Path) -> None:
    run(python, theirs, "-c", API)
    assert (theirs / "api.mkv").exists()


def test_the_command_and_a_batch_in_two_processes(python: Path, theirs: Path) -> None:
    run(python, theirs, "-m", "reelmill", "export", "project.json", "film.mkv")
    jobs = [{"project": "project.json", "output": f"{number}.mkv"} for number in range(2)]
    (theirs / "jobs.json").write_text(json.dumps(jobs))
    run(python, theirs, "-m", "reelmill", "batch", "jobs.json", "--jobs", "2")
    assert (theirs / "film.mkv").exists()
    assert (theirs / "0.mkv").read_bytes() == (theirs / "1.mkv").read_bytes() == (theirs / "film.mkv").read_bytes()


def test_the_pytest_plugin_takes_no_name_from_the_tests(python: Path, theirs: Path) -> None:
    (theirs / "test_film.py").write_text(TEST)
    run(python, theirs, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--update-goldens")
    run(python, theirs, "-m", "pytest", "-q", "-p", "no:cacheprovider")
