"""Decoded stills that outlive a render: the next one shows a logo without reading its file again.

In: a path, and how to decode it. Out: a `Frame`, whose planes are read-only. Bounded in bytes; what was asked for
longest ago goes first. A file that was changed is another one. Passive; thread-safe.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from reelmill.planner.source_frames import Frame

DEFAULT_BYTES = 128 * 10**6
_Key = tuple[str, int, int, int]


class StillStore:
    """The stills."""

    def __init__(self, limit_bytes: int = DEFAULT_BYTES) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[_Key, Frame] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = 0
        self.hits = 0
        """Stills that were not decoded again."""

    def frame(self, path: str, decode: Callable[[], Frame]) -> Frame:
        """The picture of a file. What `decode` raises comes through; two threads may both decode."""
        try:
            state = Path(path).stat()
        except OSError:
            return decode()
        key = (os.path.realpath(path), state.st_ino, state.st_size, state.st_mtime_ns)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                self.hits += 1
                return found
        frame = decode()
        self._keep(key, frame)
        return frame

    @property
    def byte_count(self) -> int:
        """Of all that is kept."""
        return self._bytes

    def _keep(self, key: _Key, frame: Frame) -> None:
        size = _size(frame)
        if size > self._limit:
            return
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = frame
            self._bytes += size
            while self._bytes > self._limit:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= _size(oldest)


def _size(frame: Frame) -> int:
    return sum(len(plane.data) for plane in frame.planes)
