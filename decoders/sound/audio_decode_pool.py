"""The audio decode pool: a fixed number of workers for any number of cues.

In: messages (decoders.audio_messages). Out: decoded chunks, in the memory that was given for them. Active: owns its
workers, which are started once. Each has a thread: libav and numpy do their work without Python's lock, and chunks
travel without copies. `AudioDecodePool` itself is used by one thread.

Credit bounds everything: a cue is opened and decoded only while it has room to be decoded into, so whoever stops to
give room stops the workers, and a cue without credit costs a few hundred bytes. Cues are assigned to the workers in
turn, by their strands; a worker turns to the one that is needed soonest.
"""

from __future__ import annotations

import time
from dataclasses import replace
from threading import Condition, Lock

from reelmill.decoders.shared.decode_slots import available_cores
from reelmill.decoders.sound.audio_messages import BufferRequest, DecodedChunk, DecodeStart
from reelmill.decoders.sound.audio_worker import AudioDecodeStatistics, AudioJob, AudioWorker
from reelmill.decoders.sound.sound import FileSoundReader
from reelmill.planner.errors import ExportError, RenderError
from reelmill.planner.process.exhaustion import NoThread

COMPONENT = "AudioDecodePool"
MOST_WORKERS = 4
"""Unless another number is asked for. Decoding runs at hundreds of times real time; more threads than these wait."""


class PoolClosed(Exception):
    """The pool was closed while a chunk was waited for."""


class AudioDecodePool:
    """Decodes cues."""

    def __init__(self, sample_rate: int, *, workers: int | None = None, allow_network: bool = False) -> None:
        """Starts `workers` threads; None for the processors that this process may use, at most four."""
        self._rate, self._allow_network = sample_rate, allow_network
        count = workers or min(MOST_WORKERS, available_cores())
        self._lock = Lock()
        self._delivered = Condition(self._lock)
        self._statistics = AudioDecodeStatistics(workers=count)
        self._jobs: dict[int, AudioJob] = {}
        self._error: BaseException | None = None
        """Of a worker that died."""
        self._closed = False
        self._started = time.perf_counter()
        self._workers: tuple[AudioWorker, ...] = tuple(
            AudioWorker(
                f"audio-decode-{number + 1}",
                self._lock,
                self._delivered,
                self._statistics,
                self._make_reader,
                self._fail,
            )
            for number in range(count)
        )
        try:
            for worker in self._workers:
                worker.start()
        except NoThread:
            self.close()
            raise

    def send(self, message: DecodeStart | BufferRequest) -> None:
        """Give a message to the worker that it concerns; does not wait. What is sent after `close` is lost."""
        with self._lock:
            if self._closed:
                return
            match message:
                case DecodeStart():
                    self._begin(message)
                case BufferRequest():
                    self._give_credit(message)

    def receive(self, cue: int) -> DecodedChunk:
        """The next chunk of a cue that has credit; waits where it is not decoded yet.

        Raises RenderError where the cue can't be decoded any further, after all that came before; PoolClosed where
        the pool is closed, also while it waits.
        """
        with self._lock:
            job = self._job(cue)
            if not job.chunks:
                assert job.rooms or job.error or self._error or self._closed, f"cue {cue} has no credit"
                self._wait_for(job)
            if self._closed:
                raise PoolClosed
            if job.chunks:
                chunk = job.chunks.popleft()
                if job.complete and not job.chunks and job.error is None:
                    del self._jobs[cue]
                return chunk
            error = job.error or self._error
        assert error is not None
        if isinstance(error, ExportError):
            raise error
        raise RenderError(
            f"a worker that decodes sound failed: {type(error).__name__}: {error}",
            component=COMPONENT,
            file=job.start.facts.path,
            file_hash=job.start.facts.file_hash,
            suggestion="this should not happen: please report it, with the file if you can",
        ) from error

    def statistics(self) -> AudioDecodeStatistics:
        """The counters so far."""
        with self._lock:
            if not self._closed:
                self._statistics.lifetime_seconds = time.perf_counter() - self._started
            return replace(self._statistics)

    def close(self) -> None:
        """Ends the workers and closes every file, whatever they are doing; a second call does nothing."""
        with self._lock:
            if not self._closed:
                self._statistics.lifetime_seconds = time.perf_counter() - self._started
            self._closed = True
            for worker in self._workers:
                worker.end()
            self._delivered.notify_all()
        for worker in self._workers:
            worker.join()
        # They refer to the pool and its memory.
        self._workers = ()
        self._jobs.clear()

    def _begin(self, start: DecodeStart) -> None:
        worker = self._workers[start.strand % len(self._workers)]
        job = AudioJob(start, worker, order=self._statistics.cues, decoded=start.skipped)
        self._statistics.cues += 1
        self._jobs[start.cue] = job
        worker.begin(job)

    def _give_credit(self, request: BufferRequest) -> None:
        job = self._job(request.cue)
        if request.room is None:
            job.asked_ready = job.playback is None
        else:
            job.rooms.append(request.room)
            depth = self._statistics.queue_depth + 1
            self._statistics.queue_depth = depth
            self._statistics.peak_queue_depth = max(self._statistics.peak_queue_depth, depth)
        job.worker.look_at(job)

    def _job(self, cue: int) -> AudioJob:
        job = self._jobs.get(cue)
        if job is None:
            if self._closed:
                raise PoolClosed
            raise LookupError(f"cue {cue} was not begun, or is complete")
        return job

    def _wait_for(self, job: AudioJob) -> None:
        waited = time.perf_counter()
        self._statistics.starved += 1
        job.awaited = True
        while not (job.chunks or job.error or self._error or self._closed):
            self._delivered.wait()
        job.awaited = False
        self._statistics.starved_seconds += time.perf_counter() - waited

    def _make_reader(self, start: DecodeStart) -> FileSoundReader:
        return FileSoundReader(start.media, start.facts, self._rate, allow_network=self._allow_network)

    def _fail(self, error: BaseException) -> None:
        """A worker died; called with the lock held."""
        if self._error is None:
            self._error = error
        self._delivered.notify_all()
