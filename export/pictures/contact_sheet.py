"""A contact sheet: a grid of pictures out of the whole film, each with its timecode below.

In: the pictures of the grid's cells, already small. Out: one picture file. Passive, but for workers while it is
encoded; the output's own thread.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from PIL import Image, ImageDraw, ImageFont

from reelmill.compositor.drawing.fonts import DEFAULT_FONT
from reelmill.export.outputs.picture_sink import PictureFormat, ShownFrames
from reelmill.export.pictures.picture_codes import picture_codes
from reelmill.export.pictures.picture_formats import picture_spec
from reelmill.export.pictures.picture_writer import PictureEncoder, write_bytes
from reelmill.planner.clock import TimeError, format_time, timecode
from reelmill.planner.colour import SRGB
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.outputs import PictureSettings
from reelmill.planner.pixel_format import PIXEL_FORMATS

_WIDTH_PX, _HEIGHT_PX = 1920, 7680
"""About the width of a sheet whose pictures have no given size, and about the most that it is high."""
_CELL_PX = 420 * 236
"""About the area of a picture, where neither its size nor the columns are given."""
_CELLS = 20
"""About how many pictures, where the rows are not given."""
_MAX_SIDE_PX = 16384
_GROUND, _EDGE, _INK = (22, 24, 28), (52, 56, 64), (196, 202, 212)


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """Where things lie on a sheet, in pixels."""

    picture: tuple[int, int]
    """Width and height of a picture."""
    columns: int
    numbers: tuple[int, ...]
    """Of the pictures of the film that the cells show, row by row."""
    shown: ShownFrames
    cell_width: int
    """At least the picture's: a timecode has to fit in."""
    gap: int
    """Between cells."""
    margin: int
    text_px: int
    """Size of the labels."""

    def label(self, cell: int) -> str:
        """What is written below a cell's picture: the timecode of its frame."""
        return _label(self.shown, self.numbers[cell])

    @property
    def label_height(self) -> int:
        """Of the strip below a picture."""
        return round(1.9 * self.text_px)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        rows = -(-len(self.numbers) // self.columns)
        width = self.columns * (self.cell_width + self.gap) - self.gap
        height = rows * (self.picture[1] + self.label_height + self.gap) - self.gap
        return width + 2 * self.margin, height + 2 * self.margin

    def place(self, cell: int) -> tuple[int, int]:
        """Left and top of a cell's picture."""
        row, column = divmod(cell, self.columns)
        left = self.margin + column * (self.cell_width + self.gap) + (self.cell_width - self.picture[0]) // 2
        return left, self.margin + row * (self.picture[1] + self.label_height + self.gap)


def sheet_layout(
    shown: ShownFrames, canvas: tuple[int, int], size: tuple[int, int] | None, settings: PictureSettings
) -> SheetLayout:
    """Plan a sheet: the film is cut into as many equal parts as there are cells, and each shows its part's middle.

    `canvas`: width and height of the film's pictures, which are never enlarged. `size`: of a picture on the sheet.
    A film with fewer pictures than cells is shown whole. Raises SetupError for counts that can't be.
    """
    for name, count in (("columns", settings.columns), ("rows", settings.rows)):
        if count is not None and not 1 <= count <= 1000:
            raise SetupError(
                f"a contact sheet can't have {count} {name}",
                component="Output",
                suggestion=f"give 1 to 1000 {name}, or leave them out",
            )
    aspect = canvas[0] / canvas[1]
    columns = settings.columns or min(max(round(_WIDTH_PX / math.sqrt(_CELL_PX * aspect)), 2), 10)
    rows = settings.rows or -(-_CELLS // columns)
    count = min(columns * rows, len(shown.frames))
    numbers = tuple((2 * cell + 1) * len(shown.frames) // (2 * count) for cell in range(count))
    picture = size or _fitted(canvas, _WIDTH_PX / columns, _HEIGHT_PX / rows)
    columns = min(columns, count)
    side = math.sqrt(picture[0] * picture[1])
    # As large as looks right beside the picture, and not smaller than can be read.
    text = min(max(round(side / 18), 11), 40)
    longest = re.sub(r"\d", "0", _label(shown, numbers[-1]))  # the font's digits are of one width
    cell_width = max(picture[0], math.ceil(_font(text).getlength(longest)))
    gap = max(round(side / 20), 4)
    layout = SheetLayout(picture, columns, numbers, shown, cell_width, gap, round(1.5 * gap), text)
    if max(layout.size) > _MAX_SIDE_PX:
        width, height = layout.size
        raise SetupError(
            f"the contact sheet would have {width}×{height} pixels; {_MAX_SIDE_PX} a side are the limit",
            component="Output",
            suggestion="give it fewer columns or rows, or smaller pictures",
        )
    return layout


def _fitted(canvas: tuple[int, int], width: float, height: float) -> tuple[int, int]:
    """The largest picture of the canvas' shape that is no wider, no higher, and no larger than the canvas."""
    scale = min(width / canvas[0], height / canvas[1], 1.0)
    return max(round(canvas[0] * scale), 1), max(round(canvas[1] * scale), 1)


def _label(shown: ShownFrames, number: int) -> str:
    frame = shown.frames[number]
    try:
        return timecode(frame, shown.timeline_fps)
    except TimeError:
        return format_time(frame / shown.timeline_fps)


def _font(size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(DEFAULT_FONT, size_px, layout_engine=ImageFont.Layout.BASIC)


class ContactSheet:
    """A `PictureSink` that wants the pictures of its cells, in the size they have on the sheet."""

    def __init__(
        self,
        file: Path,
        target: Path,
        shown: ShownFrames,
        *,
        canvas: tuple[int, int],
        size: tuple[int, int] | None,
        settings: PictureSettings,
    ) -> None:
        """`file` is written; `target` is its name in errors, and its extension the format.

        Raises SetupError for a sheet that can't be, or that the format can't hold.
        """
        self._layout = sheet_layout(shown, canvas, size, settings)
        self._spec = picture_spec(target, *self._layout.size, "flatten", settings)
        if self._spec.depth != 8:
            raise SetupError(
                f"{target.name}: contact sheets have 8 bits a sample, not {self._spec.depth}",
                component="Output",
                file=str(target),
                suggestion=f"name it {target.with_suffix('.png').name}, without a depth",
            )
        self._file, self._target = file, target
        self._cells = {number: cell for cell, number in enumerate(self._layout.numbers)}
        self._pictures: dict[int, npt.NDArray[np.uint8]] = {}
        self.takes = PictureFormat(*self._layout.picture, PIXEL_FORMATS["rgb24"], SRGB)

    @property
    def wanted(self) -> Collection[int]:
        return self._cells.keys()

    def write(self, frame: VideoFrame, number: int) -> None:
        if number in self._cells:
            self._pictures[self._cells[number]] = picture_codes(frame)

    def finish(self) -> None:
        missing = len(self._cells) - len(self._pictures)
        if missing:
            raise RenderError(
                f"{self._target.name} lacks {missing} of its {len(self._cells)} pictures",
                component="Output",
                file=str(self._target),
            )
        sheet = Image.new("RGB", self._layout.size, _GROUND)
        draw, font = ImageDraw.Draw(sheet), _font(self._layout.text_px)
        width, height = self._layout.picture
        for cell in range(len(self._layout.numbers)):
            left, top = self._layout.place(cell)
            # A thin edge tells where a dark picture ends.
            draw.rectangle((left - 1, top - 1, left + width, top + height), outline=_EDGE)
            sheet.paste(Image.fromarray(self._pictures[cell]), (left, top))
            middle = (left + width / 2, top + height + self._layout.label_height / 2)
            draw.text(middle, self._layout.label(cell), fill=_INK, font=font, anchor="mm")
        self._pictures.clear()
        with PictureEncoder(self._spec) as encoder:
            data = encoder.start_pixels(np.asarray(sheet))()
        write_bytes(self._file, data, self._target)

    def abort(self) -> None:
        self._pictures.clear()
