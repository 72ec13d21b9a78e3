"""Sound that several outputs read: each gets its range exactly, and none waits for ever."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.export.sound.shared_sound import SharedSound, SharedSoundReader
from reelmill.planner.errors import RenderError

COUNT = 100_000
SAMPLES = np.random.default_rng(1).random((COUNT, 2), np.float32)


class Mix:
    """A mix in memory, read in order."""

    sample_rate, sample_count = 48000, COUNT

    def __init__(self, fails_at: int | None = None) -> None:
        self.position = 0
        self._fails_at = fails_at

    def read(self, count: int) -> npt.NDArray[np.float32]:
        if self._fails_at is not None and self.position >= self._fails_at:
            raise RenderError("the sound broke", component="AudioMixer")
        samples = SAMPLES[self.position : self.position + count]
        self.position += len(samples)
        return samples


def read_all(reader: SharedSoundReader, size: int, pause: float = 0.0) -> npt.NDArray[np.float32]:
    parts = []
    while len(part := reader.read(size)):
        parts.append(part)
        time.sleep(pause)
    return np.concatenate(parts)


@pytest.mark.parametrize("max_bytes", [1, 10**9])
def test_each_reader_gets_its_range_at_its_own_pace(max_bytes: int) -> None:
    shared = SharedSound(Mix(), channels=2, max_bytes=max_bytes)
    ranges = [range(COUNT), range(1000), range(50_000, 60_001), range(99_999, COUNT), range(20, 90_000)]
    readers = [shared.reader(each) for each in ranges]
    assert [reader.sample_count for reader in readers] == [len(each) for each in ranges]
    sizes, pauses = (1024, 7, 4096, 1, 999), (0.001, 0, 0, 0, 0)
    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(read_all, readers, sizes, pauses))
    for samples, each in zip(found, ranges, strict=True):
        assert np.array_equal(samples, SAMPLES[each.start : each.stop])


def test_what_is_held_is_bounded_by_the_slowest() -> None:
    mix = Mix()
    shared = SharedSound(mix, channels=2, max_bytes=8 * 20_000)
    slow, fast = shared.reader(range(COUNT)), shared.reader(range(COUNT))
    done = threading.Event()

    def run() -> None:
        read_all(fast, 1024)
        done.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert not done.wait(0.3)
    assert 20_000 <= mix.position <= 20_000 + 8192
    assert np.array_equal(read_all(slow, 5000), SAMPLES)
    thread.join()


def test_a_reader_that_is_cancelled_holds_nobody_back() -> None:
    shared = SharedSound(Mix(), channels=2, max_bytes=1)
    gone, other = shared.reader(range(COUNT)), shared.reader(range(COUNT))
    gone.read(100)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_all, other, 1024)
        time.sleep(0.1)
        assert not reading.done()
        gone.cancel()
        assert np.array_equal(reading.result(10), SAMPLES)
    assert len(gone.read(100)) == 0


def test_one_that_waits_for_another_comes_back_when_it_is_cancelled() -> None:
    shared = SharedSound(Mix(), channels=2, max_bytes=1)
    shared.reader(range(COUNT))
    waiting = shared.reader(range(COUNT))
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(waiting.read, COUNT)
        time.sleep(0.1)
        assert not reading.done()
        waiting.cancel()
        assert len(reading.result(10)) < COUNT


def test_closed_all_come_back() -> None:
    shared = SharedSound(Mix(), channels=2, max_bytes=1)
    shared.reader(range(COUNT))
    waiting = shared.reader(range(COUNT))
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(waiting.read, COUNT)
        time.sleep(0.1)
        shared.close()
        reading.result(10)
    assert len(waiting.read(1)) == 0


def test_the_error_of_the_mix_comes_to_every_reader_after_all_before_it() -> None:
    shared = SharedSound(Mix(fails_at=20_000), channels=2)
    readers = [shared.reader(range(COUNT)) for _ in range(3)]
    for reader in readers:
        assert np.array_equal(reader.read(20_000), SAMPLES[:20_000])
        with pytest.raises(RenderError, match="the sound broke"):
            reader.read(30_000)
