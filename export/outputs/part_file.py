"""A file beside its target under a temporary name: the one way in which files are written whole or not at all.

The name is drawn at random and the file must be new, so a link that somebody planted under it is never followed. The
file is locked for as long as its run lives, so the next run to the same target can tell the leftovers of a killed run
from the work of one that is still going on. Passive; one thread.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from reelmill.export.outputs.part_lock import DIGITS, MARK, lock, open_regular, part_names, part_prefix


class PartFile:
    """A new, empty file. Use with `with`: unless it was put in place it is removed."""

    def __init__(self, target: Path) -> None:
        """Removes what killed runs to that target left. The target's folder exists. Raises OSError."""
        self._target = target
        self._lock: int | None = None
        _remove_leftovers(target)
        self.path = self._create()
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def write(self, pieces: Iterable[bytes]) -> None:
        """Replace the content. Raises OSError."""
        with os.fdopen(open_regular(self.path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.writelines(pieces)

    def put_in_place(self) -> None:
        """Give it the target's name, in one step; what had that name is replaced, a link itself too. Raises OSError."""
        # Renamed while locked, so that a run to the same target can't take it for a leftover.
        self.path.replace(self._target)
        self._unlock()
        self._open = False

    def remove(self) -> None:
        """Remove it, unless it was put in place. Calling it again has no effect."""
        if not self._open:
            return
        self._open = False
        self._unlock()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _create(self) -> Path:
        """A new, locked file. Its name keeps the target's suffix, which tells libav the format."""
        while True:
            name = f"{part_prefix(self._target)}{secrets.token_hex(DIGITS // 2)}{MARK}{self._target.suffix}"
            path = self._target.with_name(name)
            # 0o666 less the user's umask: the finished file has the rights of any other new one.
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
            if not lock(descriptor, wait=True):
                os.close(descriptor)
                return path
            if os.fstat(descriptor).st_nlink:
                self._lock = descriptor
                return path
            # Another run took it for a leftover in the moment before it was locked.
            os.close(descriptor)

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def write_whole(target: Path, pieces: Iterable[bytes]) -> None:
    """Write a file in one step, in place of what has its name.

    The folder exists. Raises OSError; what was there stays then.
    """
    with PartFile(target) as part:
        part.write(pieces)
        part.put_in_place()


def _remove_leftovers(target: Path) -> None:
    """Remove temporary files to this target whose run is dead. Windows refuses to remove those in use by itself."""
    names = part_names(target, target.suffix)
    for path in target.parent.iterdir():
        if not names.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                path.unlink()
                continue
            descriptor = open_regular(path, os.O_RDWR)
            try:
                # On a file system without locks nothing is removed: a leftover is better than a broken run.
                if lock(descriptor):
                    path.unlink()
            finally:
                os.close(descriptor)
