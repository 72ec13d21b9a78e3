"""Standard streams that are closed or full: commands go on where they need none, and say so where they do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.clips import ffmpeg

REELMILL = f"{sys.executable} -m reelmill"
PROJECT = {
    "version": 1,
    "canvas": {"width": 64, "height": 48, "fps": 25},
    "tracks": [{"clips": [{"solid": "red", "duration": 0.2}]}],
}


def shell(line: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60, cwd=folder)


def project_in(folder: Path, name: str = "project.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(PROJECT), encoding="utf-8")
    return path


def test_an_export_needs_no_stream_and_writes_into_none_of_them(tmp_path: Path) -> None:
    """With all three closed, files would get their numbers, and the film what libraries say to "stderr"."""
    project_in(tmp_path)
    arguments = f"PYTHONPATH={Path.cwd()} {REELMILL} export project.json"
    assert shell(f"{arguments} whole.mkv && {arguments} silent.mkv -v <&- >&- 2>&-", tmp_path).returncode == 0
    assert (tmp_path / "silent.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()
    assert len(ffmpeg("-i", tmp_path / "silent.mkv", "-f", "rawvideo", "-pix_fmt", "gray", "-")) == 5 * 64 * 48


@pytest.mark.parametrize(("redirected", "reason"), [(">&-", "it is closed"), (">/dev/full", "No space left on device")])
def test_what_can_not_be_printed_is_an_error(redirected: str, reason: str) -> None:
    done = shell(f"{REELMILL} --version {redirected}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"error: standard output can't be written: {reason}"
    assert done.stderr.splitlines()[-1].startswith("hint: ")


def test_a_full_stderr_changes_nothing(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    done = shell(f"{REELMILL} validate {project} --json 2>/dev/full")
    assert done.returncode == 0
    assert json.loads(done.stdout)["valid"]


def test_json_is_utf8_whatever_the_encoding(tmp_path: Path) -> None:
    path = project_in(tmp_path, "prösa.json")
    path.write_text(path.read_text().replace('"version"', '"prösa": 1, "version"'), encoding="utf-8")
    done = shell(f"PYTHONIOENCODING=ascii {REELMILL} validate {path} --json")
    assert done.returncode == 2
    assert "prösa" in json.loads(done.stdout)["problems"][0]["message"]
