"""What the user wrote: the project as frozen data, times resolved to seconds, every default filled in.

Made by planner.loader from a project file; `start`, `in_point` and `duration` that depend on the media are
filled in by planner.resolve once the media are probed. Nothing here decides how anything is rendered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from reelmill.planner.animation import LINEAR, Animated, Easing
from reelmill.planner.checks import CheckSettings
from reelmill.planner.colour import BLACK, TRANSPARENT, Colour
from reelmill.planner.content import Content, Fit
from reelmill.planner.effect import Effect
from reelmill.planner.outputs import AudioSettings, Output, VideoSettings
from reelmill.planner.text_style import Outline, Shadow

AfterEnd = Literal["error", "hold", "loop", "blank"]
Blend = Literal[
    "normal",
    "multiply",
    "screen",
    "overlay",
    "darken",
    "lighten",
    "color_dodge",
    "color_burn",
    "hard_light",
    "soft_light",
    "difference",
    "exclusion",
    "hue",
    "saturation",
    "color",
    "luminosity",
    "add",
]
TransitionType = Literal["dissolve", "fade", "wipe", "push", "iris"]
Direction = Literal["left", "right", "up", "down"]
FadeCurve = Literal["linear", "equal_power", "exponential"]
PitchMode = Literal["keep", "follow"]
SubtitleMode = Literal["mux", "burn"]
DEFAULT_TRUE_PEAK = -1.0
"""Ceiling of a film that is brought to a loudness, dBTP: what EBU R 128 allows."""


@dataclass(frozen=True, slots=True)
class Media:
    """An entry of `media`: a file, and how it is read."""

    name: str
    path: str
    """Absolute; for an image sequence a pattern with a number such as `%04d`."""
    video_stream: int | None = None
    """Index among the file's video streams; None for the default one."""
    audio_stream: int | None = None
    on_error: Literal["fail", "conceal"] = "fail"
    deinterlace: Literal["auto", "off"] = "auto"
    fps: Fraction | None = None
    """Of an image sequence."""
    start_number: int | None = None
    """Of an image sequence; None for the lowest that exists."""


ZERO = Animated.constant(0)
ONE = Animated.constant(1)


@dataclass(frozen=True, slots=True)
class Transform:
    position: Animated | None = None
    """Canvas pixels of the anchor, two numbers; None for the canvas' centre."""
    scale: Animated = Animated.constant(1, 1)
    """Horizontal and vertical."""
    rotation: Animated = ZERO
    """Degrees, clockwise."""
    anchor: Animated = Animated.constant(0.5, 0.5)
    """Fractions of the fitted picture."""
    opacity: Animated = ONE


@dataclass(frozen=True, slots=True)
class Crop:
    """Fractions of the source picture that are cut off."""

    left: Animated = ZERO
    top: Animated = ZERO
    right: Animated = ZERO
    bottom: Animated = ZERO


@dataclass(frozen=True, slots=True)
class Duck:
    """Quieter while another track of the same composition sounds."""

    by: str
    """Id of that track."""
    amount_db: float = -12.0
    """Of the full reduction; 0 or less."""
    threshold_db: float = -40.0
    """RMS level, of full scale, above which that track sounds."""
    attack: Fraction = Fraction(1, 20)
    """Seconds of the film from no to full reduction."""
    release: Fraction = Fraction(2, 5)
    """Seconds of the film from full to no reduction."""


@dataclass(frozen=True, slots=True)
class ClipAudio:
    gain_db: Animated = ZERO
    pan: Animated = ZERO
    fade_in: Fraction = Fraction(0)
    """Seconds."""
    fade_out: Fraction = Fraction(0)
    mute: bool = False
    fade_in_curve: FadeCurve = "linear"
    fade_out_curve: FadeCurve = "linear"
    pitch: PitchMode = "keep"
    """Whether a speed other than 1 changes it."""
    filters: str | None = None
    """A chain in libavfilter's notation."""
    duck: Duck | None = None


@dataclass(frozen=True, slots=True)
class TrackAudio:
    gain_db: Animated = ZERO
    """Its times, and those of `pan`, count from the start of the composition."""
    pan: Animated = ZERO
    mute: bool = False
    solo: bool = False
    """Of the tracks of its composition only those with solo are heard, if there are any."""
    filters: str | None = None
    """A chain in libavfilter's notation."""
    duck: Duck | None = None


@dataclass(frozen=True, slots=True)
class MasterAudio:
    """What is done to the sum of everything."""

    gain_db: Animated = ZERO
    """Its times count from the start of the film."""
    filters: str | None = None
    """A chain in libavfilter's notation."""
    loudness: float | None = None
    """Integrated loudness to which the film is brought, LUFS; None leaves it as it is."""
    true_peak: float | None = None
    """Ceiling that a limiter keeps, dBTP; None for no limiter."""


