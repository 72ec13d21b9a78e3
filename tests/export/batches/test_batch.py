"""Batches in real processes: every film right, failures that end nothing else, what was done is not done again."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelmill.export.batches import batch_run
from reelmill.export.batches.batch_fingerprint import Fingerprints
from reelmill.export.batches.batch_job import BatchOptions
from reelmill.export.batches.batch_pool import BatchPool, Died
from reelmill.export.batches.batch_run import run_batch
from reelmill.export.batches.batch_summary import BatchSummary
from reelmill.export.batches.batch_worker import JobFinished, JobTask, Message
from reelmill.export.batches.job_list import BatchJob, read_job_list
from reelmill.export.opening.job import ExportOptions
from reelmill.planner.errors import ProjectError, RenderError, SetupError
from reelmill.planner.project_file.loader import load
from tests.support.batches import Recorder, check_films, hexadecimal, write_jobs, write_template
from tests.support.clips import ffmpeg


def run(
    folder: Path, listener: Recorder | None = None, options: ExportOptions | None = None, **how: Any
) -> tuple[BatchSummary, Recorder]:
    listener = listener or Recorder()
    summary = BatchSummary(tuple(read_job_list(folder / "jobs.csv")))
    run_batch(summary, options or ExportOptions(threads=1), BatchOptions(**how), listener)
    assert multiprocessing.active_children() == []
    return summary, listener


def test_every_film_is_right_and_told(tmp_path: Path) -> None:
    write_template(tmp_path)
    write_jobs(tmp_path, 6)
    summary, told = run(tmp_path, processes=2)
    check_films(tmp_path, range(6))
    assert (summary.status, summary.exit_code, summary.processes, told.waiting) == ("ok", 0, 2, 6)
    assert sorted(told.begun) == [f"{number}.mkv" for number in range(6)]
    found = summary.as_dict()
    assert (found["jobs"], found["done"], found["failed"]) == (6, 6, 0)
    assert [film["job"] for film in found["films"]] == [f"row {n + 2}" for n in range(6)]
    assert found["films"][3]["outputs"][0]["path"] == str(tmp_path / "films/3.mkv")
    json.dumps(found)


def test_what_fails_ends_nothing_else(tmp_path: Path) -> None:
    write_template(tmp_path)
    write_jobs(tmp_path, 4, {1: "no color", 2: ""})
    (tmp_path / "films").mkdir()
    (tmp_path / "films/3.mkv").mkdir()
    with pytest.raises(SetupError, match=r"these exist already: .*3\.mkv"):
        run(tmp_path)
    summary, told = run(tmp_path, options=ExportOptions(threads=1, force=True))
    assert told.states() == {"0.mkv": "done", "1.mkv": "failed", "2.mkv": "failed", "3.mkv": "failed"}
    check_films(tmp_path, [0])
    assert (summary.status, summary.exit_code) == ("failed", 1)
    wrong, missing, folder = (result.error for result in summary.failures)
    assert isinstance(wrong, ProjectError)
    assert str(wrong.problems[0]).startswith('line 1, $.tracks[0].clips[0].solid: "no color" is not a colour')
    assert isinstance(missing, ProjectError)
    assert "the variable ${color} has no value" in missing.problems[0].message
    assert isinstance(folder, SetupError)
    assert folder.message.endswith("is a folder")
    told_failures = [film["error"]["component"] for film in summary.as_dict()["films"] if film["error"]]
    assert told_failures == ["Project", "Project", "Output"]
    # What was wrong with the rows was told before anything was rendered.
    assert [result.job.output.name for result in told.results][:2] == ["1.mkv", "2.mkv"]


def test_fail_fast_ends_the_batch(tmp_path: Path) -> None:
    write_template(tmp_path)
    write_jobs(tmp_path, 3, {1: "no color"})
    summary, told = run(tmp_path, fail_fast=True)
    assert told.states() == {"0.mkv": "cancelled", "1.mkv": "failed", "2.mkv": "cancelled"}
    assert not (tmp_path / "films").exists()
    write_template(tmp_path, seconds=60)
    write_jobs(tmp_path, 3)
    (tmp_path / "films").mkdir()
    (tmp_path / "films/0.mkv").mkdir()
    summary, told = run(tmp_path, options=ExportOptions(force=True, threads=1), processes=2, fail_fast=True)
    assert (summary.count("failed"), summary.count("cancelled")) == (1, 2)
    assert [path.name for path in (tmp_path / "films").glob("*.mkv")] == ["0.mkv"]


class Killer(Recorder):
    """Kills the process that is about to make a film."""

    def __init__(self, victim: str) -> None:
        super().__init__()
        self._victim = victim

    def progressed(self, job: BatchJob, frames: int, total: int) -> None:
        if job.output.name == self._victim:
            self._victim = ""
            (worker,) = multiprocessing.active_children()
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)


def test_a_killed_process_is_the_error_of_its_job(tmp_path: Path) -> None:
    write_template(tmp_path, seconds=20)
    write_jobs(tmp_path, 3)
    summary, told = run(tmp_path, Killer("1.mkv"))
    assert told.states() == {"0.mkv": "done", "1.mkv": "failed", "2.mkv": "done"}
    (failure,) = summary.failures
    assert isinstance(failure.error, RenderError)
    assert failure.error.message == "the process that rendered it ended by signal 9, without a word"
    # Its half film stays until the next run to that film.
    assert len(list((tmp_path / "films").glob(".1.mkv.*"))) == 1
    summary, told = run(tmp_path, resume=True)
    assert told.states() == {"0.mkv": "skipped", "1.mkv": "done", "2.mkv": "skipped"}
    assert sorted(path.name for path in (tmp_path / "films").iterdir()) == [
        *(".reelmill-batch.jsonl", "0.mkv", "1.mkv", "2.mkv")
    ]
    check_films(tmp_path, range(3), frames=200)


class Interrupter(Recorder):
    """Ctrl-C, after some jobs."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def checkpoint(self) -> None:
        if len(self.results) >= self._after:
            raise KeyboardInterrupt


