"""How many files may be open at once: what a render needs of that, before it starts.

In: the number of files that something is about to hold open. Out: leave to do so, or an error with the numbers. The
limit belongs to the whole process, so a render raises it only as far as it has to, no higher than the hard limit, and
puts it back when the last one ends. A program that is ours raises it once, when it starts (`raise_limit`). Passive;
thread-safe.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from reelmill.planner.errors import SetupError

if sys.platform != "win32":
    import resource

_MOST = 65_536
"""More are of no use, and some programs that are started by this one close every number up to the limit."""
_SPARE = 8
"""For outputs, for OpenGL, and for files that are open for a moment."""
_UNKNOWN_USE = 16
"""Descriptors in use where the system does not list them."""
_LISTS = ("/proc/self/fd", "/dev/fd")


def raise_limit() -> None:
    """Raise the soft limit of open files to the hard one; for programs, at their start. Changes nothing on Windows."""
    if limits := _limits():
        _set_soft(max(limits[0], min(limits[1], _MOST)))


class OpenFilesRoom:
    """Leave to hold a number of files open, until `close`. Use with `with`."""

    def __init__(self, what: str, *, most: int, least: int | None = None) -> None:
        """`least`: what works, if slower; None for `most`. Raises SetupError where the limit allows no `least` files.

        `what`: the beginning of that error's message, such as "the sound".
        """
        self._held = 0
        self.files = _ROOM.reserve(what, most, most if least is None else least)
        """How many."""
        self._held = self.files

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give it back. Calling it again has no effect."""
        held, self._held = self._held, 0
        if held:
            _ROOM.release(held)


class _Room:
    """What all renders of this process hold together."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held = 0
        self._in_use = 0
        """By all else, when the first of them began."""
        self._soft_before: int | None = None
        """The limit to go back to."""

    def reserve(self, what: str, most: int, least: int) -> int:
        limits = _limits()
        if limits is None or most == 0:
            return most
        with self._lock:
            if self._held == 0:
                self._in_use = _descriptors_in_use()
            others = self._in_use + self._held + _SPARE
            soft, hard = limits
            if others + most > soft and hard > soft:
                wanted = min(others + most, hard)
                if _set_soft(wanted):
                    self._soft_before, soft = self._soft_before or soft, wanted
            files = min(most, soft - others)
            if files < least:
                self._put_back()
                raise _refused(what, least, others + least, soft)
            self._held += files
            return files

    def release(self, files: int) -> None:
        with self._lock:
            self._held -= files
            self._put_back()

    def _put_back(self) -> None:
        if self._held == 0 and self._soft_before is not None:
            _set_soft(self._soft_before)
            self._soft_before = None


_ROOM = _Room()


def _limits() -> tuple[int, int] | None:
    """Soft and hard limit of descriptors; None where there is none."""
    if sys.platform == "win32":
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    return soft, sys.maxsize if hard == resource.RLIM_INFINITY else hard


def _set_soft(limit: int) -> bool:
    """Whether the system took it: macOS allows fewer than its hard limit says."""
    if sys.platform == "win32":
        return False
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    except (OSError, ValueError):
        return False
    return True


def _descriptors_in_use() -> int:
    for folder in _LISTS:
        with suppress(OSError):
            return sum(1 for _ in Path(folder).iterdir())
    return _UNKNOWN_USE


def _refused(what: str, files: int, descriptors: int, limit: int) -> SetupError:
    return SetupError(
        f"{what} needs {files} files open at once, and for that {descriptors} descriptors; the system allows {limit}",
        component="Session",
        suggestion=f"allow more with `ulimit -n {_round(descriptors)}` before the command (where that is refused, as "
        "an administrator or with the container's --ulimit nofile), or show fewer files at the same time",
    )


def _round(count: int) -> int:
    """A power of two with some room."""
    return 1 << (count + count // 4).bit_length()
