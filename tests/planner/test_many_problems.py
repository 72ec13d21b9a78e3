"""Projects with more problems than anybody reads: the first are told, the others counted, in bounded memory."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import open_project
from reelmill.planner.errors import Problem, Problems, ProjectError
from reelmill.planner.limits import MAX_PROBLEMS
from reelmill.planner.project_file.loader import load_document

CANVAS = '"canvas":{"width":64,"height":36,"fps":25}'
MANY = 20_000
ID = '"id":"a"'


def refused(text: str) -> ProjectError:
    with pytest.raises(ProjectError) as caught:
        load_document(text, Path("/films"), {})
    return caught.value


def repeated(text: str) -> str:
    return ",".join([text] * MANY)


FAULTS = {
    "keyframes": f'{{{CANVAS},"tracks":[{{"clips":[{{"solid":"red","duration":1,'
    f'"transform":{{"opacity":{{"keyframes":[{repeated("0")}]}}}}}}]}}]}}',
    "values of keyframes": f'{{{CANVAS},"tracks":[{{"clips":[{{"solid":"red","duration":1,"transform":{{"opacity":'
    f'{{"keyframes":[{",".join(f"""{{"time":{n},"value":2}}""" for n in range(MANY))}]}}}}}}]}}]}}',
    "tracks": f'{{{CANVAS},"tracks":[{repeated("0")}]}}',
    "clips": f'{{{CANVAS},"tracks":[{{"clips":[{repeated("[]")}]}}]}}',
    "rules": f'{{{CANVAS},"tracks":[{{"clips":[{repeated("{}")}]}}]}}',
    "media": f'{{{CANVAS},"tracks":[],"media":{{{",".join(f"""{chr(34)}m{n}{chr(34)}:0""" for n in range(MANY))}}}}}',
    "nulls": f'{{{CANVAS},"tracks":[],"name":[{repeated("null")}]}}',
    "syntax": f'{{{CANVAS},"tracks":[{repeated("NaN")}]}}',
    "duplicate keys": f'{{{CANVAS},"tracks":[{{{",".join([ID] * MANY)}}}]}}',
}


@pytest.mark.parametrize("kind", FAULTS)
def test_the_first_problems_are_told_and_the_others_counted(kind: str) -> None:
    error = refused(FAULTS[kind])
    assert len(error.problems) == MAX_PROBLEMS
    assert MANY - 2 <= MAX_PROBLEMS + error.more <= MANY + 1
    assert error.summary == f"{MAX_PROBLEMS + error.more:,} problems in the project"
    assert error.message.splitlines()[-1].strip() == f"and {error.more:,} more"
    assert error.listed()[-1] == f"and {error.more:,} more"
    assert error.as_dict()["more_problems"] == error.more


def test_indices_are_those_of_the_file() -> None:
    clips = [{"solid": "red", "duration": 1}] * 100
    clips[70] = {"solid": "no colour", "duration": 1}
    canvas = {"width": 64, "height": 36, "fps": 25}
    error = refused(json.dumps({"canvas": canvas, "tracks": [{}] * 40 + [{"clips": clips}]}))
    assert [problem.path for problem in error.problems] == ["$.tracks[40].clips[70].solid"]


def test_memory_is_bounded() -> None:
    """pydantic would hold 2 kB for each fault."""
    keyframes = f'{{"keyframes":[{",".join(["0"] * 100)}]}}'
    clip = f'{{"solid":"red","duration":1,"transform":{{"opacity":{keyframes},"rotation":{keyframes}}}}}'
    text = f'{{{CANVAS},"tracks":[{{"clips":[{",".join([clip] * 200)}]}}]}}'
    tracemalloc.start()
    try:
        assert refused(text).more == 200 * 200 - MAX_PROBLEMS
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_counts_beyond_the_limit_are_one_problem() -> None:
    tracks = refused(f'{{{CANVAS},"tracks":[{",".join(["0"] * 100_001)}]}}')
    assert [str(problem) for problem in tracks.problems] == ["$: 100001 tracks; 100000 is the limit"]


def test_what_was_counted_elsewhere_is_counted() -> None:
    inner = Problems([Problem("$", "wrong")] * (MAX_PROBLEMS + 7))
    outer = Problems([Problem("$", "wrong")])
    outer.extend(inner)
    assert len(outer) == MAX_PROBLEMS + 8
    assert outer.full
    assert not Problems()


def test_a_signal_is_looked_for_between_texts(tmp_path: Path) -> None:
    """Laying out the longest text takes seconds, and a project may hold thousands."""
    project = tmp_path / "p.json"
    clips = [{"text": {"content": f"{n}", "size": 9}, "duration": 1} for n in range(9)]
    project.write_text(json.dumps({"canvas": {"width": 64, "height": 36, "fps": 25}, "tracks": [{"clips": clips}]}))
    calls: list[None] = []
    open_project(project, ExportOptions(), checkpoint=lambda: calls.append(None))
    assert len(calls) >= len(clips)
