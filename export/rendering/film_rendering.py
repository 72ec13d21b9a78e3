"""An opened project is rendered to its outputs: the only place that sees plan, pictures, sound and outputs together.

In: an opened project, outputs, options. Out: finished files, and what is known of them in the record. The render thread
is the caller's: it plans, decodes and composites each frame once; the threads of the outputs take the finished pictures
and the sound.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from av.video.frame import VideoFrame

from reelmill.export.decoding_system import choose_decoding
from reelmill.export.films.copying import copy_summary
from reelmill.export.films.film_metadata import FilmMetadata, choose_metadata
from reelmill.export.opening.container_memory import fitted, memory_limit_bytes
from reelmill.export.opening.job import ExportOptions, Started, StartedOutput
from reelmill.export.opening.project import OpenedProject, choose_system, planner_for
from reelmill.export.outputs.delivery import Delivery
from reelmill.export.outputs.depfile import check_depfile, files_read, output_file, write_depfile
from reelmill.export.outputs.output_channel import OutputChannel
from reelmill.export.outputs.output_paths import check_paths
from reelmill.export.outputs.output_plan import OutputPlan, PlannedOutput, needless_alpha, plan_outputs
from reelmill.export.outputs.output_settings import about
from reelmill.export.outputs.picture_sink import PictureFormat
from reelmill.export.rendering.export_run import ExportRun
from reelmill.export.rendering.meter import HearingMeter, Meter
from reelmill.export.rendering.picture_renderer import PictureRenderer
from reelmill.export.sound.film_sound import FilmSound
from reelmill.export.telling.report import ExportRecord
from reelmill.export.telling.time_left import TimeLeftEstimate
from reelmill.planner.errors import ExportError
from reelmill.planner.frame_plan import CompositionPlan
from reelmill.planner.frame_set import FrameSet
from reelmill.planner.outputs import Output
from reelmill.planner.scheduling.export_planner import ExportPlanner


def plan_rendering(
    opened: OpenedProject, project: Path, outputs: Sequence[Output], options: ExportOptions
) -> OutputPlan:
    """Plan all outputs, those of the project where none is given. Raises SetupError for what can't be written."""
    plan = plan_outputs(opened, outputs, options)
    check_paths([each.output for each in plan.outputs], project, opened.timeline, options.reserved)
    if options.depfile is not None:
        check_depfile(options.depfile, _files(plan), files_read(project, opened.timeline), options.reserved)
    return plan


def render_film(
    opened: OpenedProject,
    project: Path,
    plan: OutputPlan,
    run: ExportRun,
    stack: ExitStack,
) -> None:
    """Render a project to its planned outputs, and put them in place. Raises SetupError before the first frame.

    The stack closes what is opened, in every state. Raises RenderError.
    """
    options, listener, record, tracer = run.options, run.listener, run.record, run.tracer
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
    holds = (lambda size: planner.heaviest_frame(size) is None) if system == "v2" else None
    options, tight = fitted(options, plan.outputs, holds=holds, limit_bytes=memory_limit_bytes())
    record.warnings.extend(tight)
    hardware = choose_decoding(opened, planner.schedule, options)
    record.hwaccel, record.hwaccel_reason = hardware.name, hardware.reason
    record.frames = len(delivery.shown)
    record.duration_seconds = _duration(plan, opened)
    if options.copy != "off":
        record.copied = next((each.copying.parts for each in plan.outputs if each.copying is not None), None)

    renderer = None
    if plan.pictured:
        renderer = stack.enter_context(
            PictureRenderer(
                opened,
                planner,
                options,
                record,
                system=system,
                hardware=hardware,
                tracer=tracer,
                checkpoint=listener.checkpoint,
            )
        )
    plan = _as_drafted(plan, run)
    sound = _sound(opened, plan, delivery, replace(run, options=options), stack)
    # The threads end before what they read from is closed.
    stack.callback(delivery.close)
    delivery.start()
    listener.started(_started(opened, delivery, record))
    for warning in record.warnings:
        listener.warned(warning)
    if renderer is not None:
        time_left = TimeLeftEstimate(planner, plan, delivery, renderer, record)
        meter = Meter(record.frames, opened.timeline.fps, listener, time_left)
        _render_pictures(planner, delivery, renderer, meter, run)
        for warning in renderer.warnings:
            run.warn(warning)
    delivery.finish()
    record.encode_seconds = delivery.encode_seconds
    if sound is not None:
        record.sound, record.levelling_seconds = sound.statistics(), sound.levelling_seconds
    with tracer.span("finish"):
        delivery.commit()
    with tracer.span("hash"):
        record.outputs.extend(delivery.records())
    if options.depfile is not None:
        write_depfile(options.depfile, _files(plan), files_read(project, opened.timeline))


