"""Project files by a pattern, as a batch and a check take them. Plain functions."""

from __future__ import annotations

import glob
from pathlib import Path

from reelmill.planner.errors import SetupError


def matching_projects(pattern: str) -> tuple[Path, list[Path]]:
    """The folder that a pattern (`*`, `?`, `[…]`, `**`) leaves fixed, and the files that match it, sorted.

    A name without a pattern stands for itself, whether there is such a file or not. Raises SetupError where nothing
    matches.
    """
    path = Path(pattern)
    open_from = next((index for index, part in enumerate(path.parts) if glob.has_magic(part)), None)
    if path.exists() or open_from is None:
        return path.parent, [path]
    fixed = Path(*path.parts[:open_from])
    found = sorted(each for each in fixed.glob(str(Path(*path.parts[open_from:]))) if each.is_file())
    if not found:
        raise SetupError(
            f'no file matches "{pattern}"', component="Project", suggestion="check the pattern; ** goes into folders"
        )
    return fixed, found
