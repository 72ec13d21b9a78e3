"""A film brought to a loudness, in two passes: measure the whole mix, then play it with a gain and a limiter.

In: the mix of the whole film, the target. Out: samples of the film, or of a range of it, in order. Passive; one
thread. Whoever makes a `LevelledSound` closes it; the mix stays its maker's and is read to its end at once.

The mix is kept (`kept_sound`), so nothing is decoded twice, however many outputs are made of it. Loudness and true
peak are those of EBU R 128 (libavfilter's ebur128; ITU-R BS.1770). The gain is the difference between target and
measurement. Where peaks would pass the ceiling with it, a limiter keeps them under it; what it takes away of the
loudness is made up for by more gain, which is found by measuring again. A lossy codec changes peaks (AAC was seen to
raise them by 2.4 dB) and loudness, so what is measured then is what it makes of the film.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reelmill.decoders.listening.sound_loudness import LoudnessMeter
from reelmill.decoders.sound.sound_converter import Samples
from reelmill.export.films.audio_encoding import AudioEncoding
from reelmill.export.sound.coded_sound import coded
from reelmill.export.sound.kept_sound import Heard, KeptMix, Mix
from reelmill.export.sound.limiter import PEAK_REACH, SEGMENT_SAMPLES, Limiter, PeakFinder
from reelmill.export.sound.panning import PROJECT_LAYOUTS
from reelmill.planner.errors import SetupError
from reelmill.planner.sound.sound_analysis import Loudness
from reelmill.planner.sound.sound_plan import SoundPlan
from reelmill.planner.timeline import DEFAULT_TRUE_PEAK

MAX_REDUCTION_DB = 15.0
"""What the limiter may take off the highest peak; beyond it a film is not limited but crushed."""
TOLERANCE_LU = 0.05
LEAP_TOLERANCE_LU = 0.2
"""The same where a codec leaps over the target: what EBU R 128 allows for measuring."""
_LEAP_DB = 0.02
"""Between gains as near as this no other is looked for."""
_MAX_PASSES = 16
_NEAR_DB = 0.01
"""A peak as near to the ceiling as this is limited."""


class LevelledSound:
    """The samples of a range of a film, at the film's loudness."""

    def __init__(self, mix: Mix | KeptMix, plan: SoundPlan, audio: AudioEncoding, wanted: range, heard: Heard) -> None:
        """Reads and measures the whole mix, whatever is `wanted` of it.

        One that is kept already stays its maker's. Raises SetupError where the loudness can't be reached, which tells
        the one that can; RenderError.
        """
        assert plan.loudness is not None
        self.sample_rate, self.channels, self.sample_count = plan.sample_rate, plan.channels, len(wanted)
        self.busy_seconds = 0.0
        """Spent with measuring and levelling, without waiting for the mix."""
        self._plan, self._heard = plan, heard
        self._codec = None if audio.bitrate is None else audio
        """How the film is encoded; None without loss."""
        self._target = plan.loudness
        self._peak = DEFAULT_TRUE_PEAK if plan.true_peak is None else plan.true_peak
        self._kept = mix if isinstance(mix, KeptMix) else KeptMix(mix, plan, heard)
        self._owns_mix = not isinstance(mix, KeptMix)
        if self._owns_mix:
            self.busy_seconds = self._kept.busy_seconds
        started = time.perf_counter()
        try:
            self._choose(self._kept.loudness)
        except BaseException:
            self.close()
            raise
        self._begin(wanted)
        self.busy_seconds += time.perf_counter() - started

    def again(self, wanted: range) -> LevelledSound:
        """Another reading at the same levels, of whatever range, for another thread; this one has to stay open."""
        other = copy.copy(self)
        other._owns_mix, other.busy_seconds, other.sample_count = False, 0.0, len(wanted)
        other._begin(wanted)
        return other

    def _begin(self, wanted: range) -> None:
        self._blocks = self._played(wanted)
        self._ready: Samples = np.empty((0, self.channels), np.float32)

    def read(self, count: int) -> Samples:
        """The next `count` samples, shape [count, channels]; fewer only at the end. Raises RenderError."""
        started = time.perf_counter()
        parts, missing = [self._ready[:count]], count - len(self._ready)
        self._ready = self._ready[count:]
        while missing > 0 and (block := next(self._blocks, None)) is not None:
            parts.append(block[:missing])
            self._ready = block[missing:]
            missing -= len(block)
        self.busy_seconds += time.perf_counter() - started
        return np.concatenate(parts)

    def close(self) -> None:
        """Gives the memory or the file back, if it made it; a second call does nothing."""
        if self._owns_mix:
            self._kept.close()

    def _choose(self, measured: Loudness) -> None:
        """Find gain and limiter. Raises SetupError."""
        if measured.integrated_lufs is None or measured.true_peak_dbtp is None:
            raise SetupError(
                f"the film can't be brought to {self._target:g} LUFS: it is silent, or shorter than the 0.4 s over "
                "which loudness is measured",
                component="AudioMixer",
                suggestion='leave out "loudness" under "audio"',
            )
        self._gain_db = self._target - measured.integrated_lufs
        self._ceiling: float | None = None
        """Of the limiter, dBTP; None for none."""
        self._lower: dict[int, float] = {}
        """Its ceilings in single segments."""
        room = self._peak - measured.true_peak_dbtp
        if self._codec is not None or self._gain_db > room - _NEAR_DB:
            self._limit(room + MAX_REDUCTION_DB)

    def _limit(self, most_db: float) -> None:
        """Find gain and ceiling with which the film has the loudness. Raises SetupError where there is none.

        Loudness grows with gain, by less and less: what is missing over the steepness seen last is the next step, kept
        inside of the gains that are known to be too little and too much. A codec may leap over the target (Opus codes
        the energy of a sparse film in steps of 0.3 dB): where these two meet, the nearer one is taken.
        """
        too_little = too_much = None
        nearest: _Trial | None = None
        self._ceiling, self._gain_db = self._peak, min(self._gain_db, most_db)
        for _ in range(_MAX_PASSES):
            loudness, peak = self._measured_levels()
            missing = self._target - loudness
            if peak <= self._peak and abs(missing) <= TOLERANCE_LU:
                return
            rise = 1.0
            if peak > self._peak:
                if not self._lower_where_coded():
                    self._ceiling -= peak - self._peak + _NEAR_DB
                too_little = too_much = None
            else:
                trial = _Trial(self._gain_db, loudness, self._ceiling, dict(self._lower))
                if nearest is None or abs(missing) < abs(self._target - nearest.loudness):
                    nearest = trial
                if missing <= 0:
                    too_much = trial
                elif trial.gain_db >= most_db:
                    raise self._out_of_reach(loudness)
                else:
                    if too_little is not None:
                        grown = (loudness - too_little.loudness) / (trial.gain_db - too_little.gain_db)
                        rise = min(max(grown, 0.1), 1.0)
                    too_little = trial
            self._gain_db = min(self._gain_db + missing / rise, most_db)
            if too_little is None or too_much is None:
                continue
            low, high = too_little.gain_db, too_much.gain_db
            if low > high:
                # A codec is not that regular: what was found last counts.
                too_little, too_much = (too_little, None) if missing > 0 else (None, too_much)
            elif high - low <= _LEAP_DB:
                break
            elif not low < self._gain_db < high:
                self._gain_db = (low + high) / 2
        if nearest is None or abs(self._target - nearest.loudness) > LEAP_TOLERANCE_LU:
            raise self._leapt_over(nearest)
        self._gain_db, self._ceiling, self._lower = nearest.gain_db, nearest.ceiling, nearest.lower

    def _lower_where_coded(self) -> bool:
        """Lower the ceiling of the limiter where the codec has raised a peak above it; False if it has not.

        libav's AAC, for one, raises the beginning of a film that begins loud by as much as 5 dB, and nothing else.
        """
        assert self._ceiling is not None
        raised = self._coded_peaks.above(self._peak) if self._codec is not None else {}
        for number, excess in raised.items():
            self._lower[number] = self._lower.get(number, self._ceiling) - excess - _NEAR_DB
        return bool(raised)

    def _out_of_reach(self, loudness: float) -> SetupError:
        reached = math.floor(loudness * 10) / 10
        return SetupError(
            f"the film can't be brought to {self._target:g} LUFS with its true peak under {self._peak:g} dBTP: with "
            f"{MAX_REDUCTION_DB:g} dB taken off its highest peak, {reached:g} LUFS can be reached",
            component="AudioMixer",
            suggestion=f'set "loudness" under "audio" to {reached:g} or less, or even the sound out before, with '
            '"filters": "acompressor"',
        )

    def _leapt_over(self, nearest: _Trial | None) -> SetupError:
        """The error for a codec that reaches no loudness near enough, although the film could be louder."""
        codec = "the limiter" if self._codec is None else self._codec.codec
        if nearest is None:
            cause = f"{codec} leaves peaks above that at every level that was tried"
            hint = 'lower "true_peak" or "loudness" under "audio"'
        else:
            cause = f"{codec} changes its loudness in steps, and the nearest is {nearest.loudness:.2f} LUFS"
            hint = f'set "loudness" under "audio" to {nearest.loudness:.2f}'
        return SetupError(
            f"the film can't be brought to {self._target:g} LUFS with its true peak under {self._peak:g} dBTP: {cause}",
            component="AudioMixer",
            suggestion=f"{hint}, or choose a higher bitrate or another codec under export",
        )

    def _measured_levels(self) -> tuple[float, float]:
        """Loudness and true peak with the gain and the limiter chosen so far."""
        meter = self._meter()
        blocks = self._played(range(self._plan.sample_count))
        self._coded_peaks = _SegmentPeaks(self.channels)
        position = 0
        for block in blocks if self._codec is None else coded(blocks, self._codec):
            position += len(block)
            self._heard(position)
            meter.add(block)
            if self._codec is not None:
                self._coded_peaks.add(block)
        measured = meter.result()
        assert measured.integrated_lufs is not None
        assert measured.true_peak_dbtp is not None
        return measured.integrated_lufs, measured.true_peak_dbtp

    def _meter(self) -> LoudnessMeter:
        return LoudnessMeter(self.sample_rate, PROJECT_LAYOUTS[self.channels])

    def _played(self, wanted: range) -> Iterator[Samples]:
        """The samples of a range of the film, with gain and limiter."""
        # A limiter remembers what it heard, so it hears the film from its beginning.
        begin = wanted.start if self._ceiling is None else 0
        skipped, missing = wanted.start - begin, len(wanted)
        for block in self._levelled(range(begin, self._plan.sample_count)):
            if missing == 0:
                return
            part = block[skipped : skipped + missing]
            skipped -= min(skipped, len(block))
            missing -= len(part)
            yield part

    def _levelled(self, samples: range) -> Iterator[Samples]:
        gain = 10 ** (self._gain_db / 20)
        if self._ceiling is None:
            for block in self._kept.blocks(samples):
                yield (block * gain).astype(np.float32)
            return
        limiter = Limiter(self._ceiling, self.channels, self.sample_rate, self._lower)
        for block in self._kept.blocks(samples):
            yield limiter.process(block.T.astype(np.float64) * gain).T.astype(np.float32)
        yield limiter.finish().T.astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Trial:
    """A gain with which the film stays under the ceiling, the limiter that it took, and what came of it."""

    gain_db: float
    loudness: float
    ceiling: float
    lower: dict[int, float]


