"""Reads the next output frame's source frames while this one is drawn.

In: a frame source that is used by one thread, and what tells the requests of the next output frame. Out: the same
frames, most of them ready when they are asked for. Active: owns one thread, on which the source does all its work, in
the order in which frames are shown; so what comes out does not depend on timing. One frame of each clip is held.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait

from reelmill.planner.frame_plan import FramePlan
from reelmill.planner.frame_source import FrameSource
from reelmill.planner.process.thread_pool import ThreadPool
from reelmill.planner.process.waiting import Checkpoint, no_checkpoint, wait_until
from reelmill.planner.source_frames import DecodeStatistics, Frame, FrameRequest
from reelmill.planner.tracing import NO_TRACE, Tracer

Requests = Callable[[int], Iterable[FrameRequest]]
"""Of an output frame: the source frames that it shows, and after these those of the next one."""


class ReadAhead:
    """Implements planner.source_frames.FrameSource."""

    def __init__(
        self,
        source: FrameSource,
        requests: Requests,
        *,
        tracer: Tracer = NO_TRACE,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> None:
        """Owns the source. `requests` is called on the render thread, and so is `checkpoint` while a frame is waited
        for; it may raise."""
        self._source, self._requests, self._tracer, self._checkpoint = source, requests, tracer, checkpoint
        self._worker = ThreadPool(1, thread_name_prefix="decode ahead")
        self._ahead: dict[FrameRequest, Future[Frame]] = {}
        self._waited_seconds = 0.0

    def begin(self, plan: FramePlan) -> None:
        """Go on to an output frame: let go of what is past, and begin to read the next one's frames."""
        self._worker.submit(self._source.begin, plan)
        last, self._ahead = self._ahead, {}
        for request in self._requests(plan.output_frame):
            if request not in self._ahead:
                self._ahead[request] = last.get(request) or self._worker.submit(self._source.frame, request)

    def frame(self, request: FrameRequest) -> Frame:
        """The frame asked for, exactly. Raises RenderError."""
        started = time.perf_counter()
        try:
            found = self._ahead.get(request) or self._worker.submit(self._source.frame, request)
            with self._tracer.span("wait for frame", clip=request.clip):
                wait_until(lambda seconds: not wait((found,), seconds).not_done, self._checkpoint)
                return found.result()
        finally:
            self._waited_seconds += time.perf_counter() - started

    def statistics(self) -> DecodeStatistics:
        """The counters so far; exact once everything that was begun is read."""
        statistics = self._source.statistics()
        statistics.waited_seconds = self._waited_seconds
        return statistics

    @property
    def warnings(self) -> list[str]:
        """Of the source."""
        return self._source.warnings

    def close(self) -> None:
        """Ends the thread and closes the source; a second call does nothing."""
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._ahead.clear()
        self._source.close()
