"""What shared decoders work from: the schedule of the whole export, exact requests for what comes next, next uses.

In: a resolved timeline, facts, sizes of texts, the range to export. Out: a `DecodeSchedule`, the simplified plan of
each output frame, batches of requests for a look-ahead. Of the frames soon to come the plans are made and kept, so
that what is hidden is not requested; of the rest the planner knows intervals (planner.clip_uses), not frames.
`next_use` and `note_speed` may be called on any thread; all else belongs to one.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from threading import Lock

from reelmill.planner.content import Drawing
from reelmill.planner.frame_plan import CompositionPlan, FramePlan, PictureSource, sides_of
from reelmill.planner.frame_set import FrameSet
from reelmill.planner.media import MediaFacts, VideoFacts
from reelmill.planner.pictures.frame_planner import FramePlanner
from reelmill.planner.pictures.shared_plans import SharedPlans
from reelmill.planner.pictures.simplify import as_it_is, simplified
from reelmill.planner.pixel_format import PIXEL_FORMATS
from reelmill.planner.scheduling.at_once import crowded, most_at_once
from reelmill.planner.scheduling.clip_uses import ClipUse, DecodeSource, clip_uses, decode_sources
from reelmill.planner.scheduling.estimate import Estimate, SampledFrame
from reelmill.planner.scheduling.file_usage import file_usages
from reelmill.planner.scheduling.keeping import KeepPlan
from reelmill.planner.scheduling.schedule import PRIORITIES, DecodeSchedule, FileBatch, Priority, ScheduledRequest
from reelmill.planner.scheduling.stage_costs import draw_seconds
from reelmill.planner.scheduling.use_index import UseIndex
from reelmill.planner.source_frames import FrameRequest
from reelmill.planner.timeline import Timeline

LOOK_AHEAD_SECONDS = 3
MIN_LOOK_AHEAD = 60
MAX_LOOK_AHEAD = 90
"""Output frames, where no budget is set."""
MOST_LOOKED_AT = 200
"""Output frames that are planned to find the heaviest one."""
SAMPLES = 16
"""Frames of the film that are planned for the estimate, at most."""
_URGENCY = {priority: place for place, priority in enumerate(PRIORITIES)}


@dataclass(frozen=True, slots=True)
class HeaviestFrame:
    """An output frame, and what it shows at once."""

    output_frame: int
    videos: tuple[VideoFacts, ...]
    """Of its source frames, each counted once."""
    size_bytes: int
    """Of their pictures, without padding."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """An output frame near to the one that is rendered."""

    plan: FramePlan | None
    """None for one of which no picture is made."""
    requests: Mapping[tuple[DecodeSource, int], FrameRequest]
    """What it shows, by source and pts: each source frame once."""


_NOT_SHOWN = _Planned(None, {})


class ExportPlanner:
    """Plans one export."""

    def __init__(
        self,
        timeline: Timeline,
        facts: Mapping[str, MediaFacts],
        drawn_sizes: Mapping[Drawing, tuple[float, float]],
        frames: FrameSet | range,
        *,
        simplify: bool = True,
        scale: Fraction = Fraction(1),
    ) -> None:
        """`frames`: of the whole film, those of which pictures are made; look-aheads end where a stretch of them does.

        `drawn_sizes` as for FramePlanner. Without `simplify` plans hold all that is active, also what nobody sees.
        `scale`: target pixels for a canvas pixel, 1/2 in a draft.

        Raises SetupError for a timeline that shows clips too often to be planned ahead.
        """
        self._simplified = partial(simplified, scale=scale) if simplify else as_it_is
        self._planner = FramePlanner(timeline, facts, drawn_sizes)
        self._shown_frames = frames if isinstance(frames, FrameSet) else FrameSet.of([frames])
        spans = self._shown_frames.spans
        self._frames = frames = self._shown_frames.hull
        self._ends = tuple(span.stop for span in spans)
        """Where look-aheads end at the latest, ascending."""
        self._fps = timeline.fps
        self._sources = decode_sources(timeline.media, facts)
        uses = [use for span in spans for use in clip_uses(timeline, self._sources, span)]
        self._usages = file_usages(uses, len(self._shown_frames))
        self._scale = scale
        self._speeds: dict[str, float] = {}
        """Frames a second of the decoders that were measured, by the hash of their file."""
        self._uses = _by_source(self._sources, uses)
        self._indexes = _indexes(self._uses)
        self._keep_plan: KeepPlan | None = None
        self._budget_bytes: int | None = None
        seconds = math.ceil(LOOK_AHEAD_SECONDS * self._fps)
        self._look_ahead = self._most_ahead = min(max(seconds, MIN_LOOK_AHEAD), MAX_LOOK_AHEAD)
        self._pictures = SharedPlans()
        self._planned: deque[_Planned] = deque()
        self._window = range(frames.start, frames.start)
        """The output frames in `_planned`."""
        self._shown: dict[tuple[str, int], list[int]] = {}
        """Those of the window that show a frame, ascending, by file hash and pts."""
        self._lock = Lock()
        """Guards `_window` and `_shown`."""

    def clips_at_once(self, of: Callable[[DecodeSource], bool]) -> int:
        """The most clips with sources that `of` takes, on screen in one output frame or between two of them."""
        # A frame is read while the one before it is drawn.
        return most_at_once(
            (range(use.frames.start - 1, use.frames.stop), 1)
            for source, uses in self._uses.items()
            if of(source)
            for use in uses
        )

    def heaviest_frame(self, beyond: int) -> HeaviestFrame | None:
        """The output frame whose source frames take the most memory; None where none is found to take more bytes than
        `beyond`. Looks at a sample of those that may."""
        sizes = [(decoded_picture_bytes(source.video), uses) for source, uses in self._uses.items()]
        uses = [(use.frames, size) for size, several in sizes for use in several]
        frames = [number for stretch in crowded(uses, beyond) for number in stretch if number in self._shown_frames]
        found: HeaviestFrame | None = None
        for number in frames[:: max(len(frames) // MOST_LOOKED_AT, 1)]:
            picture = self._simplified(self._planner.plan(number).picture, SharedPlans())
            shown = tuple(source.video for source, _ in _requests(picture, self._sources))
            size = sum(map(decoded_picture_bytes, shown))
            if size > (beyond if found is None else found.size_bytes):
                found = HeaviestFrame(number, shown, size)
        return found

    def most_bytes_at_once(self) -> int:
        """The most that the frames of one output frame take, by sizes of their files; hidden ones counted."""
        return most_at_once(
            (use.frames, decoded_picture_bytes(source.video)) for source, uses in self._uses.items() for use in uses
        )

    @property
    def plays_on(self) -> bool:
        """Whether all clips play forwards, none over and over."""
        return not any(use.loops or use.line.backwards for uses in self._uses.values() for use in uses)

    @property
    def sources(self) -> tuple[DecodeSource, ...]:
        """Those that are shown."""
        return tuple(source for source, uses in self._uses.items() if uses)

    @property
    def schedule(self) -> DecodeSchedule:
        """What the export needs of each file."""
        usage = {file_hash: usage.pattern for file_hash, usage in self._usages.items()}
        return DecodeSchedule(usage, len(self._shown_frames))

    @property
    def look_ahead(self) -> int:
        """Output frames that the last batch reached over, the current one included."""
        return self._look_ahead

    def set_budget(self, budget_bytes: int) -> None:
        """Shorten the look-ahead so that its distinct pictures fit in so many bytes. One frame it always has."""
        self._budget_bytes = budget_bytes

    def plan(self, output_frame: int) -> FramePlan:
        """The plan of an output frame, simplified."""
        plan = self._near(output_frame).plan
        assert plan is not None, "a picture of this frame was not asked for"
        return plan

    def requests_at(self, output_frame: int) -> tuple[FrameRequest, ...]:
        """What an output frame shows, each source frame once."""
        return tuple(self._near(output_frame).requests.values())

    def requests_ahead(self, output_frame: int) -> tuple[FrameRequest, ...]:
        """What an output frame shows, and then what the next one does, if no gap lies between them."""
        following = self._shown_frames.next(output_frame + 1)
        if following is None or following >= self._end_behind(output_frame):
            return self.requests_at(output_frame)
        return self.requests_at(output_frame) + self.requests_at(following)

    def next_decode_batch(self, output_frame: int) -> tuple[FileBatch, ...]:
        """All that this output frame and the look-ahead need, by file: those that are needed first come first.

        Entries that read one file in different ways (another stream, other deinterlacing) are batches of their own.
        """
        found: dict[tuple[DecodeSource, int], ScheduledRequest] = {}
        size_bytes = reached = 0
        end = self._end_behind(output_frame)
        for frame in range(output_frame, min(output_frame + self._most_ahead, end)):
            new = [(key, request) for key, request in self._near(frame).requests.items() if key not in found]
            if self._budget_bytes is not None:
                size_bytes += sum(decoded_picture_bytes(source.video) for (source, _), _ in new)
                if reached and size_bytes > self._budget_bytes:
                    break
            priority = self._priority(frame - output_frame)
            for key, request in new:
                depth = len(request.instance) - 1
                found[key] = ScheduledRequest(request, frame, priority, depth)
            reached += 1
        self._look_ahead = max(reached, 1)
        return _batches(found)

    def next_use(self, file_hash: str, pts: int, after_frame: int) -> int | None:
        """The first output frame after `after_frame` that needs a source frame; None where its last use is past.

        Exact for frames that were planned already. Farther away a clip counts as seen even where it will be
        hidden, so that a frame is rather kept too long than missed. Raises KeyError for a frame that no file has.
        """
        frame = after_frame + 1
        with self._lock:
            window = self._window
            shown = self._shown.get((file_hash, pts), ())
            near = shown[place] if (place := bisect_right(shown, after_frame)) < len(shown) else None
        if frame < window.start:
            far = self._far(file_hash, pts, frame)
            if far is None or far < window.start:
                return far
            frame = window.start
        if frame < window.stop:
            return self._far(file_hash, pts, window.stop) if near is None else near
        return self._far(file_hash, pts, frame)

    def plan_keeping(self, budget_bytes: int) -> int:
        """Decide which frames are kept until they are shown again, in so many bytes. Returns the most of them used."""
        sizes = {source: decoded_picture_bytes(source.video) for source in self._uses}
        self._keep_plan = KeepPlan(self._uses, sizes, budget_bytes)
        return self._keep_plan.peak_bytes

    def keeps(self, media: str, pts: int, output_frame: int) -> bool:
        """Whether a decoded frame is worth its room until a later output frame shows it. Any thread."""
        source = self._sources[media]
        return self._keep_plan is None or self._keep_plan.keeps(source, bisect_left(source.pts, pts), output_frame)

    def note_speed(self, file_hash: str, frames_per_second: float) -> None:
        """How many frames a second of its busy time the decoder of a file puts out: corrects the estimate."""
        if frames_per_second > 0:
            self._speeds[file_hash] = frames_per_second

    def estimate(self, *, encode_seconds: float, sound_seconds: float = 0.0, shared: bool = True) -> Estimate:
        """How long the export takes. Plans some frames of the whole film for it, which takes some milliseconds.

        `encode_seconds`: of one picture, in all outputs. `sound_seconds`: of the sound of one frame. `shared`: each
        source frame is decoded once, and not for each clip that shows it.
        """
        decoded = None
        if not shared:
            decoded = dict.fromkeys(self._usages, 0)
            for source, uses in self._uses.items():
                for use in uses:
                    low, high = use.index_range()
                    decoded[source.file_hash] += len(use.frames) if use.loops else high + 1 - low
        return Estimate(
            self._usages,
            self._frames,
            self._samples(),
            share_made=len(self._shown_frames) / max(len(self._frames), 1),
            encode_seconds=encode_seconds,
            sound_seconds=sound_seconds,
            decoded=decoded,
            speeds=self._speeds,
        )

    def _samples(self) -> list[SampledFrame]:
        """What drawing takes, in frames spread over the film."""
        plans = SharedPlans()
        samples: list[SampledFrame] = []
        for number in range(SAMPLES):
            start = self._frames.start + number * len(self._frames) // SAMPLES
            frame = self._shown_frames.next(start)
            if frame is None or (samples and start == samples[-1].frame):
                continue
            before, picture = (
                self._simplified(self._planner.plan(each).picture, plans) for each in (max(frame - 1, 0), frame)
            )
            repeats = before == picture and frame > 0
            samples.append(SampledFrame(start, 0.0 if repeats else draw_seconds(picture, float(self._scale)), repeats))
        return samples

    def _end_behind(self, output_frame: int) -> int:
        """Where the stretch ends that a frame lies in."""
        return next((end for end in self._ends[bisect_right(self._ends, output_frame) :]), output_frame)

    def _priority(self, frames_ahead: int) -> Priority:
        if frames_ahead == 0:
            return "current"
        return "near" if frames_ahead <= self._fps else "far"

    def _near(self, output_frame: int) -> _Planned:
        """A frame of the window, which moves so that the frame lies in it."""
        reached = self._window.stop
        following = self._shown_frames.next(reached) if reached < output_frame else None
        if following == output_frame and output_frame < self._end_behind(reached - 1):
            for _ in range(reached, output_frame):
                self._append(_NOT_SHOWN)
        if not self._window.start <= output_frame <= self._window.stop:
            self._move(range(output_frame, output_frame))
        if output_frame == self._window.stop:
            self._append(self._plan_new(output_frame) if output_frame in self._shown_frames else _NOT_SHOWN)
        planned = self._planned[output_frame - self._window.start]
        if output_frame - self._window.start > MAX_LOOK_AHEAD:
            self._move(range(output_frame - MAX_LOOK_AHEAD, self._window.stop))
        return planned

    def _append(self, planned: _Planned) -> None:
        """The next frame of the window."""
        self._planned.append(planned)
        with self._lock:
            for source, pts in planned.requests:
                self._shown.setdefault((source.file_hash, pts), []).append(self._window.stop)
            self._window = range(self._window.start, self._window.stop + 1)

    def _plan_new(self, output_frame: int) -> _Planned:
        plan = self._planner.plan(output_frame)
        plan = replace(plan, picture=self._simplified(plan.picture, self._pictures))
        self._pictures.next_frame()
        return _Planned(plan, _requests(plan.picture, self._sources))

    def _move(self, window: range) -> None:
        """Forget the frames outside of a new window, which begins later, or is empty."""
        with self._lock:
            while self._planned and (not window or self._window.start < window.start):
                for source, pts in self._planned.popleft().requests:
                    shown = self._shown[source.file_hash, pts]
                    del shown[0]
                    if not shown:
                        del self._shown[source.file_hash, pts]
                self._window = self._window[1:]
            self._window = window

    def _far(self, file_hash: str, pts: int, frame: int) -> int | None:
        """The first output frame, `frame` or later, in which a clip is active that shows a source frame."""
        found = []
        for source, index in self._indexes[file_hash]:
            place = bisect_left(source.pts, pts)
            if place < len(source.pts) and source.pts[place] == pts:
                found.append(index.next_showing(place, frame))
        if not found:
            raise KeyError(pts)
        return min((each for each in found if each is not None), default=None)


def decoded_picture_bytes(video: VideoFacts) -> int:
    """Memory of one decoded picture, as it is handed over."""
    pixel_format = PIXEL_FORMATS[video.pix_fmt]
    samples = 0
    for plane in range(pixel_format.plane_count):
        width, height = pixel_format.plane_size(plane, *video.largest)
        samples += width * height
    return samples * pixel_format.bytes_per_sample * max(len(pixel_format.components), 1)


def _requests(
    picture: CompositionPlan, sources: Mapping[str, DecodeSource]
) -> dict[tuple[DecodeSource, int], FrameRequest]:
    """The source frames that a picture shows, each for the first clip that does."""
    found: dict[tuple[DecodeSource, int], FrameRequest] = {}
    for request in _walk(picture, set()):
        found.setdefault((sources[request.media], request.pts), request)
    return found


def _walk(picture: CompositionPlan, seen: set[int]) -> Iterator[FrameRequest]:
    """The requests of every layer. A composition that is shown several times at one moment is one object."""
    if id(picture) in seen:
        return
    seen.add(id(picture))
    for layer in picture.layers:
        for each in sides_of(layer):
            if isinstance(each.source, PictureSource):
                yield each.source.request
            elif each.nested is not None:
                yield from _walk(each.nested, seen)


def _batches(found: Mapping[tuple[DecodeSource, int], ScheduledRequest]) -> tuple[FileBatch, ...]:
    """By source, in the order of first need."""
    by_source: dict[DecodeSource, list[ScheduledRequest]] = {}
    for (source, _), request in found.items():
        by_source.setdefault(source, []).append(request)
    return tuple(
        FileBatch(
            source.file_hash,
            source.media[0],
            tuple(sorted(requests, key=lambda each: (_URGENCY[each.priority], each.request.pts))),
        )
        for source, requests in by_source.items()
    )


def _by_source(sources: Mapping[str, DecodeSource], uses: list[ClipUse]) -> dict[DecodeSource, list[ClipUse]]:
    of_source: dict[DecodeSource, list[ClipUse]] = {source: [] for source in sources.values()}
    for use in uses:
        of_source[use.source].append(use)
    return of_source


def _indexes(uses: Mapping[DecodeSource, list[ClipUse]]) -> dict[str, list[tuple[DecodeSource, UseIndex]]]:
    """When the frames of each file are shown, by file hash."""
    indexes: dict[str, list[tuple[DecodeSource, UseIndex]]] = {}
    for source, each in uses.items():
        indexes.setdefault(source.file_hash, []).append((source, UseIndex(each)))
    return indexes
