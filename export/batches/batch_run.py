"""Many exports, in a few processes: what was done before is left out, what fails ends nothing but itself.

In: jobs, options for all of them. Out: a BatchSummary, and films. Active: runs on the caller's thread, owns the
processes (export.batches.batch_pool) and the state on disk (export.batches.batch_state).

First every job's project is read with its variables, so that what is wrong in row 180 is told before row 1 is rendered.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

from reelmill.export.batches.batch_fingerprint import Fingerprints
from reelmill.export.batches.batch_job import BatchListener, BatchOptions, SilentBatchListener
from reelmill.export.batches.batch_pool import BatchPool, Died
from reelmill.export.batches.batch_state import BatchState
from reelmill.export.batches.batch_summary import BatchSummary, JobResult
from reelmill.export.batches.batch_worker import (
    JobCrashed,
    JobFailed,
    JobFinished,
    JobRunning,
    JobTask,
    Logged,
    Message,
    Stopped,
)
from reelmill.export.batches.job_list import BatchJob
from reelmill.export.opening.job import ExportOptions
from reelmill.planner.errors import ExportError, RenderError, SetupError
from reelmill.planner.project_file.loader import load
from reelmill.planner.templates.variables import EMPTY_CELL, Bound

POLL_SECONDS = 0.2
"""How long a wait may last until a signal is noticed."""
STOP_SECONDS = 5.0
"""That renders have to stop when the batch is interrupted."""
_MOST_NAMED = 10
"""Outputs that one message lists."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A job that can be begun."""

    number: int
    job: BatchJob
    key: str
    variables: dict[str, object]
    force: bool
    """Whether its output may be replaced."""


def run_batch(
    summary: BatchSummary,
    options: ExportOptions,
    how: BatchOptions,
    listener: BatchListener | None = None,
) -> BatchSummary:
    """Run the jobs of a summary, and fill it in; `options.variables` count for all jobs, and win over theirs.

    `options.memory_limit_bytes` and `cache_bytes` are divided among the processes. Raises SetupError, before the first
    job, for outputs that exist already and for processes that can't be started; what a job fails with stands in the
    summary. What the listener's checkpoint raises comes through, after the renders have stopped.
    """
    started = time.perf_counter()
    try:
        _Batch(summary, options, how, listener or SilentBatchListener()).run()
    except KeyboardInterrupt:
        summary.interrupted = True
        raise
    finally:
        summary.wall_seconds = time.perf_counter() - started
    return summary


