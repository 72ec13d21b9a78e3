"""The project file as its author writes it: one model for each object, checked by pydantic.

In: JSON data with variables replaced (planner.variables). Out: models whose values are those of planner.timeline,
which planner.loader builds from them. The text under a field is its description in the JSON Schema. None stands for
a key that was left out; what spans several fields is checked by planner.rules.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from reelmill.planner import timeline
from reelmill.planner.animation import Animated, Easing
from reelmill.planner.colour import BLACK, TRANSPARENT
from reelmill.planner.content import Fit
from reelmill.planner.contents.catalogue import CONTENTS, ContentModel
from reelmill.planner.document.checks_model import MomentsOrChecks
from reelmill.planner.document.export_model import ExportModel, OutputModel
from reelmill.planner.document.fade_model import Fade
from reelmill.planner.document.metadata_model import MarkerModel, SubtitlesModel
from reelmill.planner.effects.catalogue import AnyEffect
from reelmill.planner.fields.animated import Animation
from reelmill.planner.fields.base import AnyColour, ObjectModel, Shorthand
from reelmill.planner.fields.kinds import (
    Characters,
    Choice,
    EasingCurve,
    FormatVersion,
    FrameRate,
    Label,
    Number,
    Speed,
    Switch,
    VariableValue,
    Whole,
)
from reelmill.planner.fields.lists import Several
from reelmill.planner.fields.places import FilePath, Seconds, SecondsOrFill
from reelmill.planner.limits import MAX_CANVAS_PX, MAX_FILTERS_LENGTH

Name = Annotated[str, Characters()]
Enabled = Annotated[bool, Switch()]
Pixels = Annotated[int, Whole(1, MAX_CANVAS_PX)]
Duration = Annotated[Fraction, Seconds("positive")]
Delay = Annotated[Fraction, Seconds("not negative")]
Fraction01 = Annotated[Animated, Animation(0, 1)]
Decibels = Annotated[Animated, Animation(-200, 60)]
Pan = Annotated[Animated, Animation(-1, 1)]
FilterText = Annotated[str, Characters(MAX_FILTERS_LENGTH)]


class CanvasModel(ObjectModel):
    """The picture that is rendered."""

    width: Pixels
    """Pixels."""
    height: Pixels
    """Pixels."""
    fps: Annotated[Fraction, FrameRate()]
    """Frames a second, exact: a number, or "N/D" such as "30000/1001"."""
    background: AnyColour = BLACK
    """Colour under all tracks. Default: black."""
    duration: Duration | None = None
    """Length of the film. Default: the end of the last clip."""


class SoundModel(ObjectModel):
    """The sound that is mixed."""

    sample_rate: Annotated[int, Whole(8000, 192_000)] = 48_000
    """Samples a second."""
    channels: Annotated[int, Whole(1, 8)] = 2
    """1 is mono, 2 is stereo, 6 is 5.1."""
    gain_db: Decibels | None = None
    """Of everything, decibels. Default: 0."""
    filters: FilterText | None = None
    """A chain of libavfilter that everything goes through, such as "highpass=f=30,acompressor". Default: none."""
    loudness: Annotated[float, Number(-60, 0)] | None = None
    """Integrated loudness to which the film is brought, LUFS (EBU R 128). Default: it stays as it is."""
    true_peak: Annotated[float, Number(-60, 0)] | None = None
    """Ceiling, dBTP: a limiter keeps the film under it. Default: -1 where loudness is given, else no limiter."""


class MediaModel(ObjectModel):
    """A media file, or a sequence of pictures."""

    path: Annotated[str, FilePath(network=True)]
    """Path, relative to the project file. With a number pattern (shots/%04d.png) it is an image sequence."""
    video_stream: Annotated[int, Whole(0, 1000)] | None = None
    """Index among the file's video streams. Default: the stream flagged default, else the first."""
    audio_stream: Annotated[int, Whole(0, 1000)] | None = None
    """Index among the file's audio streams. Default: the stream flagged default, else the first."""
    on_error: Annotated[Literal["fail", "conceal"], Choice()] = "fail"
    """What damage in the range that is shown does: fail ends the export, conceal shows what the decoder makes of it."""
    deinterlace: Annotated[Literal["auto", "off"], Choice()] = "auto"
    """auto deinterlaces frames that are flagged interlaced, off keeps them."""
    fps: Annotated[Fraction, FrameRate()] | None = None
    """Of an image sequence: pictures a second. Default: the canvas' rate."""
    start_number: Annotated[int, Whole(0, 10**9)] | None = None
    """Of an image sequence: the number of its first picture. Default: the lowest that exists."""


