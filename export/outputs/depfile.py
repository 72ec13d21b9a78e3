"""A Make rule of the files that a film was made from, for `--depfile`: what changed decides what is rendered anew.

In: a project. Out: the files that rendering it reads, and a rule for make and ninja. Plain functions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from reelmill.decoders.files.container import is_address
from reelmill.export.outputs.input_files import files_of
from reelmill.export.outputs.text_file import check_text_path, write_text_file
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.outputs import STANDARD_OUTPUT, Output, OutputKind
from reelmill.planner.process.regular_files import open_for_reading
from reelmill.planner.timeline import Timeline

_FIRST = "# What reelmill read for this film.\n"


def files_read(project: Path, timeline: Timeline) -> tuple[Path, ...]:
    """The project, every medium and font that its pictures and its sound come from, its subtitles; each once.

    Addresses are left out: make knows nothing of them.
    """
    files = (file for file in files_of(timeline) if not is_address(str(file)))
    return tuple(dict.fromkeys((project, *files)))


def output_file(output: Output, kind: OutputKind) -> Path | None:
    """What make sees of an output: its file, the folder of numbered pictures; nothing of a stream."""
    if output.path == STANDARD_OUTPUT:
        return None
    return Path(output.path).parent if kind == "pictures" else Path(output.path)


def check_depfile(path: Path, outputs: Iterable[Path], files: Iterable[Path], others: Iterable[Path]) -> None:
    """Find out before the export whether its rule can be written afterwards. Raises SetupError.

    `others`: files that it must not replace, beside those that the rule names.
    """
    named = (*outputs, *files)
    check_text_path(path, "depfile", others=(*named, *others), is_ours=_is_depfile)
    for each in named:
        if "\n" in str(each):
            raise SetupError(
                f"make has no way to write the name {json.dumps(str(each))}",
                component="Depfile",
                file=str(each),
                suggestion="give the file a name without line breaks, or leave --depfile out",
            )


def _is_depfile(path: Path) -> bool:
    with open_for_reading(path) as file:
        return file.read(len(_FIRST)) == _FIRST.encode()


def write_depfile(path: Path, outputs: Iterable[Path], files: Iterable[Path]) -> None:
    """Write the rule, whole or not at all. Raises RenderError where the file can't be written.

    Each file that was read is a target of its own without a recipe, so that make does not stop where one is gone.
    """
    read = tuple(files)
    lines = [_FIRST, " ".join(map(_target, outputs)), ":", *(f" \\\n  {_prerequisite(file)}" for file in read), "\n"]
    lines += [f"\n{_target(file)}:\n" for file in read]
    try:
        write_text_file(path, lines, errors="surrogateescape")
    except OSError as error:
        raise RenderError(
            f"the depfile can't be written: {error.strerror}",
            component="Depfile",
            file=str(path),
            suggestion="name a file in a folder that you may write to",
        ) from error


def _target(path: Path) -> str:
    return _escaped(path, " #:%")


def _prerequisite(path: Path) -> str:
    """A percent sign counts in targets alone, and so does a backslash before it."""
    return _escaped(path, " #:")


def _escaped(path: Path, special: str) -> str:
    """As GNU make reads names in rules. It can hold those that `check_depfile` lets pass."""
    # Backslashes count only in front of what they escape.
    name = re.sub(rf"(?<!\\)(\\*+)([{special}])", lambda found: found[1] * 2 + "\\" + found[2], str(path))
    return name.replace("$", "$$")
