"""One export from start to end: the only place that sees plan, pictures, sound and outputs together.

In: a project file, outputs, options. Out: the finished files and the report. The render thread is the caller's: it
plans, decodes and composites each frame once; the threads of the outputs take the finished pictures and the sound.
Whatever goes wrong, everything opened here is closed, threads are joined, and each target is the old file or none.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from av.video.frame import VideoFrame

from export.films.copying import copy_summary
from export.films.film_metadata import FilmMetadata, choose_metadata
from export.frame_source import choose_decoding
from export.job import ExportOptions, Listener, SilentListener, Started, StartedOutput
from export.meter import HearingMeter, Meter
from export.outputs.delivery import Delivery
from export.outputs.depfile import check_depfile_path, files_read, output_file, write_depfile
from export.outputs.output_channel import OutputChannel
from export.outputs.output_paths import check_paths
from export.outputs.output_plan import OutputPlan, PlannedOutput, needless_alpha, plan_outputs
from export.outputs.output_settings import about
from export.outputs.picture_sink import PictureFormat
from export.picture_renderer import PictureRenderer
from export.pictures.picture_formats import check_picture_path
from export.profile import Profile
from export.project import OpenedProject, open_project
from export.report import ExportRecord
from export.shared_resources import SharedResources
from export.sound.film_sound import FilmSound
from planner.clock import Time
from planner.errors import ExportError
from planner.export_planner import ExportPlanner
from planner.frame_plan import CompositionPlan
from planner.frame_set import FrameSet
from planner.outputs import Output, PictureSettings
from planner.selection import System, complexity, select_export_system
from planner.tracing import NO_TRACE, Tracer

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
                opened = open_project(project, options, shared)
            listener.checkpoint()
            record.warnings.extend(opened.warnings)
            with tracer.span("plan"):
                plan = plan_outputs(opened, given, options)
                check_paths([each.output for each in plan.outputs], project, opened.timeline, options.reserved)
                if options.depfile is not None:
                    check_depfile_path(options.depfile, (project, *_files(plan), *options.reserved))
            record.plan_seconds = time.perf_counter() - started
            _export(opened, plan, options, listener, record, tracer, stack)
            if options.depfile is not None:
                write_depfile(options.depfile, _files(plan), files_read(project, opened.timeline))
    finally:
        record.wall_seconds = time.perf_counter() - started
    _log_hand_over(record)
    if profile is not None:
        record.bottleneck = profile.bottleneck()
    return record.as_dict()


def _export(
    opened: OpenedProject,
    plan: OutputPlan,
    options: ExportOptions,
    listener: Listener,
    record: ExportRecord,
    tracer: Tracer,
    stack: ExitStack,
) -> None:
    system, record.system_reason = choose_system(opened, options)
    record.system = system
    metadata = _metadata(opened, plan, record)
    record.warnings.extend(needless_alpha(plan, opened))
    delivery = stack.enter_context(
        Delivery(plan.outputs, metadata, force=options.force, checkpoint=listener.checkpoint, tracer=tracer)
    )
    started = time.perf_counter()
    with tracer.span("plan"):
        planner = planner_for(opened, delivery.drawn, options)
    record.plan_seconds += time.perf_counter() - started
    hardware = choose_decoding(opened, planner.schedule, options)
    record.hwaccel, record.hwaccel_reason = hardware.name, hardware.reason
    record.frames = len(delivery.shown)
    record.duration_seconds = _duration(plan, opened)
    if options.copy != "off":
        record.copied = next((each.copying.parts for each in plan.outputs if each.copying is not None), None)

    renderer = None
    if plan.pictured:
        renderer = stack.enter_context(
            PictureRenderer(opened, planner, options, record, system=system, hardware=hardware, tracer=tracer)
        )
    sound = _sound(opened, plan, delivery, options, listener, tracer, stack)
    # The threads end before what they read from is closed.
    stack.callback(delivery.close)
    delivery.start()
    listener.started(_started(opened, delivery, record))
    for warning in record.warnings:
        listener.warned(warning)
    if renderer is not None:
        meter = Meter(record.frames, opened.timeline.fps, listener)
        _render(planner, delivery, renderer, meter, listener, record, tracer, reuse=options.fast_paths)
        for warning in renderer.warnings:
            record.warnings.append(warning)
            listener.warned(warning)
    delivery.finish()
    record.encode_seconds = delivery.encode_seconds
    if sound is not None:
        record.sound, record.levelling_seconds = sound.statistics(), sound.levelling_seconds
    with tracer.span("finish"):
        delivery.commit()
    with tracer.span("hash"):
        record.outputs.extend(delivery.records())


def _sound(
    opened: OpenedProject,
    plan: OutputPlan,
    delivery: Delivery,
    options: ExportOptions,
    listener: Listener,
    tracer: Tracer,
    stack: ExitStack,
) -> FilmSound | None:
    """Begin to mix, and hand its sound to every output that has some."""
    if plan.sound is None:
        return None
    channels = [channel for channel in delivery.channels if channel.planned.has_sound]
    outputs = [channel.planned for channel in channels]
    heard = HearingMeter(plan.sound.sample_count, plan.sound.sample_rate, listener)
    sound = stack.enter_context(FilmSound(plan.sound, outputs, opened, options, heard=heard, tracer=tracer))
    for channel, source in zip(channels, sound.sources, strict=True):
        channel.play(source)
    return sound


def _render(
    planner: ExportPlanner,
    delivery: Delivery,
    renderer: PictureRenderer,
    meter: Meter,
    listener: Listener,
    record: ExportRecord,
    tracer: Tracer,
    *,
    reuse: bool,
) -> None:
    """Plan, draw and hand over each frame. With `reuse` a picture equal to the last one is not drawn again."""
    drawn = delivery.drawn
    last: dict[PictureFormat, tuple[CompositionPlan, VideoFrame]] = {}
    for number in delivery.shown:
        listener.checkpoint()
        with tracer.span("frame", number):
            delivery.copy(number)
            if number in drawn:
                views = delivery.views(number)
                _draw(planner, renderer, number, views, last, record, tracer, reuse=reuse)
                # Outside of the above: what fails there may have to do with an earlier frame, or with sound.
                delivery.write(number, {view: last[view][1] for view in views})
        meter.frames_done(1)


def _draw(
    planner: ExportPlanner,
    renderer: PictureRenderer,
    number: int,
    views: Sequence[PictureFormat],
    last: dict[PictureFormat, tuple[CompositionPlan, VideoFrame]],
    record: ExportRecord,
    tracer: Tracer,
    *,
    reuse: bool,
) -> None:
    """Bring `last`, the pictures of the views, to a frame."""
    with tracer.span("plan", number):
        plan = planner.plan(number)
    try:
        with tracer.span("plan", number):
            renderer.begin(plan)
        stale = [view for view in views if not (reuse and view in last and last[view][0] == plan.picture)]
        if not stale:
            record.frames_reused += 1
            return
        made = renderer.draw(plan.picture, stale)
        last.update((view, (plan.picture, frame)) for view, frame in zip(stale, made, strict=True))
    except ExportError as error:
        error.locate(output_frame=plan.output_frame, timeline_time=plan.time)
        raise


def _files(plan: OutputPlan) -> list[Path]:
    """What make sees of the outputs."""
    return [file for each in plan.outputs if (file := output_file(each.output, each.kind)) is not None]


def _log_hand_over(record: ExportRecord) -> None:
    share = record.hand_over_seconds / record.wall_seconds
    level = logging.WARNING if share > MAX_HAND_OVER_SHARE else logging.DEBUG
    _log.log(level, "copying frames to OpenGL and the encoder took %.0f%% of the time", 100 * share)


def planner_for(opened: OpenedProject, frames: FrameSet | range, options: ExportOptions) -> ExportPlanner:
    """The planner of an export that makes pictures of some frames. Raises SetupError."""
    return ExportPlanner(
        opened.timeline,
        opened.facts,
        opened.text_sizes,
        frames,
        simplify=options.fast_paths,
        scale=options.canvas_scale,
    )


def choose_system(opened: OpenedProject, options: ExportOptions) -> tuple[System, str]:
    """The decoding system and its reason."""
    found = complexity(opened.timeline, opened.facts)
    return select_export_system(found.unique_files, found.nested_clips, found.compositions, options.system)


def _metadata(opened: OpenedProject, plan: OutputPlan, record: ExportRecord) -> dict[PlannedOutput, FilmMetadata]:
    """What each film and sound file carries; what it does not keep is a warning."""
    found = {}
    for each in plan.outputs:
        if each.settings is None:
            continue
        with about(each.output):
            tracks = () if each.output.no_subtitles else opened.subtitles
            carried = choose_metadata(opened.timeline, tracks, each.part, each.settings, each.path)
        found[each] = carried.metadata
        record.warnings.extend(carried.warnings)
    return found


def export_frame(project: Path, at: Time, output: Path, options: ExportOptions) -> None:
    """Write the output frame that is on screen at a time as a picture. Raises SetupError or RenderError."""
    opened = open_project(project, options)
    opaque = opened.timeline.root.background[3] == 1
    check_picture_path(output, has_alpha=not opaque)
    poster = Output(str(output), "poster", alpha="flatten" if opaque else "keep", pictures=PictureSettings(at=at))
    plan = plan_outputs(opened, [poster], options)
    check_paths([poster], project, opened.timeline)
    with ExitStack() as stack:
        _export(opened, plan, options, SilentListener(), ExportRecord(), NO_TRACE, stack)


def _duration(plan: OutputPlan, opened: OpenedProject) -> float:
    """Seconds of the timeline that are exported."""
    spans = FrameSet.of(each.samples for each in plan.outputs).spans
    return sum(map(len, spans)) / opened.timeline.sample_rate


def _started(opened: OpenedProject, delivery: Delivery, record: ExportRecord) -> Started:
    return Started(
        outputs=tuple(map(_started_output, delivery.channels)),
        frames=record.frames,
        fps=opened.timeline.fps,
        system=record.system or "",
        system_reason=record.system_reason or "",
        renderer=record.renderer,
        renderer_kind=record.renderer_kind,
        hwaccel=record.hwaccel or "none",
        hwaccel_reason=record.hwaccel_reason,
    )


def _started_output(channel: OutputChannel) -> StartedOutput:
    planned = channel.planned
    video = planned.settings.video if planned.settings is not None else None
    audio = planned.settings.audio if planned.settings is not None else None
    copying = planned.copying
    return StartedOutput(
        path=planned.output.path,
        kind=planned.kind,
        frames=channel.frames,
        fps=planned.shown.fps,
        width=planned.size[0] if planned.has_pictures else None,
        height=planned.size[1] if planned.has_pictures else None,
        video_codec=video.encoder if video is not None else None,
        audio_codec=audio.encoder if audio is not None else None,
        copying=copy_summary(copying.parts) if copying is not None and copying.asked else None,
    )
