"""System V1: one decoder for each clip on screen. The reference that every other way of decoding is held against.

In: requests of the frames that a plan shows. Out: exactly these frames. A decoder is opened when its clip is first
asked for a frame, and closed when the clip leaves the screen; nothing is shared between clips, so that a file shown
by ten clips is open ten times. Passive; used on the render thread alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from av.video.frame import VideoFrame

from decoders import pictures
from decoders.colour_tags import ColourReader, UnsupportedColour
from decoders.cursor import COMPONENT, Cursor
from decoders.deinterlace import DeinterlaceError, Deinterlacer
from decoders.normalise import UnsupportedFormat, normalise
from planner.errors import ExportError, RenderError
from planner.frame_plan import FramePlan
from planner.frames import DecodeStatistics, Frame, FrameRequest, InstancePath
from planner.media import MediaFacts
from planner.timeline import Media


class _Reader(Protocol):
    """What reads the frames of one clip."""

    @property
    def concealed_frames(self) -> int: ...

    def frame(self, pts: int) -> Frame: ...

    def close(self) -> None: ...


class ClipDecoders:
    """Implements planner.frames.FrameSource."""

    def __init__(
        self, facts: Mapping[str, MediaFacts], media: Mapping[str, Media], *, allow_network: bool = False
    ) -> None:
        """`facts` and `media` by the name of the media entry. Opens nothing yet."""
        self._facts = facts
        self._media = media
        self._allow_network = allow_network
        self._readers: dict[InstancePath, _Reader] = {}
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
        return [
            f"{name}: {count} damaged frame{'s were' if count > 1 else ' was'} concealed"
            for name, count in sorted(self.concealed_frames.items())
        ]

    def close(self) -> None:
        """Closes every decoder; a second call does nothing."""
        for instance in list(self._readers):
            self._close(instance)

    def _open(self, request: FrameRequest) -> _Reader:
        media, facts = self._media[request.media], self._facts[request.media]
        if facts.kind == "video":
            reader: _Reader = _VideoReader(media, facts, self._statistics, allow_network=self._allow_network)
        else:
            reader = _PictureReader(media, facts, self._statistics)
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


class _VideoReader:
    """Frames of a video file, deinterlaced where they are flagged so."""

    def __init__(self, media: Media, facts: MediaFacts, statistics: DecodeStatistics, *, allow_network: bool) -> None:
        assert facts.video is not None
        assert facts.video.table is not None
        self._facts, self._video, self._table = facts, facts.video, facts.video.table
        self._cursor = Cursor(media, facts, statistics, allow_network=allow_network)
        self._colour = ColourReader(self._cursor.stream_colour)
        self._deinterlacer = Deinterlacer() if media.deinterlace == "auto" else None
        self._interlaced = facts.video.interlaced
        """Of the frame before: whether neighbours will be needed, which are best fetched in order."""
        self._last: Frame | None = None
        self._backwards = False

    @property
    def concealed_frames(self) -> int:
        return self._cursor.concealed_frames

    def frame(self, pts: int) -> Frame:
        if self._last is not None:
            if self._last.pts == pts:
                return self._last
            self._backwards = pts < self._last.pts
        try:
            self._last = self._read(pts)
        except (UnsupportedFormat, UnsupportedColour, DeinterlaceError) as error:
            raise RenderError(
                str(error),
                component=COMPONENT,
                file=self._facts.path,
                file_hash=self._facts.file_hash,
                source_time=self._table.source_time(pts),
                suggestion="convert the file to a usual format, such as H.264 with yuv420p",
            ) from error
        return self._last

    def close(self) -> None:
        self._last = None
        self._cursor.close()

    def _read(self, pts: int) -> Frame:
        if self._deinterlacer is None:
            picture = tagged = self._cursor.frame(pts)
        else:
            tagged, picture = self._whole(pts, self._deinterlacer)
        return normalise(picture, pts, self._colour.read(tagged), self._video.orientation)

    def _whole(self, pts: int, deinterlacer: Deinterlacer) -> tuple[VideoFrame, VideoFrame]:
        """The frame as decoded, and deinterlaced if it has to be."""
        index = self._table.index_of(pts)
        around = [index - 1, index, index + 1]
        if self._backwards:
            around.reverse()
        order = around if self._interlaced else [index]
        found = {each: self._neighbour(each) for each in order}
        frame = found[index]
        assert frame is not None
        self._interlaced = frame.interlaced_frame
        if not self._interlaced:
            return frame, frame
        for each in around:
            if each not in found:
                found[each] = self._neighbour(each)
        return frame, deinterlacer.deinterlace(found[index - 1], frame, found[index + 1])

    def _neighbour(self, index: int) -> VideoFrame | None:
        if not 0 <= index < len(self._table.pts):
            return None
        return self._cursor.frame(self._table.pts[index])


class _PictureReader:
    """Frames of a still, an animation or an image sequence."""

    concealed_frames = 0

    def __init__(self, media: Media, facts: MediaFacts, statistics: DecodeStatistics) -> None:
        self._reader = pictures.open_reader(media, facts)
        self._statistics = statistics
        statistics.opened += 1
        self._decoded = 0
        self._last: Frame | None = None

    def frame(self, pts: int) -> Frame:
        if self._last is None or self._last.pts != pts:
            self._last = self._reader.frame(pts)
            self._statistics.frames_decoded += self._reader.frames_decoded - self._decoded
            self._decoded = self._reader.frames_decoded
        return self._last

    def close(self) -> None:
        self._last = None
        self._reader.close()
