"""The sound of a file as a clip plays it: from a place on, at a speed, forwards or backwards, once or repeated.

In: a reader that goes forward. Out: the samples that a clip sounds with, in the channels of the file. Passive; one
thread. The reader stays its maker's; what a playback itself opens goes onto the maker's exit stack.

Exactness: at speed 1 nothing happens to the samples but that they are shifted by a whole number of them, which
depends only on the straight line from root time to source time. Clips that lie on one line, as the halves of a cut
clip do, are therefore parts of one stream. The same holds backwards at speed −1.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from decoders.sound import SoundSource
from decoders.sound_converter import Samples
from decoders.sound_spool import SoundSpool
from decoders.sound_stretch import SoundStretch, stretch_reach
from planner.clock import round_half_up


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

    @property
    def lowest_index(self) -> int:
        """The lowest index of the file's stream that is read, or a little lower."""
        if self.loop_end is not None:
            return 0
        begin = self.offset * self.sample_rate
        lowest = math.floor(begin + min(self.speed * self.first, self.speed * (self.first + self.count)))
        return lowest - (1 if abs(self.speed) == 1 else stretch_reach(abs(self.speed), self.sample_rate))


def open_playback(reader: SoundSource, part: PlayedPart, stack: ExitStack) -> SoundSource:
    """The sound of `part`, to be read in order by the index since its first sample. Nothing is decoded yet."""
    # Along the direction of play: the position of output sample k is pace × k + begin.
    pace, begin = abs(part.speed), part.offset * part.sample_rate
    source = reader
    if part.loop_end is not None or part.speed < 0:
        spool = SoundSpool(reader, part.lowest_index)
        stack.callback(spool.close)
        source = spool
    if part.loop_end is not None:
        source = LoopedSound(source, part.loop_end * part.sample_rate)
    if part.speed < 0:
        source, begin = ReversedSound(source), -begin
    if pace == 1:
        return ShiftedSound(source, part.first - round_half_up(-begin))
    return SoundStretch(source, pace * part.first + begin, pace, part.sample_rate)


class ShiftedSound:
    """Index 0 is the source's index `shift`."""

    def __init__(self, source: SoundSource, shift: int) -> None:
        self._source, self._shift = source, shift

    @property
    def channels(self) -> int:
        return self._source.channels

    def read_at(self, first: int, count: int) -> Samples:
        return self._source.read_at(first + self._shift, count)


class ReversedSound:
    """Index i is the source's index −1 − i: what sounds in [a, b) sounds in [−b, −a), backwards."""

    def __init__(self, source: SoundSource) -> None:
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

    def __init__(self, source: SoundSource, period: Fraction) -> None:
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
