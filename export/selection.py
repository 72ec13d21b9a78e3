"""The choice of the decoding system. It is made once, with its reason; what was chosen works or fails."""

from __future__ import annotations

from export.job import System
from planner.errors import SetupError


def select_export_system(asked: System) -> tuple[str, str]:
    """The system (`v1`) and the reason as a sentence. Raises SetupError for a system that this version lacks."""
    if asked == "v2":
        raise SetupError(
            "this version of reelmill has no shared decoders (V2)",
            component="Session",
            suggestion="leave --system out, or use --system v1",
        )
    if asked == "v1":
        return "v1", "asked for with --system v1"
    return "v1", "one decoder per clip is the only system of this version"
