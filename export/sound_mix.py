"""The sound of a film: every cue, placed to the sample, levelled, panned, and summed.

In: cues, a resolved timeline, facts. Out: float32 samples in order. Files are opened when their cue begins and closed
when it ends, and sound is made block by block, so memory does not grow with the length of the film. Passive; used by
one thread, that of the encoder. Whoever makes a `SoundMix` closes it.

What comes out does not depend on the sizes in which it is read: blocks lie on a fixed grid of the whole film, and cues
are summed in float64 in the order in which they begin. Nothing is clipped.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction

import numpy as np

from decoders.sound import SoundReader, SoundSource
from decoders.sound_converter import Samples
from decoders.sound_playback import PlayedPart, open_playback
from export import panning
from export.panning import PROJECT_LAYOUTS, Signal, UnknownLayoutError
from export.sound_gain import StageLevels, Window
from export.sound_pool import SoundKey, SoundPool, sound_key
from planner.cues import Cue
from planner.errors import RenderError, SetupError
from planner.media import MediaFacts
from planner.timeline import Timeline

BLOCK_SAMPLES = 8192


class SoundMix:
    """The samples `first_sample` … `first_sample + sample_count` of a film."""

    def __init__(
        self,
        cues: Sequence[Cue],
        timeline: Timeline,
        facts: Mapping[str, MediaFacts],
        *,
        first_sample: int,
        sample_count: int,
        allow_network: bool = False,
    ) -> None:
        """Nothing is opened yet. Raises SetupError for channels that can't be mixed."""
        _check_channels(cues, timeline, facts)
        self.sample_rate = timeline.sample_rate
        self.channels = timeline.channels
        self.sample_count = sample_count
        self.busy_seconds = 0.0
        """Time spent in `read`."""
        self._timeline = timeline
        self._position, self._end = first_sample, first_sample + sample_count
        self._bus = PROJECT_LAYOUTS[max(timeline.channels, 2)]
        heard = (c for c in cues if c.end_sample > first_sample and c.first_sample < self._end)
        ordered = sorted(heard, key=lambda c: c.first_sample)
        self._waiting = deque(_Voice(c, timeline, facts[c.media], self._bus) for c in ordered)
        self._sounding: list[_Voice] = []
        self._pool = SoundPool(timeline.sample_rate, allow_network=allow_network)
        self._ready: Samples = np.empty((0, self.channels), np.float32)

    def read(self, count: int) -> Samples:
        """The next `count` samples, shape [count, channels]; fewer only at the end, where there are none at last.

        Raises RenderError where a file can't be read.
        """
        started = time.perf_counter()
        parts, missing = [self._ready[:count]], count - len(self._ready)
        self._ready = self._ready[count:]
        while missing > 0 and self._position < self._end:
            block = self._next_block()
            parts.append(block[:missing])
            self._ready = block[missing:]
            missing -= len(block)
        samples = np.concatenate(parts)
        self.busy_seconds += time.perf_counter() - started
        return samples

    def close(self) -> None:
        """Closes every file; a second call does nothing. There is nothing to read afterwards."""
        for voice in self._sounding:
            voice.stop(self._pool, self._is_wanted)
        self._sounding = []
        self._waiting.clear()
        self._pool.close()
        self._position = self._end
        self._ready = self._ready[:0]

    def _next_block(self) -> Samples:
        """The samples up to the next line of the grid."""
        first = self._position
        grid = first - first % BLOCK_SAMPLES
        end = min(grid + BLOCK_SAMPLES, self._end)
        bus = np.zeros((max(self.channels, 2), end - first))
        # In the order in which they begin: a voice that ends in this block leaves its file to one that begins in it.
        number = 0
        while number < len(self._sounding) or self._begin_voice(end):
            voice = self._sounding[number]
            low, high = max(first, voice.cue.first_sample), min(end, voice.cue.end_sample)
            voice.add_to(bus[:, low - first : high - first], Window(grid, low, high, self.sample_rate), self._pool)
            if voice.cue.end_sample <= end:
                del self._sounding[number]
                voice.stop(self._pool, self._is_wanted)
            else:
                number += 1
        self._position = end
        if self.channels == 1:
            bus = bus.sum(axis=0, keepdims=True) / 2
        return bus.T.astype(np.float32)

    def _begin_voice(self, end: int) -> bool:
        """Whether a voice waited that begins before sample `end`; it sounds now."""
        if not self._waiting or self._waiting[0].cue.first_sample >= end:
            return False
        self._sounding.append(self._waiting.popleft())
        return True

    def _is_wanted(self, key: SoundKey, position: int) -> bool:
        """Whether a voice that has not begun can go on with a reader that has come this far."""
        return any(voice.key == key and voice.part.lowest_index >= position for voice in self._waiting)


