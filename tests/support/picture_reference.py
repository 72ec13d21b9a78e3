"""What the picture pipeline should give, written out plainly: dense matrices of weights, 64-bit floats, no sharing.

Numbers are returned before rounding, so that tests can say how far from them a code may lie.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def rgba_codes(picture: npt.NDArray[np.generic], order: str = "rgb", white: float = 1.0) -> Floats:
    """Step one: whole numbers 0 to 255 of red, green, blue, alpha. Computed in 32-bit floats, as is defined."""
    if picture.dtype == np.uint8:
        codes = picture.astype(np.float64)
    else:
        with np.errstate(over="ignore"):
            scaled = picture.astype(np.float32) * (np.float32(255) / np.float32(white))
        codes = np.rint(np.minimum(np.maximum(scaled, 0), 255)).astype(np.float64)
    if order == "bgr":
        codes = codes[..., [2, 1, 0, 3][: codes.shape[2]]]
    if codes.shape[2] == 3:
        codes = np.dstack([codes, np.full(codes.shape[:2], 255.0)])
    return np.asarray(codes, np.float64)


def weights(source: int, target: int, method: str) -> Floats:
    """[target, source]: how much of each source sample a target sample is made of."""
    matrix = np.zeros((target, source))
    scale = source / target
    if source == target:
        return np.eye(source)
    for i in range(target):
        centre = (i + 0.5) * scale - 0.5
        if method == "bilinear":
            below = math.floor(centre)
            for j, weight in ((below, 1 - (centre - below)), (below + 1, centre - below)):
                matrix[i, min(max(j, 0), source - 1)] += weight
        elif method == "area":
            for j in range(source):
                matrix[i, j] = max(0.0, min((i + 1) * scale, j + 1) - max(i * scale, j)) / scale
        else:
            stretch = max(scale, 1.0)
            for j in range(math.floor(centre - 3 * stretch), math.ceil(centre + 3 * stretch) + 1):
                matrix[i, min(max(j, 0), source - 1)] += _lanczos3((j - centre) / stretch)
            matrix[i] /= matrix[i].sum()
    return matrix


def _lanczos3(x: float) -> float:
    if x == 0:
        return 1.0
    if abs(x) >= 3:
        return 0.0
    return 3 * math.sin(math.pi * x) * math.sin(math.pi * x / 3) / (math.pi * x) ** 2


def resized(codes: Floats, size: tuple[int, int], method: str, *, has_alpha: bool) -> Floats:
    """Step two, from what `rgba_codes` gives: [height, width, 4], not yet rounded."""
    width, height = size
    if codes.shape[:2] == (height, width):
        return codes
    down, along = weights(codes.shape[0], height, method), weights(codes.shape[1], width, method)

    def filtered(plane: Floats) -> Floats:
        return np.asarray(down @ plane @ along.T, np.float64)

    alpha = filtered(codes[..., 3])
    planes = []
    for channel in range(3):
        if has_alpha:
            weighted = filtered(codes[..., channel] * codes[..., 3])
            planes.append(np.where(alpha > 0.5, weighted / np.where(alpha > 0.5, alpha, 1), 0))
        else:
            planes.append(filtered(codes[..., channel]))
    return np.asarray(np.clip(np.dstack([*planes, alpha]), 0, 255), np.float64)


def off_by(found: npt.NDArray[np.uint8], expected: Floats) -> float:
    """The largest distance from the exact number: 0.5 where every code is the nearest one."""
    unclear = np.abs(expected[..., 3] - 0.5) < 0.01  # whether a colour is kept hangs by a hair
    return float(np.abs(np.where(unclear[..., np.newaxis], 0, found - expected)).max())
