"""Numbered pictures, one file for each, encoded by several workers at once and written in order.

In: finished pictures in order. Out: files named by a pattern, in a folder that is there already and belongs to the
caller. Owns its encoder's workers; the output's own thread hands pictures over, writes what is finished, and waits
where too many are on their way, so memory is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from av.video.frame import VideoFrame

from reelmill.export.outputs.picture_sink import ShownFrames
from reelmill.export.pictures.picture_formats import picture_spec
from reelmill.export.pictures.picture_names import PictureNames
from reelmill.export.pictures.picture_writer import PictureEncoder, takes, write_bytes
from reelmill.planner.errors import ExportError
from reelmill.planner.outputs import Alpha, PictureSettings


@dataclass(frozen=True, slots=True)
class _Pending:
    """A picture that is being encoded."""

    frame: VideoFrame
    file: Callable[[], bytes]
    numbers: list[int]
    """All that it is shown as: one that stands still is encoded once."""


class PictureSequence:
    """A `PictureSink`."""

    wanted = None

    def __init__(
        self,
        folder: Path,
        names: PictureNames,
        shown: ShownFrames,
        *,
        size: tuple[int, int],
        alpha: Alpha,
        settings: PictureSettings,
        workers: int | None = None,
    ) -> None:
        """`size`: width and height, pixels. `workers`: at least 1; None for one a core.

        Raises SetupError for what the pattern's format can't hold, and timecodes that don't exist.
        """
        names.check_timecodes(shown)
        spec = picture_spec(names.pattern, *size, alpha, settings)
        self._folder, self._names, self._shown = folder, names, shown
        self.takes = takes(spec, *size)
        self._pending: deque[_Pending] = deque()
        self._encoder = PictureEncoder(spec, workers=workers)

    def write(self, frame: VideoFrame, number: int) -> None:
        if self._pending and self._pending[-1].frame is frame:
            self._pending[-1].numbers.append(number)
            return
        while len(self._pending) > self._encoder.workers:
            self._save(self._pending.popleft())
        try:
            self._pending.append(_Pending(frame, self._encoder.start(frame), [number]))
        except ExportError as error:
            self._locate(error, number)
            raise

    def finish(self) -> None:
        while self._pending:
            self._save(self._pending.popleft())
        self._encoder.close()

    def abort(self) -> None:
        self._encoder.close()
        self._pending.clear()

    def _save(self, picture: _Pending) -> None:
        number = picture.numbers[0]
        try:
            data = picture.file()
            for number in picture.numbers:
                name = self._names.name(number, self._shown)
                write_bytes(self._folder / name, data, self._names.pattern.with_name(name))
        except ExportError as error:
            self._locate(error, number)
            raise

    def _locate(self, error: ExportError, number: int) -> None:
        target = self._names.pattern.with_name(self._names.name(number, self._shown))
        frame = self._shown.frames[number]
        error.locate(file=str(target), output_frame=frame, timeline_time=frame / self._shown.timeline_fps)
