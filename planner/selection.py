"""The choice of the decoding system: made once, with its reason; what was chosen works or fails. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from planner.media import MediaFacts
from planner.timeline import MediaContent, Timeline
from planner.walk import reachable_clips, reachable_compositions

System = Literal["v1", "v2"]
FEW_FILES = 3
"""Up to so many files, and no nesting, one decoder per clip can't get in its own way."""
MANY_FILES = 8
MANY_NESTED_CLIPS = 5
"""Beyond these, decoders are shared."""


@dataclass(frozen=True, slots=True)
class Complexity:
    """What the choice depends on."""

    unique_files: int
    """Files whose pictures are shown; one file under two names is one."""
    nested_clips: int
    """Clips inside of compositions that the timeline reaches, counted once per composition."""
    compositions: int
    """That the timeline reaches, the root left out."""


def complexity(timeline: Timeline, facts: Mapping[str, MediaFacts]) -> Complexity:
    """Counts enabled clips on enabled tracks; `facts` has the media that they show."""
    clips = list(reachable_clips(timeline))
    shown = {
        facts[clip.content.media].file_hash
        for _, track, clip in clips
        if track.kind == "video" and isinstance(clip.content, MediaContent)
    }
    return Complexity(
        unique_files=len(shown),
        nested_clips=sum(composition.id is not None for composition, _, _ in clips),
        compositions=sum(composition.id is not None for composition in reachable_compositions(timeline)),
    )


def select_export_system(
    unique_files: int, nested_clips: int, compositions: int, asked: Literal["auto", "v1", "v2"]
) -> tuple[System, str]:
    """The system and the reason, as one sentence: V1 decodes clip by clip, V2 shares decoders between clips.

    The numbers are those of `Complexity`; `asked` forces a system.
    """
    if asked != "auto":
        return asked, f"asked for with --system {asked}"
    files = _count(unique_files, "unique file")
    nested = _count(nested_clips, "nested clip")
    if unique_files <= FEW_FILES and compositions == 0:
        return "v1", f"{files} (≤ {FEW_FILES}) and no nested composition"
    too_many = []
    if unique_files > MANY_FILES:
        too_many.append(f"{files} (> {MANY_FILES})")
    if nested_clips > MANY_NESTED_CLIPS:
        too_many.append(f"{nested} (> {MANY_NESTED_CLIPS})")
    if too_many:
        return "v2", " and ".join(too_many)
    return "v1", f"{files} (≤ {MANY_FILES}) and {nested} (≤ {MANY_NESTED_CLIPS})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
