"""What a render check found: of each frame, of the sound, of each project, of all. Pure data, and its JSON.

Made by export.checks.check_run; told by the command line, the page and the JUnit file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from reelmill.export.checks.sound_comparison import SoundFigures
from reelmill.planner.checks import Tolerance
from reelmill.planner.errors import ExportError

FrameStatus = Literal["same", "close", "trusted", "different", "missing", "gone", "stored"]
"""The same bit by bit; within the tolerance; not rendered, since nothing it is made of has changed; beyond the
tolerance; without a golden; stored, but the film has no such frame now; stored by this run."""
SoundStatus = Literal["same", "close", "different", "missing", "gone", "stored"]
BAD = ("different", "missing", "gone")
"""States that are a difference."""


@dataclass(frozen=True, slots=True)
class PictureFigures:
    """How far two pictures lie apart."""

    largest: int
    """Code values, 0…255."""
    pixels: int
    """That differ at all."""
    beyond: int
    """That differ by more than the tolerance's `largest`."""
    total: int
    """Pixels of the picture."""
    ssim: float | None
    """Structural similarity of the least similar tile (`similarity`); None for pictures that are the same."""
    colour: float = 0.0
    """Between the mean colours of the tile where they are farthest apart, code values."""

    @property
    def share(self) -> float:
        """Of the pixels, those that differ at all."""
        return self.pixels / self.total


@dataclass(frozen=True, slots=True)
class ShownPictures:
    """Of one frame, for people: each a lossless WebP file, None where there is none."""

    expected: bytes | None
    actual: bytes | None
    difference: bytes | None
    """Magnified: black where the two are the same, white where they differ most."""
    thumbnail: bytes | None = None
    """A small one of what was rendered, or stored; lossy."""


@dataclass(frozen=True, slots=True)
class FrameResult:
    """One frame of one project."""

    frame: int
    """Output frame of the whole film."""
    time: Fraction
    """Timeline seconds."""
    reasons: tuple[str, ...]
    """Why it is looked at."""
    status: FrameStatus
    figures: PictureFigures | None = None
    """None where there are no two pictures of one size."""
    message: str | None = None
    """What is wrong, for people; None where nothing is."""
    golden: str | None = None
    """Path of the stored picture; None where there is none."""
    pictures: ShownPictures | None = None
    """Only where they were asked for."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON, without pictures."""
        figures = self.figures
        return {
            "frame": self.frame,
            "time_seconds": float(self.time),
            "reasons": list(self.reasons),
            "status": self.status,
            "message": self.message,
            "largest": figures.largest if figures else None,
            "pixels": figures.pixels if figures else None,
            "pixels_beyond_tolerance": figures.beyond if figures else None,
            "pixels_share": round(figures.share, 9) if figures else None,
            "ssim": round(figures.ssim, 6) if figures and figures.ssim is not None else None,
            "mean_colour": round(figures.colour, 4) if figures else None,
            "golden": self.golden,
        }


@dataclass(frozen=True, slots=True)
class SoundResult:
    """The sound of one project."""

    status: SoundStatus
    figures: SoundFigures | None = None
    message: str | None = None
    courses: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    """Levels over time, expected and actual, of the louder channel: decibels of full scale, ten a second."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "status": self.status,
            "message": self.message,
            **(self.figures.as_dict() if self.figures else dict.fromkeys(SoundFigures.KEYS)),
        }


@dataclass(frozen=True, slots=True)
class ProjectResult:
    """One project."""

    project: str
    """Its path as it was given."""
    golden: str
    """The folder of its goldens."""
    error: ExportError | None = None
    """Why it could not be checked; there is nothing else then."""
    frames: tuple[FrameResult, ...] = ()
    sound: SoundResult | None = None
    """None for a project that has no sound and had none."""
    facts: tuple[str, ...] = ()
    """Other differences, in words: size, number of frames, …"""
    notes: tuple[str, ...] = ()
    """What may explain a difference, and is none: another renderer, another version, a changed project file."""
    warnings: tuple[str, ...] = ()
    tolerance: Tolerance = field(default_factory=Tolerance)
    system: str | None = None
    renderer: str | None = None
    """None where nothing was rendered."""
    updated: bool = False
    """Whether this run stored it."""
    seconds: float = 0.0

    @property
    def counts(self) -> Counter[str]:
        """Frames by their state."""
        return Counter(each.status for each in self.frames)

    @property
    def differences(self) -> list[str]:
        """All of them, in words."""
        sound = self.sound
        return [
            *self.facts,
            *(f"frame {each.frame}: {each.message}" for each in self.frames if each.status in BAD),
            *([f"sound: {sound.message}"] if sound is not None and sound.status in BAD else []),
        ]

    @property
    def status(self) -> Literal["passed", "different", "error", "stored"]:
        if self.error is not None:
            return "error"
        if self.updated:
            return "stored"
        return "different" if self.differences else "passed"

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "project": self.project,
            "golden": self.golden,
            "status": self.status,
            "error": None if self.error is None else {**self.error.as_dict(), "exit_code": self.error.exit_code},
            "differences": self.differences,
            "notes": list(self.notes),
            "warnings": list(self.warnings),
            "tolerance": self.tolerance.name,
            "system": self.system,
            "renderer": self.renderer,
            "seconds": round(self.seconds, 3),
            "frames": [each.as_dict() for each in self.frames],
            "sound": None if self.sound is None else self.sound.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All projects of one call, in their order."""

    projects: tuple[ProjectResult, ...]
    encoded: bool
    """Whether what came out of the encoder was looked at."""

    @property
    def passed(self) -> bool:
        """Whether there is neither a difference nor an error."""
        return all(each.status in ("passed", "stored") for each in self.projects)

    @property
    def exit_code(self) -> int:
        """Of the command: the first error's (1 or 2), else 3 for a difference, else 0."""
        for each in self.projects:
            if each.error is not None:
                return each.error.exit_code
        return 0 if self.passed else 3

    def differing(self) -> Iterator[ProjectResult]:
        """The projects that differ."""
        return (each for each in self.projects if each.status == "different")

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "passed": self.passed,
            "encoded": self.encoded,
            "projects": [each.as_dict() for each in self.projects],
        }
