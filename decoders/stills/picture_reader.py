"""The door to everything that is a picture file: stills, animated pictures and image sequences.

In: a media entry. Out: its facts, and a reader that serves its frames by pts. What a file is is decided by its first
bytes, never by its name; a number pattern in the path makes a sequence. Readers are passive and belong to one thread.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from reelmill.decoders.files.container import is_address
from reelmill.decoders.files.file_hash import file_hash
from reelmill.decoders.stills.animations import AnimationReader, read_timing
from reelmill.decoders.stills.picture_errors import changed
from reelmill.decoders.stills.picture_file import picture_file, sniffed_format
from reelmill.decoders.stills.sequences import SequenceReader, find_sequence, sequence_hash
from reelmill.decoders.stills.still_store import StillStore
from reelmill.decoders.stills.stills import StillHeader, read_header, read_still
from reelmill.planner.errors import SetupError
from reelmill.planner.media import MediaFacts, MediaKind, VideoFacts
from reelmill.planner.number_pattern import is_sequence
from reelmill.planner.pts_table import PtsTable
from reelmill.planner.source_frames import Frame
from reelmill.planner.timeline import Media


class PictureFileReader(Protocol):
    """Serves frames of one picture file or sequence."""

    @property
    def frames_decoded(self) -> int:
        """Pictures decoded so far, those that were decoded again included."""

    def frame(self, pts: int) -> Frame:
        """The frame with this pts. Raises RenderError."""

    def close(self) -> None:
        """Closes the file; a second call does nothing."""


def probe_picture(media: Media, codec: str | None = None) -> MediaFacts | None:
    """The facts of a picture file or sequence; None for a file that is none. An address is fetched.

    `codec`: the codec of libav that reads the picture, where the file has no mark by which it would be known.
    Raises SetupError for a picture that is damaged or not supported, and for a sequence with gaps, without a frame
    rate, or of pictures that differ in size.
    """
    # A file that has exactly the path's name is no sequence.
    address = is_address(media.path)
    if is_sequence(media.path) and not address and not Path(media.path).is_file():
        sequence = find_sequence(media)
        hash_ = sequence_hash(sequence)
        return _facts(media, "sequence", hash_, sequence.header, sequence.table, sequence.fps)
    file = picture_file(media.path, SetupError)
    format_ = sniffed_format(file) or codec
    if format_ is None:
        return None
    header = read_header(file, format_)
    hash_ = media.path if address else file_hash(media.path)
    if header.pictures == 1:
        return _facts(media, "still", hash_, header, None, None)
    timing = read_timing(file, header)
    rate = Fraction(len(timing.table.pts)) / timing.table.duration
    header = replace(header, has_alpha=timing.has_alpha, pix_fmt="rgba")
    return _facts(media, "animation", hash_, header, timing.table, rate)


def open_picture_reader(media: Media, facts: MediaFacts, stills: StillStore | None = None) -> PictureFileReader:
    """A reader for what `probe` found. Files are opened when the first frame is asked for."""
    assert facts.video is not None
    if facts.kind == "sequence":
        return SequenceReader(media, facts)
    if facts.kind == "animation":
        return AnimationReader(media.path, facts)
    return StillReader(media.path, facts.video, stills)


class StillReader:
    """One picture, decoded when it is first asked for. Passive; one thread."""

    def __init__(self, path: str, video: VideoFacts, stills: StillStore | None = None) -> None:
        """`stills`: where the picture may be already, and is kept."""
        self._path, self._format, self._stills = path, video.codec, stills
        self._size = (video.width, video.height)
        self._frame: Frame | None = None
        self.frames_decoded = 0

    def frame(self, pts: int) -> Frame:
        """The picture, which has every pts. Raises RenderError."""
        if self._frame is None:
            self._frame = self._decode(pts) if self._stills is None else self._kept(self._stills, pts)
        return self._frame if self._frame.pts == pts else replace(self._frame, pts=pts)

    def _decode(self, pts: int) -> Frame:
        self.frames_decoded += 1
        return read_still(self._path, self._format, self._size, pts)

    def _kept(self, stills: StillStore, pts: int) -> Frame:
        frame = stills.frame(self._path, lambda: self._decode(pts))
        if (frame.width, frame.height) != self._size:
            raise changed(self._path)
        return frame

    def close(self) -> None:
        """Forgets the picture; no file stays open."""
        self._frame = None


def _facts(
    media: Media, kind: MediaKind, hash_: str, header: StillHeader, table: PtsTable | None, rate: Fraction | None
) -> MediaFacts:
    video = VideoFacts(
        stream=0,
        codec=header.format,
        width=header.width,
        height=header.height,
        sample_aspect_ratio=header.sample_aspect_ratio,
        orientation=header.orientation,
        pix_fmt=header.pix_fmt,
        has_alpha=header.has_alpha,
        interlaced=False,
        colour=header.colour,
        frame_rate=rate,
        table=table,
    )
    return MediaFacts(media.name, media.path, kind, hash_, video, audio=None)
