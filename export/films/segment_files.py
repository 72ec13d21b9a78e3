"""Cuts a fragmented mp4, as it is being written, into the files of HLS: a header, and segments of whole fragments.

In: what libav's muxer writes. Out: `init.mp4` and `00000.m4s` and so on, in a folder that the caller owns, and how many
pictures each holds. libav's own HLS muxer takes no notice of a full disk. Passive; one thread.

Boxes: ISO/IEC 14496-12; HLS: RFC 8216, 3.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reelmill.export.films.video_encoding import VideoEncoding
from reelmill.planner.errors import RenderError

HEADER_NAME = "init.mp4"
_VIDEO_TRACK = 1
"""Pictures are the first stream of an output."""


@dataclass(slots=True)
class Segment:
    """A file of the playlist."""

    name: str
    frames: int
    """Pictures."""


class SegmentFiles:
    """A `ByteSink`. Each file is closed when a call returns."""

    def __init__(self, folder: Path, video: VideoEncoding) -> None:
        assert video.segment_frames is not None
        assert video.gop is not None
        self._folder = folder
        self._segment_frames, self._gop, self._codec = video.segment_frames, video.gop, video.codec
        self._pending = bytearray()
        """The beginning of a box whose end is yet to come."""
        self._frames = 0
        self._cancelled = False
        self.segments: list[Segment] = []

    def write(self, data: bytes, /) -> int:
        """Write the boxes that are complete. Raises OSError, and RenderError where a keyframe is out of place."""
        if self._cancelled:
            raise RenderError("the film was not written to its end", component="Output")
        self._pending += data
        while (box := self._next_box()) is not None:
            kind = bytes(box[4:8])
            if kind in (b"ftyp", b"moov"):
                self._append(HEADER_NAME, box)
                continue
            if kind == b"moof":
                self._begin_fragment(box)
            assert self.segments, f"a {kind!r} box comes before the first fragment"
            self._append(self.segments[-1].name, box)
        return len(data)

    def cancel(self) -> None:
        """Take no more."""
        self._cancelled = True

    def _next_box(self) -> bytes | None:
        if len(self._pending) < 16:
            return None
        size = struct.unpack_from(">I", self._pending)[0]
        if size == 1:  # the size did not fit into 32 bits
            size = struct.unpack_from(">Q", self._pending, 8)[0]
        if len(self._pending) < size:
            return None
        box = bytes(self._pending[:size])
        del self._pending[:size]
        return box

    def _begin_fragment(self, moof: bytes) -> None:
        if self._frames % self._gop:
            raise RenderError(
                f"{self._codec} put a keyframe at picture {self._frames}, and not at every {self._gop}th",
                component="Encoder",
                suggestion="choose another video codec for HLS, such as h264",
            )
        if not self.segments or self.segments[-1].frames >= self._segment_frames:
            self.segments.append(Segment(f"{len(self.segments):05d}.m4s", 0))
        frames = _sample_count(moof, _VIDEO_TRACK)
        self.segments[-1].frames += frames
        self._frames += frames

    def _append(self, name: str, data: bytes) -> None:
        with (self._folder / name).open("ab") as file:
            file.write(data)


def _sample_count(moof: bytes, track: int) -> int:
    """Samples of a track in a fragment: 8.8.7 and 8.8.8 of the standard."""
    found = 0
    for traf in _inside(moof, b"traf"):
        (header,) = _inside(traf, b"tfhd")
        if struct.unpack_from(">I", header, 12)[0] == track:
            found += sum(struct.unpack_from(">I", run, 12)[0] for run in _inside(traf, b"trun"))
    return found


def _inside(box: bytes, kind: bytes) -> Iterator[bytes]:
    """The boxes of a kind that lie in a box, headers included."""
    position = 8
    while position < len(box):
        size = struct.unpack_from(">I", box, position)[0]
        if box[position + 4 : position + 8] == kind:
            yield box[position : position + size]
        position += size
