"""System V2: one worker for each file, whoever shows it, working from the schedule into one frame cache.

In: an export planner, and the requests of the frames that a plan shows. Out: exactly these frames, most of them ready
before they are asked for. At each output frame the pool hands its workers the new look-ahead, as far as the cache's
budget reaches; that is all the back-pressure there is. `SharedDecoderPool` is used on the render thread; the workers
decode on threads of their own, as many at a time as there are cores.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from reelmill.decoders.shared.decode_errors import COMPONENT
from reelmill.decoders.shared.decode_slots import DecodeSlots, OpenFiles, available_cores, descriptor_share
from reelmill.decoders.shared.file_worker import CommonParts, FileWorker
from reelmill.decoders.shared.frame_cache import HEAVY_FRAMES, SCATTERED_FRAMES, USUAL_FRAMES, FrameCache, FrameKey
from reelmill.decoders.shared.frame_memory import FrameMemory
from reelmill.decoders.shared.thrash_watch import ThrashWatch
from reelmill.decoders.video.reading import PLAIN_READING, Reading
from reelmill.decoders.video.video_reader import concealed_warnings
from reelmill.planner.errors import ExportError, RenderError
from reelmill.planner.frame_plan import FramePlan
from reelmill.planner.media import MediaFacts, VideoFacts
from reelmill.planner.pixel_format import PIXEL_FORMATS
from reelmill.planner.process.waiting import Checkpoint, no_checkpoint
from reelmill.planner.scheduling.clip_uses import DecodeSource, decode_sources
from reelmill.planner.scheduling.schedule import DecodeSchedule, FileBatch, ScheduledRequest, UsagePattern
from reelmill.planner.source_frames import CacheStatistics, DecodeStatistics, FileCacheStatistics, Frame, FrameRequest
from reelmill.planner.timeline import Media

KEPT_SHARE = 0.85
"""Of the budget: what may be filled with frames that wait to be shown again. The rest is for the look-ahead."""
LOOK_AHEAD_SHARE = 0.75
"""What the look-ahead may fill where little is kept. Frames may turn out larger than planned, and other ones needed."""
FORWARDS_SHARE = 1 / 16
"""What the look-ahead may fill where all clips play forwards: what they share is kept, and frames far ahead would only
wait. Of material that plays backwards or repeats, long stretches are decoded at once."""
FORWARDS_FRAMES = 2
"""Output frames that the look-ahead has room for at least: V1 decodes one ahead of the one that is drawn."""
FAR_SHARE = 0.67
"""Of the room of the look-ahead, for frames that are needed in more than a second: early is good, decoding twice is
not."""
LOOKED_AT = 2
"""Times the room of the look-ahead: what the planner tells of. Of files that are in the way of others some frames are
passed over, so that it reaches further than its room alone would let it."""
DECODER_SHARE = 0.4
"""Of the hard limit of the cache: memory that decoders may hold which only read ahead."""
SUPPLIES = 8
"""Times that the look-ahead is renewed while its length is rendered: working it out for each frame would cost more than
decoding small pictures."""
LOW_HIT_RATE = 0.8
LONG_WAIT_SECONDS = 1.0
"""Waiting for frames that is worth a warning, where less than LOW_HIT_RATE of them were ready."""
SCATTERED_SHARE = 0.5
"""Of the frames between the first and the last needed one: a file of which fewer are needed is in scattered use."""
_ROW_BYTES = 64
"""Rows begin at multiples of this."""
_EDGE_BYTES = 32

_log = logging.getLogger("reelmill.decoders")


class Planner(Protocol):
    """What the pool asks of planner.export_planner.ExportPlanner."""

    @property
    def schedule(self) -> DecodeSchedule:
        """Of the whole export."""

    @property
    def look_ahead(self) -> int:
        """Output frames that the last batch reaches over."""

    def requests_at(self, output_frame: int) -> tuple[FrameRequest, ...]:
        """What an output frame needs."""

    def next_decode_batch(self, output_frame: int) -> tuple[FileBatch, ...]:
        """What an output frame and the look-ahead need."""

    def set_budget(self, budget_bytes: int) -> None:
        """Tell of so many bytes of frames in a batch."""

    def plan_keeping(self, budget_bytes: int) -> int:
        """Decide which frames are kept until they are shown again; returns the bytes of that."""

    def keeps(self, media: str, pts: int, output_frame: int) -> bool:
        """Whether a frame is kept until a later output frame shows it. Any thread."""

    def most_bytes_at_once(self) -> int:
        """What the frames of one output frame take at most."""

    @property
    def plays_on(self) -> bool:
        """Whether all clips play forwards, none over and over."""

    def next_use(self, file_hash: str, pts: int, after_frame: int) -> int | None:
        """The next output frame after one that shows a source frame; None for never. Any thread."""

    def note_speed(self, file_hash: str, frames_per_second: float) -> None:
        """The measured speed of a file's decoder. Any thread."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What the pool may use."""

    cache_bytes: int
    """Budget of the frame cache, which grows up to `memory_bytes` where frames are decoded again and again."""
    memory_bytes: int
    """Hard limit of the frame cache."""
    cores: int | None = None
    """Files that are decoded at the same moment; None for the processors that this process may use."""
    most_files: int | None = None
    """Files that are open at the same time; None for a share of what the process may open."""


