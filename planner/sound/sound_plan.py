"""What sounds, through which buses, to which level: pure data, made by planner.sound_cues for export to carry out.

A `SoundPlan` is a tree of buses. Cues (single clips) sound into buses, buses into the bus above them, and bus 0, the
master, puts out the film. There is a bus of its own only for what can't be done to each cue by itself because it is
not linear or remembers what it heard: filters, ducking, and the track that another one is ducked by. Everything else,
track gain and composition clips for example, is a gain stage of the cue, so most films have the master alone.

The seam between the mixer and the buses (export.sound.bus_graph):

    graph = BusGraph(plan, first_sample=…)          first_sample: of the film, the first that is wanted
    graph.begin                                     the sample from which on blocks are to be given, ≤ first_sample
    graph.process(first, end, blocks) → Signal      samples first … end of the film, one block after the other

Blocks follow one another and end on the lines of a fixed grid. `blocks` has, for each bus into which cues sound in this
block, the sum of those cues: float64, shape [bus channels, end − first]; a bus without an entry is fed silence. The
arrays may be used again after the call. What comes back are the samples of the film that are complete, shape
[plan.channels, n], in order from `first_sample` on. Filters and limiters look ahead, so n may be 0, and later more than
a block; whoever wants a range goes on giving blocks behind its end until all of it has come. With the block that ends
where the film does (`plan.sample_count`) all that is left comes out. Every `process` must be given the blocks on the
same grid of the whole film, whatever sizes are read; then samples do not depend on those sizes or on where a range
begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from reelmill.planner.animation import Animated
from reelmill.planner.source_frames import InstancePath
from reelmill.planner.timeline import ZERO, Clip, FadeCurve

Span = tuple[Fraction, Fraction]
"""Start and end, seconds of the root timeline."""


@dataclass(frozen=True, slots=True)
class TimeLine:
    """A straight line from root time to a time of something nested: local = speed × root + offset."""

    speed: Fraction = Fraction(1)
    """Not 0."""
    offset: Fraction = Fraction(0)
    """Local seconds at root time 0."""

    def at(self, root_time: Fraction) -> Fraction:
        """Local seconds."""
        return self.speed * root_time + self.offset

    def through(self, clip: Clip) -> TimeLine:
        """From root time to the source time of a clip that lies on this line: s = in + (t − start) × speed."""
        assert clip.in_point is not None
        return TimeLine(self.speed * clip.speed, clip.in_point + (self.offset - clip.start) * clip.speed)

    def shifted(self, seconds: Fraction) -> TimeLine:
        """The line whose local time is earlier by `seconds`."""
        return TimeLine(self.speed, self.offset - seconds)

    def span(self, start: Fraction, end: Fraction) -> Span:
        """The root times whose local times lie between `start` and `end`."""
        a, b = (start - self.offset) / self.speed, (end - self.offset) / self.speed
        return (a, b) if a <= b else (b, a)


@dataclass(frozen=True, slots=True)
class GainStage:
    """What one clip, or the fader of one track, does to the sound that passes through it."""

    time: TimeLine
    """From root time to seconds since the clip's start, in the composition it lies in; to that composition's time for
    a track."""
    duration: Fraction
    """Of the clip, seconds of that composition. Without meaning where there are no fades and overlaps."""
    gain_db: Animated = ZERO
    pan: Animated = ZERO
    fade_in: Fraction = Fraction(0)
    """Seconds."""
    fade_out: Fraction = Fraction(0)
    overlap_in: Fraction = Fraction(0)
    """Seconds at the clip's start in which the clip before it in the track still sounds: an equal-power crossfade."""
    overlap_out: Fraction = Fraction(0)
    """Seconds at its end in which the clip after it sounds already."""
    fade_in_curve: FadeCurve = "linear"
    fade_out_curve: FadeCurve = "linear"


