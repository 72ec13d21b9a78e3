"""What crosses rooms while rendering: a request for a source frame, the frame, and what decoders counted. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field

from reelmill.planner.colour import ColourTags
from reelmill.planner.media import Orientation
from reelmill.planner.pixel_format import PixelFormat

InstancePath = tuple[str, ...]
"""Clip ids from the root's clip down to the clip itself: the instance of a clip in nested compositions."""


@dataclass(frozen=True, slots=True)
class FrameRequest:
    """One frame of one file. Equal requests have equal pixels: the clip that asks does not count."""

    media: str
    """Name of the media entry."""
    file_hash: str
    pts: int
    """In the stream's time base; exact. 0 for stills."""
    instance: InstancePath = field(compare=False)
    """The clip that asks."""

    @property
    def clip(self) -> str:
        return self.instance[-1]


@dataclass(frozen=True, slots=True)
class Plane:
    """Samples of one plane in memory. Read-only: decoders go on using decoded planes as references."""

    data: memoryview
    """stride × height bytes, contiguous."""
    stride_bytes: int
    width: int
    """Samples (pixels for packed formats)."""
    height: int


@dataclass(frozen=True, slots=True)
class WritablePlane:
    """Memory of one plane that a finished picture is written to, such as that of an encoder's frame."""

    data: memoryview
    """stride × height bytes, contiguous, writable."""
    stride_bytes: int
    width: int
    """Samples (pixels for packed formats)."""
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A decoded picture, as stored: not yet turned, scaled or converted."""

    pts: int
    width: int
    height: int
    format: PixelFormat
    planes: tuple[Plane, ...]
    colour: ColourTags
    orientation: Orientation = Orientation()
    owner: object = field(default=None, repr=False)
    """Keeps the memory of the planes alive."""


@dataclass(slots=True)
class FileCacheStatistics:
    """What the frame cache held of one file."""

    frames: int = 0
    """The most at one time."""
    peak_bytes: int = 0


@dataclass(slots=True)
class CacheStatistics:
    """Counters of the frame cache of shared decoders (docs/reference/report.md). V1 keeps no frames: all stay 0."""

    hits: int = 0
    misses: int = 0
    peak_bytes: int = 0
    evictions: int = 0
    per_file: dict[str, FileCacheStatistics] = field(default_factory=dict)
    """By file hash."""

    @property
    def hit_rate(self) -> float | None:
        """Share of the requests whose frame was ready when it was asked for; None before the first."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None


@dataclass(slots=True)
class DecodeStatistics:
    """Counters of a frame source (docs/reference/report.md says what each counts)."""

    unique_files: int = 0
    workers: int = 0
    opened: int = 0
    peak_open: int = 0
    frames_decoded: int = 0
    frames_requested: int = 0
    planned_redecodes: int = 0
    seeks: int = 0
    busy_seconds: float = 0.0
    """Of all threads that decode."""
    copy_seconds: float = 0.0
    """Part of `busy_seconds`: copying decoded frames into the cache."""
    waited_seconds: float = 0.0
    """That the render thread spent in `frame`. Where it decodes itself, the same as `busy_seconds`."""
    cache: CacheStatistics = field(default_factory=CacheStatistics)
