"""The choice of the decoding system: made once, with its reason; what was chosen works or fails. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from reelmill.planner.media import MediaFacts
from reelmill.planner.timeline import Timeline
from reelmill.planner.timelines.walk import reachable_clips, reachable_compositions

System = Literal["v1", "v2"]
FEW_FILES = 3
"""Up to so many files, and no nesting, one decoder per clip can't get in its own way."""
MANY_FILES = 8
MANY_NESTED_CLIPS = 5
"""Beyond these, decoders are shared."""
SHARED_BY = 1.6
"""Clips that show a source frame, on average, from which on decoders are shared whatever else there is."""


@dataclass(frozen=True, slots=True)
class Complexity:
    """What the choice depends on."""

    unique_files: int
    """Files whose pictures are shown; one file under two names is one."""
    nested_clips: int
    """Clips of video inside of compositions that the timeline reaches, counted once per composition."""
    compositions: int
    """That the timeline reaches, the root left out."""


def complexity(timeline: Timeline, facts: Mapping[str, MediaFacts]) -> Complexity:
    """Counts enabled clips on enabled tracks; `facts` has the media that they show."""
    clips = list(reachable_clips(timeline))
    shown = {
        facts[media].file_hash
        for _, track, clip in clips
        if track.kind == "video" and (media := clip.content.media_shown) is not None
    }
    return Complexity(
        unique_files=len(shown),
        nested_clips=sum(
            composition.id is not None
            and track.kind == "video"
            and (media := clip.content.media_shown) is not None
            and _moves(facts[media])
            for composition, track, clip in clips
        ),
        compositions=sum(composition.id is not None for composition in reachable_compositions(timeline)),
    )


def _moves(facts: MediaFacts) -> bool:
    """Whether a file has more than one picture."""
    return facts.video is not None and facts.video.table is not None


def select_export_system(
    found: Complexity, sharing: float | None, asked: Literal["auto", "v1", "v2"]
) -> tuple[System, str]:
    """The system and the reason, as one sentence: V1 decodes clip by clip, V2 shares decoders between clips.

    `sharing`: by how many clips a source frame is shown (`scheduling.file_usage.sharing`). `asked` forces a system.
    """
    if asked != "auto":
        return asked, f"asked for with --system {asked}"
    files, nested = _count(found.unique_files, "unique file"), _count(found.nested_clips, "nested clip")
    shared = [] if sharing is None else [f"each frame is shown by {sharing:.2f} clips"]
    many = []
    if found.unique_files > MANY_FILES:
        many.append(f"{files} (> {MANY_FILES})")
    if found.nested_clips > MANY_NESTED_CLIPS:
        many.append(f"{nested} (> {MANY_NESTED_CLIPS})")
    if sharing is not None and sharing >= SHARED_BY:
        return "v2", "; ".join([*([" and ".join(many)] if many else []), f"{shared[0]} (≥ {SHARED_BY})"])
    if many:
        return "v2", "; ".join([" and ".join(many), *shared])
    few = f"{files} (≤ {MANY_FILES}) and {nested} (≤ {MANY_NESTED_CLIPS})"
    if found.unique_files <= FEW_FILES and found.compositions == 0:
        few = f"{files} (≤ {FEW_FILES}) and no nested composition"
    return "v1", "; ".join([few, *(f"{each} (< {SHARED_BY})" for each in shared)])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
