"""The frame source of an export, by the system that was chosen. What was chosen works or fails."""

from __future__ import annotations

from decoders.clip_decoders import ClipDecoders
from decoders.shared_pool import SharedDecoderPool
from export.job import ExportOptions
from export.project import OpenedProject
from planner.export_planner import ExportPlanner
from planner.frames import FrameSource
from planner.selection import System


def open_frame_source(
    system: System, opened: OpenedProject, planner: ExportPlanner, options: ExportOptions
) -> FrameSource:
    """V1, one decoder per clip, or V2, one worker per file. No file is opened yet; whoever calls this closes it."""
    facts, media = opened.facts, opened.timeline.media
    if system == "v1":
        return ClipDecoders(facts, media, allow_network=options.allow_network)
    return SharedDecoderPool(
        facts,
        media,
        planner,
        cache_bytes=options.cache_bytes,
        memory_limit_bytes=options.memory_limit_bytes,
        allow_network=options.allow_network,
    )
