"""Animated WebP, through libwebp's own animation encoder in libav.

In: finished pictures in order. Out: one file. Passive; the output's own thread. libwebp keeps the encoded pictures
until the end, and merges equal ones that follow each other.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from av.video.frame import VideoFrame

from reelmill.export.outputs.picture_sink import PictureFormat, ShownFrames
from reelmill.export.pictures.animation_file import AnimationFile
from reelmill.export.pictures.animation_settings import check_animation, encoding_failed
from reelmill.export.pictures.animation_timing import WEBP_CLOCK
from reelmill.export.pictures.picture_codes import bgra_copy
from reelmill.planner.colour import SRGB
from reelmill.planner.outputs import Alpha, AnimationSettings
from reelmill.planner.pixel_format import PIXEL_FORMATS

_LONGEST_SIDE_PX = 16383


class WebPAnimation:
    """A `PictureSink`."""

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
        WEBP_CLOCK.check(target, shown)
        check_animation(target, "WebP", _LONGEST_SIDE_PX, size, settings)
        self._file, self._target, self._shown = file, target, shown
        self.takes = PictureFormat(*size, PIXEL_FORMATS["bgra" if alpha == "keep" else "bgr0"], SRGB)
        options = {"lossless": "1"} if settings.quality is None else {"lossless": "0", "quality": str(settings.quality)}
        self._animation = AnimationFile(
            file,
            target,
            size,
            WEBP_CLOCK,
            container="webp",
            encoder="libwebp_anim",
            pix_fmt="bgra",
            container_options={"loop": str(settings.loop or 0)},
            encoder_options=options,
        )

    def write(self, frame: VideoFrame, number: int) -> None:
        # A copy: a picture that comes again has another time.
        self._animation.write(bgra_copy(frame), WEBP_CLOCK.start(number, self._shown.fps))

    def finish(self) -> None:
        self._animation.finish()
        try:
            _end_at(self._file, WEBP_CLOCK.start(len(self._shown.frames), self._shown.fps))
        except OSError as error:
            raise encoding_failed(error, self._target) from error

    def abort(self) -> None:
        self._animation.abort()


def _end_at(file: Path, total_ms: int) -> None:
    """Have the last picture last until `total_ms`: libwebp gives it the mean of the others. Raises OSError.

    In the file each picture is a chunk ANMF with its duration in bytes 12 to 14 (WebP Container Specification).
    """
    with file.open("rb+") as webp:
        at, last, before_ms, last_ms = 12, None, 0, 0
        while len(head := _read_at(webp, at, 8)) == 8:
            kind, length = struct.unpack("<4sI", head)
            if kind == b"ANMF":
                before_ms, last = before_ms + last_ms, at + 20
                last_ms = int.from_bytes(_read_at(webp, last, 3), "little")
            at += 8 + length + length % 2
        if last is not None:  # else all pictures are the same, and the file is a still
            webp.seek(last)
            webp.write((total_ms - before_ms).to_bytes(3, "little"))


def _read_at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)
