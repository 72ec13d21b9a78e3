"""Resizing as a separable filter: which source samples an output sample is made of, and how much of each.

Stateless, any thread; tables are kept, as pictures of one size come again and again. Sample i of n covers
[i, i + 1) · (source / n) of the source, and its centre lies in the middle of that. Beyond the border the outermost
sample goes on.

- bilinear: the two neighbours of the centre, by distance; pictures made smaller are not averaged.
- area: the average over what the sample covers, exactly.
- lanczos: sinc(x) · sinc(x / 3), |x| < 3, stretched by the scale where the picture is made smaller, and brought to a
  sum of one (Turkowski, "Filters for common resampling tasks", 1990).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

Method = Literal["bilinear", "area", "lanczos"]
METHODS: tuple[Method, ...] = ("bilinear", "area", "lanczos")

_LOBES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """One axis: output sample i is the sum over k of `weights[k, i]` times source sample `positions[k, i]`."""

    positions: npt.NDArray[np.intp]
    """[taps, output samples]; ascending along both axes."""
    weights: npt.NDArray[np.float32]
    """The same shape; 0 for a tap that an output sample does not need."""


@lru_cache(maxsize=64)
def axis_taps(source: int, target: int, method: Method) -> Taps:
    """From `source` to `target` samples; one tap of weight 1 where nothing changes."""
    if source == target:
        positions, weights = np.arange(source)[np.newaxis], np.ones((1, source))
    elif method == "bilinear":
        positions, weights = _bilinear(source, target)
    elif method == "area":
        positions, weights = _area(source, target)
    else:
        positions, weights = _lanczos(source, target)
    used = np.any(weights != 0, axis=1)
    taps = Taps(np.ascontiguousarray(positions[used], dtype=np.intp), weights[used].astype(np.float32))
    taps.positions.flags.writeable = taps.weights.flags.writeable = False
    return taps


_Table = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]


def _bilinear(source: int, target: int) -> _Table:
    # The centre, (i + ½) · source / target − ½, is a whole number of 1 / (2 · target).
    first, part = np.divmod((2 * np.arange(target, dtype=np.int64) + 1) * source - target, 2 * target)
    second = part / (2 * target)
    positions = np.clip([first, first + 1], 0, source - 1)
    return positions, np.array([1 - second, second])


def _area(source: int, target: int) -> _Table:
    # In units of 1 / target of a source sample, so that all is whole numbers.
    begin = np.arange(target, dtype=np.int64) * source
    taps = np.arange(-(-source // target) + 1)[:, np.newaxis]
    positions = begin // target + taps
    covered = np.minimum((positions + 1) * target, begin + source) - np.maximum(positions * target, begin)
    return np.minimum(positions, source - 1), np.maximum(covered, 0) / source


def _lanczos(source: int, target: int) -> _Table:
    stretch = max(source / target, 1.0)
    centre = (np.arange(target) + 0.5) * (source / target) - 0.5
    reach = _LOBES * stretch
    positions = np.ceil(centre - reach).astype(np.int64) + np.arange(int(2 * reach) + 1)[:, np.newaxis]
    x = (positions - centre) / stretch
    weights = np.where(np.abs(x) < _LOBES, np.sinc(x) * np.sinc(x / _LOBES), 0.0)
    return np.clip(positions, 0, source - 1), weights / weights.sum(axis=0)
