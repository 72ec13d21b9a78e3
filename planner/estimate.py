"""How long an export takes: a guess from sizes and counts, corrected by the speed at which decoders are seen to work.

The constants are seconds of one core for a megapixel, rounded from runs at 1080p on two cores of a server with
software OpenGL: decoding H.264 5 ms a frame, uploading, drawing and reading back a picture 15 ms, x264 `medium` 78 ms.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from planner.usage import FileUsage

DECODE_SECONDS = 0.0025
DRAW_SECONDS = 0.0075
ENCODE_SECONDS = 0.038


class Estimate:
    """Of one export. Used on one thread."""

    def __init__(
        self, usages: Mapping[str, FileUsage], frames: range, canvas_px: int, cores: int | None = None
    ) -> None:
        """`canvas_px`: width × height. `cores`: None for those of this machine."""
        self._usages = usages
        self._frames = frames
        self._frame_seconds = (DRAW_SECONDS + ENCODE_SECONDS) * canvas_px / 1e6
        self._cores = cores or os.cpu_count() or 1
        self._speeds: dict[str, float] = {}

    def note_speed(self, file_hash: str, frames_per_second: float) -> None:
        """How many frames a second of its time the decoder of a file puts out, measured."""
        if frames_per_second > 0:
            self._speeds[file_hash] = frames_per_second

    def seconds_from(self, output_frame: int) -> float:
        """From an output frame to the end: all cores busy, as decoding, drawing and encoding run side by side."""
        left = len(range(max(output_frame, self._frames.start), self._frames.stop))
        decoding = sum(
            usage.share_left(output_frame) * self._decode_seconds(file_hash)
            for file_hash, usage in self._usages.items()
        )
        return (left * self._frame_seconds + decoding) / self._cores

    def _decode_seconds(self, file_hash: str) -> float:
        """Of all that is needed of a file, on one core."""
        usage = self._usages[file_hash]
        frames = usage.pattern.least_decoded
        if file_hash in self._speeds:
            return frames / self._speeds[file_hash]
        video = usage.source.video
        return frames * DECODE_SECONDS * video.width * video.height / 1e6
