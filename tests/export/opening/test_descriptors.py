"""Many files at once: the limit is raised as far as it has to be, and what does not fit is refused before the start."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from reelmill.decoders.files.container import open_container
from reelmill.planner.errors import RenderError, SetupError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")

RESERVE = """
import resource
from reelmill.export.opening.descriptors import OpenFilesRoom, raise_limit
from reelmill.planner.errors import SetupError
soft = lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 200))
told = []
with OpenFilesRoom("the film", most=20) as first:
    told += [first.files, soft()]
    with OpenFilesRoom("the sound", most=100):
        told += [soft() > 120]
    told += [soft() > 120]
told += [soft()]
with OpenFilesRoom("the film", most=1000, least=10) as room:
    told += [10 <= room.files < 200, soft()]
try:
    OpenFilesRoom("the sound", most=300)
except SetupError as error:
    told += [error.message, error.suggestion]
told += [soft()]
raise_limit()
print(*told, soft(), sep="\\n")
"""


def test_a_render_raises_the_limit_as_far_as_it_has_to_and_puts_it_back() -> None:
    done = subprocess.run([sys.executable, "-c", RESERVE], capture_output=True, text=True, check=True)
    *told, message, suggestion, at_last, raised = done.stdout.splitlines()
    assert told == ["20", "64", "True", "True", "64", "True", "200"]
    assert message.startswith("the sound needs 300 files open at once, and for that 3")
    assert message.endswith("descriptors; the system allows 200")
    assert "ulimit -n 512" in suggestion
    assert (at_last, raised) == ("64", "200")


LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (40, int(sys.argv[1])))
sys.argv = ["reelmill", *sys.argv[2:]]
runpy.run_module("cli", run_name="__main__")
"""


@pytest.mark.parametrize(("hard", "code"), [(4096, 0), (40, 2)])
def test_more_sounds_at_once_than_files_may_be_open(tmp_path: Path, hard: int, code: int) -> None:
    for number in range(60):
        with wave.open(str(tmp_path / f"{number}.wav"), "wb") as sound:
            sound.setparams((1, 2, 48000, 0, "NONE", "not compressed"))
            sound.writeframes(bytes(2 * 480))
    project = {
        "version": 1,
        "canvas": {"width": 16, "height": 16, "fps": 100},
        "media": {f"m{number}": {"path": f"{number}.wav"} for number in range(60)},
        "tracks": [{"kind": "audio", "clips": [{"media": f"m{number}"}]} for number in range(60)],
    }
    (tmp_path / "p.json").write_text(json.dumps(project))
    command = ["export", str(tmp_path / "p.json"), str(tmp_path / "out.wav")]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(hard), *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert (tmp_path / "out.wav").exists() == (code == 0)
    if code:
        assert "the sound needs 60 files open at once" in done.stderr
        assert "ulimit -n" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_running_out_of_descriptors_is_no_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "film.mkv").write_bytes(b"\0x")

    def full(*_: object, **__: object) -> None:
        raise OSError(number, "Too many open files")

    monkeypatch.setattr("av.open", full)
    with pytest.raises(SetupError) as refused:
        open_container(str(tmp_path / "film.mkv"))
    assert refused.value.message.startswith("too many files are open")
    assert "ulimit -n" in (refused.value.suggestion or "")
    # However often it is translated.
    damaged = RenderError("the file is damaged", component="V1", suggestion="copy the file again")
    damaged.__cause__ = refused.value
    assert damaged.message.startswith("too many files are open")
    assert "ulimit -n" in str(damaged.as_dict()["suggestion"])
