"""Text files that are whole or not there: the report, the page of a plan, a profile. Passive; plain functions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from reelmill.export.outputs.part_file import write_whole
from reelmill.planner.errors import SetupError
from reelmill.planner.process.regular_files import open_for_reading


def write_text_file(path: Path, text: str | Iterable[str], *, errors: str = "backslashreplace") -> None:
    """Write text, in one piece or in several, as UTF-8; folders are made, and a file of that name is replaced.

    `errors`: how a name that is no UTF-8 is written. By default as an escape (`\\udcff`), which is JSON's, too.
    Raises OSError; what was there stays then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (piece.encode(errors=errors) for piece in ([text] if isinstance(text, str) else text)))


def check_text_path(path: Path, what: str, *, others: Iterable[Path], is_ours: Callable[[Path], bool]) -> None:
    """Find out before the export whether a file can be written afterwards. `what` it is: also its option's name.

    Raises SetupError where it can't be, or where it would replace one of `others`, or any file that is not `is_ours`.
    """
    try:
        _check(path, what, others, is_ours)
    except OSError as error:  # such as a name that is too long
        raise _refused(path, what, f"can't be written: {error.strerror}") from error


def check_page_path(path: Path, others: Iterable[Path]) -> None:
    """Find out beforehand whether an HTML page can be written. Raises SetupError, also where it would replace another
    kind of file."""
    check_text_path(path, "html", others=others, is_ours=_is_page)


def _is_page(path: Path) -> bool:
    with open_for_reading(path) as file:
        head = file.read(200).lstrip().lower()
    return not head or head.startswith(b"<!doctype html")


def _check(path: Path, what: str, others: Iterable[Path], is_ours: Callable[[Path], bool]) -> None:
    if path.resolve() in {other.resolve() for other in others}:
        raise _refused(path, what, "is a file that the export itself reads or writes")
    if path.is_dir():
        raise _refused(path, what, "is a folder")
    if path.exists() and not path.is_file():
        raise _refused(path, what, "is a device or a pipe, not a file")
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
    except (OSError, ValueError, RecursionError):  # it is no text, or none that is ours
        return False


def _refused(path: Path, what: str, why: str) -> SetupError:
    return SetupError(
        f"the {what} {path} {why}",
        component=what.capitalize(),
        file=str(path),
        suggestion=f"name another file after --{what}",
    )
