"""The thread of one output: does what it is handed, in order, from a bounded queue, until the end or a failure.

In: pieces of work, from the render thread, which is the only one to call methods. Active: owns one thread, which alone
uses the output's sink. Threads of one export share a `Failure`: the first error is kept there, and ends them all.
After `join` the thread has ended, and its sink is finished or aborted, in every state.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Protocol

from reelmill.planner.errors import ExportError, RenderError
from reelmill.planner.process.threads import Thread
from reelmill.planner.process.waiting import wait_until
from reelmill.planner.tracing import NO_TRACE, Tracer

MAX_QUEUED_BYTES = 64 * 2**20
"""Pictures that wait for one output; at least two may."""
MAX_QUEUED_PICTURES = 16
"""A longer queue of small pictures evens out nothing more, and makes a long film need more memory than a short one."""
_JOIN_SECONDS = 0.02
"""How long a full queue may keep an end from being told, which is then told again."""
Work = Callable[[], None]


class Sink(Protocol):
    """What a thread completes, or gives up."""

    def finish(self) -> None: ...

    def abort(self) -> None: ...


class FirstFailure:
    """What ends all threads of an export before their end: the first error, or a word. Thread-safe."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def note(self, error: BaseException) -> None:
        """Keep an error unless there was one, and end all threads."""
        with self._lock:
            if self.error is None and not self._stopped.is_set():
                self.error = error
        self._stopped.set()

    def check(self) -> None:
        """Raise the error, if there is one."""
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """End all threads; errors that follow from it don't count."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether all is to end."""
        return self._stopped.is_set()


class OutputThread:
    """Works for one output."""

    def __init__(
        self,
        sink: Sink,
        failure: FirstFailure,
        *,
        name: str,
        output: str,
        picture_bytes: int = 1,
        max_queued_bytes: int = MAX_QUEUED_BYTES,
        checkpoint: Callable[[], None] = lambda: None,
        tracer: Tracer = NO_TRACE,
    ) -> None:
        """Starts at once. `output`: what errors call it; `picture_bytes`: of one picture that it is handed.

        `checkpoint` is called while a call waits; it may raise.
        """
        self._sink, self._failure, self._output = sink, failure, output
        self._checkpoint, self._tracer = checkpoint, tracer
        self._queue: queue.Queue[Work | None] = queue.Queue(
            max(2, min(max_queued_bytes // picture_bytes, MAX_QUEUED_PICTURES))
        )
        self._ended = threading.Event()
        self.busy_seconds = 0.0
        """Spent on work, waiting inside of it included."""
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> None:
        """Hand over the next piece of work; waits while the queue is full."""
        with self._tracer.span("wait for room"):
            self._put(work)
        self._tracer.level("encode queue", self._queue.qsize())

    @property
    def queued(self) -> int:
        """Pieces of work that were not begun."""
        return self._queue.qsize()

    def end(self) -> None:
        """Nothing more comes: the sink is to be finished. Does not wait for it."""
        with self._tracer.span("wait for room"):
            self._put(None)

    def wait(self) -> None:
        """Wait for the end."""
        with self._tracer.span("wait for encoder"):
            wait_until(self._ended.wait, self._checkpoint)
        self._thread.join()

    def join(self) -> None:
        """Wait for the end after `Failure.stop`; after `wait`, or a second time, does nothing."""
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._queue.get_nowait()
            with contextlib.suppress(queue.Full):
                self._queue.put_nowait(None)
            self._thread.join(_JOIN_SECONDS)

    def _put(self, work: Work | None) -> None:
        self._checkpoint()
        wait_until(lambda seconds: self._took(work, seconds), self._checkpoint)

    def _took(self, work: Work | None, seconds: float) -> bool:
        """Whether the queue took it within so many seconds, or will never."""
        try:
            self._queue.put(work, timeout=seconds)
        except queue.Full:
            return not self._thread.is_alive()
        return True

    # The rest runs on the thread.

    def _run(self) -> None:
        try:
            self._work()
            if not self._failure.stopped:
                self._timed(self._sink.finish)
        except BaseException as error:
            self._failure.note(_named(error, self._output))
        try:
            # After a failure this may fail again, which says nothing new.
            self._sink.abort()
        except Exception as error:
            self._failure.note(_named(error, self._output))
        finally:
            self._ended.set()

    def _work(self) -> None:
        while (work := self._next()) is not None and not self._failure.stopped:
            self._timed(work)

    def _next(self) -> Work | None:
        with self._tracer.span("wait for picture"):
            work = self._queue.get()
        self._tracer.level("encode queue", self._queue.qsize())
        return work

    def _timed(self, work: Work) -> None:
        started = time.perf_counter()
        work()
        self.busy_seconds += time.perf_counter() - started


def _named(error: BaseException, output: str) -> ExportError:
    if isinstance(error, ExportError):
        return error
    failed = RenderError(
        f"writing {output} failed: {type(error).__name__}: {error}",
        component="Output",
        file=output,
        suggestion="try other settings of that output",
    )
    failed.__cause__ = error
    return failed
