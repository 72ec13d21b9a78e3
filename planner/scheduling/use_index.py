"""When is this source frame shown next? A tree over the uses of one source, in the order of their first output frame.

Each node knows what its uses span, in output frames and in positions of the source, so that whole branches are
passed over. Built in linear time and memory; passive, immutable, any thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from reelmill.planner.scheduling.clip_uses import ClipUse

_NEVER = 2**62


class UseIndex:
    """The uses of one source."""

    def __init__(self, uses: Sequence[ClipUse]) -> None:
        """`uses`: ascending by first output frame."""
        self._uses = tuple(uses)
        self._width = width = 1 << max(len(uses) - 1, 0).bit_length()
        """Leaves; the node n lies above 2n and 2n + 1, the leaves are the last `width` nodes."""
        ranges = [use.index_range() for use in uses]
        unused = width - len(uses)
        self._starts = [_NEVER] * width + [use.frames.start for use in uses] + [_NEVER] * unused
        self._stops = [-_NEVER] * width + [use.frames.stop for use in uses] + [-_NEVER] * unused
        self._lows = [_NEVER] * width + [low for low, _ in ranges] + [_NEVER] * unused
        self._highs = [-1] * width + [high for _, high in ranges] + [-1] * unused
        for node in range(width - 1, 0, -1):
            below = slice(2 * node, 2 * node + 2)
            self._starts[node] = min(self._starts[below])
            self._stops[node] = max(self._stops[below])
            self._lows[node] = min(self._lows[below])
            self._highs[node] = max(self._highs[below])

    def next_showing(self, index: int, frame: int) -> int | None:
        """The first output frame, `frame` or later, that shows the source frame at a position; None for never."""
        best = _NEVER
        waiting = [1]
        while waiting:
            node = waiting.pop()
            if self._starts[node] >= best or self._stops[node] <= frame:
                continue
            if not self._lows[node] <= index <= self._highs[node]:
                continue
            if node < self._width:
                waiting += (2 * node + 1, 2 * node)
                continue
            found = self._uses[node - self._width].next_showing(index, frame)
            if found is not None and found < best:
                best = found
        return None if best == _NEVER else best