def test_an_interrupted_batch_leaves_whole_films_only(tmp_path: Path) -> None:
    write_template(tmp_path)
    write_jobs(tmp_path, 8)
    listener = Interrupter(3)
    summary = BatchSummary(tuple(read_job_list(tmp_path / "jobs.csv")))
    with pytest.raises(KeyboardInterrupt):
        run_batch(summary, ExportOptions(threads=1), BatchOptions(processes=2), listener)
    assert multiprocessing.active_children() == []
    assert (summary.status, summary.exit_code) == ("interrupted", 130)
    assert len(summary.results) == 8
    made = {path.name for path in (tmp_path / "films").iterdir()} - {".reelmill-batch.jsonl"}
    assert made == {name for name, state in listener.states().items() if state == "done"}
    second, _ = run(tmp_path, resume=True)
    assert second.count("skipped") == len(made)
    assert second.count("done") == 8 - len(made)
    check_films(tmp_path, range(8))


def test_resume_makes_only_what_is_missing_or_changed(tmp_path: Path) -> None:
    write_template(tmp_path)
    write_jobs(tmp_path, 5)
    run(tmp_path)
    again, told = run(tmp_path, resume=True)
    assert (again.count("skipped"), told.begun, again.processes) == (5, [], 0)
    # A film that is gone, one that was touched, one that is another, and a row with another colour.
    films = tmp_path / "films"
    (films / "0.mkv").unlink()
    os.utime(films / "1.mkv")
    (films / "2.mkv").write_bytes((films / "2.mkv").read_bytes()[:-1] + b"x")
    write_jobs(tmp_path, 5, {3: hexadecimal(77)})
    _, told = run(tmp_path, resume=True)
    assert sorted(told.begun) == ["0.mkv", "2.mkv", "3.mkv"]
    check_films(tmp_path, (0, 1, 2, 4))
    (films / "3.mkv").replace(films / "77.mkv")
    check_films(tmp_path, [77])


