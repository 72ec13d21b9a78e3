"""Which frames of a film are untouched frames of a file, in the file's own order: what could be copied as packets.

In: a resolved timeline, facts, sizes of texts, the range to export. Out: `Run`s that cover the range, each with its
place in one file, or with the reason why its frames have to be made. Between two cuts of clips that stand still, one
plan speaks for all frames; where something moves, or inside of compositions, each frame is planned. Pure functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise

from reelmill.planner.animation import stands_still
from reelmill.planner.clock import frames_in
from reelmill.planner.content import Drawing
from reelmill.planner.frame_plan import WHOLE, CompositionPlan, EffectedPicture, Layer, PictureSource
from reelmill.planner.media import MediaFacts
from reelmill.planner.pictures.frame_planner import FramePlanner
from reelmill.planner.pictures.shared_plans import SharedPlans
from reelmill.planner.pictures.simplify import simplified, untouched
from reelmill.planner.scheduling.clip_uses import ClipUse, clip_uses, decode_sources
from reelmill.planner.timeline import Clip, Timeline, Track


@dataclass(frozen=True, slots=True)
class UntouchedRun:
    """Frames of the film, one after the other."""

    frames: range
    """Of the whole film; not empty."""
    media: str | None
    """Name of the entry whose frames they are, untouched; None where they are not."""
    first: int
    """Position of the first one in presentation order; the next frames are the next positions."""
    why: str | None
    """Why they are not the untouched frames of one file, for people."""


def untouched_runs(
    timeline: Timeline,
    facts: Mapping[str, MediaFacts],
    drawn_sizes: Mapping[Drawing, tuple[float, float]],
    frames: range,
) -> list[UntouchedRun]:
    """The runs of a range of output frames, in order, each as long as it can be.

    Raises SetupError for a timeline that shows clips too often to be planned ahead.
    """
    runs: list[UntouchedRun] = []
    for part in _parts(timeline, facts, drawn_sizes, frames):
        before = runs[-1] if runs else None
        if before is not None and before.media == part.media and before.why == part.why and _continues(before, part):
            frames = range(before.frames.start, part.frames.stop)
            runs[-1] = UntouchedRun(frames, before.media, before.first, before.why)
        else:
            runs.append(part)
    return runs


def _continues(before: UntouchedRun, part: UntouchedRun) -> bool:
    return before.media is None or part.first == before.first + len(before.frames)


def _parts(
    timeline: Timeline,
    facts: Mapping[str, MediaFacts],
    drawn_sizes: Mapping[Drawing, tuple[float, float]],
    frames: range,
) -> Iterator[UntouchedRun]:
    """Runs, or pieces of them."""
    planner = FramePlanner(timeline, facts, drawn_sizes)
    uses = _root_uses(timeline, facts, frames)
    for stretch, steady in _stretches(timeline, frames):
        for n in stretch[:1] if steady else stretch:
            # Not shared with the stretch before: equal plans may be of other clips, and it is the clip that counts.
            picture = simplified(planner.plan(n).picture, SharedPlans())
            request = untouched(picture)
            table = None
            if request is not None:
                video = facts[request.media].video
                table = None if video is None else video.table
            covered = stretch if steady else range(n, n + 1)
            if request is None or table is None:
                yield UntouchedRun(covered, None, 0, "is a still" if request is not None else _why(picture))
            elif steady:
                yield from _mapped(request.media, uses[request.instance], covered)
            else:
                yield UntouchedRun(covered, request.media, table.index_of(request.pts), None)


def _root_uses(timeline: Timeline, facts: Mapping[str, MediaFacts], frames: range) -> dict[tuple[str, ...], ClipUse]:
    """How the root's own clips read their files."""
    uses = clip_uses(timeline, decode_sources(timeline.media, facts), frames)
    return {use.instance: use for use in uses if len(use.instance) == 1}


def _mapped(media: str, use: ClipUse, frames: range) -> Iterator[UntouchedRun]:
    """The runs of one clip that is shown as it is: broken where a source frame is repeated, left out or passed."""
    start, first = frames.start, use.index_at(frames.start)
    expected = first + 1
    for n in frames[1:]:
        index = use.index_at(n)
        if index != expected:
            yield UntouchedRun(range(start, n), media, first, None)
            start, first = n, index
        expected = index + 1
    yield UntouchedRun(range(start, frames.stop), media, first, None)


def _stretches(timeline: Timeline, frames: range) -> Iterator[tuple[range, bool]]:
    """The stretches between two cuts in the root, and whether all frames of each are made in the same way."""
    unsteady: Counter[int] = Counter()
    cuts = {frames.start, frames.stop}
    for track in timeline.root.tracks:
        if not track.enabled or track.kind != "video":
            continue
        clips = [clip for clip in track.clips if clip.enabled]
        spans = [frames_in(clip.start, clip.end, timeline.fps) for clip in clips]
        moving = [span for clip, span in zip(clips, spans, strict=True) if not _is_steady(track, clip)]
        transitions = [range(b.start, a.stop) for a, b in pairwise(spans) if b.start < a.stop]
        for span in (*spans, *transitions):
            cuts.update((span.start, span.stop))
        for span in (*moving, *transitions):
            unsteady[span.start] += 1
            unsteady[span.stop] -= 1
            cuts.update((span.start, span.stop))
    ordered = sorted(cuts)
    levels = accumulate(unsteady[cut] for cut in ordered)
    for (start, stop), level in zip(pairwise(ordered), levels, strict=False):
        inside = range(max(start, frames.start), min(stop, frames.stop))
        if inside:
            yield inside, level == 0


def _is_steady(track: Track, clip: Clip) -> bool:
    """Whether one frame's plan tells all others', but for the source frame shown."""
    content = clip.content
    if content.composition_shown is not None or (isinstance(content, Drawing) and not content.is_still):
        return False
    if content.media_shown is not None and clip.after_end in ("loop", "blank"):
        return False
    if not all(effect.is_constant for effect in (*clip.effects, *track.effects)):
        return False
    return stands_still((clip.transform, clip.crop, track.opacity))


def _why(picture: CompositionPlan) -> str:
    """What is done to a picture that is no untouched frame."""
    if not picture.layers:
        return "nothing is on screen but the background"
    if len(picture.layers) > 1:
        return f"{len(picture.layers)} layers are composited"
    (layer,) = picture.layers
    if not isinstance(layer, Layer):
        return "a transition goes on"
    match layer.source:
        case PictureSource():
            return _why_touched(layer, picture)
        case CompositionPlan():
            return "a composition is drawn"
        case EffectedPicture():
            return f"it has effects: {', '.join(effect.type for effect in layer.source.effects)}"
        case Drawing() as drawing:
            return f"a {drawing.kind} is drawn"


def _why_touched(layer: Layer, picture: CompositionPlan) -> str:
    """What is done to the one frame that a picture shows."""
    assert isinstance(layer.source, PictureSource)
    if not layer.source.opaque:
        return "the file has alpha"
    if layer.opacity < 1:
        return "it is not fully opaque"
    if layer.blend != "normal":
        return f"it is blended with {layer.blend}"
    if layer.part != WHOLE:
        return "it is cropped"
    if (layer.width, layer.height) != (picture.width, picture.height):
        return f"it is scaled to {layer.width:g}×{layer.height:g} on a canvas of {picture.width}×{picture.height}"
    return "it is moved, scaled or turned"
