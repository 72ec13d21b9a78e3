"""Memory of the frames that wait for their turn: copies of what decoders put out, in buffers that are used again.

In: a frame whose planes lie in a decoder's buffers. Out: the same frame in memory of its own. A decoder keeps all its
buffers until it is closed: as many as were in use at its most crowded moment, for every file. And while frames pile
up, each one it decodes lies in fresh pages, which the system has to clear first. Copying into buffers that are warm
costs less than both. A buffer is free again when the last view of it is gone. Passive; thread-safe.
"""

from __future__ import annotations

import weakref
from collections import deque
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from planner.frames import Frame

FREE_BYTES = 64 * 2**20
"""Buffers kept for later use, of all sizes together."""

_Buffer = npt.NDArray[np.uint8]


class FrameMemory:
    """Copies frames into buffers of its own."""

    def __init__(self) -> None:
        self._free: deque[_Buffer] = deque()
        """The one that was used last at the end. Its operations are atomic: buffers come back on any thread."""

    def own(self, frame: Frame) -> Frame:
        """The frame in memory that is free when nobody refers to it; frames that have their own are left alone."""
        if frame.owner is None:
            return frame
        buffer = self._take(sum(plane.data.nbytes for plane in frame.planes))
        view = buffer.view()
        weakref.finalize(view, self._give_back, buffer).atexit = False
        start = 0
        parts = []
        for plane in frame.planes:
            np.copyto(view[start : start + plane.data.nbytes], np.frombuffer(plane.data, np.uint8))
            parts.append((start, start + plane.data.nbytes))
            start += plane.data.nbytes
        view.flags.writeable = False
        # Slices of this keep the view alive; slices of the view itself would keep the buffer alone.
        whole = view.data
        planes = tuple(replace(plane, data=whole[a:b]) for plane, (a, b) in zip(frame.planes, parts, strict=True))
        return replace(frame, planes=planes, owner=None)

    def clear(self) -> None:
        """Let go of the buffers that are free."""
        self._free.clear()

    def _take(self, size: int) -> _Buffer:
        for _ in range(len(self._free)):
            try:
                buffer = self._free.pop()
            except IndexError:
                break
            if buffer.nbytes == size:
                return buffer
            self._free.appendleft(buffer)
        return np.empty(size, np.uint8)

    def _give_back(self, buffer: _Buffer) -> None:
        if sum(each.nbytes for each in tuple(self._free)) + buffer.nbytes <= FREE_BYTES:
            self._free.append(buffer)
