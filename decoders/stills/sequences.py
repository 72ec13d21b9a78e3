"""Image sequences: pictures in numbered files, such as `shots/%04d.png`.

In: a media entry whose path holds a number pattern. Out: the files in order, one tick of 1/fps a picture, and a
reader that opens each file when it is asked for. Passive; a reader belongs to one thread.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from reelmill.decoders.files.file_hash import file_hash
from reelmill.decoders.stills.picture_errors import changed
from reelmill.decoders.stills.picture_file import PictureFile, sniffed_format
from reelmill.decoders.stills.stills import StillHeader, read_header, read_still
from reelmill.planner.errors import SetupError
from reelmill.planner.media import MediaFacts
from reelmill.planner.number_pattern import is_sequence, split_pattern
from reelmill.planner.pts_table import PtsTable
from reelmill.planner.source_frames import Frame
from reelmill.planner.timeline import Media

HASHED_FILES = 16
"""Files whose content goes into a sequence's hash, sampled evenly; of the others the size does."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """The files of a sequence, without gaps."""

    files: tuple[Path, ...]
    fps: Fraction
    header: StillHeader
    """Of the first picture; `has_alpha` where any picture has alpha."""

    @property
    def table(self) -> PtsTable:
        ticks = array("q", range(len(self.files)))
        return PtsTable(1 / self.fps, ticks, len(self.files), ticks)


def numbered_file(pattern: str, number: int) -> Path:
    """The file of one picture of a pattern that holds one number."""
    (before, after), (width,) = split_pattern(pattern)
    return Path(pattern).with_name(f"{before}{number:0{width}d}{after}")


def find_sequence(media: Media) -> Sequence:
    """Find the files and read all headers.

    Raises SetupError for a missing frame rate, no file at all, a gap, or pictures that are damaged or of different
    sizes.
    """
    if media.fps is None:
        raise _error(media, "an image sequence needs a frame rate", f'add "fps" to media "{media.name}", such as 25')
    files = tuple(numbered_file(media.path, number) for number in _numbers(media))
    first: StillHeader | None = None
    alpha = False
    for file in files:
        picture = PictureFile(str(file))
        format_ = sniffed_format(picture)
        if format_ is None:
            raise _error(
                media,
                f'"{file.name}" of the sequence is not a picture',
                "sequences are made of still pictures, such as PNG, JPEG, TIFF, EXR or DPX files",
                file,
            )
        header = read_header(picture, format_)
        first = first or header
        _check_same(media, file, header, files[0], first)
        alpha = alpha or header.has_alpha
    assert first is not None
    return Sequence(files, media.fps, replace(first, has_alpha=alpha))


def _check_same(media: Media, file: Path, header: StillHeader, first_file: Path, first: StillHeader) -> None:
    if (header.width, header.height) != (first.width, first.height):
        raise _error(
            media,
            f'"{file.name}" is {header.width}×{header.height} pixels, '
            f'but "{first_file.name}" is {first.width}×{first.height}; a sequence has one size',
            "scale the pictures to one size, or make two media entries of them",
            file,
        )
    if header.orientation != first.orientation:
        raise _error(
            media,
            f'"{file.name}" is turned for display in another way than "{first_file.name}" (EXIF orientation)',
            "turn the pictures themselves, and save them without the EXIF flag",
            file,
        )


def _numbers(media: Media) -> range:
    """The consecutive numbers of the sequence, from `start_number` or the lowest that exists."""
    pattern = Path(media.path)
    if is_sequence(str(pattern.parent)) or len(split_pattern(media.path)[1]) != 1:
        raise _error(
            media,
            "the number pattern of an image sequence must stand in the file's name, once",
            "write a path such as shots/%04d.png; %% stands for a percent sign",
        )
    existing = sorted(_existing_numbers(media, pattern))
    if media.start_number is not None:
        existing = [number for number in existing if number >= media.start_number]
    if not existing:
        wanted = "" if media.start_number is None else f" from number {media.start_number} on"
        raise _error(media, f'no file fits "{pattern.name}"{wanted}', "check the path, its folder and its numbers")
    start = existing[0] if media.start_number is None else media.start_number
    for number, found in enumerate(existing, start):
        if number != found:
            missing = numbered_file(media.path, number)
            raise _error(
                media,
                f'"{missing.name}" is missing from the sequence, which goes on with "'
                f'{numbered_file(media.path, found).name}"',
                'render the missing picture, or make two media entries with a "start_number" each',
                missing,
            )
    return range(start, existing[-1] + 1)


def _existing_numbers(media: Media, pattern: Path) -> set[int]:
    (before, after), _ = split_pattern(media.path)
    name = re.compile(rf"{re.escape(before)}(\d+){re.escape(after)}")
    try:
        names = {entry.name for entry in pattern.parent.iterdir()}
    except OSError as error:
        raise _error(
            media,
            f'the folder "{pattern.parent}" of the sequence can\'t be read: {error.strerror or error}',
            "correct the path; paths are relative to the project file",
        ) from error
    found = (int(m[1]) for m in map(name.fullmatch, names) if m and len(m[1]) <= 18)
    # A number is only one of the sequence if the pattern writes it so: %04d does not mean "7.png".
    return {number for number in found if numbered_file(media.path, number).name in names}


def sequence_hash(sequence: Sequence) -> str:
    """32 hexadecimal digits of all sizes and of some files' contents."""
    digest = hashlib.blake2b(digest_size=16)
    step = max(len(sequence.files) // HASHED_FILES, 1)
    for index, file in enumerate(sequence.files):
        try:
            size = file.stat().st_size
        except OSError as error:
            raise changed(str(file)) from error
        digest.update(size.to_bytes(8, "little"))
        if index % step == 0:
            digest.update(bytes.fromhex(file_hash(str(file))))
    return digest.hexdigest()


class SequenceReader:
    """Reads a picture's file when it is asked for, and keeps the last one. Passive; one thread."""

    def __init__(self, media: Media, facts: MediaFacts) -> None:
        assert facts.video is not None
        self._pattern = media.path
        self._size = (facts.video.width, facts.video.height)
        try:
            self._start = _numbers(media).start
        except SetupError as error:
            raise changed(media.path) from error
        self._frame: Frame | None = None
        self.frames_decoded = 0

    def frame(self, pts: int) -> Frame:
        """The picture with this number, counted from the first. Raises RenderError."""
        if self._frame is None or self._frame.pts != pts:
            path = str(numbered_file(self._pattern, self._start + pts))
            format_ = sniffed_format(PictureFile(path))
            if format_ is None:
                raise changed(path)
            self._frame = read_still(path, format_, self._size, pts)
            self.frames_decoded += 1
        return self._frame

    def close(self) -> None:
        """Forgets the picture; no file stays open."""
        self._frame = None


def _error(media: Media, message: str, suggestion: str, file: Path | None = None) -> SetupError:
    return SetupError(message, component="Picture", file=str(file or media.path), suggestion=suggestion)
