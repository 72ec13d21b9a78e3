"""How an analysis of sound goes on: a bar on a terminal, elsewhere a line a minute, on stderr. Main thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from reelmill.cli.progress import HEARTBEAT_SECONDS
from reelmill.cli.talk import is_terminal, talk, wants_colour

if TYPE_CHECKING:
    import rich.progress


class AnalysisProgress:
    """Told of each step. Use with `with`, which leaves the terminal as it was."""

    def __init__(self, checkpoint: Callable[[], None]) -> None:
        """`checkpoint` is called several times a second, and may raise."""
        self._checkpoint = checkpoint
        self._last = time.monotonic()
        self._bar: rich.progress.Progress | None = None

    def __enter__(self) -> AnalysisProgress:
        if is_terminal():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                TextColumn("analyzing"),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True, no_color=not wants_colour(), highlight=False),
                auto_refresh=False,
                transient=True,
                expand=True,
            )
            self._bar.start()
            self._bar.add_task("", total=None)
            self._bar.refresh()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def checkpoint(self) -> None:
        self._checkpoint()

    def progressed(self, done: int, total: int) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total)
            self._bar.refresh()
        elif time.monotonic() - self._last >= HEARTBEAT_SECONDS:
            self._last = time.monotonic()
            talk(f"analyzing: {done} of {total} steps")
