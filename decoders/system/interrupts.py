"""Ctrl-C and the end of a terminal reach its whole group of processes; children that work for this one are ended by it
alone."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Children that are started meanwhile never see SIGINT and SIGHUP, not even while they load Python."""
    if sys.platform == "win32":
        yield
        return
    from multiprocessing import resource_tracker

    # Starting it unblocks the signal again, so it comes first.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