class _SegmentPeaks:
    """The true peaks of the segments of a film that a codec has passed through."""

    def __init__(self, channels: int) -> None:
        self._finder = PeakFinder(channels)
        self._position = -PEAK_REACH
        self._peaks: dict[int, float] = {}

    def add(self, samples: Samples) -> None:
        peaks = self._finder.process(samples.T.astype(np.float64))
        first, self._position = self._position, self._position + len(peaks)
        for number in range(first // SEGMENT_SAMPLES, self._position // SEGMENT_SAMPLES + 1):
            inside = peaks[max(number * SEGMENT_SAMPLES - first, 0) : max((number + 1) * SEGMENT_SAMPLES - first, 0)]
            if inside.size:
                self._peaks[number] = max(self._peaks.get(number, 0.0), float(inside.max()))

    def above(self, ceiling_dbtp: float) -> dict[int, float]:
        """By how many decibels segments pass a ceiling. Codecs are late: so the segment before is charged too."""
        excesses: dict[int, float] = {}
        for number, peak in self._peaks.items():
            excess = 20 * math.log10(max(peak, 1e-10)) - ceiling_dbtp
            if excess > 0:
                for charged in (number - 1, number):
                    excesses[charged] = max(excesses.get(charged, 0.0), excess)
        return excesses
