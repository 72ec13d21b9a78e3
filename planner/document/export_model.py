"""`export` and `outputs` in a project file: how a film is encoded, and what one pass over the timeline writes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated

from pydantic.json_schema import JsonSchemaValue

from reelmill.planner import outputs
from reelmill.planner.fields.base import ObjectModel
from reelmill.planner.fields.kinds import (
    BitRate,
    Characters,
    Choice,
    Kind,
    Number,
    Switch,
    Whole,
    fault,
    json_kind,
)
from reelmill.planner.fields.places import FieldContext, FilePath, PlacedKind, Seconds
from reelmill.planner.limits import MAX_CANVAS_PX

_Name = Annotated[str, Characters()]


@dataclass(frozen=True, slots=True)
class OutputPath(PlacedKind):
    """A path as of any file, or `-`."""

    def read(self, value: object, reading: FieldContext) -> str:
        return outputs.STANDARD_OUTPUT if value == outputs.STANDARD_OUTPUT else FilePath().read(value, reading)

    def schema(self) -> JsonSchemaValue:
        return FilePath().schema()


@dataclass(frozen=True, slots=True)
class PixelSize(Kind):
    """[width, height] in whole pixels, as a tuple."""

    def read(self, value: object) -> tuple[int, int]:
        if not isinstance(value, list) or len(value) != 2:
            given = f"a list of {len(value)}" if isinstance(value, list) else json_kind(value)
            raise fault(f"must be [width, height], not {given}")
        width, height = (Whole(1, MAX_CANVAS_PX).read(side) for side in value)
        return width, height

    def schema(self) -> JsonSchemaValue:
        return {"type": "array", "items": Whole(1, MAX_CANVAS_PX).schema(), "minItems": 2, "maxItems": 2}


@dataclass(frozen=True, slots=True)
class TimeSpan(PlacedKind):
    """[start, end] on the timeline, resolved to seconds."""

    def read(self, value: object, reading: FieldContext) -> tuple[Fraction, Fraction]:
        if not isinstance(value, list) or len(value) != 2:
            given = f"a list of {len(value)}" if isinstance(value, list) else json_kind(value)
            raise fault(f"must be [start, end], two times, not {given}")
        start, end = (Seconds("not negative").read(time, reading) for time in value)
        if end <= start:
            raise fault("must end after it starts")
        return start, end

    def schema(self) -> JsonSchemaValue:
        return {"type": "array", "items": Seconds("not negative").schema(), "minItems": 2, "maxItems": 2}


class VideoSettingsModel(ObjectModel):
    """How the picture is encoded. What is left out depends on the container."""

    value = outputs.VideoSettings

    codec: _Name | None = None
    """Such as h264, hevc, av1, vp9, prores or ffv1."""
    preset: _Name | None = None
    """Of the encoder: speed against size."""
    crf: Annotated[float, Number(0, 63)] | None = None
    """Constant quality; less is better and larger."""
    bitrate: Annotated[int, BitRate()] | None = None
    """Bits a second: a number, or such as "8M"."""
    pix_fmt: _Name | None = None
    """Pixel format, by libav's name, such as yuv420p."""
    gop: Annotated[int, Whole(1, 100_000)] | None = None
    """Frames from keyframe to keyframe at most."""
    profile: _Name | None = None
    """Kind of the codec: such as 4444 or hq of prores, high of h264."""


class AudioSettingsModel(ObjectModel):
    """How the sound is encoded. What is left out depends on the container."""

    value = outputs.AudioSettings

    codec: _Name | None = None
    """Such as aac, opus, flac or pcm_s16le."""
    bitrate: Annotated[int, BitRate()] | None = None
    """Bits a second: a number, or such as "192k"."""


class ExportModel(ObjectModel):
    """How films are encoded; what an output says, and flags of the command line, win."""

    video: VideoSettingsModel = VideoSettingsModel()
    """The picture."""
    audio: AudioSettingsModel = AudioSettingsModel()
    """The sound."""


class AnimationSettingsModel(ObjectModel):
    """Of a GIF, APNG or WebP that moves."""

    value = outputs.AnimationSettings

    palette: Annotated[outputs.Palette, Choice()] | None = None
    """GIF: one palette for the film, or one for each frame. Default: film."""
    colors: Annotated[int, Whole(2, 256)] | None = None
    """GIF: how many colours, a transparent one included. Default: 256."""
    dither: Annotated[outputs.Dither, Choice()] | None = None
    """GIF: how colours between those of the palette are made."""
    loop: Annotated[int, Whole(0, 65_535)] | None = None
    """How often it plays; 0 for ever. Default: 0."""
    quality: Annotated[int, Whole(0, 100)] | None = None
    """WebP: 0 to 100. Default: lossless."""


class PictureSettingsModel(ObjectModel):
    """Of numbered pictures, a poster and a sheet."""

    quality: Annotated[int, Whole(1, 100)] | None = None
    """JPEG and WebP: 1 to 100."""
    depth: Annotated[int, Whole(8, 16)] | None = None
    """PNG and TIFF: bits a sample, 8 or 16. Default: 8."""
    start_number: Annotated[int, Whole(0, 10**9)] | None = None
    """Of the first of numbered pictures. Default: 0."""
    at: Annotated[Fraction, Seconds("not negative")] | None = None
    """The poster's moment on the timeline. Default: a tenth of the duration."""
    columns: Annotated[int, Whole(1, 100)] | None = None
    """Of a sheet."""
    rows: Annotated[int, Whole(1, 1000)] | None = None
    """Of a sheet."""


class OutputModel(ObjectModel):
    """Something that an export writes."""

    path: Annotated[str, OutputPath()]
    """A file, a pattern such as frames/%06d.png, or - for standard output; relative to the project file."""
    kind: Annotated[outputs.OutputKind, Choice()] | None = None
    """What is made. Default: it follows from the path; a single picture is a poster."""
    size: Annotated[tuple[int, int], PixelSize()] | None = None
    """Width and height, pixels, with bars where the aspect differs. Default: the canvas' size."""
    fps_divisor: Annotated[int, Whole(1, 1000)] = 1
    """Only every so many-th frame of the timeline is shown."""
    range: Annotated[tuple[Fraction, Fraction], TimeSpan()] | None = None
    """The part of the timeline, from its start up to its end: [2.5, 10]. Default: all that is exported."""
    video: VideoSettingsModel = VideoSettingsModel()
    """How the picture is encoded; what is left out is as under export."""
    audio: AudioSettingsModel = AudioSettingsModel()
    """How the sound is encoded; what is left out is as under export."""
    no_audio: Annotated[bool, Switch()] = False
    """true writes no sound."""
    no_subtitles: Annotated[bool, Switch()] = False
    """true writes no tracks of subtitles; what is burnt in stays."""
    alpha: Annotated[outputs.Alpha, Choice()] = "flatten"
    """flatten paints the pictures over the canvas' background, keep writes their transparency."""
    container: _Name | None = None
    """Extension of the kind of file, such as mkv, where the path does not tell it."""
    fragmented: Annotated[bool, Switch()] = False
    """Of an mp4 or mov: in pieces that can be played while the file is being written."""
    animation: AnimationSettingsModel = AnimationSettingsModel()
    """Of a GIF, APNG or WebP that moves."""
    pictures: PictureSettingsModel = PictureSettingsModel()
    """Of numbered pictures, a poster and a sheet."""
