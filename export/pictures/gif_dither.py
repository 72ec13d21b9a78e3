"""From pictures to numbers of colours in a palette, with or without dithering.

In: batches of BGRA pictures of one size and a palette. Out: a number for each pixel.

Error diffusion goes from left to right and from top to bottom, each pixel waiting for its neighbours before. Pixels
with equal x + 2y don't wait for each other, so all of them, in all pictures of a batch, are done at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reelmill.export.pictures.colour_table import ColourTable
from reelmill.export.pictures.gif_palette import OPAQUE, GifPalette
from reelmill.planner.outputs import Dither

Batch = npt.NDArray[np.uint8]
"""[pictures, height, width, 4]: blue, green, red, alpha."""
Floats = npt.NDArray[np.uint8]
"""[pictures, height, width]."""
_Floats = npt.NDArray[np.float32]

_FLOYD_STEINBERG = (7 / 16, 3 / 16, 5 / 16, 1 / 16)
_SIERRA_LITE = (1 / 2, 1 / 4, 1 / 4, 0.0)
"""Shares of a pixel's error for the pixels right, below left, below, and below right of it."""
_NARROWEST_PX = 3
_PATTERN_SHARE = 0.7
"""Of the distance between neighbours in a palette, that the pattern's brightest and darkest points differ by: less
shows steps, more shows the pattern. Found with test pictures; ffmpeg's fixed strength was 1 to 10 dB worse."""
_MAX_PATTERN = 32.0


class ColourMapper:
    """Maps pictures onto one palette. Owns a table of nearest colours; passive, one thread."""

    def __init__(self, palette: GifPalette, dither: Dither, transparent: int | None) -> None:
        """`transparent`: the number for pixels that are not shown, if there may be such."""
        self._palette, self._dither, self._transparent = palette, dither, transparent
        self._table = ColourTable(palette.colours)

    def map(self, batch: Batch) -> Floats:
        """The number of a colour for each pixel."""
        if self._palette.exact:
            numbers = _exact(batch, self._palette)
        elif self._dither == "none":
            numbers = self._nearest(batch)
        elif self._dither == "bayer":
            numbers = self._nearest(_with_pattern(batch, self._palette))
        else:
            shares = _FLOYD_STEINBERG if self._dither == "floyd_steinberg" else _SIERRA_LITE
            for picture in batch:
                self._table.learn(picture)
            numbers = _diffused(batch, self._palette, self._table, shares)
        if self._transparent is not None:
            numbers[batch[..., 3] < OPAQUE] = self._transparent
        return numbers

    def _nearest(self, batch: Batch) -> Floats:
        numbers = np.empty(batch.shape[:3], np.uint8)
        for picture, found in zip(batch, numbers, strict=True):
            self._table.learn(picture)
            found[:] = self._table.nearest(picture)
        return numbers


def _exact(batch: Batch, palette: GifPalette) -> Floats:
    wide = palette.colours.astype(np.uint32)
    packed = wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2]
    order = np.argsort(packed)
    pixels = np.ascontiguousarray(batch).view(np.uint32)[..., 0] & 0xFFFFFF
    places = np.minimum(np.searchsorted(packed[order], pixels), len(packed) - 1)
    return order[places].astype(np.uint8)


def _with_pattern(batch: Batch, palette: GifPalette) -> Batch:
    """The pictures with an 8 × 8 pattern of thresholds added, as strong as neighbours in the palette differ."""
    colours = palette.colours.astype(np.float64)
    squares = ((colours[:, None] - colours[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    strength = min(float(np.sqrt(squares.min(axis=1)).mean()) * _PATTERN_SHARE, _MAX_PATTERN)
    thresholds = np.zeros((1, 1))
    for _ in range(3):  # Bayer's matrix: each quarter is the smaller one, spread out
        thresholds = np.block([[4 * thresholds, 4 * thresholds + 2], [4 * thresholds + 3, 4 * thresholds + 1]])
    pattern = ((thresholds + 0.5) / 64 - 0.5) * strength
    height, width = batch.shape[1:3]
    tiled = np.tile(pattern, (-(-height // 8), -(-width // 8)))[:height, :width, None]
    return np.clip(np.rint(batch[..., :3] + tiled), 0, 255).astype(np.uint8)


def _diffused(
    batch: Batch, palette: GifPalette, table: ColourTable, shares: tuple[float, float, float, float]
) -> Floats:
    right, below_left, below, below_right = (np.float32(share) for share in shares)
    original_width = batch.shape[2]
    if original_width < _NARROWEST_PX:  # so that a step down the slope goes forward in memory
        batch = np.pad(batch, ((0, 0), (0, 0), (0, _NARROWEST_PX - original_width), (0, 0)), mode="edge")
    count, height, width = batch.shape[:3]
    flat = batch.reshape(count, -1, 4)
    opaque = None if (batch[..., 3] >= OPAQUE).all() else (flat[..., 3:] >= OPAQUE).astype(np.float32)
    numbers = np.zeros((count, height * width), np.uint8)
    colours, half = palette.colours[:, ::-1].astype(np.float32), np.float32(0.5)
    # Errors of the three slopes before, by row; a row of zeros above the first.
    errors = [np.zeros((count, height + 1, 3), np.float32) for _ in range(4)]
    for slope in range(width + 2 * height - 2):
        first, last = max(0, -(-(slope - width + 1) // 2)), min(height - 1, slope // 2)
        here = slice(slope + first * (width - 2), slope + last * (width - 2) + 1, width - 2)
        rows, above = slice(first + 1, last + 2), slice(first, last + 1)
        one, two, three, new = (errors[(slope - step) % 4] for step in (1, 2, 3, 4))
        wanted = one[:, rows] * right
        wanted += one[:, above] * below_left
        wanted += two[:, above] * below
        if below_right:
            wanted += three[:, above] * below_right
        wanted += flat[:, here, :3]
        np.clip(wanted, 0, 255, out=wanted)
        chosen = table.nearest((wanted + half).astype(np.uint8))
        numbers[:, here] = chosen
        wanted -= colours[chosen]
        if opaque is not None:
            wanted *= opaque[:, here]
        new.fill(0)
        new[:, rows] = wanted
    return numbers.reshape(count, height, width)[:, :, :original_width]
