"""The sound of one file as one stream of samples at the project's rate.

In: a media entry and its facts. Out: float32 samples by their index, which counts from source time 0. Whoever makes
a `SoundReader` closes it. Passive; one thread.

The stream is *defined* as the file decoded and resampled from its beginning: AAC and AC-3 decoders carry state from
packet to packet and a resampler has a phase, so samples that follow a seek differ from those that are reached by
decoding. The reader therefore only goes forward, and begins the file again where it is asked to go back. Samples are
counted; timestamps only tell where the first one lies, and where they leap or drift (`sound_clock`). What was decoded
last is kept for a moment, so that what begins a little before the end of what was read goes on, too.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

import numpy as np

from reelmill.decoders.files.sound_clock import Loss
from reelmill.decoders.sound.sound_converter import Samples, SoundConverter
from reelmill.decoders.sound.sound_retiming import Retiming, Warp
from reelmill.decoders.sound.sound_stream import SoundStream
from reelmill.planner.clock import format_time, sample_at
from reelmill.planner.errors import RenderError
from reelmill.planner.media import MediaFacts
from reelmill.planner.timeline import Media

KEPT_SECONDS = Fraction(1, 2)
"""Of what was decoded, a reader keeps so much: twice what a stretched clip looks at behind its end and the next one
before its beginning, up to three times the speed."""


class FileSoundReader:
    """The sound of a file at the project's rate, in its own channels."""

    def __init__(self, media: Media, facts: MediaFacts, sample_rate: int, *, allow_network: bool = False) -> None:
        """Nothing is opened before the first read. The file must have sound."""
        assert facts.audio is not None
        self._media, self._facts, self._audio = media, facts, facts.audio
        self._rate = sample_rate
        self._allow_network = allow_network
        self._origin = sample_at(facts.audio.start, sample_rate)
        """Index of the first sample that the file has."""
        self._stream: SoundStream | None = None
        self._blocks: Iterator[Samples] | None = None
        """None before the first read."""
        self._kept: deque[Samples] = deque()
        """The samples decoded last, which begin at index `position` and end before `_decoded`."""
        self._decoded = self._origin
        self._kept_samples = sample_at(KEPT_SECONDS, sample_rate)
        self._damage: list[tuple[int, int, str]] = []
        """Where packets were lost: first index, end, and what libav said."""
        self.position = self._origin
        """The lowest index that can be read without beginning again."""

    @property
    def channels(self) -> int:
        return self._audio.channels

    def read_at(self, first: int, count: int) -> Samples:
        """Exactly `count` samples from index `first` on; index 0 is source time 0.

        Silence before the first and after the last sample of the file. Reading at or after `position` goes on
        decoding, reading before it begins the file again. Raises RenderError where the file can't be opened, or is
        damaged in the samples asked for while its media entry does not say `"on_error": "conceal"`.
        """
        end = first + count
        if end <= self._origin:
            return _silence(self.channels, count)
        if self._blocks is None or first < self.position != self._origin:
            self._begin()
        samples = self._kept_between(first, end)
        if samples is None:
            samples = _silence(self.channels, count)
            at = self._decoded
            for block in reversed(self._kept):
                if at <= first:
                    break
                at -= len(block)
                _copy(block, at, samples, first)
            while self._decoded < end and (following := self._next_block()) is not None:
                _copy(following, self._decoded - len(following), samples, first)
        if self._media.on_error == "fail":
            self._refuse_damage(first, end)
        return samples

    def skip(self, first: int, most: int) -> bool:
        """Decode towards index `first`, at most about `most` samples. True when a read from there needs no more.

        Raises RenderError where the file can't be opened.
        """
        if first <= self._origin and self._blocks is None:
            return True
        if self._blocks is None or first < self.position != self._origin:
            self._begin()
        stop = min(first, self._decoded + most)
        while self._decoded < stop:
            if self._next_block() is None:
                return True
        return self._decoded >= first

    def blocks(self) -> Iterator[Samples]:
        """All samples that the file has, from the first on, in blocks as they are decoded.

        Begins the file again. Raises RenderError as `read_at` does, for damage anywhere in the file.
        """
        self._begin()
        assert self._blocks is not None
        while (block := self._next_block()) is not None:
            self._refuse_damage(self._origin, sys.maxsize)
            yield block
        self._refuse_damage(self._origin, sys.maxsize)

    def close(self) -> None:
        """Closes the file; a second call does nothing. A later read begins again."""
        self._blocks = None
        self._kept.clear()
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _begin(self) -> None:
        self.close()
        self._stream = SoundStream(
            self._facts.path, self._audio.stream, self._audio.parts, allow_network=self._allow_network
        )
        self.position = self._decoded = self._origin
        self._damage = []
        self._blocks = self._decode(self._stream)

    def _next_block(self) -> Samples | None:
        """Decode on, and forget what is too far behind; None at the end of the file."""
        assert self._blocks is not None
        block = next(self._blocks, None)
        if block is None:
            return None
        self._kept.append(block)
        self._decoded += len(block)
        while self._decoded - self.position - len(self._kept[0]) >= self._kept_samples:
            self.position += len(self._kept.popleft())
        return block

    def _kept_between(self, first: int, end: int) -> Samples | None:
        """Samples that lie in one block that was kept, not to be written to; None where they don't."""
        at = self._decoded
        for block in reversed(self._kept):
            at -= len(block)
            if at <= first:
                return block[first - at : end - at] if end <= at + len(block) else None
        return None

    def _decode(self, stream: SoundStream) -> Iterator[Samples]:
        """The whole stream from its first sample on, in blocks that follow one another without a gap."""
        converter = SoundConverter(self._audio.layout, self._rate)
        retiming = Retiming(self._audio.channels)
        for placed in stream.placed():
            frame, silence, loss = placed.frame, placed.silence, placed.loss
            if silence and loss is None and stream.seamless:
                loss = Loss("a part of it is missing")
            if loss is not None:
                begin = stream.elapsed - Fraction(frame.samples, frame.sample_rate)
                self._note_damage(self._index(begin - Fraction(silence, frame.sample_rate)), self._index(begin), loss)
            if placed.taken:
                at = stream.decoded - Fraction(frame.samples, frame.sample_rate)
                lengths = (Fraction(samples, frame.sample_rate) for samples in (placed.taken, placed.given))
                retiming.add(Warp(sample_at(at, self._rate), *(sample_at(each, self._rate) for each in lengths)))
            for block in chain(converter.silence(frame, silence), converter.convert(frame)):
                yield from retiming.process(block)
        for block in converter.flush():
            yield from retiming.process(block)
        yield from retiming.finish()
        if stream.loss is not None:
            self._note_damage(self._index(stream.elapsed), sample_at(self._audio.end, self._rate), stream.loss)

    def _index(self, elapsed: Fraction) -> int:
        """Index of the sample at a time since the first one."""
        return self._origin + sample_at(elapsed, self._rate)

    def _note_damage(self, first: int, end: int, loss: Loss) -> None:
        if self._media.on_error == "fail":
            self._damage.append((first, max(end, first + 1), loss.reason))

    def _refuse_damage(self, first: int, end: int) -> None:
        """Damage before what is read does not matter: it has been passed over."""
        self._damage = [d for d in self._damage if d[1] > first]
        for low, _, cause in self._damage:
            if low < end:
                at = Fraction(max(low, first), self._rate)
                raise self._error(f"the sound is damaged at {format_time(at)} of the file: {cause}", max(low, first))

    def _error(self, message: str, index: int) -> RenderError:
        return RenderError(
            message,
            component="SoundReader",
            file=self._facts.path,
            file_hash=self._facts.file_hash,
            source_time=Fraction(index, self._rate),
            suggestion=f'replace the file, or give the media entry "{self._media.name}" "on_error": "conceal" '
            "to hear silence where it is damaged",
        )


def _silence(channels: int, count: int) -> Samples:
    """In memory one row for each channel: decoders put them out so, and the mixer takes them so."""
    return np.zeros((channels, count), np.float32).T


def _copy(block: Samples, at: int, samples: Samples, first: int) -> None:
    """What `block`, which begins at index `at`, has of `samples`, which begin at index `first`."""
    low, high = max(first, at), min(first + len(samples), at + len(block))
    if low < high:
        samples[low - first : high - first] = block[low - at : high - at]
