"""A file that is complete or not there: written beside its target under another name, then renamed.

The temporary file is locked for as long as its run lives, so the next run to the same target can tell the
leftovers of a killed run from the work of one that is still going on. Passive; one thread.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from export.outputs.made_folders import MadeFolders
from export.outputs.part_lock import MARK, lock, part_prefix
from export.outputs.target_checks import check_new_file, check_still_new, not_in_place, refused, sync


class OutputFile:
    """Use with `with`: what was not committed is discarded, and the folders made for it are removed again."""

    def __init__(self, target: Path, *, force: bool) -> None:
        """Raises SetupError where the target exists (without `force`), is a folder, or can't be written."""
        self._target = target
        self._force = force
        self._folders = MadeFolders()
        self._lock: int | None = None
        self._open = False
        check_new_file(target, force=force)
        try:
            self._folders.make(target.parent)
            _remove_leftovers(target)
            self.path = self._create()
        except OSError as error:
            self._folders.remove()
            raise refused(
                target, f"can't be written: {error.strerror}", "name a file in a folder that you may write to"
            ) from error
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def commit(self) -> None:
        """Put the finished file under the target's name, in one step. Raises RenderError."""
        try:
            sync(self.path)
            check_still_new(self._target, force=self._force)
            # Renamed while locked, so that a run to the same target can't take it for a leftover.
            self.path.replace(self._target)
            self._unlock()
        except OSError as error:
            raise not_in_place(self._target, error) from error
        self._open = False

    def discard(self) -> None:
        """Remove what was written, if it was not committed. A second call does nothing."""
        if not self._open:
            return
        self._open = False
        self._unlock()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
        self._folders.remove()

    def _create(self) -> Path:
        """A new, locked file beside the target. Its name keeps the suffix, which tells libav the format."""
        while True:
            path = self._target.with_name(
                f"{part_prefix(self._target)}{secrets.token_hex(6)}{MARK}{self._target.suffix}"
            )
            # 0o666 less the user's umask: the finished film has the rights of any other new file.
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


def _remove_leftovers(target: Path) -> None:
    """Remove temporary files to this target whose run is dead. Windows refuses to remove those in use by itself."""
    for path in target.parent.iterdir():
        if not (path.name.startswith(part_prefix(target)) and path.stem.endswith(MARK)):
            continue
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                path.unlink()
                continue
            descriptor = os.open(path, os.O_RDWR)
            try:
                # On a file system without locks nothing is removed: a leftover is better than a broken run.
                if lock(descriptor):
                    path.unlink()
            finally:
                os.close(descriptor)
