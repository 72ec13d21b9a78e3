"""What was measured of the sound of a file, and what may be asked for. Pure data, made in decoders/.

Times are source times (what `in` of a clip means): 0 is the first frame shown, or the first sample where there is no
picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

SampleFormat = Literal["s16", "s24", "f32"]

MOST_ANALYSIS_WORKERS = 3
"""Processes that analyse, where nobody says how many; no more than there are cores: each loads what finds the pitch."""
PITCH_RATE = 22050
"""Samples a second of the sound that pitch is found in."""
PITCH_HOP = 512
"""Its samples from one value of a pitch contour to the next: 23 ms."""
PITCH_LIMITS = (30.0, 5000.0)
"""Hz: what the ends of a pitch range may be. A frame of 93 ms holds three periods of the lower one."""


@dataclass(frozen=True, slots=True)
class ConformTarget:
    """One rate that sound is conformed to."""

    sample_rate: int
    mono: bool = False
    """Folded down to one channel; else the file's own channels."""


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """What is asked for of each file."""

    measure: bool = True
    """Loudness, silences, waveform."""
    pitch: bool = True
    silence_threshold_db: float = -60.0
    """dBFS: below it is silence."""
    silence_duration: Fraction = Fraction(1, 2)
    """Seconds: shorter silences are not told."""
    waveform_buckets: int = 1200
    """About how many; a bucket is a whole number of samples."""
    pitch_range: tuple[float, float] = (65.0, 2093.0)
    """Hz, lowest and highest: C2 to C7."""
    conform: tuple[ConformTarget, ...] = ()
    conform_format: SampleFormat = "f32"


@dataclass(frozen=True, slots=True)
class Loudness:
    """By EBU R128 and ITU-R BS.1770."""

    integrated_lufs: float | None
    """None where nothing is louder than the absolute gate, −70 LUFS."""
    range_lu: float
    """Loudness range (EBU Tech 3342)."""
    true_peak_dbtp: float | None
    """None for digital silence."""
    sample_peak_dbfs: float | None
    step: Fraction
    """Seconds from one value of a curve to the next: 100 ms, in whole samples."""
    momentary_lufs: tuple[float | None, ...]
    """Over the 400 ms up to (i + 1) × step after the first sample; None where there are not so many."""
    short_term_lufs: tuple[float | None, ...]
    """Over the 3 s up to there; likewise."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch in which every sample of every channel is below the threshold."""

    start: Fraction
    """Seconds."""
    end: Fraction
    """Seconds, after the last silent sample."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """The smallest and largest sample of each bucket, full scale −1…1."""

    samples_per_bucket: int
    """Of the last one, at most."""
    minimum: tuple[tuple[float, ...], ...]
    """By channel, then bucket."""
    maximum: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Pitch:
    """Fundamental frequency by pYIN, each PITCH_HOP / PITCH_RATE seconds from the first sample on."""

    frequencies: tuple[float | None, ...]
    """Hz; None where nothing is voiced."""
    voiced_probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Conformed:
    """A file that was written."""

    path: str
    sample_rate: int
    channels: int
    samples: int
    """Of each channel."""


@dataclass(frozen=True, slots=True)
class SoundAnalysis:
    """The sound of one file. What was not asked for is None."""

    sample_rate: int
    start: Fraction
    """Seconds: source time of the first sample."""
    samples: int
    """Of each channel, as decoded."""
    loudness: Loudness | None
    silences: tuple[Silence, ...] | None
    waveform: Waveform | None
    pitch: Pitch | None
    conformed: tuple[Conformed, ...]

    @property
    def duration(self) -> Fraction:
        """Seconds."""
        return Fraction(self.samples, self.sample_rate)