@dataclass(frozen=True, slots=True)
class Transition:
    type: TransitionType = "dissolve"
    direction: Direction = "left"
    """Where a wipe's edge or a push's pictures move to."""
    color: Colour = BLACK
    """That a fade goes through."""
    easing: Easing = LINEAR


@dataclass(frozen=True, slots=True)
class Clip:
    id: str
    content: Content
    start: Fraction
    """Seconds in the composition that the clip lies in; where `follows`, after the end of the clip before."""
    duration: Fraction | None
    """Seconds; None until planner.resolve has filled it in."""
    in_point: Fraction | None = None
    """Source time at the clip's start, seconds; None until planner.resolve has filled it in."""
    speed: Fraction = Fraction(1)
    fit: Fit = "contain"
    crop: Crop = field(default_factory=Crop)
    transform: Transform = field(default_factory=Transform)
    blend: Blend = "normal"
    audio: ClipAudio = field(default_factory=ClipAudio)
    transition: Transition | None = None
    """From the clip before it in the track; only where the two overlap."""
    effects: tuple[Effect, ...] = ()
    """Applied in this order to the fitted picture. Their times count from the clip's start."""
    after_end: AfterEnd = "error"
    enabled: bool = True
    path: str = "$"
    """Where it stands in the project file, for messages."""
    follows: bool = False
    """`start` counts from the end of the clip before it in the track; planner.resolve makes it absolute."""
    fills: bool = False
    """The clip lasts until all clips of its composition that do not fill have ended; planner.resolve finds out when."""

    @property
    def end(self) -> Fraction:
        """Seconds; only once resolved."""
        assert self.duration is not None
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class Track:
    id: str
    clips: tuple[Clip, ...]
    """In ascending order of start and of end; neighbours may overlap by pairs."""
    kind: Literal["video", "audio"] = "video"
    enabled: bool = True
    opacity: Animated = ONE
    """Its times count from the start of the composition."""
    effects: tuple[Effect, ...] = ()
    """Applied to the picture of the track. Their times count from the start of the composition."""
    audio: TrackAudio = field(default_factory=TrackAudio)
    path: str = "$"
    """Where it stands in the project file, for messages."""


@dataclass(frozen=True, slots=True)
class Composition:
    """A canvas with tracks: the root of the project, or a nested one."""

    id: str | None
    """None for the root."""
    width: int
    height: int
    tracks: tuple[Track, ...]
    """Bottom to top."""
    background: Colour = TRANSPARENT
    duration: Fraction | None = None
    """Seconds; None until planner.resolve has filled it in from the end of the last clip."""
    effects: tuple[Effect, ...] = ()
    """Applied to the finished picture. Their times count from the start of the composition."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A named place on the root timeline: a chapter begins there."""

    name: str
    time: Fraction
    """Seconds."""
    end: Fraction | None = None
    """Seconds; None for the next marker, or the film's end."""
    path: str = "$"
    """Where it stands in the project file, for messages."""


@dataclass(frozen=True, slots=True)
class CueLook:
    """How cues look whose file says nothing of it; None leaves the choice to us."""

    size: float | None = None
    """Pixels of one em."""
    color: Colour | None = None
    outline: Outline | None = None
    shadow: Shadow | None = None
    margin: float | None = None
    """Pixels below the lowest line, or above the highest one."""
    align: Literal["top", "bottom"] | None = None


@dataclass(frozen=True, slots=True)
class Subtitles:
    """An entry of `subtitles`: a file of cues, and what is made of it."""

    path: str
    """Absolute."""
    mode: SubtitleMode = "mux"
    language: str | None = None
    """ISO 639-2."""
    title: str | None = None
    default: bool = False
    forced: bool = False
    offset: Fraction = Fraction(0)
    """Seconds that are added to every time of the file."""
    fonts: tuple[str, ...] = ()
    """Absolute paths of font files; empty for the default font in its four faces."""
    look: CueLook = field(default_factory=CueLook)
    place: str = "$"
    """Where it stands in the project file, for messages."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A project."""

    name: str | None
    fps: Fraction
    root: Composition
    compositions: dict[str, Composition]
    media: dict[str, Media]
    sample_rate: int = 48000
    channels: int = 2
    master: MasterAudio = field(default_factory=MasterAudio)
    tags: tuple[tuple[str, str], ...] = ()
    markers: tuple[Marker, ...] = ()
    """In ascending order of time."""
    subtitles: tuple[Subtitles, ...] = ()
    video: VideoSettings = field(default_factory=VideoSettings)
    audio: AudioSettings = field(default_factory=AudioSettings)
    outputs: tuple[Output, ...] = ()
    """What an export writes where it is told nothing else."""
    checks: CheckSettings = field(default_factory=CheckSettings)
    project_dir: str = ""

    @property
    def duration(self) -> Fraction:
        """Seconds; only once resolved."""
        assert self.root.duration is not None
        return self.root.duration
