"""What an export is asked to write: one `Output` for each file, picture folder or stream. Pure data.

From the project's `outputs` and from the command line; what is made of it (container, encoder, pixel format) is
`export`'s to decide.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from reelmill.planner.clock import Time, parse_time

STANDARD_OUTPUT = "-"
"""The path that stands for standard output."""
OutputKind = Literal["film", "sound", "animation", "pictures", "poster", "sheet", "hls"]
"""A film with or without sound; sound alone; a GIF, APNG or WebP that moves; numbered pictures; one picture; a grid
of pictures with timecodes; a playlist with segments."""
Alpha = Literal["flatten", "keep"]
Palette = Literal["film", "frame"]
Dither = Literal["none", "bayer", "floyd_steinberg", "sierra2_4a"]


@dataclass(frozen=True, slots=True)
class VideoSettings:
    """`export.video`; None leaves the choice to the container."""

    codec: str | None = None
    preset: str | None = None
    crf: float | None = None
    bitrate: int | None = None
    """Bits a second."""
    pix_fmt: str | None = None
    gop: int | None = None
    """Frames between keyframes at most."""
    profile: str | None = None
    """Of codecs that come in kinds, such as ProRes' `hq` and `4444`."""


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """`export.audio`."""

    codec: str | None = None
    bitrate: int | None = None


@dataclass(frozen=True, slots=True)
class AnimationSettings:
    """Of a GIF, APNG or WebP; None leaves the choice to the format."""

    palette: Palette | None = None
    """GIF: one palette for the film, or one for each frame."""
    colors: int | None = None
    """GIF: 2 to 256, a transparent one included."""
    dither: Dither | None = None
    """GIF."""
    loop: int | None = None
    """How often it plays; 0 for ever."""
    quality: int | None = None
    """WebP: 0 to 100; None is lossless."""


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """Of numbered pictures, a poster and a sheet; None leaves the choice to the format."""

    quality: int | None = None
    """JPEG and WebP: 1 to 100."""
    depth: int | None = None
    """PNG and TIFF: bits a sample, 8 or 16."""
    start_number: int | None = None
    """Number of the first of numbered pictures."""
    at: Time | None = None
    """The poster's moment; None for a tenth of the duration."""
    columns: int | None = None
    """Of a sheet."""
    rows: int | None = None
    """Of a sheet."""


@dataclass(frozen=True, slots=True)
class Output:
    """One thing to write, as it was asked for."""

    path: str
    """A file, a pattern such as `frames/%06d.png`, or `-` for standard output."""
    kind: OutputKind | None = None
    """None: it follows from the path."""
    size: tuple[int, int] | None = None
    """Width and height, pixels; None for the canvas' size."""
    fps_divisor: int = 1
    """Every so many-th frame of the timeline is shown."""
    range: tuple[Time, Time] | None = None
    """Start (inclusive) and end (exclusive) on the timeline; None for all that is exported."""
    video: VideoSettings = field(default_factory=VideoSettings)
    audio: AudioSettings = field(default_factory=AudioSettings)
    no_audio: bool = False
    no_subtitles: bool = False
    """Without tracks of subtitles; what is burnt in stays."""
    alpha: Alpha = "flatten"
    container: str | None = None
    """Extension of the kind of file, such as `mkv` or `ts`, where the path does not tell it; standard output (`-`)
    is Matroska without. On the command line it stands where the kind does: `ts=-`, `mkv=-`."""
    fragmented: bool = False
    """Of an mp4 or mov: in pieces that can be played while the file is being written, or piped. On the command line
    `fmp4=PATH`."""
    animation: AnimationSettings = field(default_factory=AnimationSettings)
    pictures: PictureSettings = field(default_factory=PictureSettings)
    place: str | None = None
    """Where it stands in the project file, for messages; None for one of the command line."""
    at: InitVar[Time | str | float | Decimal | Fraction | None] = None
    """The poster's moment, as `pictures.at`: seconds, or a text such as "120f"."""

    def __post_init__(self, at: Time | str | float | Decimal | Fraction | None) -> None:
        if at is not None:
            time = at if isinstance(at, Time) else parse_time(Decimal(repr(at)) if isinstance(at, float) else at)
            object.__setattr__(self, "pictures", replace(self.pictures, at=time))
