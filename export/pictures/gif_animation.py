"""GIF: pictures of at most 256 colours, chosen for the whole film or for each picture.

In: finished pictures in order. Out: one file, encoded by libav. Passive; the output's own thread. A palette for the
film is known when all pictures came: until then they lie in a spool on the disk, and `finish` does the work. Pixels
that don't change from one picture to the next keep their colour, so dithering does not flicker where nothing moves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from reelmill.export.outputs.picture_sink import PictureFormat, ShownFrames
from reelmill.export.pictures.animation_file import AnimationFile
from reelmill.export.pictures.animation_settings import check_animation, encoding_failed, unopened
from reelmill.export.pictures.animation_timing import GIF_CLOCK
from reelmill.export.pictures.frame_spool import FrameSpool
from reelmill.export.pictures.gif_dither import ColourMapper
from reelmill.export.pictures.gif_palette import Bgra, ColourCount, GifPalette
from reelmill.export.pictures.picture_codes import bgra_copy, picture_codes
from reelmill.planner.colour import SRGB
from reelmill.planner.outputs import Alpha, AnimationSettings
from reelmill.planner.pixel_format import PIXEL_FORMATS

_LONGEST_SIDE_PX = 65535
_MAX_COLOURS = 256
_BATCH_BYTES = 32 * 2**20
"""Of pictures that are dithered at once."""
_MAX_BATCH = 16
_SPARE_FROM = 8
"""With so many colours one is kept for "as before", which makes files smaller, even where nothing is transparent."""


class GifAnimation:
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
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """`file` is written; `target` is its name in errors. `size`: width and height, pixels. `stopped` tells, on
        whatever thread, that the file is not wanted any more.

        Raises SetupError for what the format can't hold, and a file that can't be written.
        """
        GIF_CLOCK.check(target, shown)
        check_animation(target, "GIF", _LONGEST_SIDE_PX, size, settings)
        self._target, self._shown, self._stopped = target, shown, stopped
        self._dither = settings.dither or "sierra2_4a"
        self._keep = alpha == "keep"
        self._colours = settings.colors or _MAX_COLOURS
        if self._keep or self._colours >= _SPARE_FROM:
            self._colours -= 1
        self.takes = PictureFormat(*size, PIXEL_FORMATS["bgra" if self._keep else "bgr0"], SRGB)
        self._spool: FrameSpool | None = None
        self._count = ColourCount()
        self._last: VideoFrame | None = None
        self._last_numbers: npt.NDArray[np.uint8] | None = None
        self._last_palette: GifPalette | None = None
        with contextlib.ExitStack() as opened:
            if settings.palette != "frame":
                self._spool = opened.enter_context(contextlib.closing(_spool(file, target, size)))
            self._animation = self._open(file, settings.loop or 0)
            opened.pop_all()

    def write(self, frame: VideoFrame, number: int) -> None:
        again = frame is self._last
        self._last = frame
        if self._spool is None:
            self._encode_alone(frame, number, again=again)
            return
        try:
            self._gather(self._spool, frame, again=again)
        except (av.FFmpegError, OSError) as error:
            raise encoding_failed(error, self._target) from error

    def finish(self) -> None:
        if self._spool is not None:
            try:
                self._encode_spooled(self._spool)
            except (av.FFmpegError, OSError) as error:
                raise encoding_failed(error, self._target) from error
            self._spool.close()
        if not self._stopped():
            self._animation.finish()

    def abort(self) -> None:
        self._animation.abort()
        if self._spool is not None:
            self._spool.close()

    def _open(self, file: Path, loop: int) -> AnimationFile:
        last = GIF_CLOCK.duration(len(self._shown.frames) - 1, self._shown.fps)
        # Played once is the extension's absence, which libav calls -1; else the number counts repetitions.
        loops = {0: 0, 1: -1}.get(loop, loop - 1)
        return AnimationFile(
            file,
            self._target,
            (self.takes.width, self.takes.height),
            GIF_CLOCK,
            container="gif",
            encoder="gif",
            pix_fmt="pal8",
            container_options={"loop": str(loops), "final_delay": str(last)},
            # Parts of pictures can't be laid over the ones before, where what was there has to go.
            encoder_options={"gifflags": "-offsetting-transdiff"} if self._keep else {},
            edit=self._clear_afterwards if self._keep else None,
        )

    def _clear_afterwards(self, picture: bytearray) -> None:
        """Have a picture removed before the next one: libav leaves one without transparent pixels where it is.

        Its graphic control extension (GIF89a, 23) is what it begins with; before the first picture's is the header.
        """
        at = 0
        if picture.startswith(b"GIF"):
            at = 13 + (3 << (picture[10] & 7) + 1 if picture[10] & 0x80 else 0)
        assert picture[at : at + 3] == b"\x21\xf9\x04"
        picture[at + 3] = picture[at + 3] & 0b11100011 | 2 << 2
        if not picture[at + 3] & 1:  # Pillow clears to a colour unless one is transparent
            picture[at + 3] |= 1
            picture[at + 6] = self._colours

    def _gather(self, spool: FrameSpool, frame: VideoFrame, *, again: bool) -> None:
        if again:
            spool.repeat()
            return
        picture = bgra_copy(frame)
        self._count.add(picture_codes(picture))
        spool.add(picture)

    def _encode_alone(self, frame: VideoFrame, number: int, *, again: bool) -> None:
        if not again:
            picture = picture_codes(bgra_copy(frame))
            count = ColourCount()
            count.add(picture)
            self._last_palette = count.palette(self._colours)
            mapper = ColourMapper(self._last_palette, self._dither, self._transparent)
            self._last_numbers = mapper.map(picture[None])[0]
        assert self._last_numbers is not None
        assert self._last_palette is not None
        self._encode(self._last_numbers, self._last_palette, number)

    def _encode_spooled(self, spool: FrameSpool) -> None:
        palette = self._count.palette(self._colours)
        mapper = ColourMapper(palette, self._dither, self._transparent)
        size = max(1, min(_BATCH_BYTES // (4 * self.takes.width * self.takes.height), _MAX_BATCH))
        before: tuple[Bgra, npt.NDArray[np.uint8]] | None = None
        number = 0
        for pictures in _batches(spool.read(), size):
            if self._stopped():
                return
            for picture, numbers in zip(pictures, mapper.map(np.stack(pictures)), strict=True):
                if before is not None:
                    same = _same(before[0], picture)
                    numbers[same] = before[1][same]
                self._encode(numbers, palette, number)
                before = picture, numbers
                number += 1

    @property
    def _transparent(self) -> int | None:
        """Number of the colour for what is not shown: the one after the others."""
        return self._colours if self._keep else None

    def _encode(self, numbers: npt.NDArray[np.uint8], palette: GifPalette, number: int) -> None:
        frame = VideoFrame(self.takes.width, self.takes.height, "pal8")
        rows = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(self.takes.height, -1)
        rows[:, : self.takes.width] = numbers
        table = np.zeros((_MAX_COLOURS, 4), np.uint8)
        table[: len(palette.colours), :3] = palette.colours[:, ::-1]
        table[: self._colours, 3] = 255
        # Beyond the colours that may be used there is one that is transparent, or more of the first.
        if not self._keep and self._colours < _SPARE_FROM:
            table[:, 3] = 255
        np.frombuffer(memoryview(frame.planes[1]), np.uint8)[: table.size] = table.reshape(-1)
        self._animation.write(frame, GIF_CLOCK.start(number, self._shown.fps))


def _spool(file: Path, target: Path, size: tuple[int, int]) -> FrameSpool:
    try:
        return FrameSpool(file.parent, *size)
    except OSError as error:
        raise unopened(error, target) from error


def _same(before: Bgra, picture: Bgra) -> npt.NDArray[np.bool_]:
    same: npt.NDArray[np.bool_] = before.view(np.uint32)[..., 0] == picture.view(np.uint32)[..., 0]
    return same


def _batches(pictures: Iterable[Bgra], size: int) -> Iterator[list[Bgra]]:
    waiting = iter(pictures)
    while batch := list(islice(waiting, size)):
        yield batch
