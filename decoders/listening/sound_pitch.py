"""The pitch of a voice or an instrument: its fundamental frequency over time, by pYIN, which librosa brings.

In: a file of raw mono float32 samples at PITCH_RATE, and a stretch of it. Out: frequencies and probabilities. Passive;
one thread; librosa is loaded by the first call.

pYIN weighs candidates frame by frame and then looks for the likeliest path through all of them (Viterbi), which takes
10 kB a frame, 1.5 GB for an hour. So a long sound is worked on in stretches. Each one is decided together with frames
before and after it that are thrown away: paths that begin differently have run together long before they are over.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from reelmill.decoders.sound.sound_converter import Samples
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.process.waiting import Checkpoint, no_checkpoint
from reelmill.planner.sound.sound_analysis import PITCH_HOP, PITCH_RATE

FRAME_SAMPLES = 2048
"""93 ms: what one frequency is found in. Frame i is centred on sample i × PITCH_HOP."""
STRETCH_FRAMES = 1292
"""30 s."""
CONTEXT_FRAMES = 43
"""1 s, on either side. Twenty times the memory of a path that may change between voiced and unvoiced at each frame with
a probability of 1 in 100 and follow candidates within 36 octaves a second."""


@dataclass(frozen=True, slots=True)
class PitchTask:
    """One stretch of a file's sound."""

    number: int
    """Of the file, for whoever asks."""
    file: str
    """That the sound comes from, for messages."""
    samples_path: str
    first_frame: int
    frames: int
    total_frames: int
    """Of the whole sound."""
    pitch_range: tuple[float, float]

    @property
    def analysis(self) -> str:
        return "pitch"

    def run(self, checkpoint: Checkpoint = no_checkpoint) -> PitchStretch:
        """Raises RenderError."""
        checkpoint()
        first = max(self.first_frame - CONTEXT_FRAMES, 0)
        end = min(self.first_frame + self.frames + CONTEXT_FRAMES, self.total_frames)
        half = FRAME_SAMPLES // 2
        samples = self._read(first * PITCH_HOP - half, (end - 1) * PITCH_HOP + half)
        frequencies, probabilities = find_pitch(samples, self.pitch_range)
        kept = slice(self.first_frame - first, self.first_frame - first + self.frames)
        return PitchStretch(self.first_frame, tuple(frequencies[kept]), tuple(probabilities[kept]))

    def _read(self, first: int, end: int) -> Samples:
        """The samples from `first` to `end`; zeros before the beginning and after the end of the sound."""
        samples = np.zeros(end - first, np.float32)
        skipped = max(-first, 0)
        try:
            found = np.fromfile(self.samples_path, np.float32, end - first - skipped, offset=max(first, 0) * 4)
        except OSError as error:
            raise RenderError(
                f"sound that was kept in a temporary file can't be read back: {error}",
                component="Pitch",
                file=self.file,
                suggestion="see that nothing cleans the folder for temporary files meanwhile",
            ) from error
        samples[skipped : skipped + len(found)] = found
        return samples


@dataclass(frozen=True, slots=True)
class PitchStretch:
    """What was found in a stretch."""

    first_frame: int
    frequencies: tuple[float | None, ...]
    """Hz; None where nothing is voiced."""
    probabilities: tuple[float, ...]
    """That a frame is voiced."""


def pitch_frame_count(samples: int) -> int:
    """Frames of a sound of so many samples."""
    return 1 + samples // PITCH_HOP


def stretches(total_frames: int) -> list[range]:
    """The frames of a sound in stretches of about equal length."""
    count = max(1, round(total_frames / STRETCH_FRAMES))
    edges = [total_frames * i // count for i in range(count + 1)]
    return [range(low, high) for low, high in pairwise(edges)]


def find_pitch(samples: Samples, pitch_range: tuple[float, float]) -> tuple[list[float | None], list[float]]:
    """Frequency (None: unvoiced) and probability of being voiced, of each whole frame of mono samples at PITCH_RATE."""
    import librosa

    frequencies, _, probabilities = librosa.pyin(
        samples,
        fmin=pitch_range[0],
        fmax=pitch_range[1],
        sr=PITCH_RATE,
        frame_length=FRAME_SAMPLES,
        hop_length=PITCH_HOP,
        center=False,
    )
    return [None if np.isnan(f) else float(f) for f in frequencies], [float(p) for p in probabilities]


def require_librosa() -> None:
    """Raises SetupError where librosa is not installed."""
    if importlib.util.find_spec("librosa") is None:
        raise SetupError(
            "the pitch of sound is found by librosa, which is not installed",
            component="Pitch",
            suggestion="install it: `pip install 'reelmill[analysis]'`; or leave the pitch out with --no-pitch",
        )
