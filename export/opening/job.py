"""What an export is asked to do and what it tells while it works. Light: imports no media library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol

from reelmill.planner.clock import Time
from reelmill.planner.hardware import Hwaccel
from reelmill.planner.outputs import AudioSettings, OutputKind, VideoSettings

SystemChoice = Literal["auto", "v1", "v2"]
Renderer = Literal["auto", "hardware", "software"]
Copy = Literal["off", "auto"]
DEFAULT_CACHE_BYTES = 500 * 10**6
DEFAULT_MEMORY_LIMIT_BYTES = 10**9


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The flags of `reelmill export`; None and the defaults leave a choice to the project."""

    variables: Mapping[str, object] = field(default_factory=dict)
    """`--set NAME=VALUE`: texts, JSON data, or `Bound`s of `planner.templates.variables`."""
    system: SystemChoice = "auto"
    range: tuple[Time, Time] | None = None
    """Start (inclusive) and end (exclusive) on the timeline."""
    video: VideoSettings = field(default_factory=VideoSettings)
    """What is not None here replaces the project's `export.video`."""
    audio: AudioSettings = field(default_factory=AudioSettings)
    no_audio: bool = False
    size: tuple[int, int] | None = None
    """Output width and height, pixels; None for the canvas' size."""
    at: Time | None = None
    """A poster's moment; None for a tenth of the duration."""
    draft: bool = False
    threads: int | None = None
    """Encoder threads; None for the constant that keeps bytes the same on every machine."""
    cache_bytes: int = DEFAULT_CACHE_BYTES
    memory_limit_bytes: int = DEFAULT_MEMORY_LIMIT_BYTES
    processes: int = 1
    """That share a limit, of which this one got its part: what is asked for in messages is for all of them."""
    audio_workers: int | None = None
    """Threads that decode sound; None for one for each core, at most four."""
    renderer: Renderer = "auto"
    hwaccel: Hwaccel = "none"
    """What decodes videos: a kind of device, `auto` for the first that works, `none` for the processor."""
    copy: Copy = "off"
    """Whether packets of the sources are copied where they fit: `auto` copies what it can."""
    fast_paths: bool = True
    """Whether work is saved where the picture allows it: hidden layers, equal pictures, flattening, and the like."""
    force: bool = False
    reserved: tuple[Path, ...] = ()
    """What the caller writes itself, such as a report: no output may be one of these files."""
    depfile: Path | None = None
    """A rule for make is written here, of the outputs and what they were made from."""
    allow_network: bool = False
    project_text: str | None = None
    """The project, where it is no file. The path beside it says where relative paths begin."""

    @property
    def canvas_scale(self) -> Fraction:
        """Pixels that are composited for a canvas pixel, on each axis."""
        return Fraction(1, 2) if self.draft else Fraction(1)


@dataclass(frozen=True, slots=True)
class StartedOutput:
    """One of the outputs that are about to be made."""

    path: str
    kind: OutputKind
    frames: int
    """Of its own; 0 for sound alone."""
    fps: Fraction
    width: int | None
    """Pixels; None for sound alone."""
    height: int | None
    video_codec: str | None
    """libav's name of the encoder; None for what is no film."""
    audio_codec: str | None
    copying: str | None = None
    """How much is copied as packets; None where that was not asked for."""


@dataclass(frozen=True, slots=True)
class Started:
    """Told once, when all choices are made and the first frame is about to be rendered."""

    outputs: tuple[StartedOutput, ...]
    frames: int
    """Of the timeline that some output shows; 0 for sound alone."""
    fps: Fraction
    """Of the timeline."""
    system: str
    system_reason: str
    renderer: str | None
    """Name of the OpenGL renderer; None for sound alone."""
    renderer_kind: str | None
    """`hardware` or `software`."""
    hwaccel: str
    """The kind of device that decodes videos, or `none`."""
    hwaccel_reason: str | None
    """None where nothing was asked for."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Told after frames were handed to the encoder."""

    frames: int
    """Done."""
    total: int
    elapsed_seconds: float
    frames_per_second: float
    realtime_factor: float
    """Seconds of film rendered per second of time."""
    remaining_seconds: float | None


@dataclass(frozen=True, slots=True)
class Listening:
    """Told before the first picture, while all of the sound is heard: where it is to be brought to a loudness."""

    times: int
    """Which time the film is heard, from 1: again where it is limited, or changed by a lossy codec."""
    seconds: float
    """Of the film, heard so far."""
    total_seconds: float


class Listener(Protocol):
    """Hears what an export tells; called on the render thread."""

    def listened(self, event: Listening) -> None: ...

    def started(self, event: Started) -> None: ...

    def progressed(self, event: Progress) -> None: ...

    def warned(self, message: str) -> None: ...

    def checkpoint(self) -> None:
        """Called between frames and while the export waits. May raise (KeyboardInterrupt, say) to end the export."""


class SilentListener:
    """Hears nothing."""

    def listened(self, event: Listening) -> None:
        pass

    def started(self, event: Started) -> None:
        pass

    def progressed(self, event: Progress) -> None:
        pass

    def warned(self, message: str) -> None:
        pass

    def checkpoint(self) -> None:
        pass
