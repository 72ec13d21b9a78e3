"""Locks, conditions and events that sleep a little, at random, before and after each of their operations.

In: a seed. Out: the same program, whose threads meet in other orders than a quiet machine brings about. `shake` puts
these classes in the place of the ones of `threading` wherever a loaded module of reelmill, `queue` or
`concurrent.futures` has a name for them.
"""

from __future__ import annotations

import itertools
import random
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

_SHAKEN = ("decoders.", "export.", "planner.", "queue", "concurrent.futures.")
_local = threading.local()
_numbers = itertools.count()


class Naps:
    """How often, and how long, threads sleep. Set before the threads begin."""

    seed = 0
    chance = 0.0
    longest_seconds = 0.0


def set_naps(seed: int, chance: float, longest_seconds: float) -> None:
    """`chance`: of a sleep at one operation, 0 to 1. Each thread sleeps by a row of numbers of its own."""
    Naps.seed, Naps.chance, Naps.longest_seconds = seed, chance, longest_seconds


def nap() -> None:
    if not Naps.chance:
        return
    if getattr(_local, "seed", None) != Naps.seed:
        _local.seed = Naps.seed
        _local.random = random.Random(Naps.seed * 10_007 + next(_numbers))
    if _local.random.random() < Naps.chance:
        # Most are short: what counts is who comes first.
        time.sleep(_local.random.random() ** 3 * Naps.longest_seconds)


class ShakenLock:
    """A lock."""

    def __init__(self) -> None:
        self._lock: Any = self._make()

    def _make(self) -> Any:
        return threading.Lock()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        nap()
        acquired: bool = self._lock.acquire(blocking, timeout)
        nap()
        return acquired

    def release(self) -> None:
        nap()
        self._lock.release()
        nap()

    def locked(self) -> bool:
        return bool(self._lock.locked())

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class ShakenRLock(ShakenLock):
    """A lock that its holder may take again; with what `threading.Condition` asks of one."""

    def _make(self) -> Any:
        return threading.RLock()

    def _release_save(self) -> Any:
        return self._lock._release_save()

    def _acquire_restore(self, state: Any) -> None:
        self._lock._acquire_restore(state)

    def _is_owned(self) -> bool:
        return bool(self._lock._is_owned())


class ShakenCondition(threading.Condition):
    """A condition."""

    def __init__(self, lock: Any = None) -> None:
        super().__init__(ShakenRLock() if lock is None else lock)  # type: ignore[arg-type]

    def wait(self, timeout: float | None = None) -> bool:
        nap()
        met = super().wait(timeout)
        nap()
        return met

    def notify(self, n: int = 1) -> None:
        nap()
        super().notify(n)
        nap()


class ShakenEvent(threading.Event):
    """An event."""

    def set(self) -> None:
        nap()
        super().set()
        nap()

    def wait(self, timeout: float | None = None) -> bool:
        nap()
        met = super().wait(timeout)
        nap()
        return met


def shake() -> None:
    """Put the shaken classes in place in all modules that are loaded."""
    shaken = {"Lock": ShakenLock, "RLock": ShakenRLock, "Condition": ShakenCondition, "Event": ShakenEvent}
    plain = {name: getattr(threading, name) for name in shaken}
    namespace = SimpleNamespace(**{**vars(threading), **shaken})
    for name, module in list(sys.modules.items()):
        if not name.startswith(_SHAKEN):
            continue
        if getattr(module, "threading", None) is threading:
            module.threading = namespace  # type: ignore[attr-defined]
        for each, found in plain.items():
            if getattr(module, each, None) is found:
                setattr(module, each, shaken[each])
