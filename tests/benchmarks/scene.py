"""What the benchmark's films show, in no tool's words. Each tool has a module that says it in its own.

Times are counts of frames at 30 frames a second, places are pixels of the stage. Times are multiples of a tenth of a
second wherever a clip is cut, so that no tool's way to write a time rounds it to another frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FPS = 30
Box = tuple[int, int, int, int]
"""x, y, width, height."""


@dataclass(frozen=True, slots=True)
class File:
    """A media file."""

    path: Path
    """Inside of the folder of footage."""
    width: int
    height: int
    frames: int
    """1 for a still."""
    gop: int
    """Frames from keyframe to keyframe; 1 for a still."""

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def is_still(self) -> bool:
        return self.frames == 1


@dataclass(frozen=True, slots=True)
class Video:
    """A stretch of a video file."""

    file: File
    at: int = 0
    """Source frame that is shown first."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A still, fitted to its stage, that grows about its centre."""

    file: File
    grows_to: float
    """Scale at the end; it begins at 1."""


@dataclass(frozen=True, slots=True)
class Lettering:
    """A line of white text: reelmill draws it, all others get `file`, cut from reelmill's picture."""

    content: str
    size: int
    file: File


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of one grey."""

    grey: int
    """0 to 255."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A canvas with what lies on it; inside of another one, a nested composition."""

    name: str
    width: int
    height: int
    frames: int
    base: tuple[Layer, ...] = ()
    """One track whose clips fill the stage, each right after or dissolving from the one before."""
    over: tuple[Layer, ...] = ()
    """Above the base, a track each, bottom to top."""
    grey: int = 0
    """The background."""

    @property
    def box(self) -> Box:
        return 0, 0, self.width, self.height

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.base + self.over


Source = Video | Photo | Lettering | Bar | Stage


@dataclass(frozen=True, slots=True)
class Layer:
    """A source at a time and a place of a stage."""

    source: Source
    start: int
    frames: int
    box: Box
    opacity: float = 1
    dissolve: int = 0
    """Frames for which it lies over the clip before it in the base, dissolving from it."""

    @property
    def end(self) -> int:
        return self.start + self.frames


@dataclass(frozen=True, slots=True)
class Scene:
    """A film of the benchmark, and what is expected of it."""

    key: str
    title: str
    stage: Stage
    least_psnr: float = 35
    """dB between the films of reelmill and ffmpeg, at the least."""
    why_less: str = ""
    """Why 35 dB can't be had, where they can't."""
    one_input: bool = False
    """Whether ffmpeg is also told to read the one file once."""
    against_ffmpeg: float | None = None
    """Wall time over that of ffmpeg's best formulation that is aimed at."""
    against_floor: float | None = None
    """Wall time over the floor that is aimed at."""
    against_one_input: float | None = None

    @property
    def frames(self) -> int:
        return self.stage.frames

    @property
    def seconds(self) -> float:
        return self.frames / FPS


def files(stage: Stage) -> list[File]:
    """The media files that a stage and those inside of it show, each once, in order of appearance."""
    found: dict[File, None] = {}
    for layer in walk(stage):
        if isinstance(layer.source, Video | Photo):
            found[layer.source.file] = None
    return list(found)


def stages(stage: Stage) -> list[Stage]:
    """The stages inside of a stage, deepest first, each once."""
    found: dict[str, Stage] = {}
    for layer in stage.layers:
        if isinstance(layer.source, Stage):
            for inner in (*stages(layer.source), layer.source):
                found[inner.name] = inner
    return list(found.values())


def walk(stage: Stage) -> Iterator[Layer]:
    """All layers, those of nested stages after the layer that shows the stage."""
    for layer in stage.layers:
        yield layer
        if isinstance(layer.source, Stage):
            yield from walk(layer.source)