def test_a_film_is_of_all_that_went_into_it(tmp_path: Path) -> None:
    """Whatever changes makes another hash, and nothing else does."""
    folder = tmp_path / "a"
    folder.mkdir()
    for name in ("dot.png", "shots-1.png", "font.otf", "a.srt"):
        (folder / name).write_text("1")
    text = {"content": "${title}", "size": 9, "font": "font.otf"}
    shown: list[dict[str, object]] = [{"media": "dot"}, {"media": "shots"}, {"text": text}]
    tracks = [{"clips": [{**clip, "duration": 1}]} for clip in shown]
    media = {"dot": {"path": "dot.png"}, "shots": {"path": "shots-%d.png"}, "unused": {"path": "none.png"}}
    project = write_template(folder, media=media, tracks=tracks, subtitles=[{"path": "a.srt"}])

    def key(options: ExportOptions | None = None, **variables: object) -> str:
        job = BatchJob("row 2", project, tmp_path / "a.mkv")
        given: dict[str, object] = {"title": "a", **variables}
        return Fingerprints(options or ExportOptions()).of(job, given, load(project, given))

    first = key(title="a")
    assert first == key(title="a")
    assert first == key(ExportOptions(force=True, memory_limit_bytes=1, system="v2"), title="a")
    others = {key(title="b"), key(ExportOptions(size=(2, 2)), title="a"), key(ExportOptions(threads=1), title="a")}
    assert len(others | {first}) == 4
    for name in ("dot.png", "shots-1.png", "font.otf", "a.srt", "film.json", "shots-2.png"):
        before = key(title="a")
        path = folder / name
        path.write_text((path.read_text() if path.exists() else "") + " ")
        assert key(title="a") != before, name
    (folder / "none.png").write_text("unused")
    assert key(title="a") == key(title="a")


def test_resume_replaces_only_what_a_batch_has_made(tmp_path: Path) -> None:
    write_template(tmp_path)
    write_jobs(tmp_path, 2)
    (tmp_path / "films").mkdir()
    (tmp_path / "films/1.mkv").write_text("mine")
    with pytest.raises(SetupError) as caught:
        run(tmp_path, resume=True)
    assert caught.value.suggestion == "no batch has made these; --force replaces them"
    assert (tmp_path / "films/1.mkv").read_text() == "mine"
    run(tmp_path, options=ExportOptions(threads=1, force=True), resume=True)
    check_films(tmp_path, range(2))


def test_variables_of_the_command_line_win(tmp_path: Path) -> None:
    write_template(tmp_path)
    write_jobs(tmp_path, 2, {0: "", 1: "red"})
    run(tmp_path, options=ExportOptions(threads=1, variables={"color": hexadecimal(0)}))
    check_films(tmp_path, [0])
    assert (tmp_path / "films/0.mkv").read_bytes() == (tmp_path / "films/1.mkv").read_bytes()


def test_paths_in_a_row_are_relative_to_its_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "projects").mkdir()
    ffmpeg("-f", "lavfi", "-i", "color=0x0a141e:s=32x18,format=rgb24", "-frames:v", "1", tmp_path / "lists/a.png")
    tracks = [{"clips": [{"media": "picture", "duration": 0.5}]}]
    write_template(tmp_path / "projects", media={"picture": {"path": "${photo:path}"}}, tracks=tracks)
    row = "project,output,photo\n../projects/film.json,../films/x.mkv,a.png\n"
    (tmp_path / "lists/jobs.csv").write_text(row)
    monkeypatch.chdir("/")
    run(tmp_path / "lists")
    film = tmp_path / "films/x.mkv"
    data = ffmpeg("-i", film, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    assert data == bytes((10, 20, 30)) * (32 * 18)


class FakePool(BatchPool):
    """Notes what it is given, and makes nothing."""

    tasks: list[JobTask] = []  # noqa: RUF012 one test at a time

    def __enter__(self) -> FakePool:
        self._tasks: list[JobTask] = []
        return self

    @property
    def idle(self) -> Any:
        return [None] * (self._count - len(self._tasks))

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    def give(self, worker: Any, task: JobTask) -> None:
        self._tasks.append(task)
        self.tasks.append(task)

    def messages(self, seconds: float) -> Iterator[tuple[JobTask | None, Message | Died]]:
        yield self._tasks.pop(), JobFinished({"outputs": []})


def test_memory_is_divided_among_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_run, "BatchPool", FakePool)
    monkeypatch.setattr(FakePool, "tasks", [])
    write_template(tmp_path)
    write_jobs(tmp_path, 9)
    run(tmp_path, options=ExportOptions(memory_limit_bytes=1000, cache_bytes=400), processes=4)
    assert len(FakePool.tasks) == 9
    assert {(task.options.memory_limit_bytes, task.options.cache_bytes) for task in FakePool.tasks} == {(250, 100)}


def test_the_processes_that_there_are_share_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_run, "BatchPool", FakePool)
    monkeypatch.setattr(FakePool, "tasks", [])
    write_template(tmp_path)
    write_jobs(tmp_path, 2)
    run(tmp_path, options=ExportOptions(memory_limit_bytes=1000, cache_bytes=400), processes=8)
    assert {task.options.memory_limit_bytes for task in FakePool.tasks} == {500}
