"""Text files that are whole or not there: the report, the page of a plan, a profile. Passive; plain functions."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from planner.errors import SetupError


def write_text_file(path: Path, text: str | Iterable[str]) -> None:
    """Write text, in one piece or in several, as UTF-8; folders are made, and a file of that name is replaced.

    It is written beside its target under another name, then renamed. Raises OSError; what was there stays then.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            file.writelines([text] if isinstance(text, str) else text)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def check_text_path(path: Path, what: str, *, others: Iterable[Path], is_ours: Callable[[Path], bool]) -> None:
    """Find out before the export whether a file can be written afterwards. `what` it is: also its option's name.

    Raises SetupError where it can't be, or where it would replace one of `others`, or any file that is not `is_ours`.
    """
    if path.resolve() in {other.resolve() for other in others}:
        raise _refused(path, what, "is a file that the export itself reads or writes")
    if path.is_dir():
        raise _refused(path, what, "is a folder")
    if path.exists() and not _readable(path, is_ours):
        raise _refused(path, what, f"would replace a file that is no {what}")
    folder = path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise _refused(path, what, f"can't be written: {folder} is no folder that you may write to")


def _readable(path: Path, is_ours: Callable[[Path], bool]) -> bool:
    try:
        return is_ours(path)
    except OSError:
        return False


def _refused(path: Path, what: str, why: str) -> SetupError:
    return SetupError(
        f"the {what} {path} {why}",
        component=what.capitalize(),
        file=str(path),
        suggestion=f"name another file after --{what}",
    )
