"""Walks over what a timeline shows: the compositions and clips that the root reaches through enabled clips."""

from __future__ import annotations

from collections.abc import Iterator

from reelmill.planner.timeline import Clip, Composition, Timeline, Track


def reachable_compositions(timeline: Timeline) -> Iterator[Composition]:
    """The root, and every composition that an enabled clip on an enabled track shows, each once."""
    seen: set[str | None] = set()
    waiting = [timeline.root]
    while waiting:
        composition = waiting.pop()
        if composition.id in seen:
            continue
        seen.add(composition.id)
        yield composition
        waiting.extend(
            timeline.compositions[shown]
            for _, clip in enabled_clips(composition)
            if (shown := clip.content.composition_shown) is not None
        )


def enabled_clips(composition: Composition) -> Iterator[tuple[Track, Clip]]:
    """The enabled clips of a composition's enabled tracks, with their track."""
    for track in composition.tracks:
        if track.enabled:
            for clip in track.clips:
                if clip.enabled:
                    yield track, clip


def reachable_clips(timeline: Timeline) -> Iterator[tuple[Composition, Track, Clip]]:
    """Every enabled clip that the root reaches, once per composition."""
    for composition in reachable_compositions(timeline):
        for track, clip in enabled_clips(composition):
            yield composition, track, clip
