"""System V1: one decoder for each clip on screen. The reference that every other way of decoding is held against.

In: requests of the frames that a plan shows. Out: exactly these frames. A decoder is opened when its clip is first
asked for a frame, and closed when the clip leaves the screen; nothing is shared between clips, so that a file shown
by ten clips is open ten times. Passive; used on the render thread alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from reelmill.decoders.video.reading import PLAIN_READING, Reading
from reelmill.decoders.video.video_reader import MediaReader, concealed_warnings, open_video_reader
from reelmill.planner.errors import ExportError
from reelmill.planner.frame_plan import FramePlan
from reelmill.planner.media import MediaFacts
from reelmill.planner.source_frames import DecodeStatistics, Frame, FrameRequest, InstancePath
from reelmill.planner.timeline import Media


class ClipDecoders:
    """Implements planner.source_frames.FrameSource."""

    def __init__(
        self,
        facts: Mapping[str, MediaFacts],
        media: Mapping[str, Media],
        reading: Reading = PLAIN_READING,
    ) -> None:
        """`facts` and `media` by the name of the media entry. Opens nothing yet."""
        self._facts = facts
        self._media = media
        self._reading, self._tracer = reading, reading.tracer
        self._readers: dict[InstancePath, MediaReader] = {}
        self._statistics = DecodeStatistics()
        self._requested: dict[str, set[int]] = {}
        """pts by file hash."""
        self._concealed: dict[str, int] = {}
        """Of decoders that are closed, by media entry."""
        self._media_of: dict[InstancePath, str] = {}

    def begin(self, plan: FramePlan) -> None:
        """Close the decoders of clips that are not on screen any more."""
        for instance in [instance for instance in self._readers if instance not in plan.active]:
            self._close(instance)

    def frame(self, request: FrameRequest) -> Frame:
        """The frame asked for, exactly. Raises RenderError."""
        began = time.perf_counter()
        try:
            reader = self._readers.get(request.instance)
            if reader is None:
                reader = self._open(request)
            self._requested.setdefault(request.file_hash, set()).add(request.pts)
            with self._tracer.span("decode", clip=request.clip):
                return reader.frame(request.pts)
        except ExportError as error:
            error.locate(clip=request.clip, file=self._facts[request.media].path, file_hash=request.file_hash)
            raise
        finally:
            self._statistics.busy_seconds += time.perf_counter() - began

    def statistics(self) -> DecodeStatistics:
        """The counters so far."""
        statistics = self._statistics
        statistics.unique_files = len(self._requested)
        statistics.waited_seconds = statistics.busy_seconds
        statistics.frames_requested = sum(len(pts) for pts in self._requested.values())
        return statistics

    @property
    def concealed_frames(self) -> dict[str, int]:
        """How many damaged or missing frames were hidden so far, by media entry; only those that allow it."""
        counts = dict(self._concealed)
        for instance, reader in self._readers.items():
            if reader.concealed_frames:
                name = self._media_of[instance]
                counts[name] = counts.get(name, 0) + reader.concealed_frames
        return counts

    @property
    def warnings(self) -> list[str]:
        """For the report: what was hidden."""
        return concealed_warnings(self.concealed_frames)

    def close(self) -> None:
        """Closes every decoder; a second call does nothing."""
        for instance in list(self._readers):
            self._close(instance)

    def _open(self, request: FrameRequest) -> MediaReader:
        media, facts = self._media[request.media], self._facts[request.media]
        with self._tracer.span("open decoder", clip=request.clip):
            reader = open_video_reader(media, facts, self._statistics, self._reading)
        self._readers[request.instance] = reader
        self._media_of[request.instance] = request.media
        self._statistics.peak_open = max(self._statistics.peak_open, len(self._readers))
        return reader

    def _close(self, instance: InstancePath) -> None:
        reader = self._readers.pop(instance)
        name = self._media_of.pop(instance)
        reader.close()
        if reader.concealed_frames:
            self._concealed[name] = self._concealed.get(name, 0) + reader.concealed_frames
