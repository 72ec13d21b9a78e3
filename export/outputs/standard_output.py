"""Standard output as the target of a film, for pipes: nothing else is written there.

The muxer writes on its own thread; a reader that takes nothing for a while is waited for, until `cancel` is called.
"""

from __future__ import annotations

import hashlib
import os
import select
import stat
import sys
import threading
from types import TracebackType

from reelmill.export.outputs.output_target import Written
from reelmill.planner.errors import RenderError, SetupError

_POLL_SECONDS = 0.2


class StandardOutput:
    """Implements `OutputTarget`, and is its destination. What was written can't be taken back."""

    def __init__(self, descriptor: int | None = None) -> None:
        """`descriptor`: what is written to, standard output if None. Raises SetupError for a terminal."""
        if descriptor is None:
            try:
                descriptor = sys.__stdout__.fileno() if sys.__stdout__ is not None else -1
                os.fstat(descriptor)
            except (OSError, ValueError) as error:
                raise _refused("there is no standard output", "name a file") from error
        if os.isatty(descriptor):
            raise _refused(
                "standard output is a terminal, which shows no film",
                "pipe it on, such as | ffplay -, or name a file",
            )
        self._descriptor = descriptor
        mode = os.fstat(descriptor).st_mode
        self._may_wait = sys.platform != "win32" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))
        self._cancelled = threading.Event()
        self._hash = hashlib.sha256()
        self._byte_count = 0

    def __enter__(self) -> StandardOutput:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    @property
    def destination(self) -> StandardOutput:
        return self

    def write(self, data: bytes, /) -> int:
        """Write all of it. Raises RenderError where the reader is gone, or after `cancel`; else OSError."""
        rest = memoryview(data)
        try:
            while rest:
                self._check()
                rest = rest[self._write_some(rest) :]
        except BrokenPipeError as error:
            raise RenderError(
                "what reads the standard output has ended before the film did",
                component="Output",
                suggestion="see why the program behind the pipe ended, or write to a file",
            ) from error
        self._hash.update(data)
        self._byte_count += len(data)
        return len(data)

    def cancel(self) -> None:
        """Let go of a thread that waits for the reader, and take no more."""
        self._cancelled.set()

    def commit(self) -> None:
        """All of it is out already."""

    def discard(self) -> None:
        """What is out stays out."""
        self.cancel()

    def written(self) -> Written:
        """Of all that went out."""
        return Written(self._byte_count, self._hash.hexdigest())

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise RenderError("the film was not written to its end", component="Output")

    def _write_some(self, data: memoryview) -> int:
        if not self._may_wait:
            return os.write(self._descriptor, data)
        waiting = select.poll()
        waiting.register(self._descriptor, select.POLLOUT)
        while not waiting.poll(1000 * _POLL_SECONDS):
            self._check()
        # A pipe that has room takes that much without waiting.
        return os.write(self._descriptor, data[: select.PIPE_BUF])


def _refused(why: str, suggestion: str) -> SetupError:
    return SetupError(why, component="Output", suggestion=suggestion)
