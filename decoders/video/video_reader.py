"""From one media file to finished source frames: decoded, deinterlaced, in a format that crosses rooms.

In: a media entry and its facts. Out: `Frame`s by pts, the same ones whoever reads them. A reader owns what it opens.
Passive; one thread at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from av.video.frame import VideoFrame

from reelmill.decoders.frames.colour_tags import ColourReader, UnsupportedColour
from reelmill.decoders.frames.normalise import UnsupportedFormat, normalise
from reelmill.decoders.stills import picture_reader
from reelmill.decoders.stills.still_store import StillStore
from reelmill.decoders.video.cursor import COMPONENT, REVERSE_WINDOW_BYTES, Cursor
from reelmill.decoders.video.deinterlace import DeinterlaceError, Deinterlacer
from reelmill.decoders.video.reading import PLAIN_READING, Reading
from reelmill.planner.errors import RenderError
from reelmill.planner.media import MediaFacts
from reelmill.planner.source_frames import DecodeStatistics, Frame
from reelmill.planner.timeline import Media


class MediaReader(Protocol):
    """What reads the frames of one file."""

    @property
    def concealed_frames(self) -> int:
        """Damaged or missing frames that were hidden so far."""

    def frame(self, pts: int) -> Frame:
        """The frame with this pts. Raises RenderError."""

    def close(self) -> None:
        """A second call does nothing."""


def open_video_reader(
    media: Media,
    facts: MediaFacts,
    statistics: DecodeStatistics,
    reading: Reading = PLAIN_READING,
    *,
    reverse_window_bytes: int = REVERSE_WINDOW_BYTES,
) -> MediaReader:
    """A reader of whatever the file is; it counts in `statistics` what it does. Raises RenderError."""
    if facts.kind == "video":
        return VideoReader(media, facts, statistics, reading, reverse_window_bytes=reverse_window_bytes)
    return CountedPictureReader(media, facts, statistics, reading.stills)


def concealed_warnings(counts: Mapping[str, int]) -> list[str]:
    """What to say of frames that were concealed, by media entry."""
    return [
        f"{name}: {count} damaged frame{'s were' if count > 1 else ' was'} concealed"
        for name, count in sorted(counts.items())
    ]


class VideoReader:
    """Frames of a video file, deinterlaced where they are flagged so. Close it when done."""

    def __init__(
        self,
        media: Media,
        facts: MediaFacts,
        statistics: DecodeStatistics,
        reading: Reading = PLAIN_READING,
        *,
        reverse_window_bytes: int = REVERSE_WINDOW_BYTES,
    ) -> None:
        """Opens the file. Raises RenderError."""
        assert facts.video is not None
        assert facts.video.table is not None
        self._facts, self._video, self._table = facts, facts.video, facts.video.table
        self._cursor = Cursor(media, facts, statistics, reading, reverse_window_bytes=reverse_window_bytes)
        self._colour = ColourReader(self._cursor.stream_colour)
        self._deinterlacer = Deinterlacer() if media.deinterlace == "auto" else None
        self._interlaced = facts.video.interlaced
        """Of the frame before: whether neighbours will be needed, which are best fetched in order."""
        self._last: Frame | None = None
        self._backwards = False

    @property
    def concealed_frames(self) -> int:
        """Damaged or missing frames that were hidden so far."""
        return self._cursor.concealed_frames

    def frame(self, pts: int) -> Frame:
        """The frame with this pts, one of the table's. Raises RenderError."""
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
        """A second call does nothing."""
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


class CountedPictureReader:
    """Frames of a still, an animation or an image sequence. Close it when done."""

    concealed_frames = 0

    def __init__(
        self, media: Media, facts: MediaFacts, statistics: DecodeStatistics, stills: StillStore | None = None
    ) -> None:
        """Opens nothing yet."""
        self._reader = picture_reader.open_picture_reader(media, facts, stills)
        self._statistics = statistics
        statistics.opened += 1
        self._decoded = 0
        self._last: Frame | None = None

    def frame(self, pts: int) -> Frame:
        """The frame with this pts. Raises RenderError."""
        if self._last is None or self._last.pts != pts:
            self._last = self._reader.frame(pts)
            self._statistics.frames_decoded += self._reader.frames_decoded - self._decoded
            self._decoded = self._reader.frames_decoded
        return self._last

    def close(self) -> None:
        """A second call does nothing."""
        self._last = None
        self._reader.close()