class _Voice:
    """A cue while it sounds."""

    def __init__(self, cue: Cue, timeline: Timeline, facts: MediaFacts, bus: str) -> None:
        assert facts.audio is not None
        self.cue = cue
        self.part = PlayedPart(
            first=cue.first_sample,
            count=cue.sample_count,
            speed=cue.source.speed,
            offset=cue.source.offset,
            loop_end=cue.loop_end,
            sample_rate=timeline.sample_rate,
        )
        self._media, self._facts = timeline.media[cue.media], facts
        self.key = sound_key(self._media, facts)
        self._layout = facts.audio.layout
        self._bus = bus
        self._levels: list[StageLevels] = []
        self._reader: SoundReader | None = None
        self._playback: SoundSource | None = None
        self._stack = ExitStack()

    def add_to(self, bus: Signal, window: Window, pool: SoundPool) -> None:
        """Add the samples of a window, which follow those of the one before. Raises RenderError."""
        try:
            if self._playback is None:
                self._reader = pool.take(self._media, self._facts, self.part.lowest_index)
                self._playback = open_playback(self._reader, self.part, self._stack)
                self._levels = [StageLevels(stage) for stage in self.cue.stages]
            samples = self._playback.read_at(window.first - self.cue.first_sample, window.end - window.first)
        except RenderError as error:
            heard_at = self._heard_at(error.source_time, window)
            error.locate(clip=self.cue.clip, composition=self.cue.composition, timeline_time=heard_at)
            raise
        signal, layout = samples.T.astype(np.float64), self._layout
        for stage in self._levels:
            signal = signal * stage.gain(window)
            if stage.pans:
                signal, layout = _panned(signal, layout, stage.pan(window)), "stereo"
            # What a composition puts out is a bus.
            signal, layout = _folded(signal, layout, self._bus), self._bus
        bus += signal

    def _heard_at(self, source_time: Fraction | None, window: Window) -> Fraction:
        """When a time of the source sounds, seconds of the film: in a loop, the first time from the window on."""
        rate, cue = window.sample_rate, self.cue
        window_start = Fraction(window.first, rate)
        if source_time is None:
            return window_start
        heard, _ = cue.source.span(source_time, source_time)
        if cue.loop_end is not None:
            period = cue.loop_end / abs(cue.source.speed)
            heard += math.ceil((window_start - heard) / period) * period
        # A stretched or repeated sound is read beyond what the clip sounds with.
        return min(max(heard, Fraction(cue.first_sample, rate)), Fraction(cue.end_sample, rate))

    def stop(self, pool: SoundPool, is_wanted: Callable[[SoundKey, int], bool]) -> None:
        self._stack.close()
        if self._reader is not None:
            pool.give_back(self._reader, is_wanted)
            self._reader = self._playback = None


def _panned(signal: Signal, layout: str, pan: Signal | float) -> Signal:
    """Stereo, panned. What has more channels is folded to stereo before."""
    if len(signal) == 1:
        return panning.pan_mono(signal, pan)
    return panning.pan_stereo(panning.apply(panning.stereo_matrix(layout), signal), pan)


def _folded(signal: Signal, layout: str, bus: str) -> Signal:
    """The signal in the layout of a bus."""
    matrix = panning.stereo_matrix(layout) if bus == "stereo" else panning.surround_matrix(layout)
    return panning.apply(matrix, signal)


def _check_channels(cues: Sequence[Cue], timeline: Timeline, facts: Mapping[str, MediaFacts]) -> None:
    if timeline.channels not in PROJECT_LAYOUTS:
        raise SetupError(
            f"sound of {timeline.channels} channels can't be mixed",
            component="AudioMixer",
            suggestion='set "channels" under "audio" to 1 (mono), 2 (stereo) or 6 (5.1)',
        )
    for cue in cues:
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
