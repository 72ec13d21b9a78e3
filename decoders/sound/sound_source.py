"""What gives samples by their number."""

from __future__ import annotations

from typing import Protocol

from reelmill.decoders.sound.sound_converter import Samples


class IndexedSound(Protocol):
    """Samples by index."""

    @property
    def channels(self) -> int:
        """Of the samples that are read."""

    def read_at(self, first: int, count: int) -> Samples:
        """Exactly `count` samples from index `first` on; silence where there is no sound. Raises RenderError."""
