"""The thread that this program uses in place of the standard library's: every one of its threads is such a one.

A start that the system refuses is a NoThread, and a thread that never started may be joined: whoever closes things need
not know how far opening them got.
"""

from __future__ import annotations

import threading

from reelmill.planner.process.exhaustion import NoThread


class Thread(threading.Thread):
    """One thread."""

    def start(self) -> None:
        """Raises NoThread where the system refuses."""
        try:
            super().start()
        except RuntimeError as error:
            if self.ident is not None:  # it runs already
                raise
            raise NoThread("can't start a thread") from error

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end; of a thread that never started there is nothing to wait for."""
        if self.ident is not None:
            super().join(timeout)
