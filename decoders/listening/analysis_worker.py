"""The process side of the analysis pool: takes tasks from a pipe, one after the other, and answers each.

In: tasks, then None. Out: Ready, then Finished, Failed or Crashed for each task. Active: all of the child's main
thread, and one more that ends the process when its parent is gone. Nothing of libav is loaded before the first task.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

from reelmill.decoders.system.worker_process import start_parent_watch
from reelmill.planner.errors import ExportError
from reelmill.planner.process.waiting import Checkpoint, no_checkpoint


class AnalysisTask(Protocol):
    """A piece of work that travels to a process; its answer travels back. Both can be pickled."""

    @property
    def file(self) -> str:
        """The media file that is worked on."""

    @property
    def analysis(self) -> str:
        """What is found out, for messages: "the … of FILE"."""

    def run(self, checkpoint: Checkpoint) -> Any:
        """The answer. Calls `checkpoint` between pieces of the work; it may raise. Raises ExportError."""


@dataclass(frozen=True, slots=True)
class AnalysisReady:
    """The process has started."""


@dataclass(frozen=True, slots=True)
class AnalysisFinished:
    """A task is done."""

    value: Any


@dataclass(frozen=True, slots=True)
class AnalysisFailed:
    """An error that a user can meet: what its class is called with."""

    kind: type[ExportError]
    message: str
    fields: dict[str, Any]

    def error(self) -> ExportError:
        return self.kind(self.message, **self.fields)


@dataclass(frozen=True, slots=True)
class AnalysisCrashed:
    """Any other exception."""

    message: str
    traceback: str


Answer = AnalysisFinished | AnalysisFailed | AnalysisCrashed
_FIELDS = (
    *("component", "suggestion", "clip", "composition", "file", "file_hash"),
    *("output_frame", "timeline_time", "source_time"),
)


def run_analysis_worker(pipe: Connection) -> None:
    """The child's main function."""
    # Ctrl-C reaches the whole group of processes; the parent ends its children itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    start_parent_watch(_end_with_parent)
    try:
        pipe.send(AnalysisReady())
        while (task := pipe.recv()) is not None:
            pipe.send(_answer(task))
    except (EOFError, OSError):
        # The parent is gone, or has no more use for answers.
        return


def _answer(task: AnalysisTask) -> Answer:
    try:
        return AnalysisFinished(task.run(no_checkpoint))
    except ExportError as error:
        return AnalysisFailed(type(error), error.message, {name: getattr(error, name) for name in _FIELDS})
    except Exception as error:
        return AnalysisCrashed(f"{type(error).__name__}: {error}", traceback.format_exc())


def _end_with_parent() -> None:
    """A task takes seconds or minutes, and nobody would wait for its answer."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
