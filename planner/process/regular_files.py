"""The one way in which files that people name are opened for reading: regular files only, and without waiting.

A pipe under the name of a file would keep a program waiting for its other end, and a device might never end. Pure but
for the file system; thread-safe.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_OWN_DESCRIPTORS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")


def open_for_reading(path: Path | str, *, stream: bool = False) -> BufferedReader:
    """A regular file, or a link to one, open for reading. The caller closes it.

    `stream`: a name of an open descriptor (`/dev/stdin`, `/dev/fd/63` of a shell's `<(…)`) may be a pipe, too.
    Raises OSError, also for what is no regular file, and ValueError for a name that no file can have.
    """
    # Without O_NONBLOCK, which Windows does not have, opening a pipe waits for whoever writes to it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            if not (stream and str(path).startswith(_OWN_DESCRIPTORS)):
                raise OSError(errno.EINVAL, "it is a device or a pipe, not a file", str(path))
            os.set_blocking(descriptor, True)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_whole(path: Path | str, *, stream: bool = False) -> bytes:
    """All of a file. Raises like `open_for_reading`."""
    with open_for_reading(path, stream=stream) as file:
        return file.read()
