"""One export from start to end: the only place that sees plan, pictures, sound and encoder together.

In: a project file, an output path, options. Out: the finished file and the report. The render thread is the
caller's: it plans, decodes and composites; one encode thread takes the finished pictures and the sound.
Whatever goes wrong, everything opened here is closed, the thread is joined, and the target is the old file or none.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from export.codecs import OutputSettings, choose_output, has_picture, same_codec
from export.copying import copy_summary, plan_copying
from export.film_range import frames_asked, samples_of, time_asked
from export.frame_source import choose_decoding
from export.job import ExportOptions, Listener, SilentListener, Started
from export.loudness import LevelledSound
from export.meter import Meter
from export.movie_writer import MovieWriter
from export.output_file import OutputFile
from export.picture_file import check_picture_path, write_picture
from export.picture_renderer import PictureRenderer
from export.profile import Profile
from export.project import OpenedProject, open_project
from export.report import ExportRecord, OutputRecord
from export.sound_mix import SoundMix
from planner.clock import Time, format_time, frame_count
from planner.colour import SRGB
from planner.copy_plan import Stretch
from planner.cues import plan_sound
from planner.errors import ExportError, SetupError
from planner.export_planner import ExportPlanner
from planner.frame_plan import CompositionPlan
from planner.frames import WritablePlane
from planner.pixel_format import PIXEL_FORMATS
from planner.selection import System, complexity, select_export_system
from planner.timeline import AudioSettings, VideoSettings
from planner.tracing import NO_TRACE, Tracer

MAX_HAND_OVER_SHARE = 0.2
"""Of the wall time: more for handing frames over, without making anything of them, is worth a warning in the log."""
_log = logging.getLogger("reelmill.export")


def export_film(
    project: Path,
    output: Path,
    options: ExportOptions,
    listener: Listener | None = None,
    record: ExportRecord | None = None,
    profile: Profile | None = None,
) -> dict[str, Any]:
    """Render a project to a film or a sound file, and return the report.

    Raises SetupError before, RenderError while frames are rendered. `record` is filled in as the export goes on,
    for the report of a failure, and so is `profile`.
    """
    record = record or ExportRecord()
    started = time.perf_counter()
    try:
        with ExitStack() as stack:
            _export(project, output, options, listener or SilentListener(), record, profile or NO_TRACE, stack)
    finally:
        record.wall_seconds = time.perf_counter() - started
    _log_hand_over(record)
    if profile is not None:
        record.bottleneck = profile.bottleneck()
    return record.as_dict()


def _export(
    path: Path,
    output: Path,
    options: ExportOptions,
    listener: Listener,
    record: ExportRecord,
    tracer: Tracer,
    stack: ExitStack,
) -> None:
    started = time.perf_counter()
    with tracer.span("open"):
        opened = open_project(path, options)
    listener.checkpoint()
    timeline = opened.timeline
    record.warnings.extend(opened.warnings)
    system, record.system_reason = choose_system(opened, options)
    record.system = system
    frames = frames_asked(timeline, options.range)
    samples = samples_of(timeline, frames)
    heard = None if options.no_audio else plan_sound(timeline, opened.facts)
    settings = _output_settings(opened, output, options, has_sound=heard is not None and bool(heard.cues))
    with tracer.span("plan"):
        copying = plan_copying(opened, frames, settings.video, options) if settings.video else None
        planner = _planner(opened, frames, options, copying.copied if copying else ())
    if copying and options.copy != "off":
        record.copied = copying.parts
    hardware = choose_decoding(opened, planner.schedule, options)
    record.hwaccel, record.hwaccel_reason = hardware.name, hardware.reason
    target = stack.enter_context(OutputFile(output, force=options.force))
    record.plan_seconds = time.perf_counter() - started

    renderer = None
    mix: SoundMix | None = None
    sound: SoundMix | LevelledSound | None = None
    if settings.video is not None:
        record.frames = len(frames)
        renderer = stack.enter_context(
            PictureRenderer(
                opened,
                planner,
                options,
                record,
                system=system,
                pixel_format=settings.video.pix_fmt,
                colour=settings.video.colour,
                size=(settings.video.width, settings.video.height),
                hardware=hardware,
                tracer=tracer,
            )
        )
    if settings.audio is not None:
        assert heard is not None
        # The loudness of a range is that of the film.
        mixed = samples if heard.loudness is None else range(heard.sample_count)
        sound = mix = SoundMix(
            heard,
            timeline.media,
            opened.facts,
            first_sample=mixed.start,
            sample_count=len(mixed),
            workers=options.audio_workers,
            allow_network=options.allow_network,
        )
        stack.callback(mix.close)
        if heard.loudness is not None:
            with tracer.span("mix sound"):
                sound = LevelledSound(mix, heard, settings.audio, samples, listener.checkpoint)
            stack.callback(sound.close)
    writer = MovieWriter(
        target.path,
        settings,
        sound=sound,
        target=output,
        tags=dict(timeline.tags),
        checkpoint=listener.checkpoint,
        tracer=tracer,
        splice=copying.splice if copying else None,
    )
    stack.callback(writer.abort)

    record.duration_seconds = len(samples) / timeline.sample_rate
    listener.started(_started(output, opened, settings, record))
    for warning in opened.warnings:
        listener.warned(warning)
    if renderer is not None and copying is not None:
        meter = Meter(len(frames), timeline.fps, listener)
        for stretch in copying.stretches:
            if stretch.copied:
                writer.copy(copying.run(stretch))
                meter.frames_done(len(stretch.frames))
            else:
                _render(
                    planner, stretch.frames, renderer, writer, meter, listener, record, tracer, reuse=options.fast_paths
                )
        for warning in renderer.warnings:
            record.warnings.append(warning)
            listener.warned(warning)
    writer.finish()
    record.encode_seconds = writer.busy_seconds
    record.sound = mix.statistics() if mix else None
    record.levelling_seconds = sound.busy_seconds if isinstance(sound, LevelledSound) else 0.0
    with tracer.span("finish"):
        target.commit()
    with tracer.span("hash"):
        record.outputs.append(OutputRecord(str(output), output.stat().st_size, _sha256(output), record.frames))


def _render(
    planner: ExportPlanner,
    frames: range,
    renderer: PictureRenderer,
    writer: MovieWriter,
    meter: Meter,
    listener: Listener,
    record: ExportRecord,
    tracer: Tracer,
    *,
    reuse: bool,
) -> None:
    """Plan, draw and hand over some frames. With `reuse` a picture equal to the one before is not drawn again."""
    shown: CompositionPlan | None = None
    buffer = None
    for number in frames:
        listener.checkpoint()
        with tracer.span("frame", number):
            with tracer.span("plan", number):
                plan = planner.plan(number)
            try:
                with tracer.span("plan", number):
                    renderer.begin(plan)
                if buffer is None or not reuse or plan.picture != shown:
                    buffer = writer.new_picture()
                    renderer.draw(plan.picture, buffer.planes)
                    shown = plan.picture
                else:
                    record.frames_reused += 1
            except ExportError as error:
                error.locate(output_frame=plan.output_frame, timeline_time=plan.time)
                raise
            # Outside of the above: what fails there may have to do with an earlier frame, or with sound.
            writer.write(buffer)
        meter.frames_done(1)


def _log_hand_over(record: ExportRecord) -> None:
    share = record.hand_over_seconds / record.wall_seconds
    level = logging.WARNING if share > MAX_HAND_OVER_SHARE else logging.DEBUG
    _log.log(level, "copying frames to OpenGL and the encoder took %.0f%% of the time", 100 * share)


def _planner(
    opened: OpenedProject, frames: range, options: ExportOptions, copied: Sequence[Stretch] = ()
) -> ExportPlanner:
    return ExportPlanner(
        opened.timeline,
        opened.facts,
        opened.text_sizes,
        frames,
        simplify=options.fast_paths,
        scale=options.canvas_scale,
        copied=[stretch.frames for stretch in copied],
    )


def choose_system(opened: OpenedProject, options: ExportOptions) -> tuple[System, str]:
    """The decoding system and its reason."""
    found = complexity(opened.timeline, opened.facts)
    return select_export_system(found.unique_files, found.nested_clips, found.compositions, options.system)


def _output_settings(opened: OpenedProject, output: Path, options: ExportOptions, *, has_sound: bool) -> OutputSettings:
    timeline = opened.timeline
    asked_of_pictures = options.video != VideoSettings() or options.size or options.draft or options.copy != "off"
    if not has_picture(output) and (asked_of_pictures or options.hwaccel != "none"):
        raise SetupError(
            f"{output.name} has sound alone, and options of pictures were given",
            component="Encoder",
            suggestion="leave out what concerns pictures (codec, crf, size, draft, …), or name a film, such as out.mp4",
        )
    # A project's settings of sound go with its pictures; sound alone is another kind of output.
    project_audio = timeline.audio if has_picture(output) else AudioSettings()
    width, height = options.size or (timeline.root.width, timeline.root.height)
    if options.draft and options.size is None:
        width, height = (-(-side // 4) * 2 for side in (width, height))
    return choose_output(
        output,
        width=width,
        height=height,
        fps=timeline.fps,
        sample_rate=timeline.sample_rate,
        channels=timeline.channels,
        has_sound=has_sound,
        video=_merged(timeline.video, options.video, output),
        audio=_merged(project_audio, options.audio, output),
        threads=options.threads,
    )


_Settings = TypeVar("_Settings", VideoSettings, AudioSettings)


def _merged(project: _Settings, flags: _Settings, output: Path) -> _Settings:
    """The project's settings, replaced by what the command line gives.

    With another codec nothing of the project's is left: its preset or bitrate meant the codec it was written for.
    """
    if flags.codec is not None and not same_codec(output, flags.codec, project.codec):
        return flags
    given = {f.name: value for f in fields(flags) if (value := getattr(flags, f.name)) is not None}
    if "crf" in given:
        given.setdefault("bitrate", None)
    if "bitrate" in given and isinstance(project, VideoSettings):
        given.setdefault("crf", None)
    return replace(project, **given)


def _started(output: Path, opened: OpenedProject, settings: OutputSettings, record: ExportRecord) -> Started:
    root = opened.timeline.root
    return Started(
        output=output,
        frames=record.frames,
        fps=opened.timeline.fps,
        width=settings.video.width if settings.video else root.width,
        height=settings.video.height if settings.video else root.height,
        system=record.system or "",
        system_reason=record.system_reason or "",
        renderer=record.renderer,
        renderer_kind=record.renderer_kind,
        hwaccel=record.hwaccel or "none",
        hwaccel_reason=record.hwaccel_reason,
        video_codec=settings.video.encoder if settings.video else None,
        audio_codec=settings.audio.encoder if settings.audio else None,
        copying=None if record.copied is None else copy_summary(record.copied),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def export_frame(project: Path, at: Time, output: Path, options: ExportOptions) -> None:
    """Write the output frame that is on screen at a time as a picture. Raises SetupError or RenderError."""
    opened = open_project(project, options)
    timeline = opened.timeline
    moment = time_asked(timeline, at, "--at")
    number = int(moment * timeline.fps // 1)
    if not 0 <= number < frame_count(timeline.duration, timeline.fps):
        raise SetupError(
            f"there is no frame at {format_time(moment)}: the film lasts {format_time(opened.timeline.duration)}",
            component="Project",
            suggestion="give --at a time inside of the film",
        )
    width, height = options.size or (opened.timeline.root.width, opened.timeline.root.height)
    opaque = opened.timeline.root.background[3] == 1
    check_picture_path(output, has_alpha=not opaque)
    pixels = np.zeros((height, width, 4), np.uint8)
    planner = _planner(opened, range(number, number + 1), options)
    with OutputFile(output, force=options.force) as target:
        with PictureRenderer(
            opened,
            planner,
            options,
            ExportRecord(),
            system="v1",
            pixel_format=PIXEL_FORMATS["rgba"],
            colour=SRGB,
            size=(width, height),
        ) as renderer:
            plan = planner.plan(number)
            renderer.begin(plan)
            try:
                renderer.draw(
                    plan.picture,
                    [WritablePlane(pixels.data.cast("B"), width * 4, width, height)],
                )
            except ExportError as error:
                error.locate(output_frame=number, timeline_time=plan.time)
                raise
        write_picture(target.path, pixels[:, :, :3] if opaque else pixels)
        target.commit()