class CropModel(ObjectModel):
    """Fractions of the source picture that are cut off."""

    value = timeline.Crop

    left: Fraction01 | None = None
    """Default: 0."""
    top: Fraction01 | None = None
    """Default: 0."""
    right: Fraction01 | None = None
    """Default: 0."""
    bottom: Fraction01 | None = None
    """Default: 0."""


class TransformModel(ObjectModel):
    """Where the picture lies on the canvas of its composition."""

    value = timeline.Transform

    position: Annotated[Animated, Animation(-1_000_000, 1_000_000, 2, "[x, y]")] | None = None
    """Canvas pixels at which the anchor lies. Default: the canvas' centre."""
    scale: Annotated[Animated, Animation(-1000, 1000, 2, "[x, y]", spread=True)] | None = None
    """A number or [x, y]; negative mirrors. Default: 1."""
    rotation: Annotated[Animated, Animation(-1_000_000, 1_000_000)] | None = None
    """Degrees, clockwise. Default: 0."""
    anchor: Annotated[Animated, Animation(-1000, 1000, 2, "[x, y]")] | None = None
    """Fractions of the fitted picture: the point that is placed, and about which it is scaled and turned.
    Default: [0.5, 0.5]."""
    opacity: Fraction01 | None = None
    """0 is invisible, 1 is full. Default: 1."""


class DuckModel(ObjectModel):
    """Quieter while another track sounds."""

    value = timeline.Duck

    by: Name
    """Id of another track of the same composition."""
    amount_db: Annotated[float, Number(-100, 0)] = -12.0
    """Decibels of the full reduction."""
    threshold_db: Annotated[float, Number(-100, 0)] = -40.0
    """Level (RMS over 20 ms, decibels of full scale) above which that track sounds."""
    attack: Delay = Fraction(1, 20)
    """Time from no to full reduction. Default: 0.05."""
    release: Delay = Fraction(2, 5)
    """Time from full to no reduction. Default: 0.4."""


class ClipAudioModel(ObjectModel):
    """The sound of a clip."""

    gain_db: Decibels | None = None
    """Decibels. Default: 0."""
    pan: Pan | None = None
    """-1 is left, 1 is right. Default: 0, which leaves every channel as it is."""
    fade_in: Fade | None = None
    """Time from silence to full, from the clip's start; also as {"duration", "curve"}. Default: 0."""
    fade_out: Fade | None = None
    """Time from full to silence, up to the clip's end; also as {"duration", "curve"}. Default: 0."""
    mute: Annotated[bool, Switch()] = False
    """Takes the sound away."""
    pitch: Annotated[timeline.PitchMode, Choice()] = "keep"
    """What a speed other than 1 does to the pitch: keep leaves it, follow changes it, as a tape does."""
    filters: FilterText | None = None
    """A chain of libavfilter that its sound goes through. Default: none."""
    duck: DuckModel | None = None
    """Default: none."""


class TrackAudioModel(ObjectModel):
    """The sound of a track."""

    value = timeline.TrackAudio

    gain_db: Decibels | None = None
    """Decibels. Default: 0."""
    pan: Pan | None = None
    """-1 is left, 1 is right. Default: 0, which leaves every channel as it is."""
    mute: Annotated[bool, Switch()] = False
    """Takes the sound away."""
    solo: Annotated[bool, Switch()] = False
    """Silences every track of its composition that has no solo."""
    filters: FilterText | None = None
    """A chain of libavfilter that the sum of its clips goes through. Default: none."""
    duck: DuckModel | None = None
    """Default: none."""


class TransitionModel(ObjectModel):
    """How the overlap with the clip before passes to this one."""

    value = timeline.Transition

    type: Annotated[timeline.TransitionType, Choice()] = "dissolve"
    """The kind of transition."""
    direction: Annotated[timeline.Direction, Choice()] = "left"
    """Where the edge of a wipe, or the pictures of a push, move to."""
    color: AnyColour = BLACK
    """That a fade goes through. Default: black."""
    easing: Annotated[Easing, EasingCurve()] | None = None
    """Of the progress. Default: linear."""


