"""What became of the jobs of a batch: for people, and as JSON for scripts. Plain data."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from reelmill.export.batches.job_list import BatchJob
from reelmill.export.outputs.text_file import check_text_path, write_text_file
from reelmill.planner.errors import ExportError, RenderError
from reelmill.planner.process.regular_files import read_whole

JobState = Literal["done", "skipped", "failed", "cancelled"]
"""Cancelled: not begun, or stopped, because the batch ended before."""
JOB_STATES: tuple[JobState, ...] = ("done", "skipped", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class JobResult:
    """What became of one job."""

    job: BatchJob
    state: JobState
    seconds: float = 0.0
    """From being handed to a process to its end."""
    report: dict[str, Any] | None = None
    """Of a film that was made (docs/reference/report.md)."""
    error: ExportError | None = None
    """Of a job that failed."""
    traceback: str | None = None
    """Of an error that nobody foresaw."""

    def as_dict(self) -> dict[str, Any]:
        """For the summary."""
        report = self.report or {}
        return {
            "job": self.job.label,
            "project": str(self.job.project),
            "output": str(self.job.output),
            "state": self.state,
            "seconds": round(self.seconds, 3),
            "frames": report.get("frames"),
            "peak_memory_bytes": report.get("peak_memory_bytes"),
            "warnings": report.get("warnings", []),
            "outputs": report.get("outputs", []),
            "exit_code": None if self.error is None else self.error.exit_code,
            "error": None if self.error is None else self.error.as_dict(),
        }


@dataclass(slots=True)
class BatchSummary:
    """Filled in while the batch goes on."""

    jobs: tuple[BatchJob, ...]
    processes: int = 0
    wall_seconds: float = 0.0
    interrupted: bool = False
    results: dict[int, JobResult] = field(default_factory=dict)
    """By the job's number; in the end, of every job."""

    def count(self, state: JobState) -> int:
        return sum(result.state == state for result in self.results.values())

    @property
    def failures(self) -> list[JobResult]:
        """In the order of the list."""
        return [result for _, result in sorted(self.results.items()) if result.state == "failed"]

    @property
    def status(self) -> Literal["ok", "failed", "interrupted"]:
        if self.interrupted:
            return "interrupted"
        return "failed" if self.failures else "ok"

    @property
    def exit_code(self) -> int:
        """0, 1 where a job failed, 130 where the batch was interrupted."""
        return {"ok": 0, "failed": 1, "interrupted": 130}[self.status]

    def as_dict(self) -> dict[str, Any]:
        """The summary (docs/guide/batch.md)."""
        return {
            "reelmill": version("reelmill"),
            "status": self.status,
            "processes": self.processes,
            "wall_seconds": round(self.wall_seconds, 3),
            "jobs": len(self.jobs),
            **{state: self.count(state) for state in JOB_STATES},
            "films": [result.as_dict() for _, result in sorted(self.results.items())],
        }


def check_summary_path(path: Path, jobs: tuple[BatchJob, ...] | list[BatchJob]) -> None:
    """Find out before the batch whether its summary can be written afterwards. Raises SetupError."""
    others = [path for job in jobs for path in (job.project, job.output)]
    check_text_path(path, "summary", others=others, is_ours=_is_summary)


def _is_summary(path: Path) -> bool:
    try:
        return "films" in json.loads(read_whole(path))
    except (ValueError, TypeError):
        return False


def write_summary(path: Path, summary: BatchSummary) -> None:
    """Write the summary as JSON, whole or not at all. Raises RenderError where the file can't be written."""
    try:
        write_text_file(path, json.dumps(summary.as_dict(), indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise RenderError(
            f"the summary can't be written: {error.strerror}",
            component="Batch",
            file=str(path),
            suggestion="name a file in a folder that you may write to",
        ) from error
