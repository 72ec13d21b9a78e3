"""The sound of a file as a clip plays it: from a place on, at a speed, forwards or backwards, once or repeated.

In: a reader that goes forward. Out: the samples that a clip sounds with, in the channels of the file. Passive; one
thread. The reader stays its maker's; what a playback itself opens it closes.

Exactness: at speed 1 nothing happens to the samples but that they are shifted by a whole number of them, which
depends only on the straight line from root time to source time. Clips that lie on one line, as the halves of a cut
clip do, are therefore parts of one stream. The same holds backwards at speed −1, and at any speed that the pitch
follows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from reelmill.decoders.sound.sound import FileSoundReader
from reelmill.decoders.sound.sound_converter import Samples
from reelmill.decoders.sound.sound_source import IndexedSound
from reelmill.decoders.sound.sound_spool import SoundSpool
from reelmill.decoders.sound.sound_stretch import SoundStretch, stretch_reach
from reelmill.decoders.sound.sound_varispeed import VarispeedSound, varispeed_reach
from reelmill.planner.clock import round_half_up

STEP_SAMPLES = 1 << 16
"""Decoded between two looks at what else is to be done: a few milliseconds of work."""


@dataclass(frozen=True, slots=True)
class PlayedPart:
    """What of a file sounds: output samples, and the line from output time to source time."""

    first: int
    """Of the output."""
    count: int
    speed: Fraction
    """Not 0; negative backwards."""
    offset: Fraction
    """Source time at output time 0, seconds."""
    loop_end: Fraction | None
    """Source time at which the source begins again from 0, seconds; None where it does not."""
    sample_rate: int
    pitch: Fraction = Fraction(1)
    """Factor by which its pitch rises, above 0; 1 keeps it at every speed."""

    @property
    def pace(self) -> Fraction:
        """Samples of the source for one of the output."""
        return abs(self.speed)

    @property
    def lowest_index(self) -> int:
        """The lowest index of the file's stream that is read, or a little lower."""
        return 0 if self.loop_end is not None else math.floor(min(self._ends)) - self.reach

    @property
    def highest_index(self) -> int:
        """Of the first sample of the file's stream that is not read, or a little higher."""
        if self.loop_end is not None:
            return math.ceil(self.loop_end * self.sample_rate) + 1
        return math.ceil(max(self._ends)) + self.reach

    @property
    def plain(self) -> bool:
        """Whether the samples of the file are played as they are, forwards and once."""
        return self.speed == 1 and self.pitch == 1 and self.loop_end is None

    @property
    def _ends(self) -> tuple[Fraction, Fraction]:
        begin = self.offset * self.sample_rate
        return begin + self.speed * self.first, begin + self.speed * (self.first + self.count)

    @property
    def reach(self) -> int:
        """How far beyond the samples that are played those may lie that are read."""
        stretch = self.pace / self.pitch
        reach = 1
        if self.pitch != 1:
            reach += math.ceil((varispeed_reach(self.pitch) + 1) * stretch)
        if stretch != 1:
            reach += stretch_reach(stretch, self.sample_rate)
        return reach


class PlayedSound:
    """The sound of a part, to be read in order by the index since its first sample."""

    def __init__(self, reader: FileSoundReader, part: PlayedPart, skipped: int = 0) -> None:
        """Nothing is decoded yet. `skipped`: samples at the beginning of the part that nobody will read."""
        self._reader, self._part, self._skipped = reader, part, skipped
        self._spool: SoundSpool | None = None
        source: IndexedSound = reader
        if part.loop_end is not None or part.speed < 0:
            source = self._spool = SoundSpool(reader, part.lowest_index)
        self._source = _played(source, part)

    @property
    def channels(self) -> int:
        return self._source.channels

    def prepare(self) -> Iterator[None]:
        """Decode all that lies before the first sample to be read, in steps of a few milliseconds each.

        Reading would do the same, all at once. Raises RenderError.
        """
        part = self._part
        start = part.lowest_index + (self._skipped if part.plain else 0)
        while not self._reader.skip(start, STEP_SAMPLES):
            yield
        if self._spool is not None and part.speed < 0:
            # Not what may not be needed: damage there is no error.
            while not self._spool.fill(part.highest_index - 2 * part.reach, STEP_SAMPLES):
                yield
        if not part.plain:
            for first in range(0, self._skipped, STEP_SAMPLES):
                self._source.read_at(first, min(STEP_SAMPLES, self._skipped - first))
                yield

    def read_at(self, first: int, count: int) -> Samples:
        """Exactly `count` samples from index `first` on. Raises RenderError."""
        return self._source.read_at(first, count)

    def close(self) -> None:
        """Gives back what was opened beside the reader; a second call does nothing."""
        if self._spool is not None:
            self._spool.close()


def _played(source: IndexedSound, part: PlayedPart) -> IndexedSound:
    """`source` as the part plays it; readable in any order where it is repeated or goes backwards."""
    # Along the direction of play: the position of output sample k is pace × k + begin.
    pace, begin = part.pace, part.offset * part.sample_rate
    if part.loop_end is not None:
        source = LoopedSound(source, part.loop_end * part.sample_rate)
    if part.speed < 0:
        source, begin = ReversedSound(source), -begin
    stretch = pace / part.pitch
    if stretch == part.pitch == 1:
        return ShiftedSound(source, part.first - round_half_up(-begin))
    if stretch == 1:
        return ShiftedSound(VarispeedSound(source, begin, pace), part.first)
    origin = pace * part.first + begin
    if part.pitch == 1:
        return SoundStretch(source, origin, stretch, part.sample_rate)
    # Interpolation looks a little before the beginning, so stretching begins there.
    before = varispeed_reach(part.pitch)
    stretched = SoundStretch(source, origin - stretch * before, stretch, part.sample_rate)
    return VarispeedSound(stretched, Fraction(before), part.pitch)


class ShiftedSound:
    """Index 0 is the source's index `shift`."""

    def __init__(self, source: IndexedSound, shift: int) -> None:
        self._source, self._shift = source, shift

    @property
    def channels(self) -> int:
        return self._source.channels

    def read_at(self, first: int, count: int) -> Samples:
        return self._source.read_at(first + self._shift, count)


class ReversedSound:
    """Index i is the source's index −1 − i: what sounds in [a, b) sounds in [−b, −a), backwards."""

    def __init__(self, source: IndexedSound) -> None:
        """`source` must be readable in any order."""
        self._source = source

    @property
    def channels(self) -> int:
        return self._source.channels

    def read_at(self, first: int, count: int) -> Samples:
        return self._source.read_at(-(first + count), count)[::-1]


class LoopedSound:
    """The source's [0, period) again and again, forwards and backwards without end.

    A period need not be a whole number of samples: pass p begins at round(p × period), so that loops keep time.
    """

    def __init__(self, source: IndexedSound, period: Fraction) -> None:
        """`source` must be readable in any order; `period` is in samples, more than 0."""
        self._source, self._period = source, period

    @property
    def channels(self) -> int:
        return self._source.channels

    def read_at(self, first: int, count: int) -> Samples:
        samples = np.empty((count, self.channels), np.float32)
        done = 0
        number = math.floor(first / self._period) - 1
        while done < count:
            start, end = round_half_up(number * self._period), round_half_up((number + 1) * self._period)
            at = first + done
            if at < end:
                size = min(end - at, count - done)
                samples[done : done + size] = self._source.read_at(at - start, size)
                done += size
            number += 1
        return samples
