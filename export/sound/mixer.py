"""The mixer: the voices of a block, weighed and summed into their buses, eight at a time.

In: samples that decode workers have written into the mixer's own memory, and gains. Out: one block of each bus.
Passive but for its threads, which help only above PARALLEL_SAMPLES; one thread calls.

Each voice has a lane in a batch of eight, and a batch has memory for DEPTH blocks: while one is mixed, workers fill
those behind it, and nothing is allocated or copied from block to block. A batch is summed by one call of numpy for each
way from a channel of the files to one of the bus, or by a single one where each channel keeps to its own. Sums are
float64, in the order of batches, and of lanes in them, however many threads there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from reelmill.export.sound.panning import Matrix, Signal
from reelmill.planner.process.thread_pool import ThreadPool

BLOCK_SAMPLES = 8192
"""Of the fixed grid. Shorter blocks cost more hand-overs between threads, longer ones fall out of the cache
(`make bench-sound`)."""
BATCH = 8
"""Voices of a batch."""
DEPTH = 3
"""Blocks of a voice in memory: one that is mixed, and those that its worker may decode ahead."""
PARALLEL_SAMPLES = 1 << 19
"""Voices × samples of a block from which on threads share the batches. Below, handing over costs more than it gains
(`make bench-sound`)."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The place of a voice."""

    channels: int
    """Of its file: only such voices are in one batch."""
    batch: int
    number: int
    """0 … 7."""


@dataclass(slots=True, eq=False)
class _Sum:
    """What of a batch sounds in one bus."""

    weights: Signal
    """Gains [lane, channel of the file, channel of the bus]; 0 for lanes that do not sound in the bus."""
    lanes: set[int] = field(default_factory=set)
    span: slice = field(default_factory=lambda: slice(0, 0))
    """From the first lane to the last."""
    own: Signal | None = None
    """Gains [lane, channel], where each channel keeps to its own."""
    ways: list[tuple[int, Signal, list[int]]] = field(default_factory=list)
    """Else: a channel of the file, the gains of its lanes, and the channels of the bus where they are these."""

    def plan(self) -> None:
        """Find the way to compute it, after lanes or weights changed."""
        self.span = slice(min(self.lanes), max(self.lanes) + 1)
        weights = self.weights[self.span]
        channels, outputs = weights.shape[1:]
        own = [[c == d or not weights[:, c, d].any() for d in range(outputs)] for c in range(channels)]
        if channels == outputs and all(map(all, own)):
            self.own = np.ascontiguousarray(np.einsum("vcc->vc", weights))
            return
        self.own, self.ways = None, []
        for channel in range(channels):
            for output in range(outputs):
                gains = np.ascontiguousarray(weights[:, channel, output])
                if not gains.any():
                    continue
                last = self.ways[-1] if self.ways else None
                if last is not None and last[0] == channel and np.array_equal(last[1], gains):
                    last[2].append(output)
                else:
                    self.ways.append((channel, gains, [output]))

    def compute(self, samples: Signal, total: Signal, spare: Signal) -> None:
        """Sum `samples` [lane, channel, sample] into `total`; `spare`: memory for one channel."""
        if self.own is not None:
            np.einsum("vcn,vc->cn", samples[self.span], self.own, out=total)
            return
        total[:] = 0
        for channel, gains, outputs in self.ways:
            np.einsum("vn,v->n", samples[self.span, channel], gains, out=spare)
            for output in outputs:
                total[output] += spare


class _Batch:
    """Memory of eight voices."""

    def __init__(self, channels: int, block_samples: int) -> None:
        self.samples = np.zeros((DEPTH, BATCH, channels, block_samples))
        self.sums: dict[int, _Sum] = {}
        """By bus."""