class ClipModel(ContentModel):
    """A stretch of a track that shows exactly one of media, composition, text, solid and shape."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in CONTENTS]})

    id: Name | None = None
    """Name for messages and reports, unique in its composition. Default: made of the track's."""
    start: Annotated[Fraction, Seconds("not negative")] | None = None
    """When it begins, in its composition. Default: the end of the clip before it in the track, else 0."""
    duration: Annotated[Fraction | Literal["fill"], SecondsOrFill("positive")] | None = None
    """How long it is shown. "fill", for the last clip of a track: until the other clips of its composition have ended.
    Default: the rest of its media or composition; others need it."""
    in_point: Annotated[Fraction, Seconds()] | None = Field(default=None, alias="in")
    """Source time at its start. Default: 0, or the end of the source where speed is negative."""
    speed: Annotated[Fraction, Speed()] = Fraction(1)
    """Source seconds for each second of the timeline; 0 freezes, negative plays backwards. Default: 1."""
    fit: Annotated[Fit, Choice()] | None = None
    """How the picture is fitted to the canvas: contain (the default for media), cover, fill, or none (the default for
    all others)."""
    crop: CropModel | None = None
    """Cut off before the picture is fitted. Default: nothing."""
    transform: TransformModel | None = None
    """Default: centred."""
    blend: Annotated[timeline.Blend, Choice()] = "normal"
    """How it is mixed with what lies below."""
    effects: Annotated[list[AnyEffect], Several()] = Field(default=[])
    """Applied in this order to the fitted picture, before it is placed. Default: none."""
    audio: ClipAudioModel | None = None
    """Default: as it is."""
    transition: Annotated[TransitionModel, Shorthand("type")] | None = None
    """From the clip before it, which it must overlap. Default for clips that overlap: dissolve."""
    after_end: Annotated[timeline.AfterEnd, Choice()] = "error"
    """What is shown past the end of the source: error refuses the project; hold, loop or blank."""
    enabled: Enabled = True
    """false switches it off; it keeps its place."""


class TrackModel(ObjectModel):
    """Clips one after the other. Neighbours may overlap; the overlap is a transition."""

    id: Name | None = None
    """Name for messages, unique in its composition. Default: track-1, track-2 and so on."""
    kind: Annotated[Literal["video", "audio"], Choice()] = "video"
    """video: picture, and the sound of its clips; audio: sound only."""
    enabled: Enabled = True
    """false switches it off."""
    opacity: Fraction01 | None = None
    """Of all its clips. Default: 1."""
    effects: Annotated[list[AnyEffect], Several()] = Field(default=[])
    """Applied in this order to the picture of the track. Default: none."""
    audio: TrackAudioModel | None = None
    """Default: as it is."""
    clips: Annotated[list[ClipModel], Several()] = Field(default=[])
    """In ascending order of start and of end."""


class CompositionModel(ObjectModel):
    """A canvas of its own, which clips show like one picture."""

    width: Pixels | None = None
    """Pixels. Default: the root canvas'."""
    height: Pixels | None = None
    """Pixels. Default: the root canvas'."""
    duration: Duration | None = None
    """Its length. Default: the end of its last clip."""
    background: AnyColour = TRANSPARENT
    """Colour under its tracks. Default: transparent."""
    effects: Annotated[list[AnyEffect], Several()] = Field(default=[])
    """Applied in this order to its finished picture. Default: none."""
    tracks: Annotated[list[TrackModel], Several()] = Field(default=[])
    """Painted bottom to top."""


class ProjectModel(ObjectModel):
    """A timeline that reelmill renders to a film."""

    schema_address: Annotated[str, Characters(4096)] | None = Field(default=None, alias="$schema")
    """Address or path of this schema, for editors."""
    version: Annotated[int, FormatVersion()] = 1
    """Of the project file's format."""
    name: Name | None = None
    """Of the project, for people."""
    variables: Annotated[dict[str, Annotated[object, VariableValue()]], Several()] = Field(default={})
    """Values that ${name} in any string stands for; --set NAME=VALUE wins."""
    tags: Annotated[dict[str, Annotated[str, Label()]], Several()] = Field(default={})
    """Metadata that is written into the film, such as title and artist."""
    markers: Annotated[list[MarkerModel], Several()] = Field(default=[])
    """Chapters of the film."""
    subtitles: Annotated[list[SubtitlesModel], Several()] = Field(default=[])
    """Files of subtitles, each a track of the film or burnt into its pictures."""
    canvas: CanvasModel
    """The picture that is rendered."""
    audio: SoundModel = SoundModel()
    """The sound that is mixed."""
    media: Annotated[dict[str, Annotated[MediaModel, Shorthand("path")]], Several()] = Field(default={})
    """Media files by name."""
    compositions: Annotated[dict[str, CompositionModel], Several()] = Field(default={})
    """Compositions by name."""
    tracks: Annotated[list[TrackModel], Several()]
    """Painted bottom to top."""
    export: ExportModel = ExportModel()
    """How films are encoded."""
    outputs: Annotated[list[OutputModel], Several()] = Field(default=[])
    """What an export writes in one pass, where the command line names no output."""
    checks: MomentsOrChecks | None = None
    """What `reelmill check` looks at: moments, or an object. Default: where things change, exactly."""
