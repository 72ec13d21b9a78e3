"""The mixer: batches against a scalar reference, any number of threads, and memory that is used again."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from reelmill.export.sound import mixer as mixer_module
from reelmill.export.sound.mixer import BATCH, DEPTH, Lane, Mixer
from reelmill.export.sound.panning import Matrix, Signal

SAMPLES = 700


@dataclass
class Voice:
    """What one voice gives to the mix."""

    lane: Lane
    bus: int
    matrix: Matrix
    samples: Signal


def voices_of(count: int, *, channels: tuple[int, ...] = (1, 2, 6), buses: int = 3, width: int = 2) -> list[Voice]:
    random = np.random.default_rng(count)
    lanes: dict[int, int] = dict.fromkeys(channels, 0)
    voices = []
    for number in range(count):
        size = channels[number % len(channels)]
        lane = Lane(size, *divmod(lanes[size], BATCH))
        lanes[size] += 1
        matrix = random.uniform(-1, 1, (size, width))
        if number % 4 == 0 and size == width:
            matrix = np.diag(np.diag(matrix))
        if number % 5 == 0:
            matrix[:, 1:] = matrix[:, :1]
        voices.append(Voice(lane, int(random.integers(buses)), matrix, random.uniform(-1, 1, (size, SAMPLES))))
    return voices


@contextmanager
def playing(voices: list[Voice], *, threads: int = 1, width: int = 2) -> Iterator[Mixer]:
    """A mixer in which voices sound with the same samples in every block."""
    mixer = Mixer(width, block_samples=SAMPLES, threads=threads)
    for voice in voices:
        mixer.sound(voice.lane, voice.bus, voice.matrix)
        for block in range(DEPTH):
            mixer.room(voice.lane, block, 0, SAMPLES)[:] = voice.samples
    yield mixer
    mixer.close()


def reference(voices: list[Voice], bus: int, output: int, sample: int) -> float:
    """One sample of one channel, in Python's own arithmetic."""
    return sum(
        float(voice.samples[channel, sample]) * float(voice.matrix[channel, output])
        for voice in voices
        if voice.bus == bus
        for channel in range(voice.lane.channels)
    )


@pytest.mark.parametrize("width", [2, 6])
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 40, 200])
def test_batches_are_within_a_millionth_of_a_scalar_reference(count: int, width: int) -> None:
    voices = voices_of(count, width=width)
    with playing(voices, width=width) as mixer:
        buses = mixer.mix(1)
        assert set(buses) == {voice.bus for voice in voices}
        for bus, block in buses.items():
            assert block.shape == (width, SAMPLES)
            for output in range(width):
                for sample in (0, 1, 13, 350, SAMPLES - 1):
                    assert block[output, sample] == pytest.approx(reference(voices, bus, output, sample), abs=1e-9)


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixer_module, "PARALLEL_SAMPLES", 0)
    voices = voices_of(150)
    with playing(voices) as mixer:
        expected = {bus: block.copy() for bus, block in mixer.mix(0).items()}
    for threads in (2, 3, 16):
        with playing(voices, threads=threads) as mixer:
            for block in range(3):
                found = mixer.mix(block)
                assert all(np.array_equal(found[bus], expected[bus]) for bus in expected)


def test_voices_that_are_silent_elsewhere_change_no_bit() -> None:
    voices = voices_of(30, buses=1)
    alone = [voice for number, voice in enumerate(voices) if number % 3]
    with playing(alone) as mixer:
        expected = mixer.mix(0)[0].copy()
    with playing(voices) as mixer:
        assert not np.array_equal(mixer.mix(0)[0], expected)
        for number, voice in enumerate(voices):
            if number % 3 == 0:
                mixer.silence(voice.lane, voice.bus)
        assert np.array_equal(mixer.mix(1)[0], expected)
        for voice in alone:
            mixer.silence(voice.lane, voice.bus)
        assert mixer.mix(2) == {}


def test_a_voice_that_changes_its_levels() -> None:
    (voice,) = voices_of(1, channels=(2,), buses=1)
    with playing([voice]) as mixer:
        mixer.mix(0)
        mixer.sound(voice.lane, 0, np.eye(2) * 0.5)
        assert np.array_equal(mixer.mix(1)[0], voice.samples * 0.5)


def test_around_a_room_there_is_silence() -> None:
    mixer = Mixer(2, block_samples=SAMPLES)
    lane = Lane(2, 0, 3)
    mixer.sound(lane, 0, np.eye(2))
    mixer.room(lane, 0, 0, SAMPLES)[:] = 1
    mixer.room(lane, DEPTH, 100, 200)[:] = 0.5
    block = mixer.mix(DEPTH)[0]
    assert np.array_equal(np.flatnonzero(block[0]), np.arange(100, 200))


def test_blocks_that_are_filled_ahead_are_left_alone() -> None:
    mixer = Mixer(2, block_samples=SAMPLES)
    lane = Lane(2, 0, 0)
    mixer.sound(lane, 0, np.eye(2))
    for block in range(DEPTH):
        mixer.room(lane, block, 0, SAMPLES)[:] = block
    for block in range(10):
        assert np.all(mixer.mix(block)[0] == block)
        mixer.room(lane, block + DEPTH, 0, SAMPLES)[:] = block + DEPTH


def test_moved_voices_come_last() -> None:
    (voice,) = voices_of(1, channels=(2,), buses=1)
    with playing([voice]) as mixer:
        plain = mixer.mix(0)[0].copy()
        buses = mixer.mix(1, [(0, 10, np.ones((2, 5))), (4, 0, np.full((2, SAMPLES), 0.25))])
        plain[:, 10:15] += 1
        assert np.array_equal(buses[0], plain)
        assert np.all(buses[4] == 0.25)


@pytest.mark.parametrize("threads", [1, 2])
def test_nothing_is_allocated_from_block_to_block(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(mixer_module, "PARALLEL_SAMPLES", 0)
    with playing(voices_of(64), threads=threads) as mixer:
        for block in range(5):
            mixer.mix(block)
        tracemalloc.start()
        for block in range(50):
            mixer.mix(block)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for block in range(50):
            mixer.mix(block)
        now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    # Less than one channel of one block; a few small objects of numpy and of the hand-over to threads come and go.
    assert peak - before < SAMPLES * 8 * 2
    assert now - before < SAMPLES * 8
