"""APNG: exact pictures with alpha, one after another in a PNG.

In: finished pictures in order. Out: one file. The output's own thread calls; workers encode. Of each picture only the
rectangle that has changed is stored, and it replaces what was there: readers disagree about the format's other ways.
Format: PNG Specification (Third Edition), chunks acTL, fcTL, fdAT.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from reelmill.export.outputs.picture_sink import PictureFormat, ShownFrames
from reelmill.export.pictures.animation_settings import check_animation, encoding_failed, unopened
from reelmill.export.pictures.animation_timing import APNG_CLOCK
from reelmill.export.pictures.picture_codes import picture_codes
from reelmill.export.pictures.picture_encoding import Png
from reelmill.export.pictures.picture_pipeline import PendingFiles, PicturePipeline
from reelmill.planner.colour import SRGB
from reelmill.planner.outputs import Alpha, AnimationSettings
from reelmill.planner.pixel_format import PIXEL_FORMATS

_LONGEST_SIDE_PX = 2**31 - 1
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEEP, _REPLACE = 0, 0
"""What becomes of a picture after its time, and how the next is put over it."""
_Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a picture that is being encoded."""

    rectangle: tuple[int, int, int, int]
    """Width, height, left and top, pixels."""
    delay: tuple[int, int]
    """Seconds until the next picture: numerator and denominator."""
    png: PendingFiles


class ApngAnimation:
    """A `PictureSink`. Owns the workers of a picture pipeline."""

    wanted = None

    def __init__(
        self,
        file: Path,
        target: Path,
        shown: ShownFrames,
        *,
        size: tuple[int, int],
        alpha: Alpha,
        settings: AnimationSettings,
    ) -> None:
        """`file` is written; `target` is its name in errors. `size`: width and height, pixels.

        Raises SetupError for what the format can't hold, and a file that can't be written.
        """
        APNG_CLOCK.check(target, shown)
        check_animation(target, "APNG", _LONGEST_SIDE_PX, size, settings)
        self._target, self._shown = target, shown
        self._loop = settings.loop or 0
        self._before: _Codes | None = None
        self._sequence_number = 0
        self._pending: deque[_Part] = deque()
        self.takes = PictureFormat(*size, PIXEL_FORMATS["rgba" if alpha == "keep" else "rgb24"], SRGB)
        try:
            self._file = file.open("wb")
        except OSError as error:
            raise unopened(error, target) from error
        self._pipeline = PicturePipeline()

    def write(self, frame: VideoFrame, number: int) -> None:
        while len(self._pending) > self._pipeline.workers:
            self._save(self._pending.popleft())
        picture = picture_codes(frame)
        left, top, right, bottom = _changed(self._before, picture)
        png = self._pipeline.start([picture[top:bottom, left:right]], Png())
        self._pending.append(_Part((right - left, bottom - top, left, top), self._delay(number), png))
        self._before = picture

    def finish(self) -> None:
        while self._pending:
            self._save(self._pending.popleft())
        try:
            self._file.write(_chunk(b"IEND", b""))
            self._file.close()
        except OSError as error:
            raise encoding_failed(error, self._target) from error
        self._pipeline.close()

    def abort(self) -> None:
        self._pipeline.close()
        self._pending.clear()
        with contextlib.suppress(OSError):
            self._file.close()

    def _save(self, part: _Part) -> None:
        chunks = dict(_chunks(part.png.result()[0]))
        first = self._sequence_number == 0
        control = struct.pack(">5I2H2B", self._next(), *part.rectangle, *part.delay, _KEEP, _REPLACE)
        try:
            if first:
                self._file.write(_SIGNATURE + _chunk(b"IHDR", chunks[b"IHDR"]))
                self._file.write(_chunk(b"acTL", struct.pack(">2I", len(self._shown.frames), self._loop)))
                self._file.write(_chunk(b"fcTL", control) + _chunk(b"IDAT", chunks[b"IDAT"]))
            else:
                data = struct.pack(">I", self._next()) + chunks[b"IDAT"]
                self._file.write(_chunk(b"fcTL", control) + _chunk(b"fdAT", data))
        except OSError as error:
            raise encoding_failed(error, self._target) from error

    def _next(self) -> int:
        self._sequence_number += 1
        return self._sequence_number - 1

    def _delay(self, number: int) -> tuple[int, int]:
        """Of a picture, seconds as a fraction: exact where its terms fit into 16 bits."""
        exact = 1 / self._shown.fps
        if max(exact.numerator, exact.denominator) < 2**16:
            return exact.numerator, exact.denominator
        return APNG_CLOCK.duration(number, self._shown.fps), APNG_CLOCK.ticks_per_second


def _changed(before: _Codes | None, picture: _Codes) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the rectangle in which two pictures differ; at least one pixel."""
    height, width = picture.shape[:2]
    if before is None:
        return 0, 0, width, height
    differ = np.any(before != picture, axis=2)
    rows, columns = np.flatnonzero(differ.any(axis=1)), np.flatnonzero(differ.any(axis=0))
    if not len(rows):
        return 0, 0, 1, 1
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kinds and contents of a PNG's chunks; those of its data as one."""
    at, data = len(_SIGNATURE), []
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        content = png[at + 8 : at + 8 + length]
        at += length + 12
        if kind == b"IDAT":
            data.append(content)
        else:
            yield kind, content
    yield b"IDAT", b"".join(data)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
