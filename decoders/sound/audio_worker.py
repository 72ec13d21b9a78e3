"""One worker of an audio decode pool: it decodes the cues that have credit, the one needed soonest first.

In: cues and rooms, from the pool's other side. Out: filled rooms. Active: owns the thread "audio-decode-N". All state
but that of the cue at work is guarded by the pool's lock; files are opened, read and closed on the worker's thread.
A cue is worked on in steps of a few milliseconds, so that what is needed sooner, and the end, wait no longer.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Condition, Lock

from reelmill.decoders.sound.audio_messages import DecodedChunk, DecodeStart, Room
from reelmill.decoders.sound.sound import FileSoundReader
from reelmill.decoders.sound.sound_playback import PlayedSound
from reelmill.planner.process.threads import Thread

READY_AHEAD = 4
"""Cues of one worker that have a file open before they have room for a frame."""
PARKED = 4
"""Files that one worker keeps open without a cue, for cues that follow in their strands."""


@dataclass(slots=True)
class AudioDecodeStatistics:
    """Counters of an audio decode pool (docs/reference/report.md)."""

    workers: int = 0
    cues: int = 0
    """Begun so far."""
    chunks: int = 0
    """Decoded so far."""
    opened: int = 0
    """Files, each time one was opened."""
    peak_open: int = 0
    """The most files open at one time."""
    queue_depth: int = 0
    """Rooms that wait to be filled."""
    peak_queue_depth: int = 0
    starved: int = 0
    """How often a chunk was asked for that was not there yet."""
    starved_seconds: float = 0.0
    """How long was waited for those."""
    busy_seconds: float = 0.0
    """Of all workers."""
    lifetime_seconds: float = 0.0
    """Of the pool."""
    open_files: int = 0
    """Now."""

    @property
    def utilisation(self) -> float:
        """Share of their lifetime that the workers were busy, 0…1."""
        total = self.workers * self.lifetime_seconds
        return self.busy_seconds / total if total else 0.0

    def count_open(self, change: int) -> None:
        """A file was opened (1) or closed (−1)."""
        self.open_files += change
        self.opened += max(change, 0)
        self.peak_open = max(self.peak_open, self.open_files)


@dataclass(slots=True, eq=False)
class AudioJob:
    """A cue in the hands of a worker."""

    start: DecodeStart
    worker: AudioWorker
    order: int
    """Of arrival: among cues that are needed at the same time the first goes first."""
    asked_ready: bool = False
    rooms: deque[Room] = field(default_factory=deque)
    """Credit that is not used up."""
    chunks: deque[DecodedChunk] = field(default_factory=deque)
    """Decoded and not yet received."""
    decoded: int = 0
    """Frames since the beginning of the part, those that are skipped among them."""
    error: BaseException | None = None
    """Why there are no more chunks."""
    queued: bool = False
    """In the queue of its worker, or at work: it is queued again after that, if there is more to do."""
    reader: FileSoundReader | None = None
    playback: PlayedSound | None = None
    preparation: Iterator[None] | None = None
    """None before the file is opened and after it was made ready."""
    awaited: bool = False
    """Somebody waits for its next chunk."""
    ahead: bool = False
    """Has a file open and had no room for a frame so far."""

    @property
    def needed_at(self) -> int:
        """The frame of the output that waits for what is decoded next."""
        return self.start.part.first + self.decoded

    @property
    def complete(self) -> bool:
        return self.error is not None or self.decoded >= self.start.part.count


class AudioWorker:
    """Decodes what it is given until it is told to end. Methods are called with the lock held."""

    def __init__(
        self,
        name: str,
        lock: Lock,
        delivered: Condition,
        statistics: AudioDecodeStatistics,
        make_reader: Callable[[DecodeStart], FileSoundReader],
        fail: Callable[[BaseException], None],
    ) -> None:
        """`lock` guards all that is shared; `delivered` (of it) is told of chunks, `fail` of errors of no cue."""
        self._lock, self._delivered, self._statistics = lock, delivered, statistics
        self._make_reader, self._fail = make_reader, fail
        self._wake = Condition(lock)
        self._strands: dict[int, deque[AudioJob]] = {}
        """Cues that are not complete, by strand. Only the first one of a strand is worked on."""
        self._queue: list[tuple[int, int, AudioJob]] = []
        """Cues with something to do; a heap by the frame that waits for it."""
        self._parked: dict[int, tuple[FileSoundReader, int]] = {}
        """By strand: a file that is open without a cue, and the frame at which the next cue begins."""
        self._ready_ahead = 0
        self._ended = False
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def begin(self, job: AudioJob) -> None:
        """Take a cue on."""
        self._strands.setdefault(job.start.strand, deque()).append(job)

    def look_at(self, job: AudioJob) -> None:
        """A cue was given something to do."""
        strand = self._strands.get(job.start.strand)
        if strand is None or job.queued:
            return
        if (job.rooms or job.asked_ready) and strand[0] is job:
            job.queued = True
            heapq.heappush(self._queue, (job.needed_at, job.order, job))
            self._wake.notify()

    def end(self) -> None:
        """Close every file and return from the thread."""
        self._ended = True
        self._wake.notify()

    def join(self) -> None:
        """Wait for the end of the thread; the only method that is called without the lock."""
        self._thread.join()

    # The rest runs on the worker's thread.

    def _run(self) -> None:
        try:
            while (job := self._next_job()) is not None:
                started = time.perf_counter()
                self._work_on(job)
                with self._lock:
                    self._statistics.busy_seconds += time.perf_counter() - started
        except BaseException as error:
            with self._lock:
                self._fail(error)
        finally:
            self._close_all()

    def _next_job(self) -> AudioJob | None:
        with self._lock:
            while not self._ended:
                if self._queue:
                    return heapq.heappop(self._queue)[2]
                self._wake.wait()
            return None

    def _work_on(self, job: AudioJob) -> None:
        """One step: make ready a little more, or fill one room."""
        try:
            if not job.complete and self._is_ready(job):
                with self._lock:
                    room = job.rooms[0] if job.rooms else None
                if room is not None:
                    self._fill(job, room)
        except Exception as error:
            with self._lock:
                job.error = error
                self._delivered.notify_all()
        with self._lock:
            complete = job.complete
        if complete:
            self._finish(job)
        with self._lock:
            job.queued = False
            if complete:
                self._follow(job)
            else:
                self.look_at(job)

    def _is_ready(self, job: AudioJob) -> bool:
        """Bring the file nearer to the first frame of the cue; whether it is there."""
        if job.playback is None:
            if not job.rooms and self._ready_ahead >= READY_AHEAD:
                job.asked_ready = False
                return False
            job.ahead = not job.rooms
            self._ready_ahead += job.ahead
            job.reader = self._reader_for(job.start)
            job.playback = PlayedSound(job.reader, job.start.part, job.start.skipped)
            job.preparation = job.playback.prepare()
        if job.preparation is not None:
            for _ in job.preparation:
                return False
            job.preparation = None
            job.asked_ready = False
        return True

    def _reader_for(self, start: DecodeStart) -> FileSoundReader:
        if start.strand in self._parked:
            return self._parked.pop(start.strand)[0]
        with self._lock:
            self._statistics.count_open(1)
        return self._make_reader(start)

    def _fill(self, job: AudioJob, room: Room) -> None:
        assert job.playback is not None
        frames = room.shape[1]
        room[:] = job.playback.read_at(job.decoded, frames).T
        with self._lock:
            self._leave_ready_ahead(job)
            job.rooms.popleft()
            job.chunks.append(DecodedChunk(job.start.cue, job.decoded, room))
            job.decoded += frames
            self._statistics.chunks += 1
            self._statistics.queue_depth -= 1
            if job.awaited:
                self._delivered.notify_all()

    def _finish(self, job: AudioJob) -> None:
        """Park the file of a cue for the next one of its strand, or close it."""
        self._leave_ready_ahead(job)
        if job.playback is not None:
            job.playback.close()
        reader, goes_on = job.reader, job.start.strand_goes_on
        job.reader = job.playback = job.preparation = None
        if goes_on is None and reader is None and job.start.strand in self._parked:
            reader = self._parked.pop(job.start.strand)[0]
        if reader is None:
            return
        if goes_on is None or job.error is not None:
            self._close(reader)
            return
        self._parked[job.start.strand] = (reader, goes_on)
        if len(self._parked) > PARKED:
            latest = max(self._parked, key=lambda strand: self._parked[strand][1])
            self._close(self._parked.pop(latest)[0])

    def _leave_ready_ahead(self, job: AudioJob) -> None:
        if job.ahead:
            job.ahead = False
            self._ready_ahead -= 1

    def _follow(self, job: AudioJob) -> None:
        """Let the next cue of the strand go on."""
        strand = self._strands[job.start.strand]
        strand.remove(job)
        if strand:
            self.look_at(strand[0])
        else:
            del self._strands[job.start.strand]

    def _close(self, reader: FileSoundReader) -> None:
        reader.close()
        with self._lock:
            self._statistics.count_open(-1)

    def _close_all(self) -> None:
        for reader, _ in self._parked.values():
            self._close(reader)
        self._parked.clear()
        for strand in self._strands.values():
            for job in strand:
                if job.playback is not None:
                    job.playback.close()
                if job.reader is not None:
                    self._close(job.reader)
                job.reader = job.playback = job.preparation = None
