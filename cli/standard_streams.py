"""The standard streams of the program: none of them lost, and none of them taken for a file.

A stream that whoever started the program had closed (`>&-`) leaves its number free, and the next file that is opened
would get it, with all that libraries write to "stderr". So such numbers are taken first. What can't be written to
stdout (closed, or on a full disk) is an error, wherever in a command it was printed. Main thread.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any


def prepare_streams() -> None:
    """Make the standard streams safe. The first call of a program, before it opens a file."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # Reading from it gives nothing. Writing to 1 fails, as it did; what is said to 2 was not wanted.
            taken = os.open(os.devnull, os.O_WRONLY if descriptor == 2 else os.O_RDONLY)
            os.dup2(taken, descriptor)
            if taken != descriptor:
                os.close(taken)
    if sys.stdout is None or not sys.stdout.isatty():
        # JSON is UTF-8 whatever the machine's encoding. A name that is not is escaped, in JSON by JSON's own escape.
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Stdout(1, "w", closefd=False)), "utf-8", "backslashreplace")


class _Stdout(io.FileIO):
    """Standard output, as bytes."""

    def write(self, data: Any, /) -> int:
        """Write some. Raises BrokenPipeError where the reader has gone, RenderError for all else."""
        try:
            while (count := super().write(data)) is None:
                # Whoever shares the pipe has switched waiting off.
                select.select([], [self], [])
        except BrokenPipeError:
            raise
        except OSError as error:
            from reelmill.planner.errors import RenderError  # not needed by a program that goes well

            closed = error.errno == errno.EBADF
            raise RenderError(
                f"standard output can't be written: {'it is closed' if closed else error.strerror}",
                component="Output",
                suggestion="redirect it to a file on a disk that has room, or to another program",
            ) from error
        return count
