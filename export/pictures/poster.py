"""A poster: one picture of the film as a file.

In: the one picture. Out: a file. Passive, but for workers while it is encoded; the output's own thread.
"""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

from av.video.frame import VideoFrame

from reelmill.export.outputs.picture_sink import ShownFrames
from reelmill.export.pictures.picture_formats import picture_spec
from reelmill.export.pictures.picture_writer import PictureEncoder, takes, write_bytes
from reelmill.planner.clock import format_time
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.outputs import Alpha, PictureSettings


def poster_number(shown: ShownFrames, at: Fraction | None) -> int:
    """The picture that is on screen at a time of the timeline (seconds), or after a tenth of what is shown.

    Raises SetupError for a time that is not shown.
    """
    if at is None:
        return len(shown.frames) // 10
    frame = math.floor(at * shown.timeline_fps)
    number = (frame - shown.frames.start) // shown.frames.step
    if not 0 <= number < len(shown.frames):
        start, end = (format_time(frame / shown.timeline_fps) for frame in (shown.frames.start, shown.frames.stop))
        raise SetupError(
            f"there is no picture at {format_time(at)}: the output shows {start} to {end}",
            component="Output",
            suggestion="give the poster a time inside of that",
        )
    return number


class Poster:
    """A `PictureSink` that wants one picture."""

    def __init__(
        self,
        file: Path,
        target: Path,
        number: int,
        *,
        size: tuple[int, int],
        alpha: Alpha,
        settings: PictureSettings,
    ) -> None:
        """`file` is written; `target` is its name in errors, and its extension the format. `size`: pixels.

        Raises SetupError for what the format can't hold.
        """
        self._spec = picture_spec(target, *size, alpha, settings)
        self.takes = takes(self._spec, *size)
        self._file, self._target, self._number = file, target, number
        self._written = False
        self.wanted = (number,)

    def write(self, frame: VideoFrame, number: int) -> None:
        if number == self._number:
            with PictureEncoder(self._spec) as encoder:
                data = encoder.start(frame)()
            write_bytes(self._file, data, self._target)
            self._written = True

    def finish(self) -> None:
        if not self._written:
            raise RenderError(
                f"{self._target.name} got no picture: number {self._number} never came",
                component="Output",
                file=str(self._target),
            )

    def abort(self) -> None:
        """Nothing is open between two calls."""
