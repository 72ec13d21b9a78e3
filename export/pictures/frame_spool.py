"""Pictures kept on disk for a second pass, without loss, so that a long film does not fill the memory.

In: BGRA pictures in order. Out: the same, in order. Owns an unnamed temporary file, which vanishes with the process.
Passive; one thread. Pictures are packed by libav's ffvhuff: 1 ms for 480×270 there, 2 ms back, to about a third.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from reelmill.export.pictures.picture_codes import picture_codes

_CODEC = "ffvhuff"
_TIME_BASE = Fraction(1, 1000)


class FrameSpool:
    """Pictures of one size. Errors are libav's and the system's; who uses it says what they mean."""

    def __init__(self, folder: Path, width: int, height: int) -> None:
        """`folder`: where the file lies, on whose disk there has to be room. Raises OSError."""
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 closed by `close`
        self._size = width, height
        self._encoder = cast(VideoCodecContext, CodecContext.create(_CODEC, "w"))
        self._encoder.width, self._encoder.height, self._encoder.pix_fmt = width, height, "bgra"
        self._encoder.time_base = _TIME_BASE
        self._encoder.thread_count = 1
        self._pictures: list[tuple[int, int]] = []
        """Where each lies in the file, and its bytes; equal pictures in a row lie there once."""

    def __len__(self) -> int:
        return len(self._pictures)

    def add(self, frame: VideoFrame) -> None:
        """Append a picture, which is changed (its pts)."""
        frame.pts, frame.time_base = len(self._pictures), _TIME_BASE
        data = b"".join(bytes(packet) for packet in self._encoder.encode(frame))
        self._pictures.append((self._file.tell(), len(data)))
        self._file.write(data)

    def repeat(self) -> None:
        """Append the last picture again."""
        self._pictures.append(self._pictures[-1])

    def read(self) -> Iterator[npt.NDArray[np.uint8]]:
        """All pictures, [height, width, 4]; those that were repeated are the same object."""
        decoder = cast(VideoCodecContext, CodecContext.create(_CODEC, "r"))
        decoder.width, decoder.height = self._size
        decoder.extradata = self._encoder.extradata
        decoder.thread_count = 1
        shown: tuple[int, int] | None = None
        picture: npt.NDArray[np.uint8] | None = None
        for place in self._pictures:
            if place != shown:
                self._file.seek(place[0])
                frames = decoder.decode(Packet(self._file.read(place[1])))
                picture, shown = picture_codes(frames[0]), place
            assert picture is not None
            yield picture

    def close(self) -> None:
        """Remove the file. Again, does nothing."""
        self._file.close()
