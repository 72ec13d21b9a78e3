"""The colours of a GIF: at most 256, chosen from all that its pictures show.

In: BGRA pictures. Out: a palette. Passive; one thread. Memory does not grow with the film: colours are counted in cells
of the RGB cube, and each cell remembers the mean of its colours. The cube is cut in two where that lowers the squared
error most, over and over (a greedy form of Wu, "Efficient Statistical Computations for Optimal Color Quantization",
1991); then each colour moves to the mean of what is nearest to it (Lloyd's algorithm).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bgra = npt.NDArray[np.uint8]
"""[height, width, 4]."""
Colours = npt.NDArray[np.float64]
"""[count, 3]: red, green, blue, 0…255."""
OPAQUE = 128
"""Alpha from which on a pixel is shown: GIF knows no other transparency."""
_BITS = 6
"""Of each channel, that tell apart the cells in which colours are counted: smooth gradients lose 4 dB with 5."""
_CELLS = 1 << 3 * _BITS
_BATCH = 512
"""Points at a time: so few that their distances stay in the cache."""
_ROUNDS = 10
"""Of Lloyd's algorithm: more make no visible difference."""


@dataclass(frozen=True, slots=True)
class GifPalette:
    """The colours of one picture, or of all."""

    colours: npt.NDArray[np.uint8]
    """[count, 3]: red, green, blue."""
    exact: bool
    """Whether every colour that was counted is in it."""


def cells_of(pixels: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.int32]:
    """The cell of the colour cube that each pixel lies in; shape [..., 3 or 4], blue, green, red in front."""
    high = (pixels >> (8 - bits)).astype(np.int32)
    cells: npt.NDArray[np.int32] = high[..., 2] << 2 * bits | high[..., 1] << bits | high[..., 0]
    return cells


class ColourCount:
    """Counts the colours of pictures."""

    def __init__(self) -> None:
        self._counts = np.zeros(_CELLS)
        self._sums = np.zeros((3, _CELLS))
        self._seen: npt.NDArray[np.uint32] | None = np.empty(0, np.uint32)
        """Every colour as one number, while they are few."""

    def add(self, picture: Bgra) -> None:
        """Count the pixels that are shown."""
        pixels = picture.reshape(-1, 4)
        if not (opaque := pixels[:, 3] >= OPAQUE).all():
            pixels = pixels[opaque]
        if not len(pixels):
            return
        if self._seen is not None:
            packed = np.ascontiguousarray(pixels).view(np.uint32)[:, 0] & 0xFFFFFF
            self._seen = np.union1d(self._seen, packed)
            if len(self._seen) > 256:
                self._seen = None
        cells = cells_of(pixels, _BITS)
        self._counts += np.bincount(cells, minlength=_CELLS)
        for channel, place in enumerate((2, 1, 0)):
            self._sums[channel] += np.bincount(cells, weights=pixels[:, place], minlength=_CELLS)

    def palette(self, limit: int) -> GifPalette:
        """At most so many colours, at least one."""
        if self._seen is not None and len(self._seen) <= limit:
            packed = self._seen if len(self._seen) else np.zeros(1, np.uint32)
            colours = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.uint8)
            return GifPalette(colours, exact=True)
        used = np.flatnonzero(self._counts)
        weights = self._counts[used]
        means = (self._sums[:, used] / weights).T
        chosen = _cut(means, weights, limit)
        for _ in range(_ROUNDS):
            chosen = _moved(chosen, means, weights)
        return GifPalette(np.unique(np.rint(chosen).astype(np.uint8), axis=0), exact=False)


def nearest_colours(points: Colours, colours: Colours) -> npt.NDArray[np.intp]:
    """For each point the number of the colour with the smallest squared distance."""
    found = np.empty(len(points), np.intp)
    colours = colours.astype(np.float32)
    squares = (colours**2).sum(axis=1)
    for start in range(0, len(points), _BATCH):
        batch = points[start : start + _BATCH].astype(np.float32)
        found[start : start + _BATCH] = np.argmin(squares - 2 * (batch @ colours.T), axis=1)
    return found


def _moved(chosen: Colours, points: Colours, weights: npt.NDArray[np.float64]) -> Colours:
    """Each colour at the mean of the points that are nearest to it; one that has none stays."""
    numbers = nearest_colours(points, chosen)
    total = np.bincount(numbers, weights, len(chosen))
    moved = chosen.copy()
    for channel in range(3):
        sums = np.bincount(numbers, weights * points[:, channel], len(chosen))
        np.divide(sums, total, out=moved[:, channel], where=total > 0)
    return moved


@dataclass(frozen=True, slots=True)
class _Box:
    """Some of the points, and the best way to cut them in two."""

    mean: Colours
    gain: float
    """How much the cut lowers the squared error; 0 where there is none."""
    halves: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


def _cut(points: Colours, weights: npt.NDArray[np.float64], count: int) -> Colours:
    """The means of at most `count` boxes that the points are cut into."""
    boxes = [_box(np.arange(len(points)), points, weights)]
    heap = [(-boxes[0].gain, 0)]
    while len(heap) < count and heap[0][0] < 0:
        _, number = heapq.heappop(heap)
        for half in boxes[number].halves:
            box = _box(half, points, weights)
            boxes.append(box)
            heapq.heappush(heap, (-box.gain, len(boxes) - 1))
    return np.array([boxes[number].mean for _, number in sorted(heap, key=lambda entry: entry[1])])


def _box(numbers: npt.NDArray[np.intp], points: Colours, weights: npt.NDArray[np.float64]) -> _Box:
    inside, weight = points[numbers], weights[numbers]
    total = weight.sum()
    mean = weight @ inside / total
    best = _Box(mean, 0.0, (numbers, numbers[:0]))
    for channel in range(3):
        order = np.argsort(inside[:, channel], kind="stable")
        values = inside[order, channel]
        cuts = np.flatnonzero(values[1:] > values[:-1])
        if not len(cuts):
            continue
        below = np.cumsum(weight[order])[cuts]
        # The squared error falls by what lies between the halves' means and the whole's.
        sums = np.cumsum(weight[order, None] * (inside[order] - mean), axis=0)[cuts]
        gains = (sums**2).sum(axis=1) * (1 / below + 1 / (total - below))
        at = int(np.argmax(gains))
        if gains[at] > best.gain:
            best = _Box(mean, float(gains[at]), (numbers[order[: cuts[at] + 1]], numbers[order[cuts[at] + 1 :]]))
    return best
