"""Where outputs go: that no two are one file, and that none is a file which the project reads. Plain functions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from reelmill.export.outputs.output_names import kind_of_output
from reelmill.planner.errors import SetupError
from reelmill.planner.outputs import STANDARD_OUTPUT, Output
from reelmill.planner.timeline import Timeline
from reelmill.planner.timelines.walk import reachable_clips


def check_paths(outputs: Sequence[Output], project: Path, timeline: Timeline, reserved: Iterable[Path] = ()) -> None:
    """Raises SetupError for outputs that are one file, by whatever name, or that the project is made of.

    `reserved`: files that somebody else will write.
    """
    others = {_same_file(path): str(path) for path in reserved}
    inputs = {_same_file(Path(path)): path for path in (str(project), *_inputs(timeline))}
    seen: dict[str, str] = {}
    for output in outputs:
        key = output.path if output.path == STANDARD_OUTPUT else _same_file(Path(output.path))
        if key in seen:
            first = seen[key]
            both = f"{output.path} stands twice" if first == output.path else f"{first} and {output.path} are one file"
            raise _refused(output, f"two outputs have one path: {both}", "give each output a path of its own")
        if key in others:
            raise _refused(output, f"{output.path} is where the report or the profile goes", "give it another path")
        if key in inputs:
            raise _refused(output, f"{output.path} is read by the project", "write the output to another file")
        seen[key] = output.path
    _check_folders(outputs, inputs.values())


def _check_folders(outputs: Sequence[Output], inputs: Iterable[str]) -> None:
    """A folder of numbered pictures is replaced as a whole, so nothing else may go into it or be read from it."""
    for output in outputs:
        if kind_of_output(output) != "pictures":
            continue
        folder = _same_file(Path(output.path).parent)
        for other in (*(each.path for each in outputs if each is not output), *inputs):
            if other != STANDARD_OUTPUT and Path(_same_file(Path(other).parent)).is_relative_to(folder):
                raise _refused(
                    output,
                    f"{output.path} needs a folder of its own, and {other} lies in it",
                    f"name a new folder, too, such as frames/{Path(output.path).name}",
                )


def _inputs(timeline: Timeline) -> Iterator[str]:
    """Every file that the project names: media, fonts, subtitles."""
    for media in timeline.media.values():
        yield media.path
    for subtitles in timeline.subtitles:
        yield subtitles.path
        yield from subtitles.fonts
    for _, _, clip in reachable_clips(timeline):
        yield from clip.content.files


def _same_file(path: Path) -> str:
    """Equal for all paths of one file: links are followed, and case does not count where the file system says so."""
    real = Path(os.path.realpath(path))
    return str(real.with_name(real.name.casefold()) if real.name and _case_blind(real.parent) else real)


def _case_blind(folder: Path) -> bool:
    """Whether a folder, or the nearest one above that exists, is one by its name in other letters, too."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    other = folder.with_name(folder.name.swapcase()) if folder.name else folder
    return other != folder and other.exists() and other.samefile(folder)


def _refused(output: Output, message: str, suggestion: str) -> SetupError:
    return SetupError(message, component="Output", file=output.path, suggestion=suggestion)
