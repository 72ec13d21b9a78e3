"""The sound of a film: every cue, placed to the sample, levelled, panned, summed, and sent through the buses.

In: a sound plan, media, facts. Out: float32 samples in order. Active: owns the decode pool, and the thread "mix",
which mixes block after block into a queue that is bounded in bytes, so that whoever reads it, the encode thread,
seldom waits. Whoever makes a `SoundMix` closes it.

What comes out does not depend on the sizes in which it is read, on the number of threads, or on where a range begins:
blocks lie on a fixed grid of the whole film and are summed in float64 in a fixed order. Nothing is clipped.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate

from reelmill.decoders.shared.decode_slots import available_cores
from reelmill.decoders.sound.audio_decode_pool import MOST_WORKERS, AudioDecodePool, PoolClosed
from reelmill.decoders.sound.audio_worker import PARKED, READY_AHEAD, AudioDecodeStatistics
from reelmill.decoders.sound.sound_converter import Samples
from reelmill.export.opening.descriptors import OpenFilesRoom
from reelmill.export.sound import panning
from reelmill.export.sound.bus_graph import BusGraph
from reelmill.export.sound.mixer import BLOCK_SAMPLES, Mixer
from reelmill.export.sound.panning import PROJECT_LAYOUTS, UnknownLayoutError
from reelmill.export.sound.sample_queue import SampleQueue
from reelmill.export.sound.sound_voices import SoundVoices
from reelmill.planner.errors import SetupError
from reelmill.planner.media import MediaFacts
from reelmill.planner.process.threads import Thread
from reelmill.planner.process.waiting import Checkpoint, no_checkpoint
from reelmill.planner.sound.sound_plan import SoundPlan
from reelmill.planner.timeline import Media

MAX_QUEUED_BYTES = 4 * 2**20
"""Mixed sound that waits for the encoder: 11 seconds of stereo at 48 kHz. In so much time a file is decoded up to
where a clip begins an hour into it."""


@dataclass(frozen=True, slots=True)
class SoundStatistics:
    """What a mix did so far (docs/reference/report.md)."""

    decoding: AudioDecodeStatistics
    mix_seconds: float
    """Busy time of the mix thread."""
    encoder_waited_seconds: float
    """That whoever reads spent waiting."""

    @property
    def busy_seconds(self) -> float:
        """Of all threads that decode and mix."""
        return self.decoding.busy_seconds + self.mix_seconds


class SoundMix:
    """The samples `first_sample` … `first_sample + sample_count` of a film."""

    def __init__(
        self,
        plan: SoundPlan,
        media: Mapping[str, Media],
        facts: Mapping[str, MediaFacts],
        *,
        first_sample: int,
        sample_count: int,
        workers: int | None = None,
        threads: int | None = None,
        allow_network: bool = False,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> None:
        """Starts to mix at once. `workers` decode; `threads` mix; None for a number that suits the machine.
        `checkpoint` is called by whoever reads, while it waits; it may raise.

        Raises SetupError for channels that can't be mixed, and more files at once than the process may open.
        """
        _check_channels(plan, facts)
        self.sample_rate = plan.sample_rate
        self.channels = plan.channels
        self.sample_count = sample_count
        self._plan = plan
        self._end = first_sample + sample_count
        self._graph = BusGraph(plan, first_sample=first_sample)
        with ExitStack() as opened:
            opened.enter_context(_open_files_room(plan, range(self._graph.begin, self._end)))
            self._mixer = Mixer(plan.bus_channels, threads=threads or available_cores())
            opened.callback(self._mixer.close)
            self._pool = AudioDecodePool(plan.sample_rate, workers=workers, allow_network=allow_network)
            opened.callback(self._pool.close)
            self._voices = SoundVoices(plan, media, facts, self._pool, self._mixer, begin=self._graph.begin)
            self._queue = SampleQueue(plan.channels, MAX_QUEUED_BYTES)
            self._checkpoint = checkpoint
            self._mix_seconds = 0.0
            self._thread = Thread(target=self._run, name="mix", daemon=True)
            self._thread.start()
            self._opened = opened.pop_all()

    def read(self, count: int) -> Samples:
        """The next `count` samples, shape [count, channels]; fewer only at the end, where there are none at last.

        Raises RenderError where a file can't be read, after all samples before that were read.
        """
        return self._queue.take(count, self._checkpoint)

    def statistics(self) -> SoundStatistics:
        """The counters so far."""
        return SoundStatistics(self._pool.statistics(), self._mix_seconds, self._queue.waited_seconds)

    def cancel(self) -> None:
        """Lets go of whoever reads: there is nothing to read afterwards. Any thread; a second call does nothing."""
        self._queue.close()

    def close(self) -> None:
        """Ends the threads and closes every file; a second call does nothing. There is nothing to read afterwards."""
        self._queue.close()
        self._pool.close()
        self._thread.join()
        self._queue.free()
        self._opened.close()

    # The rest runs on the mix thread.

    def _run(self) -> None:
        try:
            self._mix_all()
        except PoolClosed:
            return
        except BaseException as error:
            self._queue.end(error)
            return
        self._queue.end()

    def _mix_all(self) -> None:
        position, missing = self._graph.begin, self.sample_count
        # Buses that remember want whole blocks, also behind the end of a range; others give each sample at once.
        film_end = self._plan.sample_count if _remembers(self._plan) else min(self._end, self._plan.sample_count)
        while missing > 0 and position < film_end:
            started, starved = time.perf_counter(), self._pool.statistics().starved_seconds
            block = position // BLOCK_SAMPLES
            end = min((block + 1) * BLOCK_SAMPLES, film_end)
            buses = self._voices.mix(block, position, end)
            samples = self._graph.process(position, end, buses)[:, :missing]
            self._mix_seconds += time.perf_counter() - started - self._pool.statistics().starved_seconds + starved
            if not self._queue.put(samples):
                return
            missing -= samples.shape[1]
            position = end


def _open_files_room(plan: SoundPlan, samples: range) -> OpenFilesRoom:
    """Leave to open the files of the cues that sound in a range. Raises SetupError where they are too many."""
    steps = Counter[int]()
    heard = [cue for cue in plan.cues if cue.first_sample < samples.stop and cue.end_sample > samples.start]
    for cue in heard:
        # What is played backwards is kept in a file of its own.
        files = 2 if cue.source.speed < 0 else 1
        steps[cue.first_sample] += files
        steps[cue.end_sample] -= files
    at_once = max(accumulate(steps[sample] for sample in sorted(steps)), default=0)
    ahead = (READY_AHEAD + PARKED) * MOST_WORKERS
    return OpenFilesRoom("the sound", most=min(at_once + ahead, 2 * len(heard)), least=at_once)


def _remembers(plan: SoundPlan) -> bool:
    """Whether what a bus puts out depends on more than the sample that is put in."""
    return plan.true_peak is not None or any(bus.filters or bus.ducking for bus in plan.buses)


def _check_channels(plan: SoundPlan, facts: Mapping[str, MediaFacts]) -> None:
    if plan.channels not in PROJECT_LAYOUTS:
        raise SetupError(
            f"sound of {plan.channels} channels can't be mixed",
            component="AudioMixer",
            suggestion='set "channels" under "audio" to 1 (mono), 2 (stereo) or 6 (5.1)',
        )
    for cue in plan.cues:
        audio = facts[cue.media].audio
        assert audio is not None
        try:
            panning.channel_names(audio.layout)
        except UnknownLayoutError as error:
            raise SetupError(
                f"{error}; mono, stereo and the layouts up to 7.1 are",
                component="AudioMixer",
                clip=cue.clip,
                composition=cue.composition,
                file=facts[cue.media].path,
                suggestion="convert the file to stereo or 5.1, or mute the clip",
            ) from error
