"""Rows of a finished RGBA picture from a picture of samples: converted, resized, in any order and by any thread.

Every row depends on the picture alone, and each of its numbers is computed by the same operations in the same order
whichever rows are asked for with it. That is what makes results independent of how rows are spread over workers.

The steps: codes (`picture_conversion`), along the rows, then down the columns (`picture_resizing`), all in 32-bit
floats, where whole numbers are exact; clipped, and rounded to even ties. With alpha, colours are weighted by it and
divided by the alpha that comes out, so that what is transparent lends no colour; where that is 0, so is the colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from reelmill.export.pictures.picture_conversion import Floats, Order, Picture, check_numbers, codes
from reelmill.export.pictures.picture_resizing import Method, Taps, axis_taps
from reelmill.export.pictures.picture_scratch import Scratch

Rgba = npt.NDArray[np.uint8]
"""[height, width, 4], straight alpha."""

_BLOCK_SAMPLES = 700_000
"""Worked on at a time, a picture of 640×360. In smaller blocks a step finds more of what the one before wrote in the
cache, but numpy's calls, and the threads' wait for Python's lock, weigh more (`make bench-pictures`)."""
Weights = np.float32 | npt.NDArray[np.float32]
"""Of a tap: one for all, or one each."""


@dataclass(frozen=True)
class RowPlan:
    """How a picture of one shape becomes RGBA of one size."""

    height: int
    width: int
    channels: int
    """3, or 4 with alpha."""
    order: Order
    out_width: int
    out_height: int
    method: Method

    @property
    def resizes(self) -> bool:
        return (self.width, self.height) != (self.out_width, self.out_height)

    @cached_property
    def channel_order(self) -> tuple[int, ...]:
        """Where red, green, blue and alpha are found."""
        return (*((0, 1, 2) if self.order == "rgb" else (2, 1, 0)), *range(3, self.channels))

    @cached_property
    def down(self) -> Taps:
        return axis_taps(self.height, self.out_height, self.method)

    @cached_property
    def along(self) -> Taps:
        """Of a row of pixels."""
        return axis_taps(self.width, self.out_width, self.method)

    @cached_property
    def along_weights(self) -> tuple[Weights, ...]:
        """Of each tap."""
        return tuple(map(_shared, self.along.weights))

    @cached_property
    def places(self) -> npt.NDArray[np.intp]:
        """Where each tap of red, green, blue and alpha is in a row of samples: [taps, channels, finished pixels]."""
        order = np.array(self.channel_order)[:, np.newaxis]
        return np.asarray(self.along.positions[:, np.newaxis] * self.channels + order, np.intp)

    @cached_property
    def block_rows(self) -> int:
        """Finished rows at a time."""
        read = _BLOCK_SAMPLES * self.out_height // (self.width * self.channels * self.height)
        return max(1, min(read, _BLOCK_SAMPLES // (self.out_width * self.channels)))

    def first_source_row(self, row: int) -> int:
        """That the finished row needs. What lies before the first row's, or after the last's, is theirs."""
        if row <= 0:
            return 0
        return self.height if row >= self.out_height else int(self.down.positions[0, row])


def render_rows(
    plan: RowPlan, picture: Picture, white: float, rows: range, out: Rgba, scratch: Scratch, number: int
) -> None:
    """Make the finished rows `rows` of a picture, the batch's `number`th, in `out`, the whole finished picture.

    Over all rows together every sample of the picture is looked at once. Raises SetupError where one is no number.
    """
    source = _Source(picture, white, number)
    edges = [*range(rows.start, rows.stop, plan.block_rows), rows.stop]
    with np.errstate(over="ignore", invalid="ignore"):
        for begin, end in pairwise(edges):
            if plan.resizes:
                _resized(plan, source, range(begin, end), out[begin:end], scratch)
            else:
                source.check(begin, end)
                _converted(plan, picture[begin:end], white, out[begin:end], scratch)


def _converted(plan: RowPlan, picture: Picture, white: float, out: Rgba, scratch: Scratch) -> None:
    if picture.dtype != np.uint8:
        whole = scratch.floats("codes", len(picture), plan.width * plan.channels).reshape(picture.shape)
        codes(picture, white, whole)
        picture = whole
    for channel, place in enumerate(plan.channel_order):
        np.copyto(out[..., channel], picture[..., place], casting="unsafe")
    if plan.channels == 3:
        out[..., 3] = 255


@dataclass(frozen=True, slots=True)
class _Source:
    """A picture of samples."""

    picture: Picture
    white: float
    number: int

    def check(self, begin: int, end: int) -> None:
        check_numbers(self.picture[begin:end], self.number)

    def codes(self, rows: npt.NDArray[np.intp], out: Floats) -> None:
        """Rows that ascend; those next to each other are checked here, while they are in the cache."""
        if len(rows) == rows[-1] - rows[0] + 1:
            self.check(rows[0], rows[-1] + 1)
            codes(self.picture[rows[0] : rows[-1] + 1], self.white, out)
        else:
            codes(self.picture[rows], self.white, out)


def _resized(plan: RowPlan, source: _Source, rows: range, out: Rgba, scratch: Scratch) -> None:
    """Planes of red, green, blue and alpha: [channels, rows, pixels]."""
    positions = plan.down.positions[:, rows.start : rows.stop]
    first, past = int(positions[0, 0]), int(positions[-1, -1]) + 1
    own = range(plan.first_source_row(rows.start), plan.first_source_row(rows.stop))
    if past - first > positions.size:
        read = np.unique(positions)
        local = np.searchsorted(read, positions)
        source.check(own.start, own.stop)
    else:
        read = np.arange(first, past)
        local = positions - first
        source.check(own.start, first)
        source.check(past, own.stop)
    lines = scratch.floats("lines", plan.channels, len(read), plan.out_width)
    step = max(1, 2 * _BLOCK_SAMPLES // (plan.width * plan.channels))  # one piece, but for strong reductions
    for begin in range(0, len(read), step):
        piece = read[begin : begin + step]
        whole = scratch.floats("codes", len(piece), plan.width * plan.channels)
        source.codes(piece, whole.reshape(len(piece), plan.width, plan.channels))
        _along(plan, whole, lines[:, begin : begin + step], scratch)
    planes = scratch.floats("finished", plan.channels, len(rows), plan.out_width)
    _down(plan, rows, local, lines, planes, scratch)
    if plan.channels == 4:
        _divide_by_alpha(planes, scratch)
    if plan.method == "lanczos":  # the others stay within what comes in
        planes.clip(0, 255, out=planes)
    np.rint(planes, out=planes)
    if plan.channels == 4:
        for channel, plane in enumerate(planes):
            np.copyto(out[..., channel], plane, casting="unsafe")
    else:
        _pack(planes, out)


def _along(plan: RowPlan, whole: Floats, lines: Floats, scratch: Scratch) -> None:
    taps = scratch.floats("taps", *lines.shape)
    for number, places in enumerate(plan.places):
        tap = taps if number else lines
        for plane, place in zip(tap, places, strict=True):
            whole.take(place, axis=1, out=plane, mode="wrap")  # every place is valid: the cheapest mode
        if plan.channels == 4:
            np.multiply(tap[:3], tap[3], out=tap[:3])
        if plan.method != "bilinear":
            _add(number, lines, tap, plan.along_weights[number])
        elif number:
            _go_towards(lines, tap, scratch.spread("along", plan, plan.along.weights[number], *tap.shape[1:]))


def _down(
    plan: RowPlan, rows: range, positions: npt.NDArray[np.intp], lines: Floats, planes: Floats, scratch: Scratch
) -> None:
    taps = scratch.floats("taps", *planes.shape)
    for number, position in enumerate(positions):
        tap = taps if number else planes
        lines.take(position, axis=1, out=tap, mode="wrap")
        weights = plan.down.weights[number, rows.start : rows.stop, np.newaxis]
        if plan.method != "bilinear":
            _add(number, planes, tap, _shared(weights))
        elif number:
            _go_towards(planes, tap, scratch.spread("down", (plan, rows), weights, *tap.shape[1:]))


def _add(number: int, total: Floats, tap: Floats, weights: Weights) -> None:
    """The `number`th tap of a sum of products."""
    np.multiply(tap, weights, out=tap)
    if number:
        np.add(total, tap, out=total)


def _go_towards(first: Floats, second: Floats, part: Floats) -> None:
    """first + (second − first) · part, for bilinear's two taps: one product less."""
    np.subtract(second, first, out=second)
    np.multiply(second, part, out=second)
    np.add(first, second, out=first)


def _shared(weights: npt.NDArray[np.float32]) -> Weights:
    """One number where all are the same, as with whole ratios: numpy multiplies by it four times as fast."""
    first = weights.flat[0]
    return np.float32(first) if bool(np.all(weights == first)) else weights


def _pack(planes: Floats, out: Rgba) -> None:
    """Whole numbers of 0 to 255 in planes of red, green and blue, as opaque pixels: blue · 65536 + green · 256 + red
    is exact in a float. Channel by channel it would take twice as long.
    """
    red, green, blue = planes
    for low in (green, red):
        np.multiply(blue, np.float32(256), out=blue)
        np.add(blue, low, out=blue)
    pixels = out.view("<i4")[..., 0]
    np.copyto(pixels, blue, casting="unsafe")
    np.bitwise_or(pixels, np.int32(-0x1000000), out=pixels)


def _divide_by_alpha(planes: Floats, scratch: Scratch) -> None:
    """From premultiplied to straight; an alpha that rounds to 0 leaves black."""
    colours, alpha = planes[:3], planes[3]
    divisor = scratch.floats("taps", *alpha.shape)
    np.maximum(alpha, np.float32(0.5), out=divisor)
    np.divide(colours, divisor, out=colours)
    np.multiply(colours, alpha > np.float32(0.5), out=colours)
