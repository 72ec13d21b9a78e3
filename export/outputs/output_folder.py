"""A folder of numbered pictures that is complete or not there: filled beside its target, then renamed.

Implements `OutputTarget`, with the guarantees of `OutputFile`. Passive; one thread makes, commits and discards it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from reelmill.export.outputs.made_folders import MadeFolders
from reelmill.export.outputs.output_target import Written
from reelmill.export.outputs.part_folder import PartFolder
from reelmill.export.outputs.part_lock import DIGITS, lock, part_prefix
from reelmill.export.outputs.target_checks import not_in_place, refused, sync
from reelmill.export.pictures.picture_names import PictureNames
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.process.regular_files import open_for_reading
from reelmill.planner.process.thread_pool import ThreadPool

_OLD = ".reelmill-old"
"""Marks the folder that is being replaced, for the moment between two renames."""
_SYNCED_AT_ONCE = 16


class OutputFolder:
    """Use with `with`: what was not committed is discarded, and the folders made for it are removed again."""

    def __init__(self, names: PictureNames, *, force: bool) -> None:
        """The target is the pattern's folder.

        An existing folder has to be empty. With `force` it may hold pictures of the same pattern, whatever their
        numbers, which the new ones replace as a whole; with anything else in it, it is not touched.
        Raises SetupError.
        """
        self._names = names
        self._force = force
        self._asked = names.pattern.parent
        self._target = self._asked.resolve()
        self._folders = MadeFolders()
        try:
            if self._target.parent.exists():
                _put_back(self._target)
            self._check()
            self._folders.make(self._target.parent)
            self._part = PartFolder(self._target)
        except OSError as error:
            self._folders.remove()
            raise self._refused(
                f"can't be written: {error.strerror}", "name a folder in one that you may write to"
            ) from error
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    @property
    def destination(self) -> Path:
        """Where the pictures are to be written."""
        return self._part.path

    def cancel(self) -> None:
        """Writing to files ends by itself."""

    def commit(self) -> None:
        """Put the finished folder under the target's name. Raises RenderError."""
        try:
            # Several at once: file systems then write a thousand in the time of some dozens.
            with ThreadPool(_SYNCED_AT_ONCE, thread_name_prefix="sync") as pool:
                for _ in pool.map(sync, self._part.path.iterdir()):
                    pass
            if self._target.exists() and any(self._target.iterdir()):
                self._replace()
            else:
                if sys.platform == "win32" and self._target.exists():
                    self._target.rmdir()
                # Renamed while locked, so that a run to the same target can't take it for a leftover.
                self._part.path.rename(self._target)
        except OSError as error:
            raise not_in_place(self._asked, error) from error
        self._part.remove()
        self._open = False

    def discard(self) -> None:
        """Remove what was written, if it was not committed. A second call does nothing."""
        if self._open:
            self._open = False
            self._part.remove()
            self._folders.remove()

    def written(self) -> Written:
        """All pictures' bytes; the hash is that of what `sha256sum` tells of them, sorted by name."""
        total, lines = 0, hashlib.sha256()
        for path in sorted(self._target.iterdir()):
            with open_for_reading(path) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            total += path.stat().st_size
            lines.update(f"{digest}  ".encode() + os.fsencode(path.name) + b"\n")
        return Written(total, lines.hexdigest())

    def _check(self) -> None:
        """Raises SetupError for a target that can't become a folder of these pictures."""
        own = f"give the pictures a folder of their own: {self._asked / 'frames' / self._names.pattern.name}"
        if self._target.exists() and not self._target.is_dir():
            raise self._refused("is a file", "name a folder")
        if Path.cwd().is_relative_to(self._target):
            raise self._refused("is the folder you are in, or around it", own)
        if os.path.ismount(self._target):
            raise self._refused("is where a disk is mounted, which can't be replaced", own)
        if not self._target.exists():
            return
        if not self._force:
            if any(self._target.iterdir()):
                raise self._refused("exists and isn't empty", f"add --force to replace its pictures, or {own}")
        elif (foreign := self._foreign()) is not None:
            raise self._refused(f"holds {foreign}, which is no picture named {self._names.pattern.name}", own)

    def _foreign(self) -> str | None:
        """Something in the target that is not one of these pictures."""
        return next((path.name for path in sorted(self._target.iterdir()) if not self._is_picture(path)), None)

    def _is_picture(self, path: Path) -> bool:
        return path.is_file() and self._names.matches(path.name)

    def _replace(self) -> None:
        foreign = self._foreign()
        if not self._force or foreign is not None:
            raise RenderError(
                f"{self._asked} has got {foreign or 'pictures'} while it was rendered",
                component="Output",
                file=str(self._asked),
                suggestion="name another folder, or remove what came into this one",
            )
        old = self._target.with_name(f"{part_prefix(self._target)}{secrets.token_hex(DIGITS // 2)}{_OLD}")
        with _locked(self._target):
            self._target.rename(old)
            try:
                self._part.path.rename(self._target)
            except OSError:
                old.rename(self._target)
                raise
            shutil.rmtree(old, ignore_errors=True)

    def _refused(self, why: str, suggestion: str) -> SetupError:
        return refused(self._asked, why, suggestion)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Lock a folder, if nobody else has. Yields whether it is; False where folders can't be locked."""
    if sys.platform == "win32":  # which opens no folders
        yield False
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield lock(descriptor)
    finally:
        os.close(descriptor)


def _put_back(target: Path) -> None:
    """Put back the folder that a run was replacing when it was killed; remove it where the new one had its name."""
    for path in target.parent.iterdir():
        if not (path.name.startswith(part_prefix(target)) and path.name.endswith(_OLD)):
            continue
        with contextlib.suppress(OSError), _locked(path) as dead:
            if dead and not target.exists():
                path.rename(target)
            elif dead:
                shutil.rmtree(path, ignore_errors=True)
