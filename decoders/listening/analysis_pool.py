"""A fixed number of processes that analyse sound: for what holds Python's interpreter lock, or is heavy.

In: tasks, each about one file. Out: each task with its answer, in the order in which they are done. The processes are
started once, by `with`, and end with it, whatever happens. A pool that can't start is a SetupError, a process that dies
a RenderError that names file and analysis: work never moves into this process by itself. That is what `InProcess` is
for, which is asked for and not fallen back to. Passive; one thread.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection
from typing import Any, Protocol

from reelmill.decoders.listening.analysis_worker import (
    AnalysisCrashed,
    AnalysisFailed,
    AnalysisFinished,
    AnalysisReady,
    AnalysisTask,
    run_analysis_worker,
)
from reelmill.decoders.system.worker_process import START_SECONDS, ProcessPool, WorkerProcess, refusal, start_process
from reelmill.planner.errors import ExportError, RenderError, SetupError
from reelmill.planner.process.waiting import Checkpoint

POLL_SECONDS = 0.2
"""How long a wait may last until a signal is noticed."""

Result = tuple[AnalysisTask, Any]
"""A task, and its answer or the ExportError that it ended with."""


class TaskRunner(Protocol):
    """Runs tasks, somewhere."""

    def add(self, task: AnalysisTask) -> None:
        """A task that follows from a result; it is run before those that are still to come from the iterator."""

    def results(self, tasks: Iterator[AnalysisTask]) -> Iterator[Result]:
        """Run tasks, as many at once as there are places, and those that are added meanwhile.

        A task is taken from the iterator when there is a place for it. Raises SetupError, RenderError.
        """


@contextmanager
def task_runner(workers: int, checkpoint: Checkpoint) -> Iterator[TaskRunner]:
    """A pool of so many processes; with 0, this process.

    A pool calls `checkpoint` several times a second; a task in this process does between two pieces of its file. It may
    raise.
    """
    if workers == 0:
        yield InProcess(checkpoint)
    else:
        with AnalysisPool(workers, checkpoint) as pool:
            yield pool


class InProcess:
    """One task after the other, here."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._added: deque[AnalysisTask] = deque()

    def add(self, task: AnalysisTask) -> None:
        self._added.append(task)

    def results(self, tasks: Iterator[AnalysisTask]) -> Iterator[Result]:
        while (task := _next(self._added, tasks)) is not None:
            try:
                value = task.run(self._checkpoint)
            except ExportError as error:
                value = error
            yield task, value


_Worker = WorkerProcess[AnalysisTask]


class AnalysisPool(ProcessPool[_Worker]):
    """The processes. Use with `with`."""

    def __init__(self, workers: int, checkpoint: Checkpoint) -> None:
        """Starts nothing yet."""
        super().__init__()
        assert workers > 0
        self._count = workers
        self._checkpoint = checkpoint
        self._added: deque[AnalysisTask] = deque()

    def __enter__(self) -> AnalysisPool:
        """Start the processes; they load while this one goes on. Raises SetupError."""
        try:
            for number in range(self._count):
                process, pipe = start_process(run_analysis_worker, f"analysis-{number}")
                self._workers.append(_Worker(process, pipe))
        except OSError as error:
            self.close()
            raise _not_started(refusal(error)) from None  # the cause has been told
        except BaseException:
            self.close()
            raise
        self._deadline = time.monotonic() + START_SECONDS
        return self

    def add(self, task: AnalysisTask) -> None:
        self._added.append(task)

    def results(self, tasks: Iterator[AnalysisTask]) -> Iterator[Result]:
        while True:
            for worker in self._workers:
                if worker.ready and worker.task is None:
                    worker.task = _next(self._added, tasks)
                    if worker.task is None:
                        break
                    self._send(worker, worker.task)
            if any(worker.ready for worker in self._workers) and not any(worker.task for worker in self._workers):
                # Somebody could work, was offered what there is, and has nothing to do.
                return
            yield from self._wait()

    def _wait(self) -> Iterator[Result]:
        """What has come in from the processes, after a short wait. Also notices that one has died, busy or idle."""
        self._checkpoint()
        by_pipe = {worker.pipe: worker for worker in self._workers}
        for pipe in connection.wait(list(by_pipe), POLL_SECONDS):
            worker = by_pipe[pipe]  # type: ignore[index]  # only connections were given
            try:
                answer = worker.pipe.recv()
            except (EOFError, OSError):
                # A signal to the whole group of processes ends those that are children first.
                self._checkpoint()
                raise self._died(worker) from None
            if isinstance(answer, AnalysisReady):
                worker.ready = True
                continue
            task, worker.task = worker.task, None
            assert task is not None
            yield task, _value(task, answer)
        if time.monotonic() > self._deadline and not all(worker.ready for worker in self._workers):
            raise _not_started(f"one has not come up in {START_SECONDS:.0f} s")

    def _send(self, worker: _Worker, task: AnalysisTask) -> None:
        try:
            worker.pipe.send(task)
        except OSError:
            raise self._died(worker) from None

    def _died(self, worker: _Worker) -> ExportError:
        how = worker.end_of_it()
        if not worker.ready:
            return _not_started(f"one ended {how} while it loaded")
        if worker.task is None:
            what, file = "an idle analysis process", None
        else:
            what, file = f"the process that worked on the {worker.task.analysis} of a file", worker.task.file
        return RenderError(
            f"{what} ended {how}, without a word",
            component="AnalysisPool",
            file=file,
            suggestion="see whether the machine ran out of memory; --analysis-workers 1 takes the least, "
            "0 works in one process",
        )


def _next(added: deque[AnalysisTask], tasks: Iterator[AnalysisTask]) -> AnalysisTask | None:
    return added.popleft() if added else next(tasks, None)


def _value(task: AnalysisTask, answer: AnalysisFinished | AnalysisFailed | AnalysisCrashed) -> Any:
    """The answer as `run` would have given it; an error to be told, or raised where it is a bug."""
    match answer:
        case AnalysisFinished():
            return answer.value
        case AnalysisFailed():
            return answer.error()
        case AnalysisCrashed():
            error = RenderError(
                f"internal error in the {task.analysis}: {answer.message}; this is a bug in reelmill",
                component="AnalysisPool",
                file=task.file,
                suggestion="run the same command with -v for the traceback, and report it",
            )
            error.add_note(answer.traceback)
            raise error


def _not_started(why: str) -> SetupError:
    return SetupError(
        f"the analysis processes can't be started: {why}",
        component="AnalysisPool",
        suggestion="see the lines above and the machine's limits on processes and memory; --analysis-workers N starts "
        'fewer, 0 works in one process; a script of your own must start its work under `if __name__ == "__main__":`',
    )
