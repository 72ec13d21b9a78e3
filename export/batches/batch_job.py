"""How a batch is run, and who hears of it: what callers need before a batch begins.

Pure data and the listener's protocol; light to import, so that nothing of decoding or rendering comes along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from reelmill.export.batches.batch_summary import BatchSummary, JobResult
    from reelmill.export.batches.job_list import BatchJob


class BatchListener(Protocol):
    """Hears what a batch tells; called on the thread that runs it."""

    def planned(self, summary: BatchSummary) -> None:
        """Once, before the first job is begun; what is left out, or is wrong already, has been told."""

    def warned(self, message: str) -> None:
        """Something about the list as a whole; before `planned`."""

    def started(self, job: BatchJob) -> None: ...

    def progressed(self, job: BatchJob, frames: int, total: int) -> None: ...

    def logged(self, job: BatchJob, level: str, message: str) -> None:
        """Something that a room logged while it worked on a job."""

    def ended(self, result: JobResult) -> None: ...

    def checkpoint(self) -> None:
        """Called several times a second. May raise (KeyboardInterrupt, say) to end the batch."""


class SilentBatchListener:
    """Hears nothing."""

    def planned(self, summary: BatchSummary) -> None:
        pass

    def warned(self, message: str) -> None:
        pass

    def started(self, job: BatchJob) -> None:
        pass

    def progressed(self, job: BatchJob, frames: int, total: int) -> None:
        pass

    def logged(self, job: BatchJob, level: str, message: str) -> None:
        pass

    def ended(self, result: JobResult) -> None:
        pass

    def checkpoint(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a batch is run."""

    processes: int = 1
    resume: bool = False
    """Leave out what was made before of just the same."""
    fail_fast: bool = False
    """End the batch with the first job that fails."""
