"""From code values to R'G'B' and back: affine maps made from the colour tags. Pure arithmetic, in float64.

Sources: ITU-R BT.601-7, BT.709-6, BT.2020-2 (luma and colour difference, quantisation), H.273 (YCgCo, code points).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from reelmill.planner.colour import KR_KB, ColourTags, Matrix
from reelmill.planner.pixel_format import PixelFormat

Array = NDArray[np.float64]

_WHITE_D65 = (0.3127, 0.3290)
_PRIMARIES_BT709 = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_PRIMARIES_BT2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))


def _rgb_to_xyz(primaries: tuple[tuple[float, float], ...]) -> Array:
    """Linear RGB to CIE XYZ of Y = 1 for white, from chromaticities (SMPTE RP 177)."""
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries]).T
    x, y = _WHITE_D65
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    return np.asarray(columns * np.linalg.solve(columns, white))


BT2020_TO_BT709: Array = np.linalg.inv(_rgb_to_xyz(_PRIMARIES_BT709)) @ _rgb_to_xyz(_PRIMARIES_BT2020)
"""Linear RGB, 3 × 3; both have the white D65."""


@dataclass(frozen=True, slots=True, eq=False)
class AffineColour:
    """out = matrix · in + offset, three components each."""

    matrix: Array
    """3 × 3."""
    offset: Array
    """3."""

    def after(self, scale: float) -> AffineColour:
        """The map for inputs that are to be multiplied by `scale` first."""
        return AffineColour(self.matrix * scale, self.offset)


def rgb_to_ycc(matrix: Matrix) -> Array:
    """R'G'B' (0…1) to Y' (0…1), Cb, Cr (−0.5…0.5), or Y', Cg, Co. 3 × 3."""
    if matrix == "rgb":
        return np.eye(3)
    if matrix == "ycgco":
        return np.array([[0.25, 0.5, 0.25], [-0.25, 0.5, -0.25], [0.5, 0.0, -0.5]])
    kr, kb = KR_KB[matrix]
    kg = 1 - kr - kb
    luma = np.array([kr, kg, kb])
    blue = (np.array([0.0, 0.0, 1.0]) - luma) / (2 * (1 - kb))
    red = (np.array([1.0, 0.0, 0.0]) - luma) / (2 * (1 - kr))
    return np.array([luma, blue, red])


@cache
def code_range(format_: PixelFormat, colour: ColourTags) -> tuple[Array, Array]:
    """Per component: the code value of 0, and the codes from there to 1 (of colour differences: −0.5 to 0.5).

    The same arrays each time, which can't be written to.
    """
    top = float(2**format_.bits - 1)
    unit = float(2 ** (format_.bits - 8))
    difference = format_.model == "yuv" and colour.matrix != "rgb"
    if colour.range == "full":
        middle = 128 * unit
        zero, span = np.array([0.0, middle, middle] if difference else [0.0] * 3), np.full(3, top)
    else:
        zero = np.array([16.0, 128.0, 128.0] if difference else [16.0] * 3) * unit
        span = np.array([219.0, 224.0, 224.0] if difference else [219.0] * 3) * unit
    zero.setflags(write=False)
    span.setflags(write=False)
    return zero, span


@cache
def codes_to_rgb(format_: PixelFormat, colour: ColourTags) -> AffineColour:
    """Code values to R'G'B' of nominal range 0…1.

    Components come in as Y, U, V (`yuv`), R, G, B (`rgb`, also where the planes lie as G, B, R) or Y, Y, Y (`gray`).
    """
    zero, span = code_range(format_, colour)
    inverse = np.linalg.inv(rgb_to_ycc(colour.matrix)) if format_.model == "yuv" else np.eye(3)
    if format_.model == "yuv" and colour.matrix == "rgb":
        inverse = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # planes G, B, R
    matrix = inverse / span
    return AffineColour(matrix, -matrix @ zero)


def rgb_to_codes(format_: PixelFormat, colour: ColourTags) -> AffineColour:
    """R'G'B' to code values, not rounded. For `gray` only the first row counts: the luma of `colour.matrix`."""
    zero, span = code_range(format_, colour)
    matrix = np.eye(3)
    if format_.model == "yuv":
        matrix = rgb_to_ycc(colour.matrix)
    elif format_.model == "gray":
        matrix = np.tile(rgb_to_ycc("bt709" if colour.matrix == "rgb" else colour.matrix)[0], (3, 1))
    return AffineColour(matrix * span[:, None], zero)