@dataclass(frozen=True, slots=True)
class SoundCue:
    """One instance of a clip with sound."""

    instance: InstancePath
    composition: str | None
    """Id of the composition that the clip lies in; None for the root."""
    media: str
    """Name of the media entry."""
    first_sample: int
    """Of the whole film."""
    sample_count: int
    """At least 1."""
    source: TimeLine
    """From root time to source time. A negative speed plays backwards."""
    loop_end: Fraction | None
    """The source repeats over [0, loop_end), seconds; None where it does not repeat."""
    stages: tuple[GainStage, ...]
    """The clip's own stage, then those of its track and of the composition clips that it lies in, innermost first, as
    far as to its bus. Empty where the clip has a bus to itself: what is left is to fold it to the bus' channels."""
    bus: int = 0
    """Into which it sounds, of `SoundPlan.buses`."""
    pitch: Fraction = Fraction(1)
    """Factor by which its pitch rises, above 0: the speeds that it follows. 1 keeps the pitch at every speed."""

    @property
    def end_sample(self) -> int:
        return self.first_sample + self.sample_count

    @property
    def clip(self) -> str:
        return self.instance[-1]


@dataclass(frozen=True, slots=True)
class Ducking:
    """A bus becomes quieter while another one sounds."""

    by: int
    """The bus that is listened to. It sounds at least from the beginning to the end of the ducked one."""
    amount_db: float
    """Of the full reduction; 0 or less."""
    threshold_db: float
    """RMS level, of full scale, above which the other one sounds."""
    attack: Fraction
    """Seconds of the film from no to full reduction; 0 or more."""
    release: Fraction
    """Seconds of the film from full to no reduction; 0 or more."""


@dataclass(frozen=True, slots=True)
class Bus:
    """A sum of cues and of other buses, and what is done to it: filters, then ducking, then the gain stages."""

    parent: int | None
    """The bus into which it sounds, which has a lower number; None for the master."""
    first_sample: int
    """Of the whole film. Filters begin here, from silence."""
    sample_count: int
    """0 where it is heard for less than a sample. What filters would still put out behind the end is cut off."""
    filters: str | None = None
    """A chain in libavfilter's notation."""
    ducking: Ducking | None = None
    stages: tuple[GainStage, ...] = ()
    path: str = "$"
    """Of the object in the project file to which it belongs, for messages."""
    clip: str | None = None
    """Whose bus it is, for messages; None for a track or the master."""
    composition: str | None = None
    """In which the clip or track lies; None for the root."""

    @property
    def end_sample(self) -> int:
        return self.first_sample + self.sample_count


@dataclass(frozen=True, slots=True)
class SoundPlan:
    """The sound of a whole film."""

    sample_rate: int
    channels: int
    """Of the film."""
    sample_count: int
    """Of the film."""
    cues: tuple[SoundCue, ...]
    """In the order of tracks and clips."""
    buses: tuple[Bus, ...]
    """The master first."""
    loudness: float | None = None
    """Integrated loudness that the film is brought to, LUFS; None leaves it as it is."""
    true_peak: float | None = None
    """Ceiling, dBTP: a limiter keeps the film under it; None for no limiter."""

    @property
    def bus_channels(self) -> int:
        """Of every bus; a film of one channel is the half sum of a stereo master."""
        return max(self.channels, 2)

    def begin(self, first_sample: int) -> int:
        """The sample from which on the film is mixed so that from `first_sample` on it is right.

        Filters, ducking and the limiter remember what they heard: those at work there are run from their beginning,
        and so are those at work at that place.
        """
        if self.true_peak is not None:
            return 0
        begin = first_sample
        remembering = [bus for bus in self.buses if bus.filters is not None or bus.ducking is not None]
        while True:
            earlier = [self._remembers_from(bus) for bus in remembering if bus.end_sample > begin]
            if min(earlier, default=begin) >= begin:
                return begin
            begin = min(earlier)

    def _remembers_from(self, bus: Bus) -> int:
        listened = self.buses[bus.ducking.by].first_sample if bus.ducking else bus.first_sample
        return min(bus.first_sample, listened)
