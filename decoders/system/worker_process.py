"""A process that works for this one, over a pipe: how it is held, ended, and how it came to its end.

Passive; whoever started a process ends it, on the same thread.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Generic, TypeVar

from reelmill.decoders.system.interrupts import interrupts_held
from reelmill.planner.process.exhaustion import THREADS, NoThread
from reelmill.planner.process.threads import Thread

START_SECONDS = 120.0
"""That a process may take to load; a machine that needs longer is stuck."""
END_SECONDS = 5.0
"""That a process has to end by itself when it is told to."""
TaskT = TypeVar("TaskT")
WorkerT = TypeVar("WorkerT", bound="WorkerProcess[Any]")


@dataclass(slots=True, eq=False)
class WorkerProcess(Generic[TaskT]):
    """One process, and what it does."""

    process: BaseProcess
    pipe: connection.Connection
    ready: bool = False
    """It has loaded."""
    task: TaskT | None = None
    """What it works on; None while it is idle."""

    def end_of_it(self) -> str:
        """How a process that said no more has ended: `by signal 9`, `with exit code 1`."""
        self.process.join(END_SECONDS)
        code = self.process.exitcode
        return f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"


def start_process(work: Callable[..., None], name: str, *arguments: Any) -> tuple[BaseProcess, connection.Connection]:
    """Start a process that calls `work(pipe, *arguments)`, and our end of its pipe. Raises OSError.

    Spawned, never forked: OpenGL and libav have threads. A daemon: should this process end without closing its pool,
    Python takes its children along.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, *arguments), name=name, daemon=True)
    try:
        with interrupts_held():
            process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return process, ours


def refusal(error: OSError) -> str:
    """Why the system did not start a process."""
    if error.errno == errno.EAGAIN:
        return "the system allows no more (`ulimit -u` tells how many, a container has a limit of pids)"
    return error.strerror or str(error)


def start_parent_watch(watch: Callable[..., None], *arguments: Any) -> None:
    """In a child: start the thread that ends it with its parent. Where there is none, end, with a line on stderr."""
    try:
        Thread(target=watch, args=arguments, name="parent-watch", daemon=True).start()
    except NoThread:
        raise SystemExit(THREADS.message) from None


class ProcessPool(Generic[WorkerT]):
    """What owns processes. Use with `with`: none outlives it."""

    def __init__(self) -> None:
        self._workers: list[WorkerT] = []

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Of the processes that there are."""
        return tuple(worker.process.pid or 0 for worker in self._workers)

    def close(self) -> None:
        """End the processes: the idle ones by a word, the busy ones by a signal. A second call does nothing."""
        for worker in self._workers:
            if worker.task is None and worker.ready:
                with suppress(OSError):
                    worker.pipe.send(None)
            else:
                worker.process.terminate()
        deadline = time.monotonic() + END_SECONDS
        for worker in self._workers:
            worker.process.join(max(deadline - time.monotonic(), 0))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.process.close()
            worker.pipe.close()
        self._workers.clear()
