"""What is decoded when: pure data that the export planner makes, and shared decoders work from."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from reelmill.planner.source_frames import FrameRequest

Priority = Literal["current", "near", "far"]
"""Needed by the output frame that is next, within a second of it, later in the look-ahead."""
PRIORITIES: tuple[Priority, ...] = ("current", "near", "far")
"""The most urgent first."""
DISTANT_FRAMES = 16
"""Source frames between two positions of a file from which on one decoder can't serve both by decoding on."""
CLOSE_SECONDS = Fraction(1)
"""Source seconds between two time ranges of a file below which they are reported as one."""
HEAVY_SHARE = Fraction(1, 5)
"""Of the output frames: a file that more of them need is in heavy use."""


@dataclass(frozen=True, slots=True)
class ScheduledRequest:
    """A source frame, and when it is needed."""

    request: FrameRequest
    output_frame: int
    """The first of the look-ahead that needs it, n of the whole film."""
    priority: Priority
    depth: int
    """Composition clips above it; 0 in the root."""


@dataclass(frozen=True, slots=True)
class FileBatch:
    """What is needed of one file soon."""

    file_hash: str
    media: str
    """Name of a media entry to open it by."""
    requests: tuple[ScheduledRequest, ...]
    """Each source frame once, sorted by priority, then by pts. At least one."""


@dataclass(frozen=True, slots=True)
class UsagePattern:
    """What an export needs of one file. Layers that others hide are counted as needed."""

    file_hash: str
    media: tuple[str, ...]
    """Names of the media entries that are this file, sorted."""
    clip_ids: tuple[str, ...]
    """The clips that show it, each instance of a nested one, by first use: ids from the root down, joined by "/".
    Of a composition that several clips show at the same moments, the instances of the first."""
    time_ranges: tuple[tuple[Fraction, Fraction], ...]
    """Start and end in source seconds, ascending; those that overlap or lie closer than a second are one.
    Each frame shown begins inside of one. Empty for stills."""
    total_frames: int
    """Distinct source frames."""
    least_decoded: int
    """Frames from the keyframe before each needed frame to that frame, each once: no decoder can put out less."""
    output_frames: int
    """Output frames that need the file."""
    heavy: bool
    """More than a fifth of the output frames need it."""
    positions: int
    """The most positions, far from each other, that one output frame needs."""


@dataclass(frozen=True, slots=True)
class DecodeSchedule:
    """The whole range that is exported."""

    file_usage: dict[str, UsagePattern]
    """By file hash, in the order of first use."""
    total_frames: int
    """Output frames."""
