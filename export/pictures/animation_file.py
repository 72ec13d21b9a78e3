"""An animated file that libav encodes and muxes: one stream of pictures, times in ticks of the format's clock.

Owns the container, until `finish` or `abort`. Passive; one thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from reelmill.decoders.files.container import file_url
from reelmill.export.pictures.animation_settings import encoding_failed, unopened
from reelmill.export.pictures.animation_timing import TickClock


class AnimationFile:
    """Takes finished pictures with the ticks at which they begin."""

    def __init__(
        self,
        file: Path,
        target: Path,
        size: tuple[int, int],
        clock: TickClock,
        *,
        container: str,
        encoder: str,
        pix_fmt: str,
        container_options: Mapping[str, str],
        encoder_options: Mapping[str, str],
        edit: Callable[[bytearray], None] | None = None,
    ) -> None:
        """`file` is written; `target` is its name in errors. `container`, `encoder`, `pix_fmt`: libav's names.
        `edit` may change the bytes of each encoded picture, not their number.

        Raises SetupError where the file can't be written.
        """
        self._target, self._edit = target, edit
        self._time_base = Fraction(1, clock.ticks_per_second)
        opened = contextlib.ExitStack()
        try:
            with opened:
                self._container = opened.enter_context(
                    av.open(file_url(file), "w", format=container, container_options=dict(container_options))
                )
                stream = self._container.add_stream(encoder, rate=clock.ticks_per_second, options=dict(encoder_options))
                assert isinstance(stream, VideoStream)
                self._stream = stream
                self._stream.width, self._stream.height = size
                self._stream.pix_fmt = pix_fmt
                self._stream.time_base = self._stream.codec_context.time_base = self._time_base
                self._container.start_encoding()
                opened.pop_all()
        except (av.FFmpegError, OSError, ValueError) as error:
            raise unopened(error, target) from error

    def write(self, frame: VideoFrame, tick: int) -> None:
        """Add a picture, whose pts is changed. Raises RenderError."""
        frame.pts, frame.time_base = tick, self._time_base
        self._encode(frame)

    def finish(self) -> None:
        """Complete the file. Raises RenderError."""
        self._encode(None)
        try:
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise encoding_failed(error, self._target) from error

    def abort(self) -> None:
        """Close the file as it is. After `finish`, or again, does nothing."""
        with contextlib.suppress(av.FFmpegError, OSError):
            self._container.close()

    def _encode(self, frame: VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                if self._edit is not None:
                    data = bytearray(packet)
                    self._edit(data)
                    packet.update(bytes(data))
                self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise encoding_failed(error, self._target) from error
