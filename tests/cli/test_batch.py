"""`reelmill batch`: what it prints, its exit codes; a signal at any moment costs no film and makes none twice."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from reelmill.cli.batch_table import TableBatchNarrator
from reelmill.cli.main import main
from reelmill.export.batches.batch_summary import BatchSummary, JobResult
from reelmill.export.batches.job_list import BatchJob
from reelmill.planner.errors import RenderError
from tests.support.batches import COMMAND, check_films, events, write_jobs, write_template

Printed = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]


def run(*arguments: object) -> int:
    return main(["batch", *map(str, arguments)])


def test_json_lines_where_there_is_no_terminal(tmp_path: Path, capsys: Printed) -> None:
    write_template(tmp_path)
    jobs = write_jobs(tmp_path, 3, {1: "no color"})
    summary_path = tmp_path / "summary.json"
    assert run(jobs, "--threads", 1, "--summary", summary_path, "--json") == 1
    out, err = capsys.readouterr()
    told = [json.loads(line) for line in err.splitlines()]
    names = [event["event"] for event in told if event["event"] != "progress"]
    assert names == ["failed", "planned", "started", "done", "started", "done", "finished"]
    failed, planned, started, done, *_ = [event for event in told if event["event"] != "progress"]
    assert (failed["job"], failed["exit_code"], failed["error"]["component"]) == ("row 3", 2, "Project")
    assert (planned["jobs"], planned["waiting"], planned["processes"]) == (3, 2, 1)
    assert started["output"] == done["output"] == str(tmp_path / "films/0.mkv")
    assert done["frames"] == 5
    assert (told[-1]["status"], told[-1]["done"], told[-1]["failed"]) == ("failed", 2, 1)
    summary = json.loads(out)
    assert summary == json.loads(summary_path.read_text(encoding="utf-8"))
    assert [film["state"] for film in summary["films"]] == ["done", "failed", "done"]
    check_films(tmp_path, [0, 2])


LIST = """\
project,output,title,titel,note
a.json,1.mkv,Hello,x,
a.json,2.mkv,,,
b.json,3.mkv,,,y
"""


def test_columns_that_no_project_uses_are_told_once(tmp_path: Path, capsys: Printed) -> None:
    canvas = {"width": 32, "height": 18, "fps": 10}
    for name, text in (("a", "${title}"), ("b", "${note}")):
        clips = [{"text": {"content": text, "size": 8}, "duration": 0.1}]
        data = {"version": 1, "canvas": canvas, "tracks": [{"clips": clips}]}
        (tmp_path / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")
    (tmp_path / "jobs.csv").write_text(LIST, encoding="utf-8")
    assert run(tmp_path / "jobs.csv", "--progress", "json") == 1
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    warnings = [event["message"] for event in told if event["event"] == "warning"]
    assert warnings == ['no project uses the column "titel" of the list; did you mean "title"?']
    (failed,) = [event for event in told if event["event"] == "failed"]
    assert failed["job"] == "row 3"
    assert failed["error"]["suggestion"].startswith("its cell in the list of jobs is empty: fill it in")


def test_a_table_of_what_is_not_there(tmp_path: Path, capsys: Printed) -> None:
    write_template(tmp_path)
    jobs = write_jobs(tmp_path, 2, {0: "no color"})
    assert run(jobs, "--progress", "none", "--fail-fast") == 1
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert re.split(r"  +", lines[0]) == ["job", "output", "state", "time", "why"]
    assert lines[1].startswith(f"row 2  {tmp_path / 'films/0.mkv'}  failed")
    assert '"no color" is not a colour' in lines[1]
    assert "cancelled" in lines[2]
    assert err.startswith(f"failed row 2: {tmp_path / 'film.json'} → {tmp_path / 'films/0.mkv'}\nerror: 1 problem")
    assert err.splitlines()[-1].startswith("failed: 1 failed, 1 cancelled, in ")


def test_projects_by_a_pattern_and_variables_for_all(tmp_path: Path, capsys: Printed) -> None:
    write_template(tmp_path)
    for name in ("a", "b"):
        (tmp_path / f"{name}.project.json").write_bytes((tmp_path / "film.json").read_bytes())
    arguments = [f"{tmp_path}/*.project.json", "--out-dir", tmp_path / "out", "--extension", "mkv"]
    assert run(*arguments, "--set", "color=red", "-q", "-j", 2) == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("*.mkv")) == ["a.project.mkv", "b.project.mkv"]
    assert capsys.readouterr() == ("", "")
    assert run(*arguments, "--set", "color=red", "--progress", "none") == 2
    assert "these exist already" in capsys.readouterr().err
    assert run(*arguments, "--set", "color=red", "--resume", "--progress", "none") == 0
    assert capsys.readouterr().err.startswith("ok: 2 skipped, in ")


def test_what_is_wrong_before_the_first_job(tmp_path: Path, capsys: Printed) -> None:
    write_template(tmp_path)
    jobs = write_jobs(tmp_path, 1)
    for arguments, words in (
        ([tmp_path / "none.csv"], "does not exist"),
        ([tmp_path / "film.json"], "--out-dir DIR names the folder"),
        ([jobs, "--crf", "20", "--bitrate", "1M"], "exclude each other"),
        ([jobs, "--jobs", "0"], "0 is not in the range"),
        ([jobs, "--summary", jobs], "would replace a file that is no summary"),
        ([], "missing argument"),
    ):
        assert run(*arguments) == 2
        assert words in capsys.readouterr().err
    assert not (tmp_path / "films").exists()


# --- signals ---


def start(folder: Path, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
    """A batch of its own, and its log."""
    log = folder / f"log{len(list(folder.glob('log*')))}"
    with log.open("wb") as file:
        command = [*COMMAND, str(folder / "jobs.csv"), "--threads", "1", "--jobs", "2", *arguments]
        return subprocess.Popen(command, cwd=ROOT, stderr=file, stdout=subprocess.DEVNULL), log


def wait_for(log: Path, event: str, count: int, process: subprocess.Popen[bytes]) -> None:
    while sum(each["event"] == event for each in events(log.read_text())) < count:
        assert process.poll() is None
        time.sleep(0.01)


def outputs(log: Path, event: str) -> list[str]:
    return [Path(each["output"]).name for each in events(log.read_text()) if each["event"] == event]


def check_resumed(folder: Path, first: Path, count: int, frames: int) -> None:
    """After the rest was made: every film is right, and none was made twice."""
    process, second = start(folder, "--resume")
    assert process.wait() == 0
    check_films(folder, range(count), frames)
    made = outputs(first, "done") + outputs(second, "done")
    assert len(made) == len(set(made))
    assert sorted(outputs(second, "done") + outputs(second, "skipped")) == sorted(f"{n}.mkv" for n in range(count))
    left = {path.name for path in (folder / "films").iterdir()} - {f"{n}.mkv" for n in range(count)}
    assert left == {".reelmill-batch.jsonl"}


def test_interrupted_and_resumed(tmp_path: Path) -> None:
    write_template(tmp_path, seconds=2)
    write_jobs(tmp_path, 8)
    process, log = start(tmp_path, "--summary", str(tmp_path / "s.json"))
    wait_for(log, "done", 3, process)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    summary = json.loads((tmp_path / "s.json").read_text())
    assert summary["status"] == "interrupted"
    assert sum(summary[state] for state in ("done", "skipped", "failed", "cancelled")) == 8
    assert events(log.read_text())[-1]["status"] == "interrupted"
    check_resumed(tmp_path, log, 8, frames=20)


def kill_and_resume(folder: Path, films: int, after: int, seconds: float) -> None:
    write_template(folder, seconds=seconds)
    write_jobs(folder, films)
    process, log = start(folder)
    wait_for(log, "done", after, process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    # The children see that their parent is gone and stop at the next frame.
    deadline = time.monotonic() + 20
    while renders_into(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    check_resumed(folder, log, films, frames=int(seconds * 10))


def renders_into(folder: Path) -> bool:
    """Whether a process still has a film of the folder open under its temporary name."""
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(folder / "films") in str(entry.readlink()):
                return True
        except OSError:
            continue
    return False


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_killed_and_resumed(tmp_path: Path) -> None:
    kill_and_resume(tmp_path, films=8, after=4, seconds=2)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_two_hundred_films_killed_after_a_hundred_and_resumed(tmp_path: Path) -> None:
    kill_and_resume(tmp_path, films=200, after=100, seconds=3)


# --- the table ---


def job(number: int) -> BatchJob:
    return BatchJob(f"row {number + 2}", Path("film.json"), Path(f"films/{number}.mp4"))


def drawn(narrator: TableBatchNarrator, file: io.StringIO) -> str:
    """What was drawn since the last look, without what steers the terminal."""
    narrator.checkpoint()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    file.truncate(file.seek(0))
    return text


def test_the_live_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelmill.cli.batch_table.REDRAW_SECONDS", 0.0)
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, height=12, color_system=None, legacy_windows=False)
    narrator = TableBatchNarrator(lambda: None, console)
    jobs = tuple(map(job, range(30)))
    narrator.ended(JobResult(jobs[0], "skipped"))
    narrator.ended(JobResult(jobs[1], "failed", error=RenderError("no", component="X")))
    narrator.planned(BatchSummary(jobs, processes=2))
    narrator.started(jobs[2])
    narrator.progressed(jobs[2], 45, 90)
    last = drawn(narrator, file).splitlines()
    assert last[-1] == "1 skipped · 1 failed · 1 running · 27 waiting · 0:00"
    running = [line for line in last if line.startswith("row 4")][-1]
    assert re.split(r"  +", running.replace("━", "").strip()) == ["row 4", "films/2.mp4", "running", "50 %", "0:00"]
    for each in jobs[3:]:
        narrator.started(each)
        narrator.ended(JobResult(each, "done", 1.5, report={"frames": 90}))
    frame = drawn(narrator, file).split("job ")[-1].splitlines()
    # What runs comes first, then what failed, then what was done last; no more than there is room for.
    assert [line.split("  ")[0].strip() for line in frame[2:8]] == [
        *("row 4", "row 3", "row 31", "row 30", "row 29", "row 28")
    ]
    assert len(frame) <= 12
    assert frame[-1].startswith("27 done · 1 skipped · 1 failed · 1 running · 0 waiting · ")
    assert " left" in frame[-1]
    narrator.close()
    narrator.close()


def test_a_checkpoint_ends_the_batch(tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    from reelmill.cli.interruption import Interruption

    write_template(tmp_path)
    jobs = write_jobs(tmp_path, 2)

    def stop(_self: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Interruption, "checkpoint", stop)
    assert run(jobs, "--progress", "none") == 130
    assert capsys.readouterr().err.startswith("interrupted: 2 cancelled, in ")
