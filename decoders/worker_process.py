"""A process that works for this one, over a pipe: how it is held, ended, and how it came to its end.

Passive; whoever started a process ends it, on the same thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from decoders.interrupts import interrupts_held

END_SECONDS = 5.0
"""That a process has to end by itself when it is told to."""
TaskT = TypeVar("TaskT")


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

    Spawned, never forked: OpenGL and libav have threads. A daemon: should this process end without `end_processes`,
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


def end_processes(workers: Iterable[WorkerProcess[TaskT]]) -> None:
    """End processes: the idle ones by a word, the busy ones by a signal."""
    workers = tuple(workers)
    for worker in workers:
        if worker.task is None and worker.ready:
            with suppress(OSError):
                worker.pipe.send(None)
        else:
            worker.process.terminate()
    deadline = time.monotonic() + END_SECONDS
    for worker in workers:
        worker.process.join(max(deadline - time.monotonic(), 0))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.process.close()
        worker.pipe.close()
