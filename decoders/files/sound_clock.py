"""Where in a recording its frames of sound belong.

In: the frames of a stream in the order in which they are decoded, and its losses. Out: the same frames, each with what
is to be done before it so that it lies at its time. Passive; one thread.

Samples are counted. Timestamps are rounded, and where they are times of capture they jitter, so they are believed in
these cases only:

- They leap by more than LEAP_SECONDS, and stay there. Leaps ahead are interruptions: silence fills them. Leaps back are
  overlaps, as between segments that were encoded apart: what overlaps is left out. A leap back by more than
  RESTART_SECONDS is no overlap, but a clock that begins anew: the sound goes on.
- They drift away from the samples counted by more than DRIFT_SECONDS, as those of a sound card do whose clock is not
  that of the computer. The sound is stretched or squeezed a little until they agree.
- Packets were lost: then any time ahead is silence.

Nothing depends on what follows later than LOOK_AHEAD_SECONDS, or on where reading begins: it begins with the file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from av.audio.frame import AudioFrame

from reelmill.planner.clock import round_half_up

LEAP_SECONDS = Fraction(1, 200)
GAP_SECONDS = Fraction(1, 20)
"""Sound is nowhere further from its timestamps than this, but for jitter."""
DRIFT_SECONDS = Fraction(1, 50)
RESTART_SECONDS = Fraction(1)
LOOK_AHEAD_SECONDS = Fraction(1, 2)
"""What timestamps say counts if they all say it for so long."""
GLIDE = 200
"""A drift is taken up over so many times its length: the pitch changes by half a percent, 9 cents, meanwhile."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A packet that gave no sound."""

    reason: str


class TimedSound(NamedTuple):
    """A frame, and what is to be done before it. Numbers are samples at the rate of the frame."""

    frame: AudioFrame
    silence: int
    """Samples of silence before the frame."""
    taken: int
    """So many samples from the beginning of the frame on …"""
    given: int
    """… become so many: none where they are left out."""
    loss: Loss | None
    """What was lost before the frame."""


class _Waiting(NamedTuple):
    frame: AudioFrame
    rate: int
    samples: int
    ahead: int | None
    """Samples by which its timestamp is ahead of the frames before it; None without a timestamp."""
    loss: Loss | None


