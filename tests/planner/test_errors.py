"""Errors as values: they are copied, pickled and shown whole."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest

from reelmill.planner.errors import ExportError, Interrupted, Problem, ProjectError, RenderError, SetupError

PLACE = {"clip": "c", "composition": "card", "file": "a.mp4", "file_hash": "12", "output_frame": 3}
PROBLEMS = [
    Problem("$.tracks", "must be a list", "write []"),
    Problem("$.canvas", "is missing", line=3, column=9, is_syntax=True),
]
ERRORS = [
    SetupError("wrong", component="Options", suggestion="do this"),
    RenderError("broken", component="Decoder", timeline_time=Fraction(1, 3), source_time=Fraction(2), **PLACE),  # type: ignore[arg-type]
    ProjectError(PROBLEMS, file="p.json", more=2),
    Interrupted(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("copied", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_a_copy_says_the_same(error: ExportError, copied: object) -> None:
    again = copied(error)  # type: ignore[operator]
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.as_dict() == error.as_dict()
    assert again.exit_code == error.exit_code


def _fails(path: Path) -> None:
    from reelmill import render

    render(path, path.with_suffix(".mkv"))


def test_errors_come_out_of_a_pool_of_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text('{"canvas": {"width": 0, "height": 2, "fps": 25}, "tracks": [{"clip": []}]}', encoding="utf-8")
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    with pool, pytest.raises(ProjectError) as caught:
        pool.submit(_fails, path).result()
    assert [problem.path for problem in caught.value.problems] == ["$.canvas.width", "$.tracks[0]"]


def test_the_text_of_a_project_error_has_its_problems() -> None:
    text = str(ERRORS[2])
    assert text.splitlines() == [
        "4 problems in the project:",
        "  $.tracks: must be a list (write [])",
        "  line 3, column 9: is missing",
        "  and 2 more",
    ]
    assert str(ProjectError(PROBLEMS[:1])) == "1 problem in the project: $.tracks: must be a list (write [])"
    assert ERRORS[2].as_dict()["message"] == "4 problems in the project"
