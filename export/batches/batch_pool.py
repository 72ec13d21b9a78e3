"""The processes of a batch: started with it, replaced when one dies, gone when it ends.

In: tasks, one at a time for each process that is free. Out: what the processes tell, with the task that it is about. A
process that dies takes only its own film along. Passive; one thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from typing import cast

from reelmill.decoders.shared.decode_slots import available_cores
from reelmill.decoders.system.worker_process import START_SECONDS, ProcessPool, WorkerProcess, refusal, start_process
from reelmill.export.batches.batch_worker import JobRunning, JobTask, Logged, Message, WorkerReady, run_batch_worker
from reelmill.planner.errors import SetupError


@dataclass(frozen=True, slots=True)
class Died:
    """A process ended without a word."""

    how: str
    """`by signal 9`, `with exit code 1`."""


@dataclass(slots=True, eq=False)
class BatchProcess(WorkerProcess[JobTask]):
    """One process of a batch."""

    deadline: float = 0.0
    """By when it must have come up, monotonic seconds."""


class BatchPool(ProcessPool[BatchProcess]):
    """Use with `with`: no process outlives it."""

    def __init__(self, processes: int) -> None:
        """Starts nothing yet."""
        super().__init__()
        self._count = processes

    def __enter__(self) -> BatchPool:
        """Start the processes; they load while this one goes on. Raises SetupError."""
        try:
            for _ in range(self._count):
                self._start()
        except BaseException:
            self.close()
            raise
        return self

    @property
    def idle(self) -> list[BatchProcess]:
        """Those that wait for a task."""
        return [worker for worker in self._workers if worker.ready and worker.task is None]

    @property
    def busy(self) -> bool:
        return any(worker.task is not None for worker in self._workers)

    def give(self, worker: BatchProcess, task: JobTask) -> None:
        """Hand a task to an idle process; that it has died is told with the next messages."""
        worker.task = task
        with suppress(OSError):
            worker.pipe.send(task)

    def messages(self, seconds: float) -> Iterator[tuple[JobTask | None, Message | Died]]:
        """What comes in within so many seconds. A process that died was replaced. Raises SetupError."""
        by_pipe = {id(worker.pipe): worker for worker in self._workers}
        for ready in connection.wait([worker.pipe for worker in self._workers], seconds):
            worker = by_pipe[id(ready)]
            try:
                message = cast(Message, worker.pipe.recv())
            except (EOFError, OSError):
                yield worker.task, self._replace(worker)
                continue
            if isinstance(message, WorkerReady):
                worker.ready = True
                continue
            task = worker.task
            if not isinstance(message, JobRunning | Logged):
                worker.task = None
            yield task, message
        if any(not worker.ready and time.monotonic() > worker.deadline for worker in self._workers):
            raise _not_started(f"one has not come up in {START_SECONDS:.0f} s")

    def stop(self) -> None:
        """Ask those that work to stop; they tell when they have."""
        for worker in self._workers:
            if worker.task is not None:
                worker.process.terminate()

    def _start(self) -> None:
        threads = max(available_cores() // self._count, 1) if self._count > 1 else None
        try:
            process, pipe = start_process(run_batch_worker, "batch", threads)
        except OSError as error:
            raise _not_started(refusal(error)) from None  # the cause has been told
        self._workers.append(BatchProcess(process, pipe, deadline=time.monotonic() + START_SECONDS))

    def _replace(self, worker: BatchProcess) -> Died:
        """Start another process in the place of a dead one. Raises SetupError where that one never came up."""
        how = worker.end_of_it()
        if not worker.ready:
            raise _not_started(f"one ended {how} while it loaded")
        self._workers.remove(worker)
        worker.pipe.close()
        worker.process.close()
        self._start()
        return Died(how)


def _not_started(why: str) -> SetupError:
    return SetupError(
        f"the processes of the batch can't be started: {why}",
        component="Batch",
        suggestion="see the lines above and the machine's limits on processes and memory; --jobs N starts fewer; a "
        'script of your own must start its work under `if __name__ == "__main__":`',
    )
