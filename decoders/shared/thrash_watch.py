"""Watches how often frames are decoded again for want of room, and says when the frame cache should grow.

In: counters of the pool, at each output frame. Out: advice to raise the budget, and one warning for the report.
Passive; one thread.
"""

from __future__ import annotations

import math

THRASH_RATIO = 1
"""Frames decoded again for each distinct frame that is shown. Beyond this the cache is too small."""
FEWEST_AGAIN = 32
"""Frames decoded again before anything is done: less costs nothing to speak of."""
GROWTH = 4
"""Times the budget before: small steps would decode much again until the cache is large enough."""
NEARLY_FULL = 0.6
"""Of the budget: a cache that was never filled so far is not too small."""


class ThrashWatch:
    """The watch of one pool."""

    def __init__(self, budget_bytes: int, limit_bytes: int) -> None:
        """The budget of the frame cache as it was asked for, and the limit up to which it may grow."""
        self._asked_bytes = self._budget_bytes = min(budget_bytes, limit_bytes)
        self._limit_bytes = limit_bytes
        self._since = (0, 0)
        """Frames decoded again and frames shown when the budget was last raised."""
        self._too_small = False
        """The limit is reached, and frames are still decoded again and again."""

    def grown_budget(self, again: int, shown: int) -> int | None:
        """The budget to go on with; None where the present one does.

        `again`: frames decoded again so far. `shown`: distinct source frames shown so far.
        """
        more, new = again - self._since[0], shown - self._since[1]
        if more < FEWEST_AGAIN or more <= THRASH_RATIO * new:
            return None
        if self._budget_bytes >= self._limit_bytes:
            self._too_small = True
            return None
        self._since = again, shown
        self._budget_bytes = min(GROWTH * self._budget_bytes, self._limit_bytes)
        return self._budget_bytes

    def warning(self, redecodes: int, shown: int, peak_bytes: int) -> str | None:
        """What to tell of it; None where nothing happened.

        `redecodes`: shown frames that were decoded more than once. `peak_bytes`: the most that the cache held.
        """
        grew = self._budget_bytes > self._asked_bytes
        if not grew and not self._too_small:
            return None
        told = (
            f"the frame cache of {_megabytes(self._asked_bytes)} was too small: {redecodes:,} frames were decoded "
            f"again to show {shown:,}"
        )
        if not self._too_small:
            enough = _megabytes(self._budget_bytes)
            return f"{told}, until it was raised to {enough}; --cache-size {enough} is fast from the start"
        limit = _megabytes(self._limit_bytes)
        if peak_bytes < NEARLY_FULL * self._limit_bytes:
            return (
                f"{told}; it was raised to the {limit} of --memory-limit, and more would not help: clips show the "
                "file at too many places at once"
            )
        more = _megabytes(2 * self._limit_bytes)
        return f"{told}, and the {limit} of --memory-limit are too; try --cache-size {more} --memory-limit {more}"


def _megabytes(size_bytes: int) -> str:
    """As the options take it."""
    return f"{math.ceil(size_bytes / 1e6)}MB"
