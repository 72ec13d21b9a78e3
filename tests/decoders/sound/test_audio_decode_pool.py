"""The audio decode pool: credit, order, back-pressure, failures, and an end in every state."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmill.decoders.sound import audio_worker, sound
from reelmill.decoders.sound.audio_decode_pool import AudioDecodePool, PoolClosed
from reelmill.decoders.sound.audio_messages import BufferRequest, DecodeStart, Room
from reelmill.decoders.sound.sound_playback import PlayedPart
from reelmill.planner.errors import RenderError
from reelmill.planner.media import MediaFacts
from reelmill.planner.timeline import Media
from tests.support.sounds import Samples, decode, encode, recording, sound_facts, write_wav

RATE = 48000
BLOCK = 4096
WAIT_SECONDS = 20


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> MediaFacts:
    folder = tmp_path_factory.mktemp("pool")
    source = write_wav(folder / "tone.wav", recording(RATE, 4), RATE)
    return sound_facts(encode(source, folder / "tone.flac"))


@pytest.fixture(scope="module")
def whole(facts: MediaFacts) -> Samples:
    return decode(Path(facts.path), RATE, 2)


@pytest.fixture
def pool() -> Iterator[AudioDecodePool]:
    made = AudioDecodePool(RATE, workers=2)
    yield made
    made.close()


def begin(
    pool: AudioDecodePool, facts: MediaFacts, cue: int = 0, *, first: int = 0, seconds: int = 3, **more: Any
) -> None:
    part = PlayedPart(first, seconds * RATE, Fraction(1), Fraction(-first, RATE), None, RATE)
    pool.send(DecodeStart(cue, Media("sound", facts.path), facts, part, **{"strand": cue, **more}))


def room(frames: int = BLOCK) -> Room:
    return np.full((2, frames), 7.0)


def eventually(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < limit, "it never came true"
        time.sleep(0.002)


def settled(pool: AudioDecodePool) -> int:
    """Chunks decoded, once every room that was given is filled."""
    eventually(lambda: pool.statistics().queue_depth == 0)
    return pool.statistics().chunks


def test_chunks_come_in_order_in_the_memory_that_was_given(
    pool: AudioDecodePool, facts: MediaFacts, whole: Samples
) -> None:
    begin(pool, facts)
    rooms = [room(frames) for frames in (1000, 1, 4096, 333)]
    for each in rooms:
        pool.send(BufferRequest(0, each))
    at = 0
    for each in rooms:
        chunk = pool.receive(0)
        assert chunk.samples is each
        assert (chunk.cue, chunk.first) == (0, at)
        assert np.array_equal(each.T, whole[at : at + each.shape[1]])
        at += each.shape[1]


def test_frames_that_are_skipped_are_not_decoded_into_rooms(
    pool: AudioDecodePool, facts: MediaFacts, whole: Samples
) -> None:
    begin(pool, facts, skipped=50_000)
    pool.send(BufferRequest(0, room()))
    chunk = pool.receive(0)
    assert chunk.first == 50_000
    assert np.array_equal(chunk.samples.T, whole[50_000 : 50_000 + BLOCK])


def test_without_credit_nothing_is_opened(pool: AudioDecodePool, facts: MediaFacts) -> None:
    for cue in range(1000):
        begin(pool, facts, cue)
    pool.send(BufferRequest(999, room()))
    pool.receive(999)
    found = pool.statistics()
    assert (found.cues, found.opened, found.chunks) == (1000, 1, 1)


def test_a_consumer_that_stops_reading_stops_the_decoders(pool: AudioDecodePool, facts: MediaFacts) -> None:
    for cue in range(4):
        begin(pool, facts, cue)
        for _ in range(3):
            pool.send(BufferRequest(cue, room()))
    assert settled(pool) == 12
    busy = pool.statistics().busy_seconds
    time.sleep(0.05)
    assert pool.statistics().chunks == 12
    assert pool.statistics().busy_seconds == busy
    for cue in range(4):
        for _ in range(3):
            pool.receive(cue)
        pool.send(BufferRequest(cue, room()))
    assert settled(pool) == 16


def test_making_ready_opens_few_files_and_decodes_no_chunk(facts: MediaFacts) -> None:
    pool = AudioDecodePool(RATE, workers=1)
    try:
        for cue in range(50):
            begin(pool, facts, cue, skipped=100_000)
            pool.send(BufferRequest(cue))
        eventually(lambda: pool.statistics().opened == audio_worker.READY_AHEAD)
        pool.send(BufferRequest(49, room()))
        pool.receive(49)
        assert pool.statistics().chunks == 1
        assert pool.statistics().peak_open <= audio_worker.READY_AHEAD + 1
    finally:
        pool.close()


def test_what_is_needed_soonest_goes_first(facts: MediaFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[int] = []
    gate = threading.Event()
    fill = audio_worker.AudioWorker._fill

    def noted(worker: audio_worker.AudioWorker, job: audio_worker.AudioJob, into: Room) -> None:
        gate.wait(WAIT_SECONDS)
        order.append(job.start.cue)
        fill(worker, job, into)

    monkeypatch.setattr(audio_worker.AudioWorker, "_fill", noted)
    pool = AudioDecodePool(RATE, workers=1)
    try:
        # The first one is taken on at once; the others wait together.
        for cue, first in enumerate((0, 30_000, 10_000, 20_000)):
            begin(pool, facts, cue, first=first)
            pool.send(BufferRequest(cue, room()))
        gate.set()
        for cue in range(4):
            pool.receive(cue)
    finally:
        pool.close()
    assert order == [0, 2, 3, 1]


def test_cues_of_one_strand_share_an_open_file(facts: MediaFacts, whole: Samples) -> None:
    pool = AudioDecodePool(RATE, workers=2)
    size = 9600
    try:
        for cue in range(15):
            goes_on = (cue + 1) * size if cue < 14 else None
            # All on one line: a cut recording.
            part = PlayedPart(cue * size, size, Fraction(1), Fraction(0), None, RATE)
            media = Media("sound", facts.path)
            pool.send(DecodeStart(cue, media, facts, part, strand=0, strand_goes_on=goes_on))
            pool.send(BufferRequest(cue, room(size)))
        joined = np.concatenate([pool.receive(cue).samples for cue in range(15)], axis=1)
        assert np.array_equal(joined.T, whole[: 15 * size])
        assert pool.statistics().opened == 1
        eventually(lambda: pool.statistics().open_files == 0)
    finally:
        pool.close()


def test_a_word_about_a_cue_at_work_is_heard_once(
    facts: MediaFacts, whole: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room that comes while the worker makes the cue ready, and with which the cue is complete."""
    pool = AudioDecodePool(RATE, workers=1)
    is_ready = audio_worker.AudioWorker._is_ready
    words = [BufferRequest(0, room(3 * RATE))]

    def meanwhile(worker: audio_worker.AudioWorker, job: audio_worker.AudioJob) -> bool:
        ready = is_ready(worker, job)
        if ready and words:
            pool.send(words.pop())
        return ready

    monkeypatch.setattr(audio_worker.AudioWorker, "_is_ready", meanwhile)
    try:
        begin(pool, facts, 0)
        pool.send(BufferRequest(0))
        eventually(lambda: not words)
        assert np.array_equal(pool.receive(0).samples.T, whole[: 3 * RATE])
        eventually(lambda: pool.statistics().open_files == 0)
        begin(pool, facts, 1, strand=0)
        pool.send(BufferRequest(1, room()))
        assert np.array_equal(pool.receive(1).samples.T, whole[:BLOCK])
    finally:
        pool.close()