class Mixer:
    """Mixes block after block. Whoever makes it closes it."""

    def __init__(self, bus_channels: int, *, block_samples: int = BLOCK_SAMPLES, threads: int = 1) -> None:
        """`threads`: those that share large blocks, the calling one included."""
        self.block_samples = block_samples
        self._bus_channels = bus_channels
        self._batches: dict[tuple[int, int], _Batch] = {}
        """By channels and number of the batch."""
        self._order: list[tuple[_Batch, int, _Sum]] | None = []
        """Batch, bus, sum: what is computed for each block, in order; None after it has changed."""
        self._voices = 0
        self._buses: dict[int, Signal] = {}
        self._totals: list[Signal] = []
        """Memory for the result of each sum."""
        self._spare = [np.empty(block_samples) for _ in range(threads)]
        """One for each thread."""
        self._threads = threads
        self._executor = ThreadPool(threads - 1, "mix") if threads > 1 else None

    def room(self, lane: Lane, block: int, low: int, high: int) -> Signal:
        """Memory for the samples `low` … `high` of a block; silence is put around it. Shape [channels, samples]."""
        whole = self._memory(lane, block)
        whole[:, :low] = 0
        whole[:, high:] = 0
        return whole[:, low:high]

    def samples(self, lane: Lane, block: int, low: int, high: int) -> Signal:
        """What was written into the memory of a block."""
        return self._memory(lane, block)[:, low:high]

    def sound(self, lane: Lane, bus: int, matrix: Matrix) -> None:
        """Have a lane sound in a bus from now on. `matrix`: gains [channels, channels of the bus]."""
        sums = self._batch(lane).sums
        if bus not in sums:
            sums[bus] = _Sum(np.zeros((BATCH, lane.channels, self._bus_channels)))
        found = sums[bus]
        self._voices += lane.number not in found.lanes
        found.lanes.add(lane.number)
        found.weights[lane.number] = matrix
        found.plan()
        self._order = None

    def silence(self, lane: Lane, bus: int) -> None:
        """Have a lane sound no more in a bus."""
        sums = self._batch(lane).sums
        found = sums[bus]
        self._voices -= 1
        found.lanes.remove(lane.number)
        found.weights[lane.number] = 0
        if found.lanes:
            found.plan()
        else:
            del sums[bus]
        self._order = None

    def mix(self, block: int, moved: Iterable[tuple[int, int, Signal]] = ()) -> dict[int, Signal]:
        """The block of each bus that has voices, [channels of the bus, samples]; memory that is used again.

        `moved`: bus, first sample in the block, and samples of voices that are weighed already; they come last.
        """
        order = self._in_order()
        shared = self._executor is not None and self._voices * self.block_samples >= PARALLEL_SAMPLES
        share = -(-len(order) // self._threads) if shared else len(order)
        others = []
        if shared:
            assert self._executor is not None
            shares = range(1, self._threads)
            others = [self._executor.submit(self._compute, block, order, n, share) for n in shares]
        self._compute(block, order, 0, share)
        for other in others:
            other.result()
        buses: dict[int, Signal] = {}
        for (_, bus, _), total in zip(order, self._totals, strict=False):
            if bus in buses:
                buses[bus] += total
            else:
                buses[bus] = self._bus(bus)
                buses[bus][:] = total
        for bus, first, samples in moved:
            if bus not in buses:
                buses[bus] = self._bus(bus)
                buses[bus][:] = 0
            buses[bus][:, first : first + samples.shape[1]] += samples
        self._buses = buses
        return buses

    def close(self) -> None:
        """Ends the threads, and gives the memory back; a second call does nothing."""
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None
        self._batches.clear()
        self._buses.clear()
        self._totals.clear()
        self._spare.clear()
        self._order = None

    def _in_order(self) -> list[tuple[_Batch, int, _Sum]]:
        if self._order is None:
            batches = [batch for _, batch in sorted(self._batches.items())]
            self._order = [(batch, bus, found) for batch in batches for bus, found in sorted(batch.sums.items())]
            while len(self._totals) < len(self._order):
                self._totals.append(np.empty((self._bus_channels, self.block_samples)))
        return self._order

    def _compute(self, block: int, order: list[tuple[_Batch, int, _Sum]], thread: int, share: int) -> None:
        """The share of one thread."""
        spare = self._spare[thread]
        for number in range(thread * share, min((thread + 1) * share, len(order))):
            batch, _, found = order[number]
            found.compute(batch.samples[block % DEPTH], self._totals[number], spare)

    def _bus(self, number: int) -> Signal:
        """The memory that a bus had in the block before, or new memory."""
        bus = self._buses.get(number)
        return np.empty((self._bus_channels, self.block_samples)) if bus is None else bus

    def _memory(self, lane: Lane, block: int) -> Signal:
        samples: Signal = self._batch(lane).samples[block % DEPTH, lane.number]
        return samples

    def _batch(self, lane: Lane) -> _Batch:
        key = (lane.channels, lane.batch)
        batch = self._batches.get(key)
        if batch is None:
            batch = self._batches[key] = _Batch(lane.channels, self.block_samples)
        return batch
