"""The buses of a film at work: sums of cues become the samples of the film.

In: a `SoundPlan`, and block after block what sounds into each bus. Out: the samples of the film that are complete.
planner.sound_plan describes the seam. Passive; one thread. Nothing is made before a bus begins, and what a bus has
made is let go when it has ended, so a film may have any number of them one after the other.

A bus adds up what sounds into it as far as all of it is there, runs its filters, multiplies by its ducking and its
gain stages, and hands on. Filters and duckings look ahead, so buses come to different places of the film; queues
between them keep what the one behind has not taken yet, and everything meets at its own sample.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter

import numpy as np

from reelmill.export.sound import panning
from reelmill.export.sound.ducking import Ducker
from reelmill.export.sound.limiter import Limiter
from reelmill.export.sound.panning import Signal
from reelmill.export.sound.sound_filters import FilterChain, FilterError
from reelmill.export.sound.sound_gain import StageLevels, Window
from reelmill.planner.errors import RenderError
from reelmill.planner.sound.sound_plan import Bus, Ducking, SoundPlan

_WINDOW_SAMPLES = 8192
"""Gain stages are evaluated on windows of a grid of the whole film, whatever pieces come."""


class BusGraph:
    """Every bus of a film."""

    def __init__(self, plan: SoundPlan, *, first_sample: int) -> None:
        """`first_sample` of the film is the first that is wanted."""
        self.begin = plan.begin(first_sample)
        """The sample from which on blocks are to be given."""
        self._plan = plan
        self._skipped = first_sample - self.begin
        """Samples that come before the first one that is wanted."""
        self._rank = {number: rank for rank, number in enumerate(_hearing_order(plan.buses))}
        heard = [n for n, bus in enumerate(plan.buses) if bus.sample_count > 0 and bus.end_sample > self.begin]
        self._waiting = deque(sorted(heard, key=lambda n: (plan.buses[n].first_sample, n)))
        """Buses that have not begun."""
        self._active: dict[int, _ActiveBus] = {}
        self._duckings: dict[int, set[Ducking]] = {}
        """Those that listen to a bus."""
        for ducking in (plan.buses[number].ducking for number in heard):
            if ducking is not None:
                self._duckings.setdefault(ducking.by, set()).add(ducking)
        self._duckers: dict[Ducking, _ActiveDucker] = {}
        self._film_to = self.begin
        self._film = _Queue(self.begin, plan.buses[0].end_sample)
        limited = plan.true_peak is not None and plan.loudness is None
        self._limiter = Limiter(plan.true_peak or 0.0, plan.channels, plan.sample_rate) if limited else None

    def process(self, first: int, end: int, blocks: Mapping[int, Signal]) -> Signal:
        """The samples of the film that are complete after its samples `first` … `end` have sounded into the buses.

        Shape [channels of the film, n]. Raises RenderError, naming the clip, where filters fail.
        """
        self._begin_buses(end)
        for number in sorted(self._active, key=self._rank.__getitem__):
            bus = self._active[number]
            bus.run(first, end, blocks.get(number))
            if bus.has_ended:
                del self._active[number]
                for ducking in self._duckings.get(number, ()):
                    del self._duckers[ducking]
        known = self._film.known_to(self._plan.buses[0].end_sample)
        samples = np.zeros((self._plan.bus_channels, known - self._film_to))
        self._film.add_to(samples, self._film_to)
        self._film_to = known
        if self._plan.channels == 1:
            samples = samples.sum(axis=0, keepdims=True) / 2
        if self._limiter is not None:
            samples = self._limiter.process(samples)
            if end >= self._plan.sample_count:
                samples = np.concatenate((samples, self._limiter.finish()), axis=1)
        skipped = min(self._skipped, samples.shape[1])
        self._skipped -= skipped
        return samples[:, skipped:]

    def _begin_buses(self, end: int) -> None:
        """Start the buses that begin before sample `end`."""
        buses = self._plan.buses
        begun: list[_ActiveBus] = []
        while self._waiting and buses[self._waiting[0]].first_sample < end:
            number = self._waiting.popleft()
            bus = buses[number]
            start = max(bus.first_sample, self.begin)
            output = self._film if bus.parent is None else self._active[bus.parent].inlet(number, bus)
            active = _ActiveBus(bus, self._plan, start, output)
            for ducking in self._duckings.get(number, ()):
                self._duckers[ducking] = _ActiveDucker(ducking, self._plan, start)
                active.listeners.append(self._duckers[ducking])
            self._active[number] = active
            begun.append(active)
        for active in begun:
            if active.bus.ducking is not None:
                active.factors = self._duckers[active.bus.ducking].outlet()


class _Queue:
    """Samples on their way, by their number in the film. Where nothing was put, there is silence."""

    def __init__(self, start: int, end: int) -> None:
        self._known, self._end = start, end
        self._parts: deque[tuple[int, Signal]] = deque()

    @property
    def has_ended(self) -> bool:
        """Whether all was put and taken."""
        return self._known >= self._end and not self._parts

    def known_to(self, limit: int) -> int:
        """The sample, `limit` at most, before which everything has been put, or is silence for good."""
        return limit if self._known >= self._end else min(self._known, limit)

    def put(self, first: int, samples: Signal) -> None:
        """Samples from `first` on, which is not before what is known."""
        if samples.shape[-1]:
            self._parts.append((first, samples))
            self._known = first + samples.shape[-1]

    def add_to(self, signal: Signal, first: int) -> None:
        """Add what belongs to the samples from `first` on, and drop it and all before it."""
        end = first + signal.shape[-1]
        while self._parts and self._parts[0][0] < end:
            at, samples = self._parts.popleft()
            low, high = max(at, first), min(at + samples.shape[-1], end)
            if low < high:
                signal[..., low - first : high - first] += samples[..., low - at : high - at]
            if end < at + samples.shape[-1]:
                self._parts.appendleft((end, samples[..., end - at :]))


class _ActiveDucker:
    """One ducking, for every bus that has it."""

    def __init__(self, ducking: Ducking, plan: SoundPlan, start: int) -> None:
        self._ducker = Ducker(ducking, plan.bus_channels, plan.sample_rate)
        self._position = start
        self._end = plan.buses[ducking.by].end_sample
        self._outlets: list[_Queue] = []

    def outlet(self) -> _Queue:
        """The factors that are not known yet. Those known belong to samples that no bus asks for any more."""
        self._outlets.append(_Queue(self._position, self._end))
        return self._outlets[-1]

    def hear(self, samples: Signal, *, is_last: bool) -> None:
        factors = self._ducker.process(samples)
        if is_last:
            factors = np.concatenate((factors, self._ducker.finish()))
        for queue in self._outlets:
            queue.put(self._position, factors)
        self._position += len(factors)


class _ActiveBus:
    """A bus from its beginning to its end."""

    def __init__(self, bus: Bus, plan: SoundPlan, start: int, output: _Queue) -> None:
        """It begins at the sample `start`."""
        self.bus = bus
        self.listeners: list[_ActiveDucker] = []
        self.factors: _Queue | None = None
        """Of its ducking."""
        self._output = output
        self._channels, self._rate = plan.bus_channels, plan.sample_rate
        self._layout = panning.bus_layout(plan.channels)
        self._chain = self._open_chain(bus.filters) if bus.filters is not None else None
        self._levels = [StageLevels(stage) for stage in bus.stages]
        self._cues = _Queue(start, bus.end_sample)
        self._inlets: dict[int, _Queue] = {}
        """From the buses below, by their number."""
        self._filtered = _Queue(start, bus.end_sample)
        self._mixed_to = self._filtered_to = self._done_to = start

    @property
    def has_ended(self) -> bool:
        return self._done_to >= self.bus.end_sample

    def inlet(self, number: int, bus: Bus) -> _Queue:
        """Where the samples of a bus below go that begins now."""
        self._inlets[number] = _Queue(max(bus.first_sample, self._mixed_to), bus.end_sample)
        return self._inlets[number]

    def run(self, first: int, end: int, block: Signal | None) -> None:
        """Go on as far as possible, now that the cues of the samples `first` … `end` are there. Raises RenderError."""
        if block is not None:
            self._cues.put(first, block.copy())
        ready = min(end, self.bus.end_sample)
        ready = min((inlet.known_to(ready) for inlet in self._inlets.values()), default=ready)
        mixed = np.zeros((self._channels, ready - self._mixed_to))
        self._cues.add_to(mixed, self._mixed_to)
        for number in sorted(self._inlets):
            self._inlets[number].add_to(mixed, self._mixed_to)
            if self._inlets[number].has_ended:
                del self._inlets[number]
        self._mixed_to = ready
        filtered = mixed if self._chain is None else self._run_chain(self._chain, mixed)
        self._filtered.put(self._filtered_to, filtered)
        self._filtered_to += filtered.shape[1]
        ready = self._filtered_to if self.factors is None else self.factors.known_to(self._filtered_to)
        # Factors may not have come as far as to where the bus began.
        self._hand_on(max(ready, self._done_to))

    def _run_chain(self, chain: FilterChain, mixed: Signal) -> Signal:
        """What the filters put out; with the last samples exactly as many as are missing."""
        try:
            filtered = chain.process(mixed)
            if self._mixed_to < self.bus.end_sample:
                return filtered
            filtered = np.concatenate((filtered, chain.finish()), axis=1)
        except RenderError as error:
            error.locate(clip=self.bus.clip, composition=self.bus.composition)
            raise
        missing = self.bus.end_sample - self._filtered_to
        return np.pad(filtered[:, :missing], ((0, 0), (0, max(missing - filtered.shape[1], 0))))

    def _hand_on(self, end: int) -> None:
        first, self._done_to = self._done_to, end
        signal = np.zeros((self._channels, end - first))
        self._filtered.add_to(signal, first)
        if self.factors is not None:
            factors = np.zeros(end - first)
            self.factors.add_to(factors, first)
            signal *= factors
        for level in self._levels:
            signal = self._through(level, signal, first)
        self._output.put(first, signal)
        for ducker in self.listeners:
            ducker.hear(signal, is_last=self.has_ended)

    def _through(self, level: StageLevels, signal: Signal, first: int) -> Signal:
        """A signal that begins at sample `first`, after a gain stage."""
        parts = [signal[:, :0]]
        at, end = first, first + signal.shape[1]
        while at < end:
            grid = at - at % _WINDOW_SAMPLES
            stop = min(grid + _WINDOW_SAMPLES, end)
            window = Window(grid, at, stop, self._rate)
            part = signal[:, at - first : stop - first] * level.gain(window)
            if level.pans:
                stereo = panning.apply(panning.stereo_matrix(self._layout), part)
                part = panning.fold(panning.pan_stereo(stereo, level.pan(window)), "stereo", self._layout)
            parts.append(part)
            at = stop
        return np.concatenate(parts, axis=1)

    def _open_chain(self, filters: str) -> FilterChain:
        try:
            return FilterChain(filters, self._layout, self._rate)
        except FilterError as error:
            raise RenderError(
                f'the filters "{filters}" can\'t be used: {error}',
                component="AudioMixer",
                clip=self.bus.clip,
                composition=self.bus.composition,
                suggestion=error.hint,
            ) from error


def _hearing_order(buses: Sequence[Bus]) -> list[int]:
    """The numbers of all buses, each behind those that it hears."""
    hears: dict[int, list[int]] = {number: [] for number in range(len(buses))}
    for number, bus in enumerate(buses):
        if bus.parent is not None:
            hears[bus.parent].append(number)
        if bus.ducking is not None:
            hears[number].append(bus.ducking.by)
    return list(TopologicalSorter(hears).static_order())
