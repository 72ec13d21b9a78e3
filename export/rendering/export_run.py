"""An export at work: what it was asked for, and who is told of it."""

from __future__ import annotations

from dataclasses import dataclass

from reelmill.export.opening.job import ExportOptions, Listener
from reelmill.export.telling.report import ExportRecord
from reelmill.planner.tracing import NO_TRACE, Tracer


@dataclass(frozen=True, slots=True)
class ExportRun:
    """What every step of an export needs."""

    options: ExportOptions
    listener: Listener
    record: ExportRecord
    tracer: Tracer = NO_TRACE

    def warn(self, warning: str) -> None:
        """Add a warning to the report, and tell the listener."""
        self.record.warnings.append(warning)
        self.listener.warned(warning)
