"""A file under the target's name is the old one or a complete new one, whatever happens in between."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reelmill.export.outputs.output_file import OutputFile
from reelmill.export.outputs.part_file import write_whole
from reelmill.export.outputs.part_lock import open_regular
from reelmill.planner.errors import RenderError, SetupError


def names(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*")}


def test_committed_it_is_the_target(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "out.mp4"
    with OutputFile(target, force=False) as output:
        assert output.path.parent == target.parent
        assert output.path.suffix == ".mp4"
        output.path.write_text("film")
        assert not target.exists()
        output.commit()
    assert target.read_text() == "film"
    assert names(tmp_path) == {"new", "new/folder", "new/folder/out.mp4"}


def test_not_committed_nothing_is_left_and_the_old_file_stays(tmp_path: Path) -> None:
    (tmp_path / "old.mp4").write_text("old")

    def fail() -> None:
        with OutputFile(tmp_path / "old.mp4", force=True) as output:
            output.path.write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with OutputFile(tmp_path / "new" / "out.mp4", force=True):
        pass
    assert names(tmp_path) == {"old.mp4"}
    assert (tmp_path / "old.mp4").read_text() == "old"


def test_an_existing_target_needs_force(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("old")
    with pytest.raises(SetupError, match="exists already") as refused:
        OutputFile(tmp_path / "out.mp4", force=False)
    assert "--force" in (refused.value.suggestion or "")
    with OutputFile(tmp_path / "out.mp4", force=True) as output:
        output.path.write_text("new")
        output.commit()
    assert (tmp_path / "out.mp4").read_text() == "new"


def test_a_folder_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="is a folder"):
        OutputFile(tmp_path, force=True)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="can't be written"):
        OutputFile(tmp_path / "file" / "out.mp4", force=True)
    assert names(tmp_path) == {"file"}


def test_a_run_to_the_same_target_leaves_a_file_alone_that_is_being_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mp4"
    rename = Path.replace

    def while_another_begins(path: Path, to: Path) -> Path:
        with OutputFile(target, force=True):
            pass
        return rename(path, to)

    monkeypatch.setattr(Path, "replace", while_another_begins)
    with OutputFile(target, force=True) as output:
        output.path.write_text("film")
        output.commit()
    assert target.read_text() == "film"
    assert names(tmp_path) == {"out.mp4"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no open file")
def test_a_new_file_that_another_run_took_for_a_leftover_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between making the file and locking it another run may remove it."""
    target = tmp_path / "out.mp4"
    make = os.open
    removed: list[Path] = []

    def then_remove_the_first(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = make(path, flags, mode)
        if not removed:
            Path(path).unlink()
            removed.append(path)
        return descriptor

    monkeypatch.setattr(os, "open", then_remove_the_first)
    with OutputFile(target, force=True) as output:
        monkeypatch.undo()
        assert output.path.exists()
        assert output.path not in removed
        with OutputFile(target, force=True):
            assert output.path.exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from reelmill.export.outputs.output_file import OutputFile
from reelmill.export.outputs.part_file import write_whole
from reelmill.export.outputs.part_lock import open_regular
output = OutputFile(Path(sys.argv[1]), force=True)
output.path.write_text("half")
print("ready", flush=True)
if sys.argv[2] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_the_leftover_of_a_killed_run_goes_with_the_next_run_to_that_target(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    command = [sys.executable, "-c", KILLED]
    subprocess.run([*command, str(target), "die"], check=False, capture_output=True)
    subprocess.run([*command, str(tmp_path / "other.mp4"), "die"], check=False, capture_output=True)
    assert len(names(tmp_path)) == 2
    alive = subprocess.Popen([*command, str(target), "live"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert alive.stdout is not None
        assert alive.stdout.readline() == b"ready\n"
        with OutputFile(target, force=True) as output:
            output.commit()
        left = names(tmp_path)
        # The dead run's is gone; the living one's stays, and what belongs to another target.
        assert len([n for n in left if n.startswith(".out.mp4.")]) == 1
        assert len([n for n in left if n.startswith(".other.mp4.")]) == 1
    finally:
        alive.communicate(b"")
    with OutputFile(target, force=True) as output:
        output.commit()
    assert [n for n in names(tmp_path) if n.startswith(".out.mp4.")] == []


def test_a_target_that_came_to_exist_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with OutputFile(target, force=False) as output:
        target.write_text("somebody else's")
        with pytest.raises(RenderError, match="come to exist"):
            output.commit()
    assert target.read_text() == "somebody else's"
    assert names(tmp_path) == {"out.mp4"}


def test_names_as_long_as_the_system_allows(tmp_path: Path) -> None:
    target = tmp_path / ("ä" * 125 + ".mp4")
    with OutputFile(target, force=False) as output:
        output.path.write_text("film")
        output.commit()
    assert target.read_text() == "film"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")
def test_a_planted_link_is_replaced_and_never_written_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    target = tmp_path / "r.json"
    target.symlink_to(precious)
    # Even if somebody foresaw a name: a new file is never one that is there already.
    monkeypatch.setattr("secrets.token_hex", lambda count: "0" * 2 * count)
    (tmp_path / f".r.json.{'0' * 12}.reelmill-part.json").symlink_to(precious)
    with pytest.raises(FileExistsError):
        write_whole(target, [b"report"])
    monkeypatch.undo()
    write_whole(target, [b"rep", b"ort"])
    assert not target.is_symlink()
    assert target.read_text() == "report"
    assert precious.read_text() == "mine"


def test_leftovers_of_a_target_without_a_suffix_go_and_those_of_others_stay(tmp_path: Path) -> None:
    digits = "0123456789ab"
    own = tmp_path / f".report.{digits}.reelmill-part"
    others = [tmp_path / f".report.{digits}.reelmill-part.json", tmp_path / ".report.mine.reelmill-part"]
    for path in (own, *others):
        path.write_text("left")
    write_whole(tmp_path / "report", [b"new"])
    assert names(tmp_path) == {"report", *(path.name for path in others)}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")
def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(OSError, match=name):
            open_regular(tmp_path / name, os.O_RDONLY)
