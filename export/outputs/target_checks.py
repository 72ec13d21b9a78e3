"""What all files and folders of outputs refuse alike, and in the same words. Plain functions."""

from __future__ import annotations

import os
from pathlib import Path

from reelmill.planner.errors import RenderError, SetupError


def refused(target: Path, why: str, suggestion: str) -> SetupError:
    """The error for a target that can't be written."""
    return SetupError(f"{target} {why}", component="Output", file=str(target), suggestion=suggestion)


def check_new_file(target: Path, *, force: bool) -> None:
    """Raises SetupError for a target that is a folder, or exists (without `force`)."""
    if target.is_dir():
        raise refused(target, "is a folder", "name a file in it")
    if not force and (target.exists() or target.is_symlink()):
        raise refused(target, "exists already", "add --force to replace it, or name another file")


def check_still_new(target: Path, *, force: bool) -> None:
    """Raises RenderError for a file that somebody else has made while the export ran."""
    if not force and target.exists():
        raise RenderError(
            f"{target} has come to exist while it was rendered",
            component="Output",
            file=str(target),
            suggestion="add --force to replace it, or name another file",
        )


def not_in_place(target: Path, error: OSError) -> RenderError:
    """What it means that something finished could not be put under the target's name."""
    return RenderError(
        f"{target} can't be put in place: {error.strerror}",
        component="Output",
        file=str(target),
        suggestion="see whether the disk is full or the folder was removed",
    )


def sync(file: Path) -> None:
    """Have what was written reach the disk. Raises OSError."""
    with file.open("rb+") as written:
        os.fsync(written.fileno())
