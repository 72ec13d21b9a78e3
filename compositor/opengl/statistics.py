"""What a compositor counted. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class CompositorStatistics:
    """Counters of a renderer."""

    frames_composited: int = 0
    """Roots that were rendered."""
    frames_on_planes: int = 0
    """Of these, those that were composited on the output's planes."""
    nested_rendered: int = 0
    nested_reused: int = 0
    """Nested compositions that were shown again without being rendered."""
