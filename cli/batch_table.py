"""The live table of a batch: jobs, their state, progress and time, as many as the terminal has lines for.

In: what the batch tells. Out: rich's table on stderr, redrawn when something is told and a few times a second. Main
thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reelmill.cli.batch_narrator import BatchNarrator
from reelmill.cli.progress import clock
from reelmill.cli.talk import printable, wants_colour

if TYPE_CHECKING:
    from reelmill.export.batches.batch_summary import BatchSummary, JobResult
    from reelmill.export.batches.job_list import BatchJob

REDRAW_SECONDS = 0.2
_COLOURS = {"done": "green", "skipped": "dim", "failed": "red", "cancelled": "yellow", "running": "bold"}
_AROUND = 6
"""Lines of the terminal that are left to the heads, the counts and what the shell shows."""


@dataclass(slots=True)
class _Line:
    """A job that was begun."""

    job: BatchJob
    state: str = "running"
    frames: int = 0
    total: int = 0
    begun: float = 0.0
    seconds: float | None = None
    """None while it runs."""


class TableBatchNarrator(BatchNarrator):
    """Draws the table."""

    def __init__(self, checkpoint: Callable[[], None], console: Console | None = None) -> None:
        """`console`: for tests; None for stderr."""
        super().__init__(checkpoint)
        self._console = console or Console(stderr=True, no_color=not wants_colour(), highlight=False)
        self._lines: dict[str, _Line] = {}
        """By output, in the order in which they were begun."""
        self._counts = dict.fromkeys(("done", "skipped", "failed", "cancelled"), 0)
        self._jobs = 0
        self._begun = time.monotonic()
        self._drawn = 0.0
        self._live: Live | None = None

    def planned(self, summary: BatchSummary) -> None:
        self._jobs = len(summary.jobs)
        self._begun = time.monotonic()
        self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live.start()
        self._draw()

    def started(self, job: BatchJob) -> None:
        self._lines[str(job.output)] = _Line(job, begun=time.monotonic())
        self._draw()

    def progressed(self, job: BatchJob, frames: int, total: int) -> None:
        line = self._lines[str(job.output)]
        line.frames, line.total = frames, total

    def ended(self, result: JobResult) -> None:
        self._counts[result.state] += 1
        line = self._lines.get(str(result.job.output))
        if line is None and result.state != "failed":
            return  # A hundred films that are there already need no lines.
        line = self._lines.setdefault(str(result.job.output), _Line(result.job))
        line.state, line.seconds = result.state, result.seconds
        if result.state == "done":
            line.frames = line.total = (result.report or {}).get("frames", 0) or 1
        self._draw()

    def checkpoint(self) -> None:
        if time.monotonic() - self._drawn >= REDRAW_SECONDS:
            self._draw()
        super().checkpoint()

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self) -> None:
        if self._live is not None:
            self._drawn = time.monotonic()
            self._live.update(Group(self._table(), Text(self._totals())), refresh=True)

    def _table(self) -> Table:
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", expand=True)
        for head, ratio in (("job", 1), ("output", 3)):
            table.add_column(head, ratio=ratio, no_wrap=True, overflow="ellipsis")
        table.add_column("state", width=9)
        table.add_column("progress", ratio=2, no_wrap=True)
        table.add_column("", width=5, justify="right")
        table.add_column("time", width=8, justify="right")
        for line in self._shown():
            seconds = time.monotonic() - line.begun if line.seconds is None else line.seconds
            table.add_row(
                Text(printable(line.job.label)),
                Text(printable(str(line.job.output))),
                Text(line.state, style=_COLOURS[line.state]),
                ProgressBar(total=line.total or 1, completed=line.frames),
                Text(f"{100 * line.frames // line.total} %" if line.total else ""),
                Text(clock(seconds)),
            )
        return table

    def _shown(self) -> list[_Line]:
        """Those that run first, then what failed, then what was done last."""
        room = max(self._console.size.height - _AROUND, 3)
        latest = list(reversed(self._lines.values()))
        order = {"running": 0, "failed": 1}
        return sorted(latest, key=lambda line: order.get(line.state, 2))[:room]

    def _totals(self) -> str:
        running = sum(line.seconds is None for line in self._lines.values())
        ended = sum(self._counts.values())
        parts = [f"{count} {state}" for state, count in self._counts.items() if count]
        parts += [f"{running} running", f"{self._jobs - ended - running} waiting"]
        elapsed = time.monotonic() - self._begun
        parts.append(clock(elapsed))
        made = self._counts["done"]
        if made:
            parts.append(f"about {clock(elapsed / made * (self._jobs - ended))} left")
        return " · ".join(parts)
