"""The frame source of an export, by the system that was chosen. What was chosen works or fails."""

from __future__ import annotations

import math

from reelmill.decoders.clip_decoders import ClipDecoders
from reelmill.decoders.read_ahead import ReadAhead
from reelmill.decoders.shared.decode_slots import descriptor_share
from reelmill.decoders.shared_pool import PoolLimits, SharedDecoderPool, estimated_bytes
from reelmill.decoders.video.hardware_choice import choose_hardware
from reelmill.decoders.video.reading import Reading
from reelmill.export.opening.descriptors import OpenFilesRoom
from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import OpenedProject
from reelmill.planner.errors import SetupError
from reelmill.planner.frame_source import FrameSource
from reelmill.planner.hardware import HardwareDecoding
from reelmill.planner.process.waiting import Checkpoint, no_checkpoint
from reelmill.planner.scheduling.clip_uses import DecodeSource
from reelmill.planner.scheduling.export_planner import ExportPlanner
from reelmill.planner.scheduling.schedule import DecodeSchedule
from reelmill.planner.timelines.selection import System

_FEWEST_SHARED = 4
"""Files with which V2 works, if it has to: it closes some to open others."""


def choose_decoding(opened: OpenedProject, schedule: DecodeSchedule, options: ExportOptions) -> HardwareDecoding:
    """What decodes the videos that are shown. Raises SetupError where the device that was asked for can't."""
    facts = {name: facts for name, facts in opened.facts.items() if facts.file_hash in schedule.file_usage}
    return choose_hardware(options.hwaccel, opened.timeline.media, facts, allow_network=options.allow_network)


def open_files_room(system: System, opened: OpenedProject, planner: ExportPlanner) -> OpenFilesRoom:
    """Leave to open the files of the pictures. The caller closes it. Raises SetupError where there are too many."""

    def stays_open(source: DecodeSource) -> bool:
        return opened.facts[source.media[0]].kind in ("video", "animation")

    if system == "v1":
        return OpenFilesRoom("V1, a decoder for each clip,", most=planner.clips_at_once(stays_open))
    files = sum(1 for source in planner.sources if stays_open(source))
    return OpenFilesRoom("V2", most=min(files, descriptor_share()), least=min(files, _FEWEST_SHARED))


def check_memory_limit(planner: ExportPlanner, options: ExportOptions) -> None:
    """Raises SetupError where V2's cache can't hold what is shown in one output frame: with all of it, in one number.

    Decoders pad their rows, which may take a little more than is counted here; V2 tells of that while it renders.
    """
    limit, processes = options.memory_limit_bytes, options.processes
    heaviest = planner.heaviest_frame(limit)
    if heaviest is None:
        return
    needed = sum(map(estimated_bytes, heaviest.videos)) * processes
    held = f"{limit / 1e6:.1f} MB"
    raise SetupError(
        f"{len(heaviest.videos)} source frames that are shown at once take {heaviest.size_bytes / 1e6:.1f} MB; the "
        f"frame cache may hold {held} at most" + (f" in each of {processes} processes" if processes > 1 else ""),
        component="FrameCache",
        output_frame=heaviest.output_frame,
        suggestion=f"raise --memory-limit to {math.ceil(needed / 1e6)}MB, or show fewer pictures at once",
    )


def open_frame_source(
    system: System,
    opened: OpenedProject,
    planner: ExportPlanner,
    options: ExportOptions,
    *,
    reading: Reading,
    most_files: int,
    checkpoint: Checkpoint = no_checkpoint,
) -> FrameSource:
    """V1, one decoder per clip, or V2, one worker per file. No file is opened yet; whoever calls this closes it.

    `most_files`: that V2 may hold open. `checkpoint` is called while a frame is
    waited for; it may raise.
    """
    facts, media = opened.facts, opened.timeline.media
    if system == "v1":
        decoders = ClipDecoders(facts, media, reading)
        return ReadAhead(decoders, planner.requests_ahead, tracer=reading.tracer, checkpoint=checkpoint)
    limits = PoolLimits(options.cache_bytes, options.memory_limit_bytes, most_files=max(most_files, 1))
    return SharedDecoderPool(facts, media, planner, limits, reading, checkpoint=checkpoint)
