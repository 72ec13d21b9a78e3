"""One pass over the sound of a file, from which everything that needs a pass is made.

In: a file and what is asked for. Out: loudness, silences, waveform; files at other rates; and the samples in which
pitch will be looked for, in a temporary file. Decodes once, at the file's own rate. Passive; one thread; memory is flat
but for what is told in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from reelmill.decoders.listening.sound_conform import ConformWriter
from reelmill.decoders.listening.sound_loudness import LoudnessMeter, audio_frame
from reelmill.decoders.listening.sound_silences import SilenceFinder
from reelmill.decoders.listening.sound_waveform import WaveformMeter
from reelmill.decoders.sound.sound import FileSoundReader
from reelmill.decoders.sound.sound_converter import Samples, SoundConverter
from reelmill.planner.clock import round_half_up
from reelmill.planner.errors import ExportError, RenderError
from reelmill.planner.media import AudioFacts, MediaFacts
from reelmill.planner.process.waiting import Checkpoint, no_checkpoint
from reelmill.planner.sound.sound_analysis import (
    PITCH_RATE,
    AnalysisRequest,
    Conformed,
    ConformTarget,
    Loudness,
    Silence,
    Waveform,
)
from reelmill.planner.timeline import Media

BLOCK_SAMPLES = 1 << 15
"""Decoded blocks are gathered until there are so many: codecs put out a few hundred at a time."""


@dataclass(frozen=True, slots=True)
class ConformJob:
    """One file to write."""

    target: ConformTarget
    path: str
    """Where it is written: a temporary name."""
    name: str
    """What it will be called."""


@dataclass(frozen=True, slots=True)
class ListenTask:
    """One file's pass."""

    number: int
    """Of the file, for whoever asks."""
    media: Media
    facts: MediaFacts
    request: AnalysisRequest
    conform: tuple[ConformJob, ...]
    mono_gains: tuple[float, ...] | None
    """Factor of each channel in a fold-down to mono; None where no target is mono."""
    pitch_path: str | None
    """Where mono samples at PITCH_RATE are written, raw float32; None where pitch is not asked for."""
    allow_network: bool

    @property
    def file(self) -> str:
        return self.facts.path

    @property
    def analysis(self) -> str:
        measures = ["loudness, silences and waveform"] if self.request.measure else []
        return " and ".join(measures + (["conformed sound"] if self.conform else [])) or "pitch"

    def run(self, checkpoint: Checkpoint = no_checkpoint) -> Listened:
        """Raises RenderError."""
        try:
            return _Pass(self).run(checkpoint)
        except ExportError as error:
            error.locate(file=self.facts.path, file_hash=self.facts.file_hash)
            raise


@dataclass(frozen=True, slots=True)
class Listened:
    """What one pass told."""

    samples: int
    """Of each channel, at the file's rate."""
    loudness: Loudness | None
    silences: tuple[Silence, ...] | None
    waveform: Waveform | None
    conformed: tuple[Conformed, ...]
    pitch_samples: int


class _Pass:
    def __init__(self, task: ListenTask) -> None:
        assert task.facts.audio is not None
        self._task = task
        self._audio: AudioFacts = task.facts.audio

    def run(self, checkpoint: Checkpoint) -> Listened:
        task, audio, request = self._task, self._audio, self._task.request
        loudness = LoudnessMeter(audio.sample_rate, audio.layout) if request.measure else None
        silences = SilenceFinder(
            request.silence_threshold_db, round_half_up(request.silence_duration * audio.sample_rate)
        )
        waveform = WaveformMeter(audio.channels, bucket_samples(audio, request.waveform_buckets))
        samples = 0
        with ExitStack() as stack:
            writers = [stack.enter_context(self._writer(job)) for job in task.conform]
            pitch = None if task.pitch_path is None else stack.enter_context(_PitchSamples(task.pitch_path, audio))
            reader = FileSoundReader(task.media, task.facts, audio.sample_rate, allow_network=task.allow_network)
            stack.enter_context(closing(reader))
            for block in gathered(reader.blocks()):
                checkpoint()
                samples += len(block)
                if loudness is not None:
                    loudness.add(block)
                    silences.add(block)
                    waveform.add(block)
                for writer in writers:
                    writer.add(block)
                if pitch is not None:
                    pitch.add(block)
            for writer in writers:
                writer.finish()
            if pitch is not None:
                pitch.finish()
        return Listened(
            samples=samples,
            loudness=None if loudness is None else loudness.result(),
            silences=None if loudness is None else tuple(map(self._silence, silences.result())),
            waveform=None if loudness is None else waveform.result(),
            conformed=tuple(
                Conformed(job.name, job.target.sample_rate, writer.channels, writer.samples)
                for job, writer in zip(task.conform, writers, strict=True)
            ),
            pitch_samples=0 if pitch is None else pitch.samples,
        )

    def _writer(self, job: ConformJob) -> ConformWriter:
        return ConformWriter(
            job.path,
            job.name,
            source_rate=self._audio.sample_rate,
            source_layout=self._audio.layout,
            sample_rate=job.target.sample_rate,
            sample_format=self._task.request.conform_format,
            mono_gains=self._task.mono_gains if job.target.mono else None,
        )

    def _silence(self, found: range) -> Silence:
        rate = self._audio.sample_rate
        return Silence(self._audio.start + Fraction(found.start, rate), self._audio.start + Fraction(found.stop, rate))


class _PitchSamples:
    """Mono samples for pYIN, in a file: their sum is the same whatever the channels' places, so it is the mean."""

    def __init__(self, path: str, audio: AudioFacts) -> None:
        self._rate = audio.sample_rate
        self._converter = SoundConverter("mono", PITCH_RATE)
        self._read = 0
        self.samples = 0
        try:
            self._file = Path(path).open("wb")  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise self._error(error) from error

    def __enter__(self) -> _PitchSamples:
        return self

    def __exit__(self, *_: object) -> None:
        # `finish` has closed it, unless an error is under way that matters more than what is still buffered.
        with suppress(OSError):
            self._file.close()

    def add(self, samples: Samples) -> None:
        mono = samples.mean(axis=1, keepdims=True, dtype=np.float32)
        frame = audio_frame(mono, self._rate, "mono", self._read)
        self._read += len(mono)
        self._write(self._converter.convert(frame))

    def finish(self) -> None:
        self._write(self._converter.flush())
        try:
            self._file.close()
        except OSError as error:
            raise self._error(error) from error

    def _write(self, blocks: Iterator[Samples]) -> None:
        for block in blocks:
            try:
                self._file.write(block.tobytes())
            except OSError as error:
                raise self._error(error) from error
            self.samples += len(block)

    def _error(self, error: OSError) -> RenderError:
        return RenderError(
            f"sound in which to look for pitch can't be kept in a temporary file: {error.strerror}",
            component="Pitch",
            suggestion="make room in the folder for temporary files, or set TMPDIR to one on a larger disk",
        )


def bucket_samples(audio: AudioFacts, buckets: int) -> int:
    """Samples of one bucket of a waveform of about so many."""
    return max(1, -(-int(audio.duration * audio.sample_rate) // buckets))


def gathered(blocks: Iterator[Samples]) -> Iterator[Samples]:
    """The same samples in blocks of at least BLOCK_SAMPLES, but for the last."""
    parts: list[Samples] = []
    count = 0
    for block in blocks:
        parts.append(block)
        count += len(block)
        if count >= BLOCK_SAMPLES:
            yield np.concatenate(parts)
            parts, count = [], 0
    if count:
        yield np.concatenate(parts)
