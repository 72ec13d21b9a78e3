"""What a batch has finished, on disk: so that the next run need not do it again.

In: jobs that begin and end. Out: which of them are complete. A file of JSON lines lies in the folder of the films and
is only ever added to; whatever kills the batch, what was written before counts. Owned by the process that runs the
batch; passive, one thread.

A film gets its name in one step, when it is complete. So one that was begun, and whose name then stands for another
file than before, is complete even where the batch was killed in between the film and the line that tells of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reelmill.export.outputs.part_lock import open_regular
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.process.regular_files import open_for_reading

STATE_NAME = ".reelmill-batch.jsonl"
Signature = list[int]
"""Size in bytes, and time of the last change in nanoseconds."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """The last that was written of a film."""

    done: bool
    key: str
    """What went into it (export.batches.batch_fingerprint)."""
    file: Signature | None
    """As it was when it was done, or before it was begun."""
    sha256: str | None


class BatchState:
    """The state of all folders that a batch writes to."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, _Entry]] = {}

    def knows(self, output: Path) -> bool:
        """Whether a batch has begun to make this film before."""
        folder, name = _place(output)
        return name in self._entries(folder)

    def is_complete(self, output: Path, key: str) -> bool:
        """Whether the film was made of just this, and is as it was made."""
        folder, name = _place(output)
        entry = self._entries(folder).get(name)
        now = signature(output)
        if entry is None or entry.key != key or now is None:
            return False
        if not entry.done:
            return now != entry.file
        if now == entry.file:
            return True
        return entry.file is not None and now[0] == entry.file[0] and entry.sha256 == _sha256(output)

    def begin(self, output: Path, key: str) -> None:
        """Write down that a film is about to be made. Raises RenderError."""
        self._add(output, _Entry(False, key, signature(output), None))

    def finish(self, output: Path, key: str, sha256: str | None) -> None:
        """Write down that it lies under its name. Raises RenderError."""
        self._add(output, _Entry(True, key, signature(output), sha256))

    def _entries(self, folder: Path) -> dict[str, _Entry]:
        if folder not in self._folders:
            self._folders[folder] = dict(_read(folder / STATE_NAME))
        return self._folders[folder]

    def _add(self, output: Path, entry: _Entry) -> None:
        folder, name = _place(output)
        self._entries(folder)[name] = entry
        told = {"film": name, "state": "done" if entry.done else "begun", "key": entry.key}
        line = {**told, "file": entry.file, "sha256": entry.sha256}
        path = folder / STATE_NAME
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT), "ab+") as file:
                # A run that was killed may have left half a line.
                before = b"" if _ends_whole(file) else b"\n"
                file.write(before + json.dumps(line).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RenderError(
                f"the state of the batch can't be written: {error.strerror}",
                component="Batch",
                file=str(path),
                suggestion="see whether the disk is full, and whether you may write to the folder",
            ) from error


def signature(path: Path) -> Signature | None:
    """Of a file, or of all files in the folder of numbered pictures; None where there is nothing."""
    try:
        states = [each.stat() for each in (path.parent.iterdir() if _is_numbered(path) else [path])]
    except OSError:
        return None
    return [sum(state.st_size for state in states), max((state.st_mtime_ns for state in states), default=0)]


def _place(output: Path) -> tuple[Path, str]:
    """The folder that the state of an output lies in, and its name there: that of pictures is theirs alone."""
    path = output.absolute()
    if _is_numbered(path):
        return path.parent.parent, f"{path.parent.name}/{path.name}"
    return path.parent, path.name


def _is_numbered(path: Path) -> bool:
    if "%" not in path.name and "{" not in path.name:
        return False
    from reelmill.export.pictures.picture_names import is_numbered  # which loads libav

    return is_numbered(path)


def _read(path: Path) -> Iterator[tuple[str, _Entry]]:
    """By film; later lines replace earlier ones. Raises SetupError."""
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            lines = file.read().split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise SetupError(
            f"the state of the batch can't be read: {error.strerror}",
            component="Batch",
            file=str(path),
            suggestion="remove what has that name; batches keep what they have done in a file of their own",
        ) from error
    for line in lines:
        entry = _entry(line)
        if entry is not None:
            yield entry


def _entry(line: bytes) -> tuple[str, _Entry] | None:
    """One line; None for half a line, or one that is no state of a film."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match data:
        case {
            "film": str(film),
            "state": "begun" | "done" as state,
            "key": str(key),
            "file": None | [int(), int()] as file,
            "sha256": None | str() as sha256,
        }:
            return film, _Entry(state == "done", key, file, sha256)
    return None


def _ends_whole(file: BinaryIO) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _sha256(path: Path) -> str | None:
    try:
        with open_for_reading(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
