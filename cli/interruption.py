"""Ctrl-C and SIGTERM: the first one ends what runs, from the inside; further ones do not disturb the cleanup.

Active on the main thread: the handlers run there, between two bytecodes.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_Handler = Callable[[int, FrameType | None], Any] | int
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class _Stop(KeyboardInterrupt):
    """Of its own kind, because `python -m` ends by SIGINT, whatever the exit code, once a plain KeyboardInterrupt has
    passed an `exec` of a text; dataclasses are made by that while modules load."""


class Interruption:
    """While entered, the first signal raises KeyboardInterrupt in the main thread; the others are only noted.

    From the first `checkpoint` on it is raised only there: an exception out of a handler, in the middle of a call into
    OpenGL or libav, was seen to get lost, and to bring the process down.

    Signals that whoever started the process had switched off (nohup, background jobs of scripts) stay off. After a
    signal all are switched off: the process is about to end, and one more Ctrl-C must not change its exit code.
    """

    def __init__(self) -> None:
        self._asked = False
        self._deferred = False
        self._before: dict[signal.Signals, _Handler] = {}

    def checkpoint(self) -> None:
        """Raise KeyboardInterrupt here if a signal came, and from now on nowhere else."""
        self._deferred = True
        if self._asked:
            raise _Stop

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                before = signal.getsignal(number)
                if before is not None and before != signal.SIG_IGN:
                    self._before[number] = before
                    signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if self._asked else handler)
        self._before.clear()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if not self._asked:
            self._asked = True
            if not self._deferred:
                raise _Stop
