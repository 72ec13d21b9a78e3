"""What one worker of the picture pipeline uses again and again: memory for samples, and a file without a name.

One thread at a time. Whoever makes it closes it.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from typing import IO, Self, TypeVar

import numpy as np
import numpy.typing as npt

ScalarT = TypeVar("ScalarT", bound=np.generic)


class Scratch:
    """Buffers by name, and a spool."""

    def __init__(self) -> None:
        self._buffers: dict[str, npt.NDArray[np.uint8]] = {}
        self._spread: dict[str, tuple[object, tuple[int, ...]]] = {}
        self._files = ExitStack()
        self._spool: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def array(self, name: str, dtype: type[ScalarT], *shape: int) -> npt.NDArray[ScalarT]:
        """Unset numbers, in one piece; until the same name is asked for again."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size:
            buffer = self._buffers[name] = np.empty(size, np.uint8)
        return buffer[:size].view(dtype).reshape(shape)

    def floats(self, name: str, *shape: int) -> npt.NDArray[np.float32]:
        return self.array(name, np.float32, *shape)

    def spread(self, name: str, key: object, numbers: npt.NDArray[np.float32], *shape: int) -> npt.NDArray[np.float32]:
        """Numbers broadcast to a shape, in memory of their own, which are kept while name, key and shape come again.

        numpy takes 90 ns for each row of an array that it broadcasts.
        """
        spread = self.floats(name, *shape)
        if self._spread.get(name) != (key, shape):
            np.copyto(spread, numbers)
            self._spread[name] = (key, shape)
        return spread

    def spooled(self, write: Callable[[IO[bytes]], object]) -> bytes:
        """What `write` puts into a file, from its beginning on.

        Pillow lets other threads run while it encodes into a file descriptor; while it encodes JPEG into memory
        it does not.
        """
        if self._spool is None:
            self._spool = self._files.enter_context(_nameless_file())
        self._spool.seek(0)
        write(self._spool)
        size = self._spool.tell()
        self._spool.seek(0)
        return self._spool.read(size)


def _nameless_file() -> IO[bytes]:
    """In memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("picture"), "r+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)