class SampleClock:
    """The time of one stream."""

    def __init__(self, *, timed: bool = True, seamless: bool = False) -> None:
        """`timed`: the container has timestamps; libav does not make them up. `seamless`: it has no gaps."""
        self._timed, self.seamless = timed, seamless
        self._noted = _Count()
        """Samples of all frames that have come in."""
        self._placed = _Count()
        """Samples of all frames that have gone out, and the silence between them."""
        self._zero_pts: int | None = None
        """Timestamp of the first sample; None before a frame had one."""
        self._tick = Fraction(1)
        """Samples of one tick of the timestamps."""
        self._leap = 0
        """Samples by which timestamps are at least ahead or behind where anything is to be done."""
        self._added = 0
        """Samples by which timestamps may be ahead of the frames alone: silence, and all else that was mended."""
        self._warped = 0
        """What of this came from stretching, or was left out."""
        self._last = 0
        """Samples by which the last timestamp was ahead."""
        self._gliding_until = 0
        self.loss: Loss | None = None
        """What was lost behind the last frame."""

    @property
    def decoded(self) -> Fraction:
        """Seconds of the frames placed so far and of the silence between them."""
        return self._placed.seconds

    @property
    def elapsed(self) -> Fraction:
        """Seconds from the first frame to the end of the last one placed, when all is mended."""
        return self._placed.seconds + Fraction(self._warped, self._placed.rate)

    def placed(self, frames: Iterable[AudioFrame | Loss]) -> Iterator[TimedSound]:
        """The frames, each when enough of what follows it is known. `decoded` and `elapsed` include it."""
        waiting: deque[_Waiting] = deque()
        samples = 0
        looked_at = float(LOOK_AHEAD_SECONDS) if self._timed and not self.seamless else 0
        for item in frames:
            if isinstance(item, Loss):
                self.loss = self.loss or item
                continue
            waiting.append(self._waiting(item))
            samples += waiting[-1].samples
            ahead = self._noted.rate * looked_at
            while waiting and samples - waiting[0].samples >= ahead:
                samples -= waiting[0].samples
                yield self._place(waiting)
        while waiting:
            yield self._place(waiting)

    def _waiting(self, frame: AudioFrame) -> _Waiting:
        loss, self.loss = self.loss, None
        rate, samples, pts = frame.sample_rate, frame.samples, frame.pts
        if rate != self._noted.rate:
            assert frame.time_base is not None
            self._noted.change_rate(rate)
            self._tick = frame.time_base * rate
            self._leap = int(max(LEAP_SECONDS * rate, 2 * self._tick))
        counted = self._noted.samples
        ahead: int | None = None
        if pts is not None:
            if self._zero_pts is None or not (self._timed or loss):
                self._zero_pts = pts - int((counted + self._added) / self._tick)
            ahead = (pts - self._zero_pts) * self._tick.numerator // self._tick.denominator - counted
        self._noted.samples = counted + samples
        return _Waiting(frame, rate, samples, ahead, loss)

    def _place(self, waiting: deque[_Waiting]) -> TimedSound:
        found = waiting.popleft()
        if found.rate != self._placed.rate:
            factor = Fraction(found.rate, self._placed.rate)
            self._placed.change_rate(found.rate)
            self._added, self._warped = int(self._added * factor), int(self._warped * factor)
            self._last = self._gliding_until = 0
        silence = taken = given = 0
        if found.ahead is not None:
            ahead = found.ahead - self._added
            if found.loss is not None or not -self._leap <= ahead <= self._leap:
                silence, taken, given = self._mended(ahead, found, waiting)
                self._added += silence + given - taken
                self._warped += given - taken
            self._last = found.ahead - self._added
        begin = self._placed.samples + silence
        if given:
            self._gliding_until = begin + taken
        self._placed.samples = begin + found.samples
        return TimedSound(found.frame, silence, taken, given, found.loss)

    def _mended(self, ahead: int, found: _Waiting, waiting: Iterable[_Waiting]) -> tuple[int, int, int]:
        """Silence, taken and given, as in `Placed`, for a frame whose timestamp is `ahead` of the samples."""
        rate = found.rate
        if found.loss is not None:
            return (self._whole_frames(ahead, found.samples) if ahead > self._tick else 0), 0, 0
        if self.seamless or not self._timed:
            return (self._whole_frames(ahead, found.samples) if ahead > GAP_SECONDS * rate else 0), 0, 0
        steady = self._steady(ahead, found, waiting)
        if not steady:
            return 0, 0, 0
        if abs(ahead - self._last) > self._leap:
            if ahead < -RESTART_SECONDS * rate:
                self._added += ahead
                return 0, 0, 0
            return (self._whole_frames(ahead, found.samples), 0, 0) if ahead > 0 else (0, -ahead, 0)
        if abs(steady) > GAP_SECONDS * rate:
            return (steady, 0, 0) if steady > 0 else (0, -steady, 0)
        if abs(steady) > DRIFT_SECONDS * rate and self._placed.samples >= self._gliding_until:
            return 0, abs(steady) * GLIDE, abs(steady) * GLIDE + steady
        return 0, 0, 0

    def _steady(self, ahead: int, found: _Waiting, waiting: Iterable[_Waiting]) -> int:
        """By how much timestamps are ahead from a frame on for LOOK_AHEAD_SECONDS, at least; 0 if they disagree."""
        least, samples = ahead, found.samples
        for other in waiting:
            if other.loss is not None or other.rate != found.rate:
                break
            if other.ahead is not None:
                following = other.ahead - self._added
                if following * ahead <= 0 or abs(following) <= self._leap:
                    return 0
                least = min(least, following, key=abs)
            samples += other.samples
        known = samples >= LOOK_AHEAD_SECONDS * found.rate or abs(ahead) > GAP_SECONDS * found.rate
        return least if known else 0

    def _whole_frames(self, ahead: int, samples: int) -> int:
        """The time ahead, as whole frames of so many samples where timestamps as coarse as these allow that."""
        whole = round_half_up(Fraction(ahead, samples)) * samples
        return whole if abs(whole - ahead) <= self._tick else ahead


class _Count:
    """Samples of a stream whose rate may change."""

    def __init__(self) -> None:
        self.rate = 1
        self.samples = 0
        """All so far, those of another rate converted to this one."""
        self._before = Fraction(0)
        """Seconds at earlier rates."""
        self._converted = 0
        """The same in samples."""

    @property
    def seconds(self) -> Fraction:
        return self._before + Fraction(self.samples - self._converted, self.rate)

    def change_rate(self, rate: int) -> None:
        """Count at another rate from now on."""
        self._before, self.rate = self.seconds, rate
        self.samples = self._converted = int(self._before * rate)
