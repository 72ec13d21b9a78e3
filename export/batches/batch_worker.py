"""The process side of a batch: renders the jobs that come through a pipe, one after the other.

In: `Task`s, then None. Out: Ready; then for each task any number of Running and Logged, and at last Finished, Failed,
Crashed or Stopped. Active: all of the child's main thread, which is the render thread, and one thread that notices when
the parent is gone. What renders share (export.shared_resources) lives as long as the process.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelmill.decoders.system.worker_process import start_parent_watch
from reelmill.export.opening.job import ExportOptions, Progress, SilentListener
from reelmill.planner.errors import ExportError

if TYPE_CHECKING:
    from reelmill.export.opening.shared_resources import SharedResources

PROGRESS_INTERVAL_SECONDS = 0.2
STOP_SECONDS = 10.0
"""That a render has to notice that nobody waits for it any more."""


@dataclass(frozen=True, slots=True)
class JobTask:
    """One film."""

    number: int
    """Of the job in its batch."""
    project: Path
    output: Path
    options: ExportOptions


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """The process has started."""


@dataclass(frozen=True, slots=True)
class JobRunning:
    """So many frames are done."""

    frames: int
    total: int


@dataclass(frozen=True, slots=True)
class Logged:
    """Something that a room logged."""

    level: str
    message: str


@dataclass(frozen=True, slots=True)
class JobFinished:
    """The film lies under its name."""

    report: dict[str, Any]
    """As in docs/reference/report.md."""


@dataclass(frozen=True, slots=True)
class JobFailed:
    """An error that a user can meet."""

    error: ExportError


@dataclass(frozen=True, slots=True)
class JobCrashed:
    """Any other exception."""

    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The render was told to stop; nothing was written."""


Message = WorkerReady | JobRunning | Logged | JobFinished | JobFailed | JobCrashed | Stopped


class _Stop(BaseException):
    """Raised at a checkpoint of the render."""


def run_batch_worker(pipe: Connection, threads: int | None = None) -> None:
    """The child's main function. `threads`: of the software OpenGL renderer, where it has to leave cores to others."""
    if threads is not None:
        os.environ.setdefault("LP_NUM_THREADS", str(threads))
    stop = threading.Event()
    # Ctrl-C reaches the whole group of processes; the parent ends its children itself, by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    start_parent_watch(_watch_parent, stop)
    # All that is heavy is loaded here, so that what can't be is told once, and not for each film.
    from reelmill.decoders.shared.heap import release_freed_memory
    from reelmill.export.opening.shared_resources import SharedResources
    from reelmill.export.rendering.session import export_film

    told = _Told(pipe, stop.is_set)
    logging.getLogger("reelmill").addHandler(_LogHandler(told))
    try:
        with SharedResources() as shared:
            told.send(WorkerReady())
            while not stop.is_set() and (task := pipe.recv()) is not None:
                answer = _answer(task, export_film, told, shared)
                if not isinstance(answer, JobFinished):
                    shared.drop_graphics()
                release_freed_memory()
                told.send(answer)
    except (EOFError, OSError):
        # The parent is gone, or has no more use for answers.
        return


def _answer(task: JobTask, export_film: Callable[..., dict[str, Any]], told: _Told, shared: SharedResources) -> Message:
    told.begin()
    try:
        return JobFinished(export_film(task.project, task.output, task.options, told, shared=shared))
    except _Stop:
        return Stopped()
    except ExportError as error:
        return JobFailed(error)
    except Exception as error:
        return JobCrashed(f"{type(error).__name__}: {error}", traceback.format_exc())


class _Told(SilentListener):
    """Sends what there is to tell, from any thread, and stops the render when it is time."""

    def __init__(self, pipe: Connection, stopping: Callable[[], bool]) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._stopping = stopping
        self._last = 0.0

    def begin(self) -> None:
        """Another film."""
        self._last = 0.0

    def send(self, message: Message) -> None:
        """Raises OSError where nobody listens any more."""
        with self._lock:
            self._pipe.send(message)

    def progressed(self, event: Progress) -> None:
        now = time.monotonic()
        if now - self._last >= PROGRESS_INTERVAL_SECONDS:
            self._last = now
            try:
                self.send(JobRunning(event.frames, event.total))
            except OSError:
                raise _Stop from None

    def checkpoint(self) -> None:
        if self._stopping():
            raise _Stop


class _LogHandler(logging.Handler):
    """Passes on what the rooms log."""

    def __init__(self, told: _Told) -> None:
        super().__init__(logging.WARNING)
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            self._told.send(Logged(record.levelname.lower(), record.getMessage()))


def _watch_parent(stop: threading.Event) -> None:
    """Without a parent, stop at the next checkpoint, so that nothing is left half-written; then at any price."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    stop.set()
    time.sleep(STOP_SECONDS)
    os._exit(1)
