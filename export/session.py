"""One export from start to end: a project is opened, rendered to its outputs, and reported on.

In: a project file, outputs, options. Out: the finished files and the report. Whatever goes wrong, everything opened
here is closed, threads are joined, and each target is the old file or none. What renders (export.rendering) is loaded
while the project's files are probed, which needs Python's lock but now and then.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from export.job import ExportOptions, Listener, SilentListener
from export.profile import Profile
from export.project import OpenedProject, open_project
from export.report import ExportRecord
from export.shared_resources import SharedResources
from planner.clock import Time
from planner.outputs import Output, PictureSettings
from planner.tracing import NO_TRACE

MAX_HAND_OVER_SHARE = 0.2
"""Of the wall time: more for handing frames over, without making anything of them, is worth a warning in the log."""
_log = logging.getLogger("reelmill.export")


def export_film(
    project: Path,
    outputs: Path | Sequence[Output],
    options: ExportOptions,
    listener: Listener | None = None,
    record: ExportRecord | None = None,
    profile: Profile | None = None,
    shared: SharedResources | None = None,
) -> dict[str, Any]:
    """Render a project to all outputs in one pass, and return the report.

    `outputs`: none at all for those of the project; a path is one output whose kind its name tells. Raises SetupError
    before, RenderError while frames are rendered. `record` is filled in as the export goes on, for the report of a
    failure, and so is `profile`. `shared`: what this process keeps for the next export.
    """
    record = record or ExportRecord()
    listener = listener or SilentListener()
    tracer = profile or NO_TRACE
    given = [Output(str(outputs))] if isinstance(outputs, Path) else outputs
    started = time.perf_counter()
    try:
        with ExitStack() as stack:
            with tracer.span("open"):
                opened = _open(project, options, shared)
            listener.checkpoint()
            record.warnings.extend(opened.warnings)
            from export.rendering import plan_rendering, render

            with tracer.span("plan"):
                plan = plan_rendering(opened, project, given, options)
            record.plan_seconds = time.perf_counter() - started
            render(opened, project, plan, options, listener, record, tracer, stack)
    finally:
        record.wall_seconds = time.perf_counter() - started
    _log_hand_over(record)
    if profile is not None:
        record.bottleneck = profile.bottleneck()
    return record.as_dict()


def export_frame(project: Path, at: Time, output: Path, options: ExportOptions) -> None:
    """Write the output frame that is on screen at a time as a picture. Raises SetupError or RenderError."""
    opened = _open(project, options)
    from export.pictures.picture_formats import check_picture_path
    from export.rendering import plan_rendering, render

    opaque = opened.timeline.root.background[3] == 1
    check_picture_path(output, has_alpha=not opaque)
    poster = Output(str(output), "poster", alpha="flatten" if opaque else "keep", pictures=PictureSettings(at=at))
    plan = plan_rendering(opened, project, [poster], options)
    with ExitStack() as stack:
        render(opened, project, plan, options, SilentListener(), ExportRecord(), NO_TRACE, stack)


def _open(project: Path, options: ExportOptions, shared: SharedResources | None = None) -> OpenedProject:
    return open_project(project, options, shared, meanwhile=lambda: importlib.import_module("export.rendering"))


def _log_hand_over(record: ExportRecord) -> None:
    share = record.hand_over_seconds / record.wall_seconds
    level = logging.WARNING if share > MAX_HAND_OVER_SHARE else logging.DEBUG
    _log.log(level, "copying frames to OpenGL and the encoder took %.0f%% of the time", 100 * share)
