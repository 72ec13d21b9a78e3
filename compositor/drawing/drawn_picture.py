"""A picture that was drawn by the processor (text, a shape), on its way to a texture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_SIDE_PX = 16384
"""The widest and highest drawn picture: what OpenGL takes as a texture on most machines."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPicture:
    """Premultiplied pixels, and where they lie against the nominal picture."""

    pixels: NDArray[np.uint8]
    """[height, width, 4], premultiplied RGBA, gamma-encoded."""
    origin: tuple[int, int]
    """x, y of pixel (0, 0) relative to the nominal picture's top-left corner; ≤ 0 where something reaches outside."""
    size: tuple[float, float]
    """Nominal width and height, pixels."""
