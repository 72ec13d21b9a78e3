"""Folders that were made for an output, so that they can be removed again if nothing comes of it. Passive."""

from __future__ import annotations

import contextlib
from pathlib import Path


class MadeFolders:
    """Makes missing folders and remembers which."""

    def __init__(self) -> None:
        self._made: list[Path] = []

    def make(self, folder: Path) -> None:
        """Make a folder and what is missing above it. Raises OSError; what was made by then is remembered."""
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for new in reversed(missing):
            with contextlib.suppress(FileExistsError):
                new.mkdir()
                self._made.append(new)

    def remove(self) -> None:
        """Remove those that are still empty."""
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        self._made.clear()
