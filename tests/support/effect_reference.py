"""Effects as plain sums over pixels, in 64-bit floats: what the compositor's are held against."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]
_TAIL = 6


def blurred(samples: npt.ArrayLike, deviation: tuple[float, float]) -> Samples:
    """A Gaussian over the first two axes, [height, width, …]; beyond an edge lies what is at the edge.

    `deviation`: samples, across and down.
    """
    result = np.asarray(samples, np.float64)
    for axis, spread in ((1, deviation[0]), (0, deviation[1])):
        if spread <= 0:
            continue
        tail = int(np.ceil(_TAIL * spread))
        distances = np.arange(-tail, tail + 1)
        weights = np.exp(-(distances**2) / (2 * spread**2))
        weights /= weights.sum()
        positions = np.arange(result.shape[axis])
        total = np.zeros_like(result)
        for distance, weight in zip(distances, weights, strict=True):
            total += weight * np.take(result, np.clip(positions + distance, 0, len(positions) - 1), axis)
        result = total
    return result


def saturated(rgb: npt.ArrayLike, amount: float) -> Samples:
    """R'G'B' in the last axis; weights of BT.709."""
    colours = np.asarray(rgb, np.float64)
    gray = colours @ np.array([0.2126, 0.7152, 0.0722])
    result: Samples = gray[..., None] + (colours - gray[..., None]) * amount
    return result
