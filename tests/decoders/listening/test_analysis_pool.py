"""The analysis pool: who runs what, and what becomes of processes that die, hang or are no longer wanted."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from reelmill.decoders.listening import analysis_pool
from reelmill.decoders.listening.analysis_pool import AnalysisPool, InProcess, task_runner
from reelmill.decoders.listening.analysis_worker import AnalysisTask
from reelmill.planner.errors import RenderError, SetupError
from tests.support.analysis_tasks import Die, Fail, Stumble, Tell


def nothing() -> None:
    """A checkpoint that nobody has to stop at."""


def is_running(process_id: int) -> bool:
    """Zombies, which wait for a parent that takes no notice, count as ended."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_each_task_is_answered_once_by_processes_that_live_on() -> None:
    tasks = [Tell(value=n, seconds=0.02) for n in range(12)]
    with AnalysisPool(3, nothing) as pool:
        started = pool.process_ids
        answers = list(pool.results(iter(tasks)))
        again = list(pool.results(iter([Tell(value=99)])))
        assert pool.process_ids == started
    assert len(set(started)) == 3
    assert os.getpid() not in started
    assert sorted(answer[1] for _, answer in answers) == list(range(12))
    assert {answer[0] for _, answer in (*answers, *again)} <= set(started)
    assert all(task is tasks[answer[1]] for task, answer in answers), "a task comes back with its own answer"
    assert not any(map(is_running, started))


def test_tasks_are_taken_when_there_is_a_place_for_them() -> None:
    taken = []

    def tasks() -> Iterator[Tell]:
        for n in range(10):
            taken.append(n)
            yield Tell(value=n, seconds=0.05)

    with AnalysisPool(2, nothing) as pool:
        next(iter(pool.results(tasks())))
        assert len(taken) <= 4


@pytest.mark.parametrize("workers", [0, 1])
def test_tasks_that_follow_from_a_result_go_first(workers: int) -> None:
    order = []
    with task_runner(workers, nothing) as runner:
        for task, (_, value) in runner.results(iter([Tell(value=1), Tell(value=2), Tell(value=3)])):
            assert isinstance(task, Tell)
            order.append(value)
            if value == 1:
                runner.add(Tell(value=11))
                runner.add(Tell(value=12))
    assert order == [1, 11, 12, 2, 3]


def test_without_workers_everything_runs_here() -> None:
    with task_runner(0, nothing) as runner:
        assert isinstance(runner, InProcess)
        [(_, (process, _))] = runner.results(iter([Tell()]))
    assert process == os.getpid()
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_is_the_answer_of_its_task_and_no_other_is_harmed(workers: int) -> None:
    with task_runner(workers, nothing) as runner:
        answers = dict(runner.results(iter([Fail(file="bad.wav"), Tell(value=5)])))
    error = answers[Fail(file="bad.wav")]
    assert isinstance(error, RenderError)
    assert (error.message, error.component, error.file, error.suggestion) == (
        *("the sound is damaged", "SoundReader", "bad.wav"),
        "replace it",
    )
    assert answers[Tell(value=5)][1] == 5


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSEGV, 0])
def test_a_process_that_dies_at_work_is_an_error_that_names_file_and_analysis(death: int) -> None:
    tasks: list[AnalysisTask] = [
        Tell(seconds=60),
        Die(file="song.flac", analysis="pitch", by_signal=int(death)),
        Tell(value=1),
    ]
    with AnalysisPool(2, nothing) as pool:
        started = pool.process_ids
        with pytest.raises(RenderError) as caught:
            list(pool.results(iter(tasks)))
    how = f"by signal {int(death)}" if death else "with exit code 7"
    assert caught.value.message == f"the process that worked on the pitch of a file ended {how}, without a word"
    assert caught.value.file == "song.flac"
    assert "--analysis-workers" in (caught.value.suggestion or "")
    assert not any(map(is_running, started))


def test_a_process_that_dies_while_it_is_idle_is_an_error_too() -> None:
    armed = False

    def kill_the_idle_one() -> None:
        if armed:
            idle = [worker for worker in pool._workers if worker.task is None]
            os.kill(idle[0].process.pid or 0, signal.SIGKILL)

    with AnalysisPool(2, kill_the_idle_one) as pool:
        wait_until(lambda: bool(list(pool.results(iter([Tell()])))) and all(w.ready for w in pool._workers))
        armed = True
        with pytest.raises(RenderError, match="an idle analysis process ended by signal 9"):
            list(pool.results(iter([Tell(seconds=60)])))


def test_a_bug_in_an_analysis_is_told_with_its_traceback() -> None:
    with AnalysisPool(1, nothing) as pool, pytest.raises(RenderError, match="internal error in the patience") as caught:
        list(pool.results(iter([Stumble()])))
    assert "ZeroDivisionError: by nothing" in caught.value.message
    assert "in run" in "".join(caught.value.__notes__)


def test_processes_that_the_system_refuses_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    context = multiprocessing.get_context("spawn")
    started: list[BaseProcess] = []
    start = context.Process.start

    def refuse_the_second(process: BaseProcess) -> None:
        if started:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        start(process)
        started.append(process)

    monkeypatch.setattr(context.Process, "start", refuse_the_second)
    pool = AnalysisPool(3, nothing)
    with pytest.raises(SetupError, match="can't be started: the system allows no more") as caught:
        pool.__enter__()
    assert caught.value.exit_code == 2
    assert "0 works in one process" in (caught.value.suggestion or "")
    assert not multiprocessing.active_children()


def test_processes_that_end_while_they_load_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis_pool, "run_analysis_worker", os._exit)
    # What is sent instead of the worker's main function can't take a pipe, and ends the process.
    with (
        AnalysisPool(2, nothing) as pool,
        pytest.raises(SetupError, match="one ended with exit code 1 while it loaded"),
    ):
        list(pool.results(iter([Tell()])))


def test_processes_that_never_come_up_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis_pool, "START_SECONDS", 0.0)
    monkeypatch.setattr(analysis_pool, "POLL_SECONDS", 0.0)  # no process loads before the first look
    with AnalysisPool(1, nothing) as pool, pytest.raises(SetupError, match="one has not come up in 0 s"):
        list(pool.results(iter([Tell()])))


def test_whoever_stops_at_a_checkpoint_leaves_no_process() -> None:
    calls = 0

    def stop_soon() -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise KeyboardInterrupt

    with AnalysisPool(2, stop_soon) as pool:
        started = pool.process_ids
        with pytest.raises(KeyboardInterrupt):
            list(pool.results(iter([Tell(seconds=60), Tell(seconds=60)])))
    assert not any(map(is_running, started))


def test_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(
        "from reelmill.decoders.listening.analysis_pool import AnalysisPool\n"
        "from tests.support.analysis_tasks import Tell\n"
        "if __name__ == '__main__':\n"
        "    pool = AnalysisPool(2, lambda: None).__enter__()\n"
        "    for _, answer in pool.results(iter([Tell(), Tell(), Tell(seconds=600), Tell(seconds=600)])):\n"
        "        print(*pool.process_ids, flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        children = [int(word) for word in parent.stdout.readline().split()]
        assert len(children) == 2
        assert all(map(is_running, children))
        parent.kill()
        wait_until(lambda: not any(map(is_running, children)))
