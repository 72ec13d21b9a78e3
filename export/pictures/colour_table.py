"""Finds the nearest colour of a palette, for pixel after pixel.

Owns a table over the colour cube, which is filled in where pixels lie. Passive; one thread.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reelmill.export.pictures.gif_palette import cells_of, nearest_colours

BITS = 7
"""Of each channel: cells have two codes a side. With four, smooth gradients lose 2 dB."""


class ColourTable:
    """Of one palette. A pixel has the colour that is nearest to the middle of its cell."""

    def __init__(self, colours: npt.NDArray[np.uint8]) -> None:
        """`colours`: [count, 3], red, green, blue."""
        self._colours = colours.astype(np.float64)
        self._numbers = np.zeros(1 << 3 * BITS, np.uint16)
        """One more than the number of the colour; 0 where nobody has asked."""

    def learn(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Fill in what many pixels need at once."""
        needed = np.zeros(len(self._numbers), bool)
        needed[cells_of(pixels, BITS)] = True
        self._fill(np.flatnonzero(needed & (self._numbers == 0)))

    def nearest(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The number of a colour for each pixel; shape [..., 3 or 4], blue, green, red in front."""
        cells = cells_of(pixels, BITS)
        numbers = self._numbers[cells]
        if not numbers.all():
            self._fill(np.unique(cells[numbers == 0]))
            numbers = self._numbers[cells]
        numbers -= 1
        return numbers.astype(np.uint8)

    def _fill(self, cells: npt.NDArray[np.intp] | npt.NDArray[np.int32]) -> None:
        side = 1 << BITS
        places = np.stack([cells >> 2 * BITS, cells >> BITS & (side - 1), cells & (side - 1)], axis=1)
        middles = (places + 0.5) * (256 / side) - 0.5
        self._numbers[cells] = nearest_colours(middles, self._colours) + 1
