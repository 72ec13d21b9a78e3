"""The one thread that decodes a file, for every clip that shows it.

In: requests of a look-ahead. Out: frames in the cache. The worker keeps as many decoders open at different places of
the file as the schedule shows positions, and goes to each wanted frame the cheapest way; what it passes on the way
and is shown later is kept as long as the cache has room. It owns its decoders, and closes those that are not needed
soon. `assign`, `wait_for`, `ask`, `stop` and `join` are called on the render thread; decoding is done
on the worker's own, which sleeps while nothing is wanted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Condition

from reelmill.decoders.shared.decode_errors import COMPONENT, failed_twice, source_time_text, worker_died
from reelmill.decoders.shared.decode_meter import DecodeMeter
from reelmill.decoders.shared.decode_slots import Closed, DecodeSlots, OpenFiles, Turn
from reelmill.decoders.shared.frame_cache import FrameCache, frame_bytes
from reelmill.decoders.shared.frame_memory import FrameMemory
from reelmill.decoders.video.decode_places import DecodePlace, DecodePlaces, Route
from reelmill.decoders.video.reading import Reading
from reelmill.decoders.video.video_reader import MediaReader, open_video_reader
from reelmill.planner.errors import RenderError
from reelmill.planner.media import MediaFacts
from reelmill.planner.process.threads import Thread
from reelmill.planner.process.waiting import Checkpoint, wait_until
from reelmill.planner.scheduling.schedule import ScheduledRequest
from reelmill.planner.source_frames import Frame, FrameRequest
from reelmill.planner.timeline import Media

MAX_PLACES = 8
"""Decoders of one file at a time."""
PARK_AFTER = 120
"""Output frames for which a decoder that nobody needs stays open: longer than any look-ahead."""
REVERSE_WINDOW_FRAMES = 4
"""Frames that a decoder holds itself: the neighbours of interlaced ones. All else is the cache's."""
FRAMES_OF_A_DECODER = 12
"""Pictures that a decoder holds, references and frames of its threads; for the bound on memory."""
WORTH_A_GOP = 4
"""A jump backwards waits until it fills the cache with one in so many of the frames that it decodes."""
TURN_FRAMES = 8
"""Output frames of the look-ahead that are equally urgent: a worker goes on instead of taking turns for each frame."""

_log = logging.getLogger("reelmill.decoders")
_Job = tuple[ScheduledRequest, Route]


@dataclass(frozen=True, slots=True)
class CommonParts:
    """What all workers of a pool share."""

    cache: FrameCache
    memory: FrameMemory
    slots: DecodeSlots
    files: OpenFiles
    reading: Reading
    ask_others: Callable[[], None]
    """Wakes all workers, to close what they can."""


