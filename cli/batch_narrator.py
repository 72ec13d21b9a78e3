"""What a batch tells while it works: a live table on a terminal, JSON lines elsewhere; and what became of it.

Passive, on the main thread; nothing draws on a thread of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from reelmill.cli.error_block import error_block
from reelmill.cli.progress import clock
from reelmill.cli.table import print_table
from reelmill.cli.talk import printable, styled, talk, warn
from reelmill.export.batches.batch_job import SilentBatchListener
from reelmill.planner.errors import ProjectError

if TYPE_CHECKING:
    from reelmill.export.batches.batch_summary import BatchSummary, JobResult
    from reelmill.export.batches.job_list import BatchJob

BatchProgressStyle = Literal["auto", "table", "json", "none"]
_MOST_PROBLEMS = 3
"""Of a project, in the table of what is not there; the error lists them all."""
JSON_INTERVAL_SECONDS = 1.0
"""Between two lines about the frames of one job."""


class BatchNarrator(SilentBatchListener):
    """Says nothing until the end. The others build on it."""

    def __init__(self, checkpoint: Callable[[], None], *, quiet: bool = False) -> None:
        self._checkpoint = checkpoint
        self._quiet = quiet

    def checkpoint(self) -> None:
        self._checkpoint()

    def warned(self, message: str) -> None:
        warn(message)

    def close(self) -> None:
        """The batch is over: leaves the terminal as it was."""

    def finished(self, summary: BatchSummary, *, table: bool) -> None:
        """Errors, counts, and what is not there as a table."""
        for result in summary.failures:
            assert result.error is not None
            talk(f"{styled('failed', colour='red', bold=True)} {_what(result.job)}")
            talk(error_block(result.error))
        if table and not self._quiet:
            print_missing(summary)
            talk(batch_summary_line(summary))


class JsonBatchNarrator(BatchNarrator):
    """One JSON object a line: planned, started, progress, log, done, skipped, failed, cancelled, finished."""

    def __init__(self, checkpoint: Callable[[], None]) -> None:
        super().__init__(checkpoint)
        self._told: dict[str, float] = {}

    def planned(self, summary: BatchSummary) -> None:
        waiting = len(summary.jobs) - len(summary.results)
        self._tell("planned", jobs=len(summary.jobs), waiting=waiting, processes=summary.processes)

    def warned(self, message: str) -> None:
        self._tell("warning", message=message)

    def started(self, job: BatchJob) -> None:
        self._told[str(job.output)] = time.monotonic()
        self._tell("started", **_names(job))

    def progressed(self, job: BatchJob, frames: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told.get(str(job.output), 0.0) >= JSON_INTERVAL_SECONDS:
            self._told[str(job.output)] = now
            self._tell("progress", **_names(job), frames=frames, total=total)

    def logged(self, job: BatchJob, level: str, message: str) -> None:
        self._tell("log", **_names(job), level=level, message=message)

    def ended(self, result: JobResult) -> None:
        told = result.as_dict()
        fields = {name: told[name] for name in ("seconds", "frames", "exit_code", "error") if told[name] is not None}
        self._tell(result.state, **_names(result.job), **fields)

    def finished(self, summary: BatchSummary, *, table: bool) -> None:
        told = summary.as_dict()
        del told["films"]
        self._tell("finished", **told)
        if table:
            print_missing(summary)

    def _tell(self, event: str, **fields: object) -> None:
        talk(json.dumps({"event": event, **fields}))


def print_missing(summary: BatchSummary) -> None:
    """A table of the films that there are not, and why."""
    missing = [each for _, each in sorted(summary.results.items()) if each.state in ("failed", "cancelled")]
    if missing:
        print_table(["job", "output", "state", "time", "why"], [_row(result) for result in missing], left=5)


def batch_summary_line(summary: BatchSummary) -> str:
    """What became of it, in numbers."""
    from reelmill.export.batches.batch_summary import JOB_STATES

    counts = ", ".join(f"{summary.count(state)} {state}" for state in JOB_STATES if summary.count(state))
    colour = {"ok": "green", "failed": "red", "interrupted": "yellow"}[summary.status]
    line = f"{styled(summary.status, colour=colour, bold=True)}: {counts or 'no jobs'}, in {summary.wall_seconds:.1f} s"
    return line if summary.status == "ok" else f"{line}; --resume leaves out what is done"


def _names(job: BatchJob) -> dict[str, Any]:
    return {"job": job.label, "project": str(job.project), "output": str(job.output)}


def _what(job: BatchJob) -> str:
    return printable(f"{job.label}: {job.project} → {job.output}")


def _row(result: JobResult) -> list[str]:
    why = "" if result.error is None else result.error.message
    if isinstance(result.error, ProjectError):
        why = "; ".join(map(str, result.error.problems[:_MOST_PROBLEMS])) or why
    took = clock(result.seconds) if result.seconds else ""
    return [result.job.label, str(result.job.output), result.state, took, why]
