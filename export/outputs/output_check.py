"""What is wrong with the outputs that a project lists, found without writing any of them: for `validate`.

In: an opened project. Out: problems, each with the output's place in the project file. Pictures are tried in a
temporary folder, since what they can't be is found where they are opened. Plain functions.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from reelmill.export.films.film_metadata import choose_metadata
from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import OpenedProject
from reelmill.export.outputs.output_paths import check_paths
from reelmill.export.outputs.output_plan import PlannedOutput, plan_outputs
from reelmill.planner.errors import Problem, SetupError


def find_output_problems(opened: OpenedProject, project: Path, options: ExportOptions) -> list[Problem]:
    """Of every output by itself, then of all together."""
    timeline = opened.timeline
    problems = []
    for output in timeline.outputs:
        try:
            for planned in plan_outputs(opened, [output], options).outputs:
                _try(opened, planned)
        except SetupError as error:
            problems.append(Problem(output.place or "$.outputs", _told(error, output.path), error.suggestion))
    try:
        check_paths(timeline.outputs, project, timeline)
    except SetupError as error:
        problems.append(Problem("$.outputs", error.message, error.suggestion))
    return problems


def _try(opened: OpenedProject, planned: PlannedOutput) -> None:
    """Raises SetupError for what only the sink of an output, or its metadata, finds out."""
    if planned.settings is not None:
        tracks = () if planned.output.no_subtitles else opened.subtitles
        choose_metadata(opened.timeline, tracks, planned.part, planned.settings, planned.path)
        return
    from reelmill.export.pictures.picture_sinks import open_picture_sink

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        sink = open_picture_sink(
            planned.output,
            place if planned.kind == "pictures" else place / planned.path.name,
            planned.shown,
            planned.canvas,
        )
        sink.abort()


def _told(error: SetupError, path: str) -> str:
    name = Path(path).name
    return error.message if name in error.message else f"{name}: {error.message}"
