"""Ctrl-C, SIGTERM and SIGHUP: the first one ends what runs from the inside, the second one the process.

Active: a thread of its own hears signals, also while the main thread is in the middle of a native call. Python's
handler runs on the main thread, between two bytecodes, and only takes a note. Light: this is loaded before all else.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

from reelmill.planner.process.exhaustion import NoThread
from reelmill.planner.process.threads import Thread

EXIT_CODE = 130
REPEAT_SECONDS = 0.5
"""Signals that follow one another faster are one: some programs send each twice, to a process and to its group."""
PATIENCE_SECONDS = 12.0
"""How long the end from the inside may take: longer than a batch waits for its processes."""
NOTHING_WRITTEN = (
    "error: interrupted; nothing was written\n  component:      Session\nhint: run the same command to start again\n"
)
"""As the error block of planner.errors.Interrupted, which is not loaded yet."""
ENDED_AT_ONCE = (
    "error: interrupted, and ended at once; outputs are the old files or complete new ones\n"
    "hint: the next run to the same outputs removes temporary files that are left\n"
)
_SHOW_CURSOR = "\x1b[?25h"
_NO_SIGNAL = b"\0"
_Handler = Callable[[int, FrameType | None], Any] | int
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Interruption:
    """While entered, a signal ends what runs, with exit code 130.

    Before the first `checkpoint` nothing is open, and the process ends at once. From then on the first signal raises
    KeyboardInterrupt at the next checkpoint, and only there: an exception out of a handler, in the middle of a call
    into OpenGL or libav, was seen to get lost, and to bring the process down. A second signal ends the process at once,
    with its child processes; so does the first one where no end comes in PATIENCE_SECONDS.

    Signals that whoever started the process had switched off (nohup, background jobs of scripts) stay off. After a
    signal all are switched off on leaving: the process is about to end, and one more must not change its exit code.
    """

    def __init__(self) -> None:
        self._asked = False
        self._deferred = False
        self._before: dict[signal.Signals, _Handler] = {}
        self._lock = threading.Lock()
        """Guards the step from ending at once to ending from the inside."""
        self._watch: _Watch | None = None

    def checkpoint(self) -> None:
        """Raise KeyboardInterrupt here if a signal came, and from now on nowhere else."""
        if not self._deferred:
            with self._lock:
                self._deferred = True
        if self._asked:
            raise KeyboardInterrupt

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._watch = _Watch(self._heard)
            for number in _SIGNALS:
                before = signal.getsignal(number)
                if before is not None and before != signal.SIG_IGN:
                    self._before[number] = before
                    signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if self._asked else handler)
        self._before.clear()
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True

    def _heard(self) -> None:
        """The first signal; on the thread that watches."""
        with self._lock:
            if not self._deferred:
                end_process(NOTHING_WRITTEN)


class _Watch:
    """Hears of signals as soon as they come, and ends the process where nobody else does. Made on the main thread."""

    def __init__(self, heard: Callable[[], None]) -> None:
        """`heard` is called for the first signal, on the watch's own thread."""
        self._heard = heard
        self._first: float | None = None
        self._patience = threading.Timer(PATIENCE_SECONDS, end_process, (ENDED_AT_ONCE,))
        self._patience.daemon = True
        self._reading, self._writing = os.pipe()
        if sys.platform != "win32":
            os.set_blocking(self._writing, False)
        self._before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._thread = Thread(target=self._run, name="signals", daemon=True)
        try:
            self._thread.start()
        except NoThread:
            self.close()
            raise

    def close(self) -> None:
        """End the thread; signals are no concern of it any more."""
        signal.set_wakeup_fd(self._before)
        os.write(self._writing, _NO_SIGNAL)
        self._thread.join()
        self._patience.cancel()
        os.close(self._reading)
        os.close(self._writing)

    def _run(self) -> None:
        while (number := os.read(self._reading, 1)) != _NO_SIGNAL:
            if number[0] not in _SIGNALS:
                continue
            if self._first is None:
                self._first = time.monotonic()
                self._heard()
                with suppress(RuntimeError):  # without a thread for it, nobody's patience ends
                    self._patience.start()
            elif time.monotonic() - self._first >= REPEAT_SECONDS:
                end_process(ENDED_AT_ONCE)


def end_process(message: str) -> None:
    """End this process and its children now, from any thread, whatever the others do."""
    with suppress(OSError):
        if os.isatty(2):
            message = _SHOW_CURSOR + message
        os.write(2, message.encode())
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None:
        with suppress(Exception):
            for child in processes.active_children():
                child.kill()
    os._exit(EXIT_CODE)
