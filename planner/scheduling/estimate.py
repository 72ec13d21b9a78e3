"""How long an export takes: a guess from what is planned, and the time that is left, from what was measured so far.

In: what each file is needed for, sampled plans of the film, what encoding a picture costs; then the speed of decoders,
and the time that each stage was busy. Out: seconds. One thread; the speeds may be noted by others meanwhile.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reelmill.planner.scheduling.file_usage import FileUsage
from reelmill.planner.scheduling.stage_costs import FILE_SECONDS, START_SECONDS, STILL_ENCODING, decode_seconds

_COLD_SHARE = 0.02
"""Of the work: until so much is done, the guess is all that is known."""
_WARM_SHARE = 0.05
"""Of each stage: from here on its own speed says more than what was guessed of it."""


@dataclass(frozen=True, slots=True)
class StageSeconds:
    """Seconds of each stage, of all its threads together."""

    decode: float
    draw: float
    encode: float
    """With the sound."""

    @property
    def total(self) -> float:
        return self.decode + self.draw + self.encode


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """An output frame that was planned to see what drawing takes, and stands for those up to the next sample."""

    frame: int
    draw_seconds: float
    repeats: bool
    """Its picture is that of the frame before: nothing is drawn, and little encoded."""


@dataclass(frozen=True, slots=True)
class Progressed:
    """What an export has done so far."""

    output_frame: int
    """The first one that was not, n of the whole film."""
    elapsed_seconds: float
    busy: StageSeconds
    frames_decoded: int
    frames_unwritten: int
    """Rendered, and still to be encoded; those in the middle of it count in part."""


class Estimate:
    """The estimate of one export."""

    def __init__(
        self,
        usages: Mapping[str, FileUsage],
        frames: range,
        samples: Sequence[SampledFrame],
        *,
        share_made: float = 1.0,
        encode_seconds: float,
        sound_seconds: float = 0.0,
        decoded: Mapping[str, int] | None = None,
        speeds: Mapping[str, float] | None = None,
        cores: int | None = None,
    ) -> None:
        """`samples`: ascending, the first at the beginning of `frames`. `share_made`: of `frames`, those with pictures.

        `encode_seconds`: of one picture, in all outputs. `sound_seconds`: of the sound of one frame. `decoded`: frames
        that are decoded of each file, by hash; None for the fewest that can be. `speeds`: frames a second of the
        decoders that were measured so far, by the hash of their file; may grow. `cores`: None for this machine's.
        """
        self._usages, self._frames = usages, frames
        self._decoded = decoded or {name: usage.pattern.least_decoded for name, usage in usages.items()}
        self._cores = cores or os.cpu_count() or 1
        self._speeds = {} if speeds is None else speeds
        self._starts = [sample.frame for sample in samples]
        ends = [*self._starts[1:], frames.stop]
        self._draw = [sample.draw_seconds * share_made for sample in samples]
        self._encode = [
            share_made * encode_seconds * (STILL_ENCODING if sample.repeats else 1) + sound_seconds
            for sample in samples
        ]
        self._rest = [(0.0, 0.0)]
        """Seconds of drawing and encoding from the end of each sample's stretch on, the last sample's first."""
        for number in range(len(samples) - 1, 0, -1):
            count = ends[number] - self._starts[number]
            draw, encode = self._rest[-1]
            self._rest.append((draw + count * self._draw[number], encode + count * self._encode[number]))
        self._rest.reverse()

    def cpu_seconds(self) -> float:
        """Of the whole export, with its start: the first guess."""
        whole = self.left(self._frames.start)
        return whole.total + (START_SECONDS + FILE_SECONDS * len(self._usages) if self._frames else 0.0)

    def seconds(self) -> float:
        """Of the whole export on this machine: its cores are busy, but each picture is drawn on one of them."""
        return max(self.cpu_seconds() / self._cores, self.left(self._frames.start).draw)

    def left(self, output_frame: int) -> StageSeconds:
        """From an output frame to the end, as guessed; decoders that were measured by their speed."""
        frame = max(output_frame, self._frames.start)
        decode = sum(
            usage.share_left(frame) * self._decode_seconds(file_hash) for file_hash, usage in self._usages.items()
        )
        if frame >= self._frames.stop or not self._starts:
            return StageSeconds(decode if frame < self._frames.stop else 0.0, 0.0, 0.0)
        place = max(bisect_right(self._starts, frame) - 1, 0)
        end = self._starts[place + 1] if place + 1 < len(self._starts) else self._frames.stop
        draw, encode = self._rest[place]
        here = end - frame
        return StageSeconds(decode, draw + here * self._draw[place], encode + here * self._encode[place])

    def time_left(self, done: Progressed) -> float:
        """Seconds until the last picture is written.

        Each stage is taken to go on at the speed that it had so far, where the plan says how much of it is left; the
        stages share the cores as they did.
        """
        whole, left = self.left(self._frames.start), self.left(done.output_frame)
        left = replace(left, encode=self.left(done.output_frame - done.frames_unwritten).encode)
        if left.total > (1 - _COLD_SHARE) * whole.total:
            return left.total / self._cores
        if left.draw > (1 - _WARM_SHARE) * whole.draw or left.encode > (1 - _WARM_SHARE) * whole.encode:
            return done.elapsed_seconds * left.total / (whole.total - left.total)
        decode = self._decoding_left(whole, left, done)
        draw = _at_speed(left.draw, whole.draw - left.draw, done.busy.draw)
        encode = _at_speed(left.encode, whole.encode - left.encode, done.busy.encode)
        return done.elapsed_seconds * (decode + draw + encode) / max(done.busy.total, 1e-6)

    def _decoding_left(self, whole: StageSeconds, left: StageSeconds, done: Progressed) -> float:
        """What shared decoders have read ahead is done, though not shown."""
        share_left = left.decode / whole.decode if whole.decode else 0.0
        read = done.frames_decoded / max(sum(self._decoded.values()), 1)
        ahead = min(max(read - (1 - share_left), 0.0), share_left)
        return _at_speed(share_left - ahead, 1 - share_left + ahead, done.busy.decode)

    def _decode_seconds(self, file_hash: str) -> float:
        """Of all that is decoded of a file, on one core."""
        frames = self._decoded[file_hash]
        if file_hash in self._speeds:
            return frames / self._speeds[file_hash]
        return frames * decode_seconds(self._usages[file_hash].source.video)


def _at_speed(left: float, done: float, busy: float) -> float:
    """Seconds that the rest of a stage takes, if `done` took `busy`; the unit of `left` and `done` does not matter."""
    return busy * left / done if done > 0 else left
