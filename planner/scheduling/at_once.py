"""What lies on top of each other: weights over ranges of output frames, summed. Pure functions over whole numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

Weights = Iterable[tuple[range, int]]
"""Ranges of output frames, and what each adds to every frame in it."""


def most_at_once(weights: Weights) -> int:
    """The greatest sum."""
    return max((total for _, total in _stretches(weights)), default=0)


def crowded(weights: Weights, beyond: int) -> list[range]:
    """The stretches in which the sum is greater than `beyond`, ascending."""
    return [frames for frames, total in _stretches(weights) if total > beyond]


def _stretches(weights: Weights) -> Iterator[tuple[range, int]]:
    """Stretches of equal sums, ascending."""
    steps = Counter[int]()
    for frames, weight in weights:
        steps[frames.start] += weight
        steps[frames.stop] -= weight
    total, before = 0, 0
    for frame in sorted(steps):
        if total:
            yield range(before, frame), total
        total, before = total + steps[frame], frame
