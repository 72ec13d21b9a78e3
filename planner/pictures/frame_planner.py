"""From an output frame's number to its FramePlan: the pure heart of every export.

In: a resolved timeline, the facts of its media and the sizes of its texts. Out: for each n the layers of that
frame, exact source frames chosen by rule. Passive and immutable after construction but for its memo; one thread.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from reelmill.planner.animation import stands_still
from reelmill.planner.clock import frame_count, frame_time
from reelmill.planner.content import Drawing
from reelmill.planner.effect import plans_at
from reelmill.planner.frame_plan import CompositionPlan, FramePlan, Layer, PictureSource, TransitionLayer
from reelmill.planner.media import MediaFacts
from reelmill.planner.pictures.effected import with_composition_effects, with_effects, with_track_effects
from reelmill.planner.pictures.fitting import FittedPicture, Size, fit_picture
from reelmill.planner.pictures.source_time import Moment, source_moment, within_source
from reelmill.planner.source_frames import FrameRequest, InstancePath
from reelmill.planner.timeline import ONE, Clip, Composition, Timeline, Track, Transition


@dataclass(frozen=True, slots=True)
class _ActiveTrack:
    """A track's enabled clips, ready for bisection."""

    track: Track
    clips: tuple[Clip, ...]
    starts: tuple[Fraction, ...]

    def at(self, moment: Moment) -> tuple[Clip, ...]:
        """The one clip, or the two overlapping ones, that are active; the earlier first."""
        find = bisect_left if moment.backwards else bisect_right
        index = find(self.starts, moment.time)
        return tuple(c for c in self.clips[max(index - 2, 0) : index] if moment.within(c.start, c.end))


