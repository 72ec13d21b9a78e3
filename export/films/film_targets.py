"""Which target a film or a sound file is written to, by its path and its settings."""

from __future__ import annotations

import hashlib
from pathlib import Path

from reelmill.export.films.codecs import OutputSettings
from reelmill.export.films.playlist_output import PlaylistOutput
from reelmill.export.outputs.output_file import OutputFile
from reelmill.export.outputs.output_target import OutputTarget, Written
from reelmill.export.outputs.standard_output import StandardOutput
from reelmill.planner.outputs import STANDARD_OUTPUT
from reelmill.planner.process.regular_files import open_for_reading


class FileTarget(OutputFile):
    """One file."""

    def __init__(self, target: Path, *, force: bool) -> None:
        """Raises SetupError where the target exists (without `force`), is a folder, or can't be written."""
        super().__init__(target, force=force)
        self._final = target

    @property
    def destination(self) -> Path:
        """The temporary file."""
        return self.path

    def cancel(self) -> None:
        """Writing to a file ends by itself."""

    def written(self) -> Written:
        """Reads the file."""
        with open_for_reading(self._final) as file:
            return Written(self._final.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def open_target(path: str, settings: OutputSettings, *, force: bool) -> OutputTarget:
    """The target of an output; `path` as in `Output`. Raises SetupError where it can't be written."""
    if path == STANDARD_OUTPUT:
        return StandardOutput()
    if settings.video is not None and settings.video.segment_frames is not None:
        return PlaylistOutput(Path(path), settings.video, force=force)
    return FileTarget(Path(path), force=force)
