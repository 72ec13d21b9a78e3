"""Memory of the frames that wait for their turn: copies of what decoders put out, in buffers that are used again.

In: a frame whose planes lie in a decoder's buffers. Out: the same frame in memory of its own. A decoder keeps all its
buffers until it is closed: as many as were in use at its most crowded moment, for every file. And while frames pile
up, each one it decodes lies in fresh pages, which the system has to clear first. Copying into buffers that are warm
costs less than both. A buffer is free again when the last view of it is gone. Passive; thread-safe.
"""

from __future__ import annotations

import weakref
from collections import deque

import numpy as np
import numpy.typing as npt

from reelmill.planner.source_frames import Frame, Plane

FREE_BYTES = 64 * 2**20
"""Buffers kept for later use, of all sizes together."""

_Buffer = npt.NDArray[np.uint8]


class FrameMemory:
    """Copies frames into buffers of its own."""

    def __init__(self) -> None:
        self._free: dict[int, deque[_Buffer]] = {}
        """By bytes; the one that was used last at the end. Operations are atomic: buffers come back on any thread."""

    def own(self, frame: Frame) -> Frame:
        """The frame in memory that is free when nobody refers to it; frames that have their own are left alone."""
        if frame.owner is None:
            return frame
        size = sum([plane.data.nbytes for plane in frame.planes])
        buffer = self._take(size)
        view = buffer.view()
        weakref.finalize(view, self._give_back, buffer).atexit = False
        # Slices of this keep the view alive; slices of the view itself would keep the buffer alone.
        whole = view.data.toreadonly()
        start = 0
        planes = []
        for plane in frame.planes:
            stop = start + plane.data.nbytes
            np.copyto(buffer[start:stop], np.frombuffer(plane.data, np.uint8))
            planes.append(Plane(whole[start:stop], plane.stride_bytes, plane.width, plane.height))
            start = stop
        return Frame(frame.pts, frame.width, frame.height, frame.format, tuple(planes), frame.colour, frame.orientation)

    def clear(self) -> None:
        """Let go of the buffers that are free."""
        self._free.clear()

    def _take(self, size: int) -> _Buffer:
        try:
            return self._free[size].pop()
        except (KeyError, IndexError):
            return np.empty(size, np.uint8)

    def _give_back(self, buffer: _Buffer) -> None:
        free = self._free
        held = sum([len(each) * size for size, each in list(free.items())])
        if held + buffer.nbytes <= FREE_BYTES:
            free.setdefault(buffer.nbytes, deque()).append(buffer)
