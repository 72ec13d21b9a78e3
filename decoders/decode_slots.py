"""Who may decode now, and who may open a file: what the workers of all files share.

In: workers that ask. Out: leave to go on, the most urgent first. Passive; thread-safe.
"""

from __future__ import annotations

import heapq
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

_CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_V1 = Path("/sys/fs/cgroup/cpu")
_FEWEST_FILES = 8
_SHARE_OF_DESCRIPTORS = 4
"""One in so many: encoders, sound and OpenGL need some as well."""
_MOST_FILES = 512


class Closed(Exception):
    """Everything ends; nobody may go on."""


def available_cores() -> int:
    """Processors that this process may use: of its affinity, and of the limits of its container."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _cgroup_quota()
    return cores if quota is None else max(1, min(cores, int(quota + 0.5)))


def descriptor_share() -> int:
    """How many media files may be open at a time, so that the process does not run out of descriptors."""
    try:
        import resource
    except ImportError:
        return _MOST_FILES
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return _MOST_FILES
    return min(max(limit // _SHARE_OF_DESCRIPTORS, _FEWEST_FILES), _MOST_FILES)


class DecodeSlots:
    """At most so many threads decode at the same moment; of those that wait, the one needed first goes next."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[tuple[int, int]] = []
        """Rank and number of those that wait; a heap."""
        self._numbers = itertools.count()
        self._changed = Condition()
        self._closed = False

    @contextmanager
    def slot(self, rank: int) -> Iterator[None]:
        """Hold a slot. `rank`: the output frame that waits for it; the lowest goes first. Raises Closed."""
        self._acquire(rank)
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def close(self) -> None:
        """Send all that wait home."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _acquire(self, rank: int) -> None:
        with self._changed:
            ticket = (rank, next(self._numbers))
            heapq.heappush(self._waiting, ticket)
            self._changed.wait_for(lambda: self._closed or (self._free > 0 and self._waiting[0] == ticket))
            self._waiting.remove(ticket)
            heapq.heapify(self._waiting)
            if self._closed:
                raise Closed
            self._free -= 1
            if self._free:
                self._changed.notify_all()


class OpenFiles:
    """How many files are open, and what their decoders may hold in memory.

    Reading ahead opens a file only within `limit_bytes`; what an output frame needs now may pass that, and waits only
    where descriptors run out. Workers look at `pressure` and close what they need least.
    """

    def __init__(self, *, most: int, limit_bytes: int) -> None:
        self._most = most
        self._limit_bytes = limit_bytes
        self._open = 0
        self._bytes = 0
        self._waiting = 0
        self._closed = False
        self._changed = Condition()
        self.peak = 0
        """The most files open at one time."""

    @property
    def full(self) -> bool:
        """No more descriptors."""
        with self._changed:
            return self._open >= self._most

    @property
    def pressure(self) -> int:
        """0: none. 1: close what is not needed soon. 2: close what is not decoding now: someone waits."""
        with self._changed:
            return 2 if self._waiting else int(self._bytes > self._limit_bytes)

    def has_room(self, size_bytes: int) -> bool:
        """Whether a file may be opened to read ahead."""
        with self._changed:
            return self._open == 0 or (self._open < self._most and self._bytes + size_bytes <= self._limit_bytes)

    def acquire(self, size_bytes: int, ask_others: Callable[[], None]) -> None:
        """Count a file in that is needed now; wait while there is no descriptor for it. Raises Closed."""
        if self.full:
            ask_others()
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: self._closed or self._open < self._most)
            finally:
                self._waiting -= 1
            if self._closed:
                raise Closed
            self._open += 1
            self._bytes += size_bytes
            self.peak = max(self.peak, self._open)

    def release(self, size_bytes: int) -> None:
        """A file was closed."""
        with self._changed:
            self._open -= 1
            self._bytes -= size_bytes
            self._changed.notify_all()

    def close(self) -> None:
        """Send all that wait home."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _cgroup_quota() -> float | None:
    """Processors that the container's scheduler grants; None without a limit, or where it can't be read."""
    try:
        if _CGROUP_V2.exists():
            quota, period = _CGROUP_V2.read_text(encoding="ascii").split()
        else:
            quota = (_CGROUP_V1 / "cpu.cfs_quota_us").read_text(encoding="ascii")
            period = (_CGROUP_V1 / "cpu.cfs_period_us").read_text(encoding="ascii")
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
