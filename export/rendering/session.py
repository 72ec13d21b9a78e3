"""One export from start to end: a project is opened, rendered to its outputs, and reported on.

In: a project file, outputs, options. Out: the finished files and the report. Whatever goes wrong, everything opened
here is closed, threads are joined, and each target is the old file or none. What renders (export.rendering) is loaded
while the project's files are probed, which needs Python's lock but now and then.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from reelmill.export.opening.job import ExportOptions, Listener, SilentListener
from reelmill.export.opening.project import OpenedProject, open_project
from reelmill.export.opening.shared_resources import SharedResources
from reelmill.export.rendering.export_run import ExportRun
from reelmill.export.telling.profile import Profile
from reelmill.export.telling.report import ExportRecord
from reelmill.planner.clock import Time
from reelmill.planner.outputs import Output, PictureSettings
from reelmill.planner.tracing import NO_TRACE

MAX_HAND_OVER_SHARE = 0.2
"""Of the time that decoding, compositing and encoding take: more for handing frames over, without making anything of
them, is worth a warning."""
LEAST_HAND_OVER_SECONDS = 0.5


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
    run = ExportRun(options, listener or SilentListener(), record, profile or NO_TRACE)
    given = [Output(str(outputs))] if isinstance(outputs, Path) else outputs
    started = time.perf_counter()
    try:
        with ExitStack() as stack:
            with run.tracer.span("open"):
                opened = _open(project, options, run.listener, shared)
            run.listener.checkpoint()
            record.warnings.extend(opened.warnings)
            from reelmill.export.rendering.film_rendering import plan_rendering, render_film

            with run.tracer.span("plan"):
                plan = plan_rendering(opened, project, given, options)
            record.plan_seconds = time.perf_counter() - started
            render_film(opened, project, plan, run, stack)
    finally:
        record.wall_seconds = time.perf_counter() - started
    if (warning := _hand_over_warning(record)) is not None:
        run.warn(warning)
    if profile is not None:
        record.bottleneck = profile.bottleneck()
    return record.as_dict()


def export_frame(
    project: Path, at: Time, output: Path, options: ExportOptions, listener: Listener | None = None
) -> None:
    """Write the output frame that is on screen at a time as a picture. Raises SetupError or RenderError."""
    run = ExportRun(options, listener or SilentListener(), ExportRecord())
    opened = _open(project, options, run.listener)
    run.record.warnings.extend(opened.warnings)
    from reelmill.export.pictures.picture_formats import check_picture_path
    from reelmill.export.rendering.film_rendering import plan_rendering, render_film

    opaque = opened.timeline.root.background[3] == 1
    check_picture_path(output, has_alpha=not opaque)
    poster = Output(str(output), "poster", alpha="flatten" if opaque else "keep", pictures=PictureSettings(at=at))
    plan = plan_rendering(opened, project, [poster], options)
    with ExitStack() as stack:
        render_film(opened, project, plan, run, stack)


def _open(
    project: Path, options: ExportOptions, listener: Listener, shared: SharedResources | None = None
) -> OpenedProject:
    return open_project(
        project,
        options,
        shared,
        meanwhile=lambda: importlib.import_module("reelmill.export.rendering.film_rendering"),
        checkpoint=listener.checkpoint,
    )


def _hand_over_warning(record: ExportRecord) -> str | None:
    """Whether frames were copied for too long: to the cache, to OpenGL, to the encoder."""
    handed = record.hand_over_seconds + record.decoders.copy_seconds
    busy = record.decoders.busy_seconds + record.composite_seconds + record.encode_seconds
    if handed <= max(MAX_HAND_OVER_SHARE * busy, LEAST_HAND_OVER_SECONDS):
        return None
    return (
        f"copying frames to the cache, to OpenGL and to the encoder took {handed:.1f} s, {handed / busy:.0%} of the "
        "time of decoding, compositing and encoding"
    )