class _Batch:
    """One run. One use."""

    def __init__(
        self, summary: BatchSummary, options: ExportOptions, how: BatchOptions, listener: BatchListener
    ) -> None:
        self._summary = summary
        self._options = options
        self._how = how
        self._listener = listener
        self._state = BatchState()
        self._waiting: deque[_Prepared] = deque()
        self._begun: dict[int, tuple[_Prepared, float]] = {}
        """By number, with the time at which it was handed out."""
        self._stopping = False

    def run(self) -> None:
        self._check_outputs()
        try:
            self._prepare()
            processes = self._summary.processes = min(self._how.processes, len(self._waiting))
            self._listener.planned(self._summary)
            if self._waiting and not self._stopping:
                with BatchPool(processes) as pool:
                    self._render(pool)
        finally:
            for number, job in enumerate(self._summary.jobs):
                if number not in self._summary.results:
                    self._end(number, JobResult(job, "cancelled"))

    def _check_outputs(self) -> None:
        """Raises SetupError for a state that can't be read, and an output that nobody asked to replace."""
        known = {job.output for job in self._summary.jobs if self._state.knows(job.output)}
        existing = [
            job.output
            for job in self._summary.jobs
            if job.output.exists() and not (self._how.resume and job.output in known)
        ]
        if self._options.force or not existing:
            return
        named = ", ".join(map(str, existing[:_MOST_NAMED]))
        more = f" and {len(existing) - _MOST_NAMED} more" if len(existing) > _MOST_NAMED else ""
        hint = "--resume leaves out what an earlier run of the batch has made, --force replaces"
        raise SetupError(
            f"these exist already: {named}{more}",
            component="Batch",
            file=str(existing[0]),
            suggestion=hint if not self._how.resume else "no batch has made these; --force replaces them",
        )

    def _prepare(self) -> None:
        """Read every project with its variables: what can't be rendered, or need not be, is told at once."""
        fingerprints = Fingerprints(self._options)
        used, unused = set[str](), dict[str, str | None]()
        for number, job in enumerate(self._summary.jobs):
            self._listener.checkpoint()
            if self._stopping:
                return
            folder = (job.variables_dir or Path.cwd()).absolute()
            variables: dict[str, object] = dict.fromkeys(job.empty, EMPTY_CELL)
            variables |= {name: Bound(value, folder, from_list=True) for name, value in job.variables.items()}
            variables |= self._options.variables
            try:
                loaded = load(job.project, variables, allow_network=self._options.allow_network)
                key = fingerprints.of(job, variables, loaded)
            except ExportError as error:
                self._fail(number, JobResult(job, "failed", error=error))
                continue
            used |= job.variables.keys() - loaded.unused.keys()
            unused.update(loaded.unused)
            if self._how.resume and self._state.is_complete(job.output, key):
                self._end(number, JobResult(job, "skipped"))
                continue
            force = self._options.force or (self._how.resume and self._state.knows(job.output))
            self._waiting.append(_Prepared(number, job, key, variables, force))
        for name in sorted(unused.keys() - used):
            hint = f"; {unused[name]}" if unused[name] else ""
            self._listener.warned(f'no project uses the column "{name}" of the list{hint}')

    def _render(self, pool: BatchPool) -> None:
        try:
            while (self._waiting and not self._stopping) or pool.busy:
                self._listener.checkpoint()
                self._hand_out(pool)
                self._hear(pool)
        except KeyboardInterrupt:
            self._stop(pool)
            raise
        except SetupError:
            # A signal to the whole group of processes ends those that still load first.
            self._listener.checkpoint()
            raise

    def _hand_out(self, pool: BatchPool) -> None:
        if self._stopping:
            return
        for worker in pool.idle:
            if not self._waiting:
                return
            each = self._waiting.popleft()
            try:
                self._state.begin(each.job.output, each.key)
            except ExportError as error:
                self._fail(each.number, JobResult(each.job, "failed", error=error))
                continue
            self._begun[each.number] = (each, time.perf_counter())
            self._listener.started(each.job)
            pool.give(worker, JobTask(each.number, each.job.project, each.job.output, self._options_of(each)))

    def _options_of(self, each: _Prepared) -> ExportOptions:
        processes = self._summary.processes
        return replace(
            self._options,
            variables=each.variables,
            force=each.force,
            memory_limit_bytes=max(self._options.memory_limit_bytes // processes, 1),
            cache_bytes=max(self._options.cache_bytes // processes, 1),
            processes=processes,
        )

    def _hear(self, pool: BatchPool) -> None:
        for task, message in pool.messages(POLL_SECONDS):
            if task is None:
                continue
            each, started = self._begun[task.number]
            if isinstance(message, JobRunning):
                self._listener.progressed(each.job, message.frames, message.total)
                continue
            if isinstance(message, Logged):
                self._listener.logged(each.job, message.level, message.message)
                continue
            del self._begun[task.number]
            result = _result(each.job, time.perf_counter() - started, message)
            if result.state == "done":
                try:
                    self._state.finish(each.job.output, each.key, _sha256(result))
                except ExportError as error:
                    result = replace(result, state="failed", error=error)
            if result.state == "failed":
                self._fail(task.number, result)
                if self._stopping:
                    pool.stop()
            else:
                self._end(task.number, result)

    def _stop(self, pool: BatchPool) -> None:
        """Let the renders stop by themselves, and take what still gets done."""
        self._stopping = True
        pool.stop()
        deadline = time.monotonic() + STOP_SECONDS
        while pool.busy and time.monotonic() < deadline:
            self._hear(pool)

    def _fail(self, number: int, result: JobResult) -> None:
        self._stopping = self._stopping or self._how.fail_fast
        self._end(number, result)

    def _end(self, number: int, result: JobResult) -> None:
        self._summary.results[number] = result
        self._listener.ended(result)


def _result(job: BatchJob, seconds: float, message: Message | Died) -> JobResult:
    match message:
        case JobFinished():
            return JobResult(job, "done", seconds, report=message.report)
        case Stopped():
            return JobResult(job, "cancelled", seconds)
        case JobFailed():
            return JobResult(job, "failed", seconds, error=message.error)
        case JobCrashed():
            bug = RenderError(
                f"internal error: {message.message}; this is a bug in reelmill",
                component="Session",
                suggestion="report it, with the traceback that -v prints",
            )
            return JobResult(job, "failed", seconds, error=bug, traceback=message.traceback)
    assert isinstance(message, Died)
    died = RenderError(
        f"the process that rendered it ended {message.how}, without a word",
        component="Batch",
        file=str(job.output),
        suggestion="see whether the machine ran out of memory; --jobs 1 and a smaller --memory-limit take less",
    )
    return JobResult(job, "failed", seconds, error=died)


def _sha256(result: JobResult) -> str | None:
    outputs = (result.report or {}).get("outputs", [])
    return outputs[0]["sha256"] if len(outputs) == 1 else None