def test_damage_comes_after_all_that_was_whole(tmp_path: Path) -> None:
    path = encode(write_wav(tmp_path / "tone.wav", recording(RATE, 4), RATE), tmp_path / "hurt.flac")
    facts = sound_facts(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    path.write_bytes(data)
    pool = AudioDecodePool(RATE, workers=1)
    try:
        begin(pool, facts)
        begin(pool, sound_facts(tmp_path / "tone.wav"), 1)
        for _ in range(35):
            pool.send(BufferRequest(0, room()))
        pool.send(BufferRequest(1, room()))
        received: list[int] = []
        with pytest.raises(RenderError, match="damaged"):
            received.extend(pool.receive(0).first for _ in range(35))
        assert RATE < received[-1] < 3 * RATE
        pool.receive(1)
    finally:
        pool.close()


def test_a_file_that_is_gone_is_an_error(pool: AudioDecodePool, facts: MediaFacts) -> None:
    begin(pool, replace(facts, path="/nowhere/gone.wav"))
    pool.send(BufferRequest(0))
    pool.send(BufferRequest(0, room()))
    with pytest.raises(RenderError, match="does not exist"):
        pool.receive(0)


def test_a_worker_that_dies_is_an_error_and_no_hang(facts: MediaFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed("it was shot")

    monkeypatch.setattr(sound.FileSoundReader, "read_at", killed)
    pool = AudioDecodePool(RATE, workers=2)
    begin(pool, facts)
    pool.send(BufferRequest(0, room()))
    with pytest.raises(RenderError, match="it was shot") as caught:
        pool.receive(0)
    assert caught.value.file == facts.path
    assert isinstance(caught.value.__cause__, Killed)
    # A cue of the other worker ends with the same: nothing comes out of a pool that has lost a worker.
    begin(pool, facts, 1)
    pool.send(BufferRequest(1, room()))
    with pytest.raises(RenderError, match="it was shot"):
        pool.receive(1)
    pool.close()
    assert pool.statistics().open_files == 0


def test_closing_ends_a_wait(facts: MediaFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(audio_worker.AudioWorker, "_fill", lambda *_: gate.wait(WAIT_SECONDS))
    pool = AudioDecodePool(RATE, workers=1)
    begin(pool, facts)
    pool.send(BufferRequest(0, room()))
    ended = []

    def wait() -> None:
        try:
            pool.receive(0)
        except PoolClosed:
            ended.append(True)

    waiting = threading.Thread(target=wait)
    waiting.start()
    eventually(lambda: pool.statistics().starved == 1)
    closing = threading.Thread(target=pool.close)
    closing.start()
    waiting.join(WAIT_SECONDS)
    assert ended == [True]
    gate.set()
    closing.join(WAIT_SECONDS)
    pool.close()


@pytest.mark.parametrize("state", ["new", "begun", "making ready", "decoding", "full", "parked"])
def test_closing_in_every_state(facts: MediaFacts, state: str) -> None:
    pool = AudioDecodePool(RATE, workers=2)
    if state != "new":
        for cue in range(6):
            begin(pool, facts, cue, seconds=1 if state == "parked" else 3, skipped=90_000 * (state == "making ready"))
    for cue in range(6):
        if state == "making ready":
            pool.send(BufferRequest(cue))
        if state in ("decoding", "full"):
            for _ in range(5):
                pool.send(BufferRequest(cue, room()))
    if state == "parked":
        begin(pool, facts, 6, seconds=1, strand_goes_on=10**6)
        pool.send(BufferRequest(6, room(RATE)))
        pool.receive(6)
    if state == "full":
        settled(pool)
    pool.close()
    pool.close()
    assert pool.statistics().open_files == 0
    pool.send(BufferRequest(0, room()))
    with pytest.raises(PoolClosed):
        pool.receive(0)


def test_statistics_tell_what_happened(pool: AudioDecodePool, facts: MediaFacts) -> None:
    begin(pool, facts)
    for _ in range(5):
        pool.send(BufferRequest(0, room()))
    for _ in range(5):
        pool.receive(0)
    found = pool.statistics()
    assert (found.workers, found.cues, found.chunks, found.opened, found.peak_open) == (2, 1, 5, 1, 1)
    assert 1 <= found.peak_queue_depth <= 5
    assert found.queue_depth == 0
    assert 0 < found.utilisation <= 1
    assert found.starved <= 5
    assert found.starved_seconds >= 0


def test_credit_is_asked_for_before_a_wait(pool: AudioDecodePool, facts: MediaFacts) -> None:
    begin(pool, facts)
    with pytest.raises(AssertionError, match="no credit"):
        pool.receive(0)