class FileWorker:
    """Decodes one file, read in one way. Starts its thread with the first request."""

    def __init__(
        self,
        media: Media,
        facts: MediaFacts,
        common: CommonParts,
        *,
        positions: int,
        frame_size_bytes: int,
        next_use: Callable[[int, int], int | None],
        note_speed: Callable[[float], None],
    ) -> None:
        """`positions`: places in the file that one output frame needs. `next_use`: the next output frame after another
        one that shows a pts. `note_speed` is told decoded frames a second.
        """
        assert facts.video is not None
        table = facts.video.table
        self.source = media.name
        self.frame_size_bytes = frame_size_bytes
        """Of one frame in the cache; an estimate until one was decoded."""
        self._media, self._facts, self._table = media, facts, table
        self._cache, self._memory, self._files = common.cache, common.memory, common.files
        self._turn, self._next_use, self._ask_others = Turn(common.slots), next_use, common.ask_others
        self._reading, self._tracer = common.reading, common.reading.tracer
        # One more than at the same time: it goes ahead to the clip that comes next.
        most = min(positions + 1, MAX_PLACES) if facts.kind in ("video", "animation") else 1
        self._places = DecodePlaces.of(table, most)
        self._decoder_bytes = frame_size_bytes * (FRAMES_OF_A_DECODER if facts.kind == "video" else 2)
        self._uses: dict[int, int | None] = {}
        """Next output frame by pts, as last told; None stays None."""
        self._now = 0
        self._wanted: dict[int, ScheduledRequest] = {}
        """By pts, those that are needed first before the others."""
        self._failures: dict[int, RenderError] = {}
        """By pts; raised when the frame is asked for, since nobody may."""
        self._death: BaseException | None = None
        self._last: DecodePlace | None = None
        """Where the last frame was decoded."""
        self._stay = 0
        """Frames to go on with there, before others have their turn: coming back would cost more."""
        self.meter = DecodeMeter(note_speed)
        self.warnings: list[str] = []
        """What went wrong and was mended, for the report."""
        self._concealed = 0
        self._changed = Condition()
        """Guards what is wanted, failed and stopped; notified when any of it, or the cache, changes."""
        self._stopping = False
        self._thread: Thread | None = None

    @property
    def started(self) -> bool:
        """Whether anything was ever asked of it."""
        return self._thread is not None

    @property
    def concealed_frames(self) -> int:
        """Damaged or missing frames that were hidden so far."""
        return self._concealed + sum(place.reader.concealed_frames for place in tuple(self._places.places))

    def assign(self, output_frame: int, requests: Sequence[ScheduledRequest]) -> None:
        """Replace what is wanted: the look-ahead from an output frame on, most urgent first."""
        with self._changed:
            self._now = output_frame
            missing = set(self._cache.prewarm(self.source, [each.request.pts for each in requests]))
            self._wanted = {
                each.request.pts: each
                for each in requests
                if each.request.pts in missing and each.request.pts not in self._failures
            }
            if self._wanted:
                self._start()
            if self._wanted or output_frame % 16 == 0 or self._files.pressure:
                self._changed.notify_all()

    def go_on(self, output_frame: int) -> None:
        """The renderer has come to another output frame; what is wanted stays."""
        self._now = output_frame
        if output_frame % 16 == 0 or self._files.pressure:
            self.wake()

    def ask(self, request: FrameRequest) -> None:
        """Decode a frame that the current output frame needs, whether it was planned or not. Does not wait."""
        with self._changed:
            if request.pts not in self._failures and not self._cache.has(self.source, request.pts):
                self._ask(request)

    def wait_for(self, request: FrameRequest, checkpoint: Checkpoint) -> Frame:
        """The frame, as soon as it is decoded. Pin it in the cache first. `checkpoint` is called while it waits.

        Raises RenderError, and what `checkpoint` raises.
        """
        wait_until(lambda seconds: self._comes(request, seconds), checkpoint)
        frame = self._cache.get(self.source, request.pts)
        assert frame is not None, "it is pinned"
        return frame

    def wake(self) -> None:
        """Look again at what can be decoded, or closed."""
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """End as soon as the frame that is being decoded is done."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self) -> None:
        """Wait for the end of the thread."""
        if self._thread is not None:
            self._thread.join()

    def _comes(self, request: FrameRequest, seconds: float) -> bool:
        """Wait so long for a frame; whether it is there. Raises RenderError where it will not come."""
        pts = request.pts
        with self._changed:
            if self._cache.has(self.source, pts):
                return True
            if pts in self._failures:
                raise self._failures[pts]
            if self._death is not None:
                raise worker_died(self._facts, self._death) from self._death
            if self._stopping:
                raise RenderError("the decoders are closed", component=COMPONENT)
            self._ask(request)
            self._changed.wait(seconds)
            return self._cache.has(self.source, pts)

    def _ask(self, request: FrameRequest) -> None:
        if request.pts not in self._wanted or self._wanted[request.pts].priority != "current":
            depth = len(request.instance) - 1
            self._wanted[request.pts] = ScheduledRequest(request, self._now, "current", depth)
        self._start()
        self._changed.notify_all()

    def _start(self) -> None:
        if self._thread is None and not self._stopping:
            self._thread = Thread(target=self._run, name=f"decode {Path(self._facts.path).name}")
            self._thread.start()

    def _run(self) -> None:
        try:
            while self._work():
                pass
        except Closed:
            pass
        except BaseException as death:
            _log.debug("the worker of %s died", self._facts.path, exc_info=True)
            with self._changed:
                self._death = death
                self._changed.notify_all()
        finally:
            self._turn.give()
            for place in tuple(self._places.places):
                self._close(place)

    def _work(self) -> bool:
        """Do the next job. Its decoder must not be referred to while there is none: it may be closed then."""
        job = self._take()
        if job is not None:
            self._serve(*job)
        return job is not None

    def _take(self) -> _Job | None:
        """The next frame to decode, when there is one; None when all ends."""
        with self._changed:
            while not self._stopping:
                job = self._choose()
                if job is not None:
                    return job
                self._turn.give()
                self._park()
                self._changed.wait()
            return None

    def _choose(self) -> _Job | None:
        if self._stay > 0 and (job := self._following()) is not None:
            return job
        urgent = self._urgent()
        if urgent is not None:
            return urgent, self._route(urgent)
        if self._failures:
            # What lies ahead most likely fails as well; the export ends as soon as the frame is asked for.
            return None
        if (job := self._following()) is not None:
            return job
        for request in self._wanted.values():
            route = self._route(request)
            if self._worth_it(request, route):
                return request, route
        return None

    def _urgent(self) -> ScheduledRequest | None:
        """What the current output frame needs."""
        return next((each for each in self._wanted.values() if each.priority == "current"), None)

    def _following(self) -> _Job | None:
        """What is wanted just behind the frame that was decoded last."""
        place = self._last
        if place is None or place.position is None:
            return None
        for index in self._places.reach(place.position):
            request = self._wanted.get(self._places.pts[index])
            if request is not None:
                cost = index - place.position
                return request, Route(place, place.position + 1, cost, jumps=False, strands=False)
        return None

    def _route(self, request: ScheduledRequest) -> Route:
        target = self._places.index_of(request.request.pts)
        may_open = self._may_open(request)
        return self._places.route(target, self._needed, self._kept, self._room(), may_open=may_open)

    def _may_open(self, request: ScheduledRequest) -> bool:
        """Whether there is room for one more decoder."""
        return not self._files.full if request.priority == "current" else self._files.has_room(self._decoder_bytes)

    def _worth_it(self, request: ScheduledRequest, route: Route) -> bool:
        """Whether to read ahead now, or to wait until the frame is needed or more can be done in one go."""
        if not route.jumps:
            return True
        if route.place is None and not self._may_open(request):
            return False
        if route.strands and request.priority == "far":
            return False
        target = self._places.index_of(request.request.pts)
        passed = sum(1 for index in range(route.start, target) if self._needed(index))
        if not passed or self._places.continues(target, self._needed):
            return True
        room = self._room()
        return passed <= room or room * WORTH_A_GOP >= route.cost

    def _room(self) -> int:
        """Frames that can be kept besides those that are promised to other files."""
        return self._cache.room_bytes // self.frame_size_bytes + len(self._wanted)

    def _needed(self, index: int) -> bool:
        """Whether a frame is shown in a time to come, and not held."""
        pts = self._places.pts[index]
        use = self._uses.get(pts, -1)
        if use is not None and use < self._now:
            use = self._uses[pts] = self._next_use(pts, self._now - 1)
        return use is not None and not self._cache.has(self.source, pts)

    def _kept(self, index: int) -> bool:
        """Whether a frame would be held that is shown in a time to come."""
        return self._cache.would_keep(self.source, self._places.pts[index], self.frame_size_bytes)

    def _serve(self, request: ScheduledRequest, route: Route) -> None:
        """Go to a frame, and keep what is worth it on the way."""
        target, rank = self._places.index_of(request.request.pts), request.output_frame
        if (place := route.place or self._open(request.request.pts, rank)) is None:
            return
        if route.jumps:
            self._stay = route.cost // 2 if route.strands else 0
            _log.debug(
                "output frame %d, clip %s: %s goes to frame %d over %d frames; %d wanted",
                rank,
                request.request.clip,
                self.source,
                target,
                target - route.start,
                len(self._wanted),
            )
        elif self._stay:
            self._stay -= 1
        self._last = place
        for index in range(route.start, target):
            if self._failures or not self._needed(index):
                continue
            if not self._kept(index):
                self._cache.note_lost(self.source, self._places.pts[index])
                continue
            if not self._read(place, index, rank) or self._interrupted(request):
                return
        self._read(place, target, rank)

    def _interrupted(self, request: ScheduledRequest) -> bool:
        """Whether something more urgent has come."""
        if self._stopping:
            return True
        with self._changed:
            return request.priority != "current" and self._urgent() is not None

    def _read(self, place: DecodePlace, index: int, rank: int) -> bool:
        """Decode one frame into the cache. Returns False where that failed; the place may be closed then."""
        pts = self._places.pts[index]
        try:
            frame = self._decode(place, pts, rank)
            place.position, place.last_used = index, self._now
            self.frame_size_bytes = max(frame_bytes(frame), 1)
            self._cache.put(self.source, frame)
        except RenderError as error:
            self._fail(pts, error)
            return False
        self._done(pts)
        return True

    def _decode(self, place: DecodePlace, pts: int, rank: int) -> Frame:
        """A frame from a decoder, which is made anew once where it fails. Raises RenderError."""
        self._take_turn(rank)
        lost = self._cache.lost(self.source, pts)
        with self._tracer.span("decode", rank), self.meter.busy(), self.meter.again(lost):
            try:
                return self._own(place.reader.frame(pts))
            except RenderError as error:
                self._note_failure(pts, error)
                try:
                    self._renew(place)
                    return self._own(place.reader.frame(pts))
                except RenderError as second:
                    self._close(place)
                    raise failed_twice(self._facts, pts, second) from second

    def _own(self, frame: Frame) -> Frame:
        with self.meter.copying():
            return self._memory.own(frame)

    def _take_turn(self, rank: int) -> None:
        """Wait until it may decode. `rank`: the output frame that needs it."""
        self._turn.take(rank if rank <= self._now else max(rank - rank % TURN_FRAMES, self._now + 1))

    def _open(self, pts: int, rank: int) -> DecodePlace | None:
        """One more decoder; None where the file can't be opened."""
        self._turn.give()
        self._files.acquire(self._decoder_bytes, self._ask_others)
        try:
            self._take_turn(rank)
            with self._tracer.span("open decoder", rank), self.meter.busy():
                try:
                    place = DecodePlace(self._new_reader(), last_used=self._now)
                except RenderError as error:
                    self._note_failure(pts, error)
                    place = DecodePlace(self._new_reader(), last_used=self._now)
        except BaseException as error:
            self._files.release(self._decoder_bytes)
            if not isinstance(error, RenderError):
                raise
            self._fail(pts, failed_twice(self._facts, pts, error))
            return None
        self._places.places.append(place)
        return place

    def _new_reader(self) -> MediaReader:
        window = REVERSE_WINDOW_FRAMES * self.frame_size_bytes
        return open_video_reader(
            self._media,
            self._facts,
            self.meter.new_decoder(),
            self._reading,
            reverse_window_bytes=window,
        )

    def _renew(self, place: DecodePlace) -> None:
        failed = place.reader
        failed.close()
        place.position = None
        place.reader = self._new_reader()
        self._concealed += failed.concealed_frames

    def _close(self, place: DecodePlace) -> None:
        self._places.places.remove(place)
        if self._last is place:
            self._last = None
        self._concealed += place.reader.concealed_frames
        place.reader.close()
        self._files.release(self._decoder_bytes)

    def _park(self) -> None:
        """Nothing can be done now: close the decoders that are not needed soon."""
        pressure = self._files.pressure
        for place in tuple(self._places.places):
            if self._table is None or pressure == 2:
                self._close(place)
            elif (pressure or self._now - place.last_used > PARK_AFTER) and not self._needed_soon(place):
                _log.debug("%s: closes the decoder at frame %s", self.source, place.position)
                self._close(place)

    def _needed_soon(self, place: DecodePlace) -> bool:
        if place.position is None:
            return False
        coming = (index for index in self._places.reach(place.position) if self._needed(index))
        return any((self._uses[self._places.pts[index]] or 0) <= self._now + PARK_AFTER for index in coming)

    def _done(self, pts: int) -> None:
        with self._changed:
            self._wanted.pop(pts, None)
            self._changed.notify_all()

    def _fail(self, pts: int, error: RenderError) -> None:
        with self._changed:
            self._failures[pts] = error
            self._wanted.pop(pts, None)
            self._changed.notify_all()

    def _note_failure(self, pts: int, error: RenderError) -> None:
        when = source_time_text(self._facts, pts)
        self.warnings.append(f"the decoder of {self._facts.path} failed at {when} and was opened anew: {error.message}")
        _log.info("%s", self.warnings[-1])
