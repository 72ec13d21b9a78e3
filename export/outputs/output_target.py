"""Where a film or a sound file goes: a file, standard output, or a playlist with its segments; one protocol for all.

A target is made, or refused, before anything is rendered. A muxer writes to its `destination`; under the target's own
name nothing appears before `commit`. Passive; but for what is said, it belongs to the thread that made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self


class ByteSink(Protocol):
    """Takes what a muxer writes, in order, on whatever one thread."""

    def write(self, data: bytes, /) -> int:
        """Write all of it; how many bytes that were. Raises OSError or RenderError."""

    def cancel(self) -> None:
        """Take no more: every call of `write`, one that waits included, raises RenderError. For any thread."""


@dataclass(frozen=True, slots=True)
class Written:
    """What came of an output."""

    byte_count: int
    """Of all its files."""
    sha256: str
    """Hexadecimal, of the file; of a playlist, which names its segments by their contents."""


class OutputTarget(Protocol):
    """Use with `with`: what was not committed is discarded."""

    @property
    def destination(self) -> Path | ByteSink:
        """What the muxer is to write to."""

    def cancel(self) -> None:
        """Let go of a thread that waits in `destination`: it gets an error. For any thread, before `commit`."""

    def commit(self) -> None:
        """All was written, and the muxer is closed: put it in place. Raises RenderError."""

    def discard(self) -> None:
        """Remove what was written, if it was not committed. A second call does nothing."""

    def written(self) -> Written:
        """What was committed. Raises OSError."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
