"""A fixed pool of threads that takes turns among the batches that it is given, task by task.

`PictureWorkers` is active and thread-safe. A batch is passive: its methods are called under the pool's lock, one at a
time; its tasks run outside of it, side by side. Whoever makes the pool closes it.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from typing import Protocol, Self

from reelmill.decoders.shared.decode_slots import available_cores
from reelmill.export.pictures.picture_scratch import Scratch
from reelmill.planner.errors import ExportError, RenderError
from reelmill.planner.process.exhaustion import NoThread
from reelmill.planner.process.threads import Thread

MAX_WORKERS = 16
_MAX_BATCHES = 32
"""In turn at a time; whoever comes with one more waits."""


class Task(Protocol):
    def run(self, scratch: Scratch) -> None: ...


class WorkBatch(ABC):
    """Work of one caller."""

    def __init__(self) -> None:
        self.running = 0
        """Tasks: the pool's count."""
        self.error: Exception | None = None
        """The first of its tasks; no further one is begun then."""
        self.ended = threading.Event()
        """Nothing of it runs any more, or will."""

    @property
    @abstractmethod
    def ready(self) -> int:
        """Tasks that can be begun now."""

    @property
    @abstractmethod
    def complete(self) -> bool:
        """All tasks are done."""

    @abstractmethod
    def next_task(self) -> Task:
        """One of those that are ready."""

    @abstractmethod
    def done(self, task: Task) -> None:
        """It ended well; others may be ready now."""


class PictureWorkers:
    """Threads that are started once, and the batches that they work on.

    No more of them run tasks at a moment than there are cores: numpy takes and gives Python's lock so often that
    threads which are kept from a core while they hold it would keep all others waiting.
    """

    def __init__(self, count: int) -> None:
        self._at_once = min(count, available_cores())
        self._running = 0
        self._batches: deque[WorkBatch] = deque()
        self._dead: BaseException | None = None
        self._closing = False
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._threads = [
            Thread(target=self._run, name=f"picture-worker-{number}", daemon=True) for number in range(count)
        ]
        try:
            for thread in self._threads:
                thread.start()
        except NoThread:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def count(self) -> int:
        return len(self._threads)

    def put(self, batch: WorkBatch) -> None:
        """Take a batch in, after those that wait for room. Raises RenderError when closed or broken."""
        with self._lock:
            self._room.wait_for(lambda: len(self._batches) < _MAX_BATCHES or self._closing or self._dead)
            if self._dead is not None:
                raise _worker_died(self._dead)
            if self._closing:
                raise RenderError("the picture pipeline is closed", component="PicturePipeline")
            self._batches.append(batch)
            if batch.complete:
                self._end(batch)
            self._wake(batch.ready, self._at_once - self._running)

    def abandon(self, batch: WorkBatch) -> None:
        """Begin no more tasks of it, and return when none runs: its pictures are the caller's again."""
        with self._lock:
            if not batch.ended.is_set():
                batch.error = batch.error or RenderError("given up by its caller", component="PicturePipeline")
                self._end_if_over(batch)
        batch.ended.wait()

    def close(self) -> None:
        """Finish what was taken in, and end the threads. Again, does nothing."""
        with self._lock:
            self._closing = True
            self._work.notify_all()
            self._room.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with Scratch() as scratch:
            turn = self._next_turn(None)
            while turn is not None:
                batch, task = turn
                error: Exception | None = None
                try:
                    task.run(scratch)
                except ExportError as caught:
                    error = caught
                except Exception as caught:
                    error = _task_failed(caught)
                except BaseException as caught:
                    self._die(batch, caught)
                    return
                turn = self._next_turn((batch, task, error))

    def _next_turn(self, last: tuple[WorkBatch, Task, Exception | None] | None) -> tuple[WorkBatch, Task] | None:
        """From the batch that has waited longest since its last task; None when all is finished.

        `last`: the task that this thread ran, and how that ended.
        """
        with self._lock:
            if last is not None:
                self._task_ended(*last)
            while self._dead is None:
                for _ in range(len(self._batches) if self._running < self._at_once else 0):
                    batch = self._batches[0]
                    self._batches.rotate(-1)
                    if batch.error is None and batch.ready:
                        batch.running += 1
                        self._running += 1
                        return batch, batch.next_task()
                if self._closing and not self._batches:
                    break
                self._work.wait()
            return None

    def _task_ended(self, batch: WorkBatch, task: Task, error: Exception | None) -> None:
        batch.running -= 1
        self._running -= 1
        if error is not None:
            batch.error = batch.error or error
        elif batch.error is None:
            try:
                batch.done(task)
            except Exception as caught:  # no memory for the next picture
                batch.error = _task_failed(caught)
            self._wake(batch.ready - 1, self._at_once - self._running - 1)  # this thread takes one itself
        self._end_if_over(batch)

    def _wake(self, tasks: int, free: int) -> None:
        self._work.notify(max(0, min(tasks, free)))

    def _die(self, batch: WorkBatch, error: BaseException) -> None:
        """This thread ends by what no task may raise (SystemExit): nothing more can be promised to anyone."""
        with self._lock:
            self._dead = error
            batch.running -= 1
            self._running -= 1
            for each in list(self._batches):
                each.error = each.error or _worker_died(error)
                self._end_if_over(each)
            self._work.notify_all()
            self._room.notify_all()

    def _end_if_over(self, batch: WorkBatch) -> None:
        if batch.running == 0 and (batch.error is not None or batch.complete):
            self._end(batch)

    def _end(self, batch: WorkBatch) -> None:
        self._batches.remove(batch)
        batch.ended.set()
        self._room.notify()
        if self._closing:
            self._work.notify_all()


def _task_failed(error: Exception) -> RenderError:
    failed = RenderError(
        f"a task of the picture pipeline failed: {type(error).__name__}: {error}",
        component="Worker",
        suggestion="see whether memory is short; else this is a defect of reelmill's",
    )
    failed.__cause__ = error
    return failed


def _worker_died(error: BaseException) -> RenderError:
    died = RenderError(
        f"a worker of the picture pipeline died: {type(error).__name__}: {error}",
        component="Worker",
        suggestion="make a new pipeline; this one takes no more pictures",
    )
    died.__cause__ = error
    return died
