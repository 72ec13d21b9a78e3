"""The rule that `--depfile` writes, as make itself reads it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from reelmill.export.outputs.depfile import check_depfile, write_depfile
from reelmill.planner.errors import SetupError

NAMES = (
    "plain.mp4",
    "two words.mp4",
    "#1.mp4",
    "50%.mp4",
    "$5.mp4",
    "a:b.mp4",
    "back\\slash.mp4",
    "a\\ b.mp4",
    "ü.mp4",
    os.fsdecode(b"caf\xe9.mp4"),
)


def made(folder: Path, target: str) -> str:
    """What make does for a target whose recipe is in the Makefile and whose rule is in film.d."""
    command = ["make", "-f", "Makefile", target]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, errors="surrogateescape"
    ).stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Makefile").write_text("film.mp4:\n\t@echo rendered; touch film.mp4\n-include film.d\n")
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_changed_is_seen_whatever_its_name(folder: Path, name: str) -> None:
    source = folder / name
    source.touch()
    write_depfile(folder / "film.d", [Path("film.mp4")], [Path("film.json"), Path(name)])
    (folder / "film.json").touch()
    assert "rendered" in made(folder, "film.mp4")
    assert "rendered" not in made(folder, "film.mp4")
    later = (folder / "film.mp4").stat().st_mtime + 10
    os.utime(source, (later, later))
    assert "rendered" in made(folder, "film.mp4")


def test_a_file_that_is_gone_does_not_stop_make(folder: Path) -> None:
    write_depfile(folder / "film.d", [Path("film.mp4")], [Path("gone.mp4")])
    assert "rendered" in made(folder, "film.mp4")


def test_line_breaks_are_refused(folder: Path) -> None:
    """Before the film is rendered."""
    odd = [Path("a\nb.mp4")]
    with pytest.raises(SetupError, match=r"make has no way to write the name \"a\\nb\.mp4\""):
        check_depfile(folder / "film.d", odd, [], [])
    with pytest.raises(SetupError, match=r"make has no way to write the name \"a\\nb\.mp4\""):
        check_depfile(folder / "film.d", [], odd, [])


def test_a_name_that_is_too_long_is_refused(folder: Path) -> None:
    with pytest.raises(SetupError, match="can't be written: File name too long"):
        check_depfile(folder / ("d" * 300), [], [], [])


def test_only_a_depfile_is_replaced(folder: Path) -> None:
    write_depfile(folder / "film.d", [Path("film.mp4")], [])
    check_depfile(folder / "film.d", [], [], [])
    with pytest.raises(SetupError, match="would replace a file that is no depfile"):
        check_depfile(folder / "Makefile", [], [], [])