class FramePlanner:
    """Plans output frames of one timeline."""

    def __init__(
        self,
        timeline: Timeline,
        facts: Mapping[str, MediaFacts],
        drawn_sizes: Mapping[Drawing, tuple[float, float]],
    ) -> None:
        """`drawn_sizes`: nominal width and height, pixels, of every drawing on the timeline that only the compositor
        can measure."""
        self._timeline = timeline
        self._facts = facts
        self._drawn_sizes = drawn_sizes
        self._tracks: dict[str | None, tuple[_ActiveTrack, ...]] = {}
        self._fixed: dict[tuple[str | None, str, Size], FittedPicture | None] = {}
        self._nested: dict[tuple[str, Moment], CompositionPlan] = {}
        """Of the frame that is being planned: a composition shown twice at one moment is planned once."""

    @property
    def frame_count(self) -> int:
        """Frames of the whole film."""
        return frame_count(self._timeline.duration, self._timeline.fps)

    def plan(self, output_frame: int) -> FramePlan:
        """What output frame n of the whole film is made of."""
        time = frame_time(output_frame, self._timeline.fps)
        active: set[InstancePath] = set()
        self._nested.clear()
        picture = self._composition(self._timeline.root, Moment(time), (), active)
        return FramePlan(output_frame, time, picture, frozenset(active))

    def plans(self, frames: range) -> Iterator[FramePlan]:
        """The plans of several frames, one after the other."""
        return (self.plan(n) for n in frames)

    def _composition(
        self, composition: Composition, moment: Moment, above: InstancePath, active: set[InstancePath]
    ) -> CompositionPlan:
        layers = []
        for track in self._active_tracks(composition):
            layer = self._track(composition, track, moment, above, active)
            if layer is not None:
                layers.append(layer)
        return CompositionPlan(
            composition.id, composition.width, composition.height, composition.background, tuple(layers)
        )

    def _active_tracks(self, composition: Composition) -> tuple[_ActiveTrack, ...]:
        tracks = self._tracks.get(composition.id)
        if tracks is None:
            tracks = tuple(
                _ActiveTrack(track, clips, tuple(c.start for c in clips))
                for track in composition.tracks
                if track.enabled and track.kind == "video" and (clips := tuple(c for c in track.clips if c.enabled))
            )
            self._tracks[composition.id] = tracks
        return tracks

    def _track(
        self,
        composition: Composition,
        track: _ActiveTrack,
        moment: Moment,
        above: InstancePath,
        active: set[InstancePath],
    ) -> Layer | TransitionLayer | None:
        clips = track.at(moment)
        if not clips:
            return None
        opacity = track.track.opacity.share(moment.time, backwards=moment.backwards)
        effects = plans_at(track.track.effects, moment.time, backwards=moment.backwards)
        if effects:
            item = self._clips(composition, clips, moment, above, active, 1.0)
            return None if item is None else with_track_effects(item, composition, track.track, opacity, effects)
        return self._clips(composition, clips, moment, above, active, opacity)

    def _clips(
        self,
        composition: Composition,
        clips: tuple[Clip, ...],
        moment: Moment,
        above: InstancePath,
        active: set[InstancePath],
        opacity: float,
    ) -> Layer | TransitionLayer | None:
        """The one clip of a track that is shown, or the transition between two."""
        if len(clips) == 1:
            return self._clip(composition, clips[0], moment, above, active, track_opacity=opacity)
        before, after = clips
        transition = after.transition or Transition()
        overlap = before.end - after.start
        return TransitionLayer(
            type=transition.type,
            direction=transition.direction,
            color=transition.color,
            progress=transition.easing(float((moment.time - after.start) / overlap)),
            before=self._clip(composition, before, moment, above, active),
            after=self._clip(composition, after, moment, above, active),
            opacity=opacity,
            blend=after.blend,
        )

    def _clip(
        self,
        composition: Composition,
        clip: Clip,
        moment: Moment,
        above: InstancePath,
        active: set[InstancePath],
        track_opacity: float = 1.0,
    ) -> Layer | None:
        instance = (*above, clip.id)
        found = self._source(clip, moment, instance, composition, active)
        if found is None:
            return None
        source, natural = found
        elapsed = Moment(moment.time - clip.start, moment.backwards)
        placement = self._placement(composition, clip, natural, elapsed)
        opacity = clip.transform.opacity.share(elapsed.time, backwards=elapsed.backwards) * track_opacity
        if placement is None or opacity <= 0:
            return None
        layer = Layer(
            instance=instance,
            source=source,
            part=placement.part,
            width=placement.width,
            height=placement.height,
            matrix=placement.matrix,
            opacity=opacity,
            blend=clip.blend,
        )
        if not clip.transform.scale.is_constant and layer.is_one_picture:
            layer = replace(layer, zooms=True)
        effects = plans_at(clip.effects, elapsed.time, backwards=elapsed.backwards)
        return with_effects(layer, effects, (composition.width, composition.height)) if effects else layer

    def _placement(self, composition: Composition, clip: Clip, natural: Size, elapsed: Moment) -> FittedPicture | None:
        """Most clips stand still: their placement is computed once for each size of their source."""
        key = (composition.id, clip.id, natural)
        if key in self._fixed:
            return self._fixed[key]
        placement = fit_picture(natural, (Fraction(composition.width), Fraction(composition.height)), clip, elapsed)
        if stands_still(replace(clip.transform, opacity=ONE)) and stands_still(clip.crop):
            self._fixed[key] = placement
        return placement

    def _source(
        self,
        clip: Clip,
        moment: Moment,
        instance: InstancePath,
        composition: Composition,
        active: set[InstancePath],
    ) -> tuple[PictureSource | CompositionPlan | Drawing, Size] | None:
        """What the clip shows now, and its natural size in pixels; None where it shows nothing."""
        content, canvas = clip.content, (Fraction(composition.width), Fraction(composition.height))
        if content.media_shown is not None:
            active.add(instance)
            return self._frame(clip, content.media_shown, moment, instance)
        if content.composition_shown is not None:
            return self._nested_plan(clip, content.composition_shown, moment, instance, active)
        assert isinstance(content, Drawing)
        drawing = content.at(moment.time - clip.start, moment.backwards)
        if drawing is None:
            return None
        size = drawing.size_on(canvas)
        if size is None:
            width, height = self._drawn_sizes[drawing]
            size = (Fraction(width), Fraction(height))
        return drawing, size

    def _frame(
        self, clip: Clip, media: str, moment: Moment, instance: InstancePath
    ) -> tuple[PictureSource, Size] | None:
        """The frame of a file, and its displayed size."""
        facts = self._facts[media]
        assert facts.video is not None
        pts = self._pts(clip, facts, moment)
        if pts is None:
            return None
        request = FrameRequest(media, facts.file_hash, pts, instance)
        source = PictureSource(request, opaque=not facts.video.has_alpha, still=facts.video.table is None)
        return source, facts.video.display_size_at(pts)

    def _nested_plan(
        self, clip: Clip, name: str, moment: Moment, instance: InstancePath, active: set[InstancePath]
    ) -> tuple[CompositionPlan, Size] | None:
        """A composition at its moment, and the size of its canvas."""
        nested = self._timeline.compositions[name]
        assert nested.duration is not None
        inner = within_source(source_moment(clip, moment), nested.duration, clip.after_end)
        if inner is None:
            return None
        plan = self._nested.get((name, inner))
        if plan is None:
            plan = self._composition(nested, inner, instance, active)
            if effects := plans_at(nested.effects, inner.time, backwards=inner.backwards):
                plan = with_composition_effects(plan, instance, effects)
            self._nested[name, inner] = plan
        return plan, (Fraction(nested.width), Fraction(nested.height))

    def _pts(self, clip: Clip, facts: MediaFacts, moment: Moment) -> int | None:
        """The source frame by the rule for forward or backward play; None where the clip is blank."""
        assert facts.video is not None
        table = facts.video.table
        if table is None:
            return 0
        source = source_moment(clip, moment)
        if clip.after_end in ("loop", "blank"):
            inside = within_source(source, table.duration, clip.after_end)
            if inside is None:
                return None
            source = inside
        return table.frame_before(source.time) if source.backwards else table.frame_at(source.time)
