"""Who may decode now, and who may open a file: what the workers of all files share.

In: workers that ask. Out: leave to go on, the most urgent first. Passive; thread-safe.
"""

from __future__ import annotations

import heapq
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from threading import Condition, Event, Lock

from reelmill.decoders.shared.heap import release_freed_memory
from reelmill.planner.tracing import NO_TRACE, Tracer

_CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_V1 = Path("/sys/fs/cgroup/cpu")
_FEWEST_FILES = 8
_SHARE_OF_DESCRIPTORS = 4
"""One in so many: encoders, sound and OpenGL need some as well."""
_MOST_FILES = 512
_TRIM_BYTES = 128 * 2**20
"""Memory of closed decoders after which the C library is asked to return it to the system."""
_NEARLY_FULL = 0.75
"""Of the limit in bytes: from here on files that are not needed soon are closed."""


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

    def __init__(self, count: int, tracer: Tracer = NO_TRACE) -> None:
        self._tracer = tracer
        self._free = count
        self._waiting: list[tuple[int, int, Event]] = []
        """Rank, number and signal of those that wait; a heap. A slot is handed to one of them: the others sleep on."""
        self._numbers = itertools.count()
        self._lock = Lock()
        self._closed = False

    def acquire(self, rank: int) -> None:
        """Wait for a slot. `rank`: the lowest goes first. Raises Closed."""
        with self._lock:
            if self._closed:
                raise Closed
            if self._free:
                self._free -= 1
                return
            given = Event()
            heapq.heappush(self._waiting, (rank, next(self._numbers), given))
        with self._tracer.span("wait for core", rank):
            given.wait()
        if self._closed:
            raise Closed

    def release(self) -> None:
        """Hand the slot on."""
        with self._lock:
            if self._waiting and not self._closed:
                heapq.heappop(self._waiting)[2].set()
            else:
                self._free += 1

    def wanted(self, rank: int) -> bool:
        """Whether somebody with a lower rank waits: who holds a slot for `rank` should hand it on."""
        with self._lock:
            return bool(self._waiting) and self._waiting[0][0] < rank

    def close(self) -> None:
        """Send all that wait home."""
        with self._lock:
            self._closed = True
            for _, _, given in self._waiting:
                given.set()


class Turn:
    """One worker's claim to a slot, held from frame to frame until somebody is more in need of it. One thread."""

    def __init__(self, slots: DecodeSlots) -> None:
        self._slots = slots
        self._held = False

    def take(self, rank: int) -> None:
        """Have a slot, at once or after those with a lower rank. Raises Closed."""
        if self._held and not self._slots.wanted(rank):
            return
        self.give()
        self._slots.acquire(rank)
        self._held = True

    def give(self) -> None:
        """Hand the slot on, if there is one. Before any other wait."""
        if self._held:
            self._held = False
            self._slots.release()


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
        self._released_bytes = 0
        """Since memory was returned to the system last."""
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
            return 2 if self._waiting else int(self._bytes > self._limit_bytes * _NEARLY_FULL)

    def has_room(self, size_bytes: int) -> bool:
        """Whether a file may be opened to read ahead."""
        with self._changed:
            return self._open == 0 or (self._open < self._most and self._bytes + size_bytes <= self._limit_bytes)

    def acquire(self, size_bytes: int, ask_others: Callable[[], None]) -> None:
        """Count a file in that is needed now; wait while there is no descriptor for it. Raises Closed.

        `ask_others` wakes the other workers. It is called after this one counts as waiting: they look at `pressure`,
        and one that saw none would sleep on.
        """
        with self._changed:
            self._waiting += 1
            full = self._open >= self._most
        try:
            if full:
                ask_others()
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._open < self._most)
                if self._closed:
                    raise Closed
                self._open += 1
                self._bytes += size_bytes
                self.peak = max(self.peak, self._open)
        finally:
            with self._changed:
                self._waiting -= 1

    def release(self, size_bytes: int) -> None:
        """A file was closed."""
        with self._changed:
            self._open -= 1
            self._bytes -= size_bytes
            self._released_bytes += size_bytes
            trim = self._released_bytes > _TRIM_BYTES
            if trim:
                self._released_bytes = 0
            self._changed.notify_all()
        if trim:
            release_freed_memory()

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
