"""Pipes, devices and folders under the names of files: an error at once, never a wait."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelmill.cli.main import main
from reelmill.planner.process.regular_files import open_for_reading, read_whole

ROOT = Path(__file__).parents[3]
PACKAGES = ("cli", "compositor", "decoders", "export", "planner")
WITHOUT_ASKING = {
    "compositor/opengl/shader_library.py": "files of the program",
    "decoders/shared/decode_slots.py": "files of the system",
    "export/checks/check_page.py": "files of the program",
    "export/checks/golden_keys.py": "files of the program",
    "export/opening/container_memory.py": "files of the system",
    "export/telling/plan_page.py": "files of the program",
    "export/telling/report.py": "files of the system",
    "export/pictures/webp_animation.py": "a film in the making",
    "export/outputs/target_checks.py": "a film in the making",
}
"""Modules that read files that nobody names."""
CANVAS = {"width": 64, "height": 36, "fps": 25}
PIPE = "a device or a pipe, not a file"


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def told(capfd: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(argument) for argument in arguments]) == 2
    return capfd.readouterr().err


def written(path: Path, tracks: list[Any], **more: Any) -> Path:
    path.write_text(json.dumps({"canvas": CANVAS, "tracks": tracks, **more}))
    return path


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_a_project(command: str, pipe: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert f"the project file can't be read: it is {PIPE}" in told(capfd, command, pipe)


def test_what_a_project_names(tmp_path: Path, pipe: Path, capfd: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "shot-0001.png")
    tracks = [
        {"clips": [{"media": "film", "duration": 1}]},
        {"clips": [{"media": "shots", "duration": 1}]},
        {"clips": [{"text": {"content": "a", "size": 9, "font": str(pipe)}, "duration": 1}]},
    ]
    (tmp_path / "s.srt").symlink_to(pipe)
    project = written(
        tmp_path / "p.json",
        tracks,
        media={"film": {"path": str(pipe)}, "shots": {"path": "shot-%04d.png"}},
        subtitles=[{"path": "s.srt", "mode": "burn"}],
    )
    said = told(capfd, "validate", project)
    assert "error: 4 problems in the project" in said
    assert f'"pipe" can\'t be used as a font: it is {PIPE}' in said
    assert f"s.srt: the file can't be read: it is {PIPE}" in said
    assert f"$.media.film: {pipe}: the path is {PIPE}" in said
    assert "$.media.shots: " in said


def test_lists_of_jobs_and_files_to_probe(pipe: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "jobs.csv").symlink_to(pipe)
    assert PIPE in told(capfd, "batch", tmp_path / "jobs.csv")
    assert f"the path is {PIPE}" in told(capfd, "probe", pipe)


def test_goldens(pipe: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    project = written(tmp_path / "p.json", [{"clips": [{"solid": "red", "duration": 0.04}]}])
    goldens = tmp_path / "goldens"
    assert main(["check", str(project), "--golden", str(goldens), "--update"]) == 0
    (manifest,) = goldens.glob("*/*.json")
    manifest.unlink()
    manifest.symlink_to(pipe)
    capfd.readouterr()
    assert main(["check", str(project), "--golden", str(goldens)]) != 0
    assert f"it is {PIPE}" in "".join(capfd.readouterr())


def test_standard_input_and_a_shell_s_pipe_are_read(tmp_path: Path) -> None:
    text = json.dumps({"canvas": CANVAS, "tracks": [{"clips": [{"solid": "red", "duration": 0.04}]}]})
    read = "import sys; from reelmill.planner.project_file.loader import *; load(Path(sys.argv[1]), {})"
    for name in ("/dev/stdin", "/dev/fd/0"):
        subprocess.run([sys.executable, "-c", read, name], input=text, text=True, check=True, cwd=ROOT)


def test_folders_devices_and_files(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        open_for_reading(tmp_path)
    with pytest.raises(OSError, match=PIPE):
        open_for_reading("/dev/zero", stream=True)
    file = tmp_path / "file"
    file.write_bytes(b"\r\n\x1a")
    link = tmp_path / "link"
    link.symlink_to(file)
    assert read_whole(link) == b"\r\n\x1a"
    with pytest.raises(FileNotFoundError):
        read_whole(tmp_path / "none")


def test_all_files_that_people_name_are_opened_in_one_way() -> None:
    found = {
        str(file.relative_to(ROOT))
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        if any(word in (source := file.read_text(encoding="utf-8")) for word in ("read_", 'open("r'))
        if any(reads(ast.parse(source)))
    }
    assert found - {"planner/process/regular_files.py"} <= set(WITHOUT_ASKING)


def reads(tree: ast.AST) -> Iterator[bool]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            mode = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
            yield node.func.attr in ("read_text", "read_bytes")
            yield node.func.attr == "open" and str(mode).startswith("r")
