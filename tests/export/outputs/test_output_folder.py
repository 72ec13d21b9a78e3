"""A folder under the target's name is the old one or a complete new one, and nobody's other files are lost."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reelmill.export.outputs.output_folder import OutputFolder
from reelmill.export.pictures.picture_names import PictureNames
from reelmill.planner.errors import RenderError, SetupError

KILLED = """
import os, pathlib, signal, sys
from reelmill.export.outputs.output_folder import OutputFolder
from reelmill.export.pictures.picture_names import PictureNames
output = OutputFolder(PictureNames(pathlib.Path(sys.argv[1])), force=True)
(output.destination / "0.png").write_text("new")
if sys.argv[2] == "between renames":
    rename = pathlib.Path.rename
    def die_at_the_second(path, to):
        if "reelmill-part" in path.name:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(path, to)
    pathlib.Path.rename = die_at_the_second
    output.commit()
print("ready", flush=True)
if sys.argv[2] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.read()
"""
no_kill = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


def folder(pattern: Path, *, force: bool = False) -> OutputFolder:
    return OutputFolder(PictureNames(pattern), force=force)


def names(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*")}


def write(output: OutputFolder, *numbers: int) -> None:
    for number in numbers:
        (output.destination / f"{number}.png").write_text(f"new {number}")


def run(pattern: Path, how: str) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(pattern), how], check=False, capture_output=True)


def test_committed_it_is_the_target(tmp_path: Path) -> None:
    with folder(tmp_path / "a" / "b" / "%d.png") as output:
        write(output, 0, 1)
        assert not (tmp_path / "a" / "b").exists()
        output.commit()
    assert names(tmp_path) == {"a", "a/b", "a/b/0.png", "a/b/1.png"}
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == (tmp_path / "a").stat().st_mode & 0o777
    listing = "".join(f"{hashlib.sha256(f'new {n}'.encode()).hexdigest()}  {n}.png\n" for n in (0, 1))
    assert output.written().sha256 == hashlib.sha256(listing.encode()).hexdigest()
    assert output.written().byte_count == 10


def test_not_committed_nothing_is_left(tmp_path: Path) -> None:
    def fail() -> None:
        with folder(tmp_path / "a" / "b" / "%d.png") as output:
            write(output, 0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(tmp_path) == set()


@pytest.mark.parametrize("force", [False, True])
def test_an_empty_folder_may_be_there(tmp_path: Path, force: bool) -> None:
    (tmp_path / "f").mkdir()
    with folder(tmp_path / "f" / "%d.png", force=force) as output:
        write(output, 0)
        output.commit()
    assert names(tmp_path) == {"f", "f/0.png"}


def test_a_folder_with_something_in_it_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "7.png").write_text("old")
    with pytest.raises(SetupError, match="exists and isn't empty") as refused:
        folder(tmp_path / "f" / "%d.png")
    assert "--force" in (refused.value.suggestion or "")
    assert names(tmp_path) == {"f", "f/7.png"}


def test_force_replaces_all_pictures_of_the_pattern(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    for number in (0, 7, 123):
        (tmp_path / "f" / f"{number}.png").write_text("old")
    with folder(tmp_path / "f" / "%d.png", force=True) as output:
        write(output, 0, 1)
        assert (tmp_path / "f" / "0.png").read_text() == "old"
        output.commit()
    assert names(tmp_path) == {"f", "f/0.png", "f/1.png"}
    assert (tmp_path / "f" / "0.png").read_text() == "new 0"


@pytest.mark.parametrize("other", ["notes.txt", "0.jpg", "x0.png", ".hidden", "1.png/inner.png"])
def test_force_touches_no_folder_that_holds_anything_else(tmp_path: Path, other: str) -> None:
    (tmp_path / "f" / other).parent.mkdir(parents=True)
    (tmp_path / "f" / other).write_text("mine")
    (tmp_path / "f" / "0.png").write_text("old")
    before = names(tmp_path)
    with pytest.raises(SetupError, match=r"which is no picture named %d\.png") as refused:
        folder(tmp_path / "f" / "%d.png", force=True)
    assert Path(other).parts[0] in refused.value.message
    assert "folder of their own" in (refused.value.suggestion or "")
    assert names(tmp_path) == before


@pytest.mark.parametrize(("force", "came"), [(False, "5.png"), (True, "notes.txt")])
def test_what_came_meanwhile_stays(tmp_path: Path, force: bool, came: str) -> None:
    with folder(tmp_path / "f" / "%d.png", force=force) as output:
        write(output, 0)
        (tmp_path / "f").mkdir()
        (tmp_path / "f" / came).write_text("somebody else's")
        with pytest.raises(RenderError, match="while it was rendered"):
            output.commit()
    assert names(tmp_path) == {"f", f"f/{came}"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="is a file"):
        folder(tmp_path / "file" / "%d.png")
    with pytest.raises(SetupError, match="can't be written"):
        folder(tmp_path / "file" / "f" / "%d.png")
    assert names(tmp_path) == {"file"}


def test_the_folder_one_is_in_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "f" / "deep"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    for pattern in (Path("%d.png"), tmp_path / "f" / "%d.png"):
        with pytest.raises(SetupError, match="the folder you are in") as refused:
            folder(pattern, force=True)
        assert "frames/%d.png" in (refused.value.suggestion or "")


def test_a_mounted_disk_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "ismount", lambda path: path == tmp_path / "f")
    with pytest.raises(SetupError, match="disk is mounted"):
        folder(tmp_path / "f" / "%d.png")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with folder(tmp_path / "link" / "%d.png") as output:
        write(output, 0)
        output.commit()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "0.png").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_one_may_not_write_to(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir(mode=0o500)
    with pytest.raises(SetupError, match="can't be written"):
        folder(tmp_path / "f" / "g" / "%d.png")


@no_kill
def test_the_leftover_of_a_killed_run_goes_with_the_next_run(tmp_path: Path) -> None:
    run(tmp_path / "f" / "%d.png", "die")
    run(tmp_path / "g" / "%d.png", "die")
    assert len([name for name in names(tmp_path) if name.endswith("-part")]) == 2
    command = [sys.executable, "-c", KILLED, str(tmp_path / "f" / "%d.png"), "live"]
    alive = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert alive.stdout is not None
        assert alive.stdout.readline() == b"ready\n"
        with folder(tmp_path / "f" / "%d.png") as output:
            write(output, 1)
            output.commit()
        left = [name for name in names(tmp_path) if name.endswith("-part")]
        # The dead run's is gone; the living one's stays, and what belongs to another target.
        assert sorted(name[:3] for name in left) == [".f.", ".g."]
    finally:
        alive.communicate(b"")
    assert (tmp_path / "f" / "1.png").read_text() == "new 1"


@no_kill
def test_a_folder_whose_replacement_was_killed_is_put_back(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "9.png").write_text("old")
    run(tmp_path / "f" / "%d.png", "between renames")
    assert not (tmp_path / "f").exists()
    with pytest.raises(SetupError, match="isn't empty"):
        folder(tmp_path / "f" / "%d.png")
    assert (tmp_path / "f" / "9.png").read_text() == "old"
    with folder(tmp_path / "f" / "%d.png", force=True) as output:
        write(output, 1)
        output.commit()
    assert names(tmp_path) == {"f", "f/1.png"}
