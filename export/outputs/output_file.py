"""The file of an output, complete or not there: written beside its target under another name, then renamed.

Passive; one thread.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from reelmill.export.outputs.made_folders import MadeFolders
from reelmill.export.outputs.part_file import PartFile
from reelmill.export.outputs.target_checks import check_new_file, check_still_new, not_in_place, refused, sync


class OutputFile:
    """Use with `with`: what was not committed is discarded, and the folders made for it are removed again."""

    def __init__(self, target: Path, *, force: bool) -> None:
        """Raises SetupError where the target exists (without `force`), is a folder, or can't be written."""
        self._target = target
        self._force = force
        self._folders = MadeFolders()
        self._committed = False
        check_new_file(target, force=force)
        try:
            self._folders.make(target.parent)
            self._part = PartFile(target)
        except OSError as error:
            self._folders.remove()
            raise refused(
                target, f"can't be written: {error.strerror}", "name a file in a folder that you may write to"
            ) from error

    @property
    def path(self) -> Path:
        """The temporary file, which exists; its suffix is the target's."""
        return self._part.path

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
            self._part.put_in_place()
        except OSError as error:
            raise not_in_place(self._target, error) from error
        self._committed = True

    def discard(self) -> None:
        """Remove what was written, if it was not committed. Calling it again has no effect."""
        if not self._committed:
            self._part.remove()
            self._folders.remove()
