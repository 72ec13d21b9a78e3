"""What the system had no more of: named as such, whatever seemed wrong because of it.

In: an error, with what it was raised from. Out: what ran out and how to get more. A decoder that can't start a thread
says that its data are damaged, a file that can't be opened reads as missing; the first cause tells the truth.
"""

from __future__ import annotations

import errno
import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """A limit of the system that a process has met."""

    message: str
    suggestion: str


FILES = Exhaustion(
    "too many files are open: the system gives this process no more descriptors",
    "allow more files with `ulimit -n 4096` before the command, or show fewer at the same time",
)
THREADS = Exhaustion(
    "too many threads are running: the system gives this process no more",
    "allow more with `ulimit -u 4096` before the command (in a container, by its limit of pids), or end other programs",
)


MEMORY = Exhaustion(
    "there is not enough memory: the system gives this process no more",
    "end other programs, lower --cache-size, or show fewer and smaller pictures at the same time",
)
_TRIED_THREADS = 64


class NoThread(RuntimeError):
    """A thread could not be started."""


def exhaustion_behind(error: BaseException) -> Exhaustion | None:
    """What had run out when an error came about; None where nothing had."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NoThread):
            return THREADS
        if isinstance(cause, OSError) and cause.errno in (errno.EMFILE, errno.ENFILE):
            return FILES
        if isinstance(cause, OSError) and cause.errno == errno.EAGAIN:
            return THREADS  # of a process that can't be started, and of libav's decoders
        if isinstance(cause, MemoryError) and not can_start_threads():
            return THREADS  # dav1d says the same of memory, threads, and damage that asks for impossible sizes
        cause = cause.__cause__
    return None


def can_start_threads() -> bool:
    """Whether the system has threads to give: several times as many as a codec wants."""
    may_end = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(_TRIED_THREADS):
            thread = threading.Thread(target=may_end.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError:
        return False
    finally:
        may_end.set()
        for thread in started:
            thread.join()
    return True
