"""The frame source of an export, by the system that was chosen. What was chosen works or fails."""

from __future__ import annotations

from decoders.clip_decoders import ClipDecoders
from decoders.hardware import choose_hardware
from decoders.read_ahead import ReadAhead
from decoders.shared_pool import SharedDecoderPool
from decoders.still_store import StillStore
from export.job import ExportOptions
from export.project import OpenedProject
from planner.export_planner import ExportPlanner
from planner.frames import FrameSource
from planner.hardware import SOFTWARE_DECODING, HardwareDecoding
from planner.schedule import DecodeSchedule
from planner.selection import System
from planner.tracing import NO_TRACE, Tracer
from planner.waiting import Checkpoint, no_checkpoint


def choose_decoding(opened: OpenedProject, schedule: DecodeSchedule, options: ExportOptions) -> HardwareDecoding:
    """What decodes the videos that are shown. Raises SetupError where the device that was asked for can't."""
    facts = {name: facts for name, facts in opened.facts.items() if facts.file_hash in schedule.file_usage}
    return choose_hardware(options.hwaccel, opened.timeline.media, facts, allow_network=options.allow_network)


def open_frame_source(
    system: System,
    opened: OpenedProject,
    planner: ExportPlanner,
    options: ExportOptions,
    *,
    hardware: HardwareDecoding = SOFTWARE_DECODING,
    stills: StillStore | None = None,
    tracer: Tracer = NO_TRACE,
    checkpoint: Checkpoint = no_checkpoint,
) -> FrameSource:
    """V1, one decoder per clip, or V2, one worker per file. No file is opened yet; whoever calls this closes it.

    `stills`: decoded by other renders. `checkpoint` is called while a frame is waited for; it may raise.
    """
    facts, media = opened.facts, opened.timeline.media
    if system == "v1":
        decoders = ClipDecoders(
            facts, media, allow_network=options.allow_network, hardware=hardware, stills=stills, tracer=tracer
        )
        return ReadAhead(decoders, planner.requests_ahead, tracer=tracer, checkpoint=checkpoint)
    return SharedDecoderPool(
        facts,
        media,
        planner,
        cache_bytes=options.cache_bytes,
        memory_limit_bytes=options.memory_limit_bytes,
        allow_network=options.allow_network,
        hardware=hardware,
        stills=stills,
        tracer=tracer,
        checkpoint=checkpoint,
    )