class SharedDecoderPool:
    """Implements planner.source_frames.FrameSource."""

    def __init__(
        self,
        facts: Mapping[str, MediaFacts],
        media: Mapping[str, Media],
        planner: Planner,
        limits: PoolLimits,
        reading: Reading = PLAIN_READING,
        *,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> None:
        """`facts` and `media` by the name of the media entry. `checkpoint` is called while a frame is waited for; it
        may raise. Opens nothing yet.
        """
        self._facts, self._media, self._planner = facts, media, planner
        self._tracer, self._checkpoint = reading.tracer, checkpoint
        self._sources = decode_sources(media, facts)
        """By media entry: entries that read a file in the same way share one."""
        self._cache = FrameCache(
            budget_bytes=limits.cache_bytes,
            limit_bytes=limits.memory_bytes,
            next_use=self._next_use_of_source,
            keeps=planner.keeps,
        )
        self._watch = ThrashWatch(limits.cache_bytes, limits.memory_bytes)
        self._memory = FrameMemory()
        self._slots = DecodeSlots(limits.cores or available_cores(), reading.tracer)
        self._files = OpenFiles(
            most=limits.most_files or descriptor_share(), limit_bytes=int(limits.memory_bytes * DECODER_SHARE)
        )
        self._common = CommonParts(
            self._cache, self._memory, self._slots, self._files, reading, ask_others=self._wake_all
        )
        self._usage = planner.schedule.file_usage
        self._workers: dict[str, FileWorker] = {}
        """By the name of the first media entry of their source."""
        self._requested: dict[str, set[int]] = {}
        """pts by source; of what was shown."""
        self._output_frame = 0
        self._supplied = range(0)
        """Output frames for which the workers need no other look-ahead."""
        self._hits = 0
        self._misses = 0
        self._waited_seconds = 0.0
        self._closed = False
        self._plan_budget()

    def begin(self, plan: FramePlan) -> None:
        """Go on to an output frame: hand the workers what it and the look-ahead need, let go of what is past."""
        output_frame = self._output_frame = plan.output_frame
        self._grow_if_thrashing()
        current = {self._key(request): request for request in self._planner.requests_at(output_frame)}
        sizes = {key: self._frame_size_bytes(key[0]) for key in current}
        if output_frame in self._supplied:
            self._cache.begin(output_frame, sizes)
            for worker in self._workers.values():
                worker.go_on(output_frame)
            for (source, pts), request in current.items():
                if not self._cache.has(source, pts):
                    self._worker(request).ask(request)
        else:
            self._look_ahead(output_frame, sizes)
        self._tracer.level("frame cache", self._cache.used_bytes)

    def _plan_budget(self) -> None:
        """Divide the cache's budget between frames that wait to be shown again and the look-ahead."""
        budget = self._cache.budget_bytes
        kept_bytes = self._planner.plan_keeping(int(budget * KEPT_SHARE))
        self._look_ahead_bytes = min(budget - kept_bytes, budget * LOOK_AHEAD_SHARE)
        if self._planner.plays_on:
            enough = max(self._planner.most_bytes_at_once() * FORWARDS_FRAMES, budget * FORWARDS_SHARE)
            self._look_ahead_bytes = min(self._look_ahead_bytes, enough)
        self._planner.set_budget(int(self._look_ahead_bytes * LOOKED_AT))
        self._supplied = range(0)

    def _grow_if_thrashing(self) -> None:
        """Raise the budget, within the limit, while frames are decoded again and again for want of room."""
        again = sum(worker.meter.frames_again for worker in self._workers.values())
        grown = self._watch.grown_budget(again, sum(map(len, self._requested.values())))
        if grown is not None:
            _log.info("output frame %d: the frame cache is raised to %.0f MB", self._output_frame, grown / 1e6)
            self._cache.grow(grown)
            self._plan_budget()

    def _look_ahead(self, output_frame: int, current: Mapping[FrameKey, int]) -> None:
        """Hand the workers what the next output frames need."""
        batches = self._planner.next_decode_batch(output_frame)
        requests = sorted(
            (each for batch in batches for each in batch.requests), key=lambda each: (each.output_frame, each.depth)
        )
        promised = self._affordable(requests)
        if len(promised) == len(requests):
            reached = output_frame + self._planner.look_ahead - 1
        else:
            reached = requests[len(promised) - 1].output_frame
        self._supplied = range(output_frame, output_frame + max((reached - output_frame) // SUPPLIES, 1))
        self._cache.begin(output_frame, current, promised)
        assigned: dict[str, list[ScheduledRequest]] = {}
        for batch in batches:
            source = self._sources[batch.media].media[0]
            assigned[source] = [each for each in batch.requests if (source, each.request.pts) in promised]
            if source not in self._workers:
                self._hire(self._sources[batch.media])
        for source, worker in self._workers.items():
            worker.assign(output_frame, assigned.get(source, ()))

    def frame(self, request: FrameRequest) -> Frame:
        """The frame asked for, exactly; waits where it is not ready. Raises RenderError."""
        source, pts = self._key(request)
        self._requested.setdefault(source, set()).add(pts)
        self._cache.pin(source, pts)
        frame = self._cache.get(source, pts)
        if frame is not None:
            self._hits += 1
            return frame
        self._misses += 1
        started = time.perf_counter()
        try:
            with self._tracer.span("wait for frame", self._output_frame, request.clip):
                return self._worker(request).wait_for(request, self._checkpoint)
        except ExportError as error:
            facts = self._facts[request.media]
            error.locate(clip=request.clip, file=facts.path, file_hash=request.file_hash)
            raise
        finally:
            waited = time.perf_counter() - started
            self._waited_seconds += waited
            _log.debug(
                "output frame %d, clip %s: waited %.1f ms for frame %d of %s",
                self._output_frame,
                request.clip,
                waited * 1000,
                pts,
                source,
            )

    def statistics(self) -> DecodeStatistics:
        """The counters so far."""
        total = DecodeStatistics(
            unique_files=len({self._sources[source].file_hash for source in self._requested}),
            workers=sum(worker.started for worker in self._workers.values()),
            peak_open=self._files.peak,
            frames_requested=sum(len(pts) for pts in self._requested.values()),
            planned_redecodes=self._cache.planned_redecodes,
            waited_seconds=self._waited_seconds,
            cache=self._cache_statistics(),
        )
        for worker in self._workers.values():
            each = worker.meter.statistics()
            total.opened += each.opened
            total.frames_decoded += each.frames_decoded
            total.seeks += each.seeks
            total.busy_seconds += each.busy_seconds
            total.copy_seconds += each.copy_seconds
        return total

    @property
    def concealed_frames(self) -> dict[str, int]:
        """How many damaged or missing frames were hidden so far, by media entry; only those that allow it."""
        return {source: worker.concealed_frames for source, worker in self._workers.items() if worker.concealed_frames}

    @property
    def warnings(self) -> list[str]:
        """For the report: what was hidden, what failed once, and what made it slow."""
        found = [warning for worker in self._workers.values() for warning in worker.warnings]
        found += concealed_warnings(self.concealed_frames)
        cache = self._cache_statistics()
        shown = sum(map(len, self._requested.values()))
        thrashed = self._watch.warning(self._cache.planned_redecodes, shown, cache.peak_bytes)
        if thrashed is not None:
            found.append(thrashed)
        if cache.hit_rate is not None and cache.hit_rate < LOW_HIT_RATE and self._waited_seconds > LONG_WAIT_SECONDS:
            found.append(
                f"only {cache.hit_rate:.0%} of {cache.hits + cache.misses:,} frames were decoded when they were shown, "
                f"and {self._waited_seconds:.1f} s were spent waiting for the others: decoding is what takes the time. "
                "`reelmill plan` tells which file needs most; --hwaccel auto may help"
            )
        return found

    def close(self) -> None:
        """Ends every worker and closes every decoder, also while they wait; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        for worker in self._workers.values():
            worker.stop()
        self._slots.close()
        self._files.close()
        for worker in self._workers.values():
            worker.join()
        self._cache.clear()
        self._memory.clear()

    def _key(self, request: FrameRequest) -> FrameKey:
        return self._sources[request.media].media[0], request.pts

    def _next_use_of_source(self, source: str, pts: int, after_frame: int) -> int | None:
        return self._planner.next_use(self._sources[source].file_hash, pts, after_frame)

    def _affordable(self, requests: Iterable[ScheduledRequest]) -> dict[FrameKey, int]:
        """What of the look-ahead, in the order of need, the budget has room for; with the bytes of each frame.

        What the current output frame needs is always in.
        """
        promised: dict[FrameKey, int] = {}
        held: dict[str, int] = {}
        total = 0
        for each in requests:
            source, pts = self._key(each.request)
            size = self._frame_size_bytes(source)
            if each.priority != "current":
                allowed = self._look_ahead_bytes * (1 if each.priority == "near" else FAR_SHARE)
                if total + size > allowed:
                    break
                if held.get(source, 0) >= self._share(source):
                    continue
            promised[source, pts] = size
            held[source] = held.get(source, 0) + 1
            total += size
        return promised

    def _frame_size_bytes(self, source: str) -> int:
        worker = self._workers.get(source)
        if worker is not None:
            return worker.frame_size_bytes
        video = self._sources[source].video
        return estimated_bytes(video)

    def _share(self, source: str) -> int:
        """Frames of a file that the cache holds while others want the room, for each position that it is shown at."""
        usage = self._usage.get(self._sources[source].file_hash)
        if usage is None:
            return USUAL_FRAMES
        return frames_by_use(usage, self._sources[source].video) * max(usage.positions, 1)

    def _worker(self, request: FrameRequest) -> FileWorker:
        if self._closed:
            raise RenderError("the decoders are closed", component=COMPONENT)
        source = self._sources[request.media]
        return self._workers.get(source.media[0]) or self._hire(source)

    def _hire(self, source: DecodeSource) -> FileWorker:
        """The worker of a source; its thread starts with the first request."""
        name, file_hash = source.media[0], source.file_hash
        usage = self._usage.get(file_hash)
        worker = FileWorker(
            self._media[name],
            self._facts[name],
            self._common,
            positions=1 if usage is None else usage.positions,
            frame_size_bytes=estimated_bytes(source.video),
            next_use=lambda pts, after: self._planner.next_use(file_hash, pts, after),
            note_speed=lambda speed: self._planner.note_speed(file_hash, speed),
        )
        self._cache.set_share(name, self._share(name))
        self._workers[name] = worker
        return worker

    def _wake_all(self) -> None:
        for worker in tuple(self._workers.values()):
            worker.wake()

    def _cache_statistics(self) -> CacheStatistics:
        statistics = self._cache.stats()
        statistics.hits, statistics.misses = self._hits, self._misses
        by_file: dict[str, FileCacheStatistics] = {}
        for source, each in statistics.per_file.items():
            of_file = by_file.setdefault(self._sources[source].file_hash, FileCacheStatistics())
            of_file.frames += each.frames
            of_file.peak_bytes += each.peak_bytes
        statistics.per_file = by_file
        return statistics


def frames_by_use(usage: UsagePattern, video: VideoFacts) -> int:
    """The share of a file in the cache, for one position."""
    if usage.heavy:
        return HEAVY_FRAMES
    if video.frame_rate is not None and usage.time_ranges:
        shown = sum((end - start for start, end in usage.time_ranges), start=usage.time_ranges[0][0] * 0)
        if usage.total_frames < shown * video.frame_rate * SCATTERED_SHARE or usage.total_frames < SCATTERED_FRAMES:
            return SCATTERED_FRAMES
    return USUAL_FRAMES


def estimated_bytes(video: VideoFacts) -> int:
    """Of one picture as libav's decoders lay it out, before one was decoded: rows are padded."""
    pixel_format = PIXEL_FORMATS[video.pix_fmt]
    sample_bytes = pixel_format.bytes_per_sample * max(len(pixel_format.components), 1)
    total = 0
    for plane in range(pixel_format.plane_count):
        width, height = pixel_format.plane_size(plane, *video.largest)
        total += -(-(width * sample_bytes + _EDGE_BYTES) // _ROW_BYTES) * _ROW_BYTES * height
    return total
