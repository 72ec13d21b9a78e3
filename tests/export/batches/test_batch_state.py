"""The state of a batch on disk: half lines, kills at every moment, and what counts as complete."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from reelmill.export.batches.batch_state import STATE_NAME, BatchState
from reelmill.planner.errors import RenderError


def film(folder: Path, content: str = "film") -> Path:
    path = folder / "a.mkv"
    path.write_text(content)
    return path


def test_a_finished_film_is_complete_for_its_key_alone(tmp_path: Path) -> None:
    output = tmp_path / "a.mkv"
    state = BatchState()
    state.begin(output, "key")
    film(tmp_path)
    state.finish(output, "key", None)
    for each in (state, BatchState()):
        assert each.is_complete(output, "key")
        assert not each.is_complete(output, "other")
        assert each.knows(output)
        assert not each.knows(tmp_path / "b.mkv")
    output.unlink()
    assert not BatchState().is_complete(output, "key")


def test_a_film_that_appeared_after_it_was_begun_is_complete(tmp_path: Path) -> None:
    """Killed between the film's getting its name and the line that tells."""
    output = tmp_path / "a.mkv"
    BatchState().begin(output, "key")
    assert not BatchState().is_complete(output, "key")
    film(tmp_path)
    assert BatchState().is_complete(output, "key")


def test_an_old_film_is_not_taken_for_the_new_one(tmp_path: Path) -> None:
    output = film(tmp_path, "old")
    BatchState().begin(output, "key")
    assert not BatchState().is_complete(output, "key")
    film(tmp_path, "newer")
    assert BatchState().is_complete(output, "key")


def test_a_touched_film_counts_by_its_content(tmp_path: Path) -> None:
    output = film(tmp_path)
    BatchState().finish(output, "key", hashlib.sha256(b"film").hexdigest())
    os.utime(output, (1, 1))
    assert BatchState().is_complete(output, "key")
    output.write_text("mlif")
    assert not BatchState().is_complete(output, "key")
    BatchState().finish(output, "key", None)
    os.utime(output, (2, 2))
    assert not BatchState().is_complete(output, "key")


@pytest.mark.parametrize("cut", range(2, 60, 7))
def test_half_a_line_costs_nothing_but_itself(tmp_path: Path, cut: int) -> None:
    first, second = tmp_path / "a.mkv", tmp_path / "b.mkv"
    film(tmp_path)
    second.write_text("second")
    BatchState().finish(first, "key", None)
    BatchState().finish(second, "key", None)
    path = tmp_path / STATE_NAME
    path.write_bytes(path.read_bytes()[:-cut])
    assert BatchState().is_complete(first, "key")
    assert not BatchState().is_complete(second, "key")
    BatchState().finish(second, "key", None)
    assert BatchState().is_complete(first, "key")
    assert BatchState().is_complete(second, "key")


def test_lines_of_others_are_ignored(tmp_path: Path) -> None:
    (tmp_path / STATE_NAME).write_text('1\n[]\n{"film": "a.mkv"}\n\xff\nnull\n', encoding="latin-1")
    assert not BatchState().knows(tmp_path / "a.mkv")


def test_a_folder_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "films").write_text("a file")
    with pytest.raises(RenderError, match="the state of the batch can't be written"):
        BatchState().begin(tmp_path / "films" / "a.mkv", "key")


def test_the_state_of_numbered_pictures_lies_beside_their_folder(tmp_path: Path) -> None:
    output = tmp_path / "pictures" / "%04d.png"
    state = BatchState()
    state.begin(output, "key")
    output.parent.mkdir()
    for number in range(3):
        (output.parent / f"{number:04}.png").write_text("picture")
    state.finish(output, "key", None)
    assert BatchState().is_complete(output, "key")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [STATE_NAME]
    (output.parent / "0001.png").unlink()
    assert not BatchState().is_complete(output, "key")
    assert not BatchState().knows(tmp_path / "a" / "%04d.png")


@pytest.mark.parametrize(
    "tampered",
    [
        {"film": ["a.mkv"]},
        {"film": {"a": 1}},
        {"key": None},
        {"state": []},
        {"file": "4,5"},
        {"file": [4]},
        {"file": [4.5, 1]},
        {"sha256": 5},
    ],
)
def test_a_line_that_is_no_state_is_ignored(tmp_path: Path, tampered: dict[str, object]) -> None:
    line = {"film": "a.mkv", "state": "done", "key": "key", "file": [4, 1], "sha256": None, **tampered}
    (tmp_path / STATE_NAME).write_text(f"{json.dumps(line)}\n{'[' * 100_000}\n")
    film(tmp_path)
    assert not BatchState().is_complete(tmp_path / "a.mkv", "key")


def test_names_that_are_no_utf8_come_back(tmp_path: Path) -> None:
    output = tmp_path / os.fsdecode(b"caf\xe9.mkv")
    output.write_text("film")
    BatchState().finish(output, "key", None)
    assert BatchState().is_complete(output, "key")
