"""Problems of keys, of media and of times are told together, each with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reelmill import validate
from reelmill.planner.errors import ProjectError
from reelmill.planner.templates.syntax import places_in

FAULTY = """\
{
  "version": 1,
  "canvas": {"width": 64, "height": 48, "fps": 10},
  "media": {"a": {"path": "missing.mp4"}, "b": "gone.png"},
  "tracks": [
    {"clips": [
      {"media": "a", "durtion": 3},
      {"media": "b", "duration": 1, "start": "x"},
      {"text": {"content": "x", "font": "no.ttf"}, "duration": 1},
      {"solid": "red"},
      {"media": "c", "duration": 1},
      5
    ]}
  ],
  "outputs": [{"path": "a.mp4", "knd": "film"}]
}
"""


def problems(folder: Path, text: str) -> list[tuple[str, int | None]]:
    """JSON path and line of each problem."""
    path = folder / "project.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProjectError) as caught:
        validate(path)
    return [(problem.path, problem.line) for problem in caught.value.problems]


def test_faults_of_keys_hide_none_of_media_and_fonts(tmp_path: Path) -> None:
    assert problems(tmp_path, FAULTY) == [
        ("$.media.a", 4),
        ("$.media.b", 4),
        ("$.tracks[0].clips[0]", 7),
        ("$.tracks[0].clips[1].start", 8),
        ("$.tracks[0].clips[2].text", 9),
        ("$.tracks[0].clips[3]", 10),
        ("$.tracks[0].clips[4].media", 11),
        ("$.tracks[0].clips[5]", 12),
        ("$.outputs[0]", 15),
    ]


SOLID = {"solid": "red", "duration": 1}
ALONE = {**SOLID, "transition": "dissolve"}
"""A transition without an overlap is a problem of times."""


def project(clips: list[Any], **more: Any) -> str:
    canvas = {"width": 64, "height": 48, "fps": 10}
    return json.dumps({"version": 1, "canvas": canvas, "tracks": [{"clips": clips}], **more}, indent=1)


def test_times_are_checked_where_only_other_keys_are_wrong(tmp_path: Path) -> None:
    found = problems(tmp_path, project([SOLID, ALONE], outputs=[{"path": "a.mp4", "knd": 1}], markers=[{"time": "x"}]))
    assert [path for path, _ in found] == [
        "$.tracks[0].clips[1]", "$.outputs[0]", "$.markers[0]", "$.markers[0].time",
    ]  # fmt: skip


def test_times_are_not_checked_where_a_clip_is_wrong(tmp_path: Path) -> None:
    found = problems(tmp_path, project([{**SOLID, "start": "x"}, ALONE]))
    assert [path for path, _ in found] == ["$.tracks[0].clips[0].start"]


@pytest.mark.parametrize("canvas", [None, 5, {"width": 0, "height": 48, "fps": 10}])
def test_a_project_without_a_canvas_has_no_more_problems(tmp_path: Path, canvas: object) -> None:
    text = project([{"media": "a"}], canvas=canvas, media={"a": "missing.mp4"})
    assert all(path.startswith("$.canvas") for path, _ in problems(tmp_path, text))


def test_problems_of_media_alone_have_lines_too(tmp_path: Path) -> None:
    text = project([{"media": "a", "duration": 1}], media={"b": "x.mp4", "a": {"path": "missing.mp4"}})
    line = text.splitlines().index('  "a": {') + 1
    assert problems(tmp_path, text) == [("$.media.a", line)]


def test_a_project_without_a_file_has_no_lines() -> None:
    with pytest.raises(ProjectError) as caught:
        validate({"version": 1, "canvas": {"width": 64, "height": 48, "fps": 10}, "tracks": [], "x": 1})
    assert [problem.line for problem in caught.value.problems] == [None]


def test_places() -> None:
    text = '{"a": [1,\n  {"b c": 2}],\n "d": {}}'
    wanted = [(), ("a",), ("a", 1), ("a", 1, "b c"), ("d", "missing"), ("a", 7)]
    assert places_in(text, wanted) == {
        (): (1, 1),
        ("a",): (1, 2),
        ("a", 1): (2, 3),
        ("a", 1, "b c"): (2, 4),
        ("d", "missing"): (3, 2),
        ("a", 7): (1, 2),
    }
