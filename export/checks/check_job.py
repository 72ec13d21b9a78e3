"""What a render check is asked to do, and what it tells while it works. Light: imports no media library."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from reelmill.export.opening.job import ExportOptions
from reelmill.planner.checks import CheckMoment, Tolerance

if TYPE_CHECKING:
    from reelmill.export.checks.check_result import ProjectResult


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """The flags of `reelmill check`."""

    frames: tuple[CheckMoment, ...] | None = None
    """Which frames are looked at, and no others; None for the project's `checks`, else what was stored, else `auto`."""
    tolerance: Tolerance | None = None
    """None for the project's `checks`, else by what is compared (docs/guide/check.md)."""
    encoded: bool = False
    """Look at what comes out of the encoder, not at what goes in."""
    update: bool = False
    """Store what is rendered now."""
    trust_keys: bool = False
    """Don't render frames of which all that they are made of is what it was."""
    pictures: bool = False
    """Keep pictures of what differs, and small ones of the rest, for a page."""
    export: ExportOptions = field(default_factory=ExportOptions)
    """Variables, system, renderer and the like. Range, size and draft have no meaning here."""


class CheckListener(Protocol):
    """Hears how a check goes on; called on the thread that checks."""

    def started(self, project: str, number: int, total: int) -> None:
        """Project `number` of `total`, counted from 1."""

    def progressed(self, frames: int, total: int) -> None:
        """So many frames of the project are rendered."""

    def finished(self, result: ProjectResult) -> None:
        """A project is done, or has failed."""

    def checkpoint(self) -> None:
        """Called between frames. May raise (KeyboardInterrupt, say) to end the check."""


class SilentCheckListener:
    """Hears nothing."""

    def started(self, project: str, number: int, total: int) -> None:
        pass

    def progressed(self, frames: int, total: int) -> None:
        pass

    def finished(self, result: ProjectResult) -> None:
        pass

    def checkpoint(self) -> None:
        pass