def _as_drafted(plan: OutputPlan, run: ExportRun) -> OutputPlan:
    """The plan without a loudness where a draft is made: to measure it would take hearing the whole film."""
    sound = plan.sound
    if sound is None or sound.loudness is None or not run.options.draft:
        return plan
    run.record.warnings.append(
        f"the sound of the draft is not brought to {sound.loudness:g} LUFS, for which all of it would have to be heard"
    )
    return replace(plan, sound=replace(sound, loudness=None, true_peak=None))


def _sound(
    opened: OpenedProject,
    plan: OutputPlan,
    delivery: Delivery,
    run: ExportRun,
    stack: ExitStack,
) -> FilmSound | None:
    """Begin to mix, and hand its sound to every output that has some."""
    if plan.sound is None:
        return None
    channels = [channel for channel in delivery.channels if channel.planned.has_sound]
    outputs = [channel.planned for channel in channels]
    heard = HearingMeter(plan.sound.sample_count, plan.sound.sample_rate, run.listener)
    checkpoint = run.listener.checkpoint
    sound = stack.enter_context(
        FilmSound(plan.sound, outputs, opened, run.options, heard=heard, checkpoint=checkpoint, tracer=run.tracer)
    )
    for channel, source in zip(channels, sound.sources, strict=True):
        channel.play(source)
    return sound


def _render_pictures(
    planner: ExportPlanner,
    delivery: Delivery,
    renderer: PictureRenderer,
    meter: Meter,
    run: ExportRun,
) -> None:
    """Plan, draw and hand over each frame. With fast paths a picture equal to the last one is not drawn again."""
    drawn = delivery.drawn
    last: dict[PictureFormat, tuple[CompositionPlan, VideoFrame]] = {}
    for number in delivery.shown:
        run.listener.checkpoint()
        with run.tracer.span("frame", number):
            delivery.copy(number)
            if number in drawn:
                views = delivery.views(number)
                _draw(planner, renderer, number, views, last, run)
                # Outside of the above: what fails there may have to do with an earlier frame, or with sound.
                delivery.write(number, {view: last[view][1] for view in views})
        meter.frame_done(number)


def _draw(
    planner: ExportPlanner,
    renderer: PictureRenderer,
    number: int,
    views: Sequence[PictureFormat],
    last: dict[PictureFormat, tuple[CompositionPlan, VideoFrame]],
    run: ExportRun,
) -> None:
    """Bring `last`, the pictures of the views, to a frame."""
    reuse = run.options.fast_paths
    with run.tracer.span("plan", number):
        plan = planner.plan(number)
    try:
        with run.tracer.span("plan", number):
            renderer.begin(plan)
        stale = [view for view in views if not (reuse and view in last and last[view][0] == plan.picture)]
        if not stale:
            run.record.frames_reused += 1
            return
        made = renderer.draw(plan.picture, stale)
        last.update((view, (plan.picture, frame)) for view, frame in zip(stale, made, strict=True))
    except ExportError as error:
        error.locate(output_frame=plan.output_frame, timeline_time=plan.time)
        raise


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


def _files(plan: OutputPlan) -> list[Path]:
    """What make sees of the outputs."""
    return [file for each in plan.outputs if (file := output_file(each.output, each.kind)) is not None]
