"""A temporary folder beside a target, locked for as long as its run lives, so that leftovers can be told from it.

Passive; one thread.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from reelmill.export.outputs.part_lock import DIGITS, MARK, lock, part_names, part_prefix


class PartFolder:
    """A folder of an unfinished output. Owns it until `remove`."""

    def __init__(self, target: Path, clear: Callable[[Path], None] | None = None) -> None:
        """Removes the folders that killed runs to that target left; `clear` is called with each before.

        Raises OSError.
        """
        self._lock: int | None = None
        _remove_leftovers(target, clear)
        self.path = self._create(target)

    def remove(self) -> None:
        """Remove it with what is in it, and give up the lock. A second call does nothing."""
        # Removed while locked, so that no other run does the same.
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _create(self, target: Path) -> Path:
        while True:
            path = target.with_name(f"{part_prefix(target)}{secrets.token_hex(DIGITS // 2)}{MARK}")
            path.mkdir()
            descriptor = _open(path)
            if descriptor is None or not lock(descriptor, wait=True):
                if descriptor is not None:
                    os.close(descriptor)
                if path.exists():
                    return path
                continue
            if path.exists():
                self._lock = descriptor
                return path
            # Another run took it for a leftover in the moment before it was locked.
            os.close(descriptor)


def _open(folder: Path) -> int | None:
    """A descriptor of a folder; None where it is gone, or folders can't be opened. Raises OSError for a link."""
    if sys.platform == "win32":
        return None
    with contextlib.suppress(FileNotFoundError):
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    return None


def _remove_leftovers(target: Path, clear: Callable[[Path], None] | None) -> None:
    names = part_names(target)
    for path in target.parent.iterdir():
        if not names.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError):
            descriptor = _open(path)
            if descriptor is None:
                continue
            try:
                # Where there are no locks nothing is removed: a leftover is better than a broken run.
                if lock(descriptor):
                    if clear is not None:
                        clear(path)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)
