"""Plays timelines through shared decoders in tests: every frame that each plan shows, beside one decoder a clip."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reelmill.decoders.clip_decoders import ClipDecoders
from reelmill.decoders.probe import probe
from reelmill.decoders.shared_pool import PoolLimits, SharedDecoderPool
from reelmill.planner.frame_plan import CompositionPlan, FramePlan, Layer, PictureSource, TransitionLayer
from reelmill.planner.frame_source import FrameSource
from reelmill.planner.media import MediaFacts
from reelmill.planner.process.waiting import Checkpoint, no_checkpoint
from reelmill.planner.scheduling.export_planner import ExportPlanner
from reelmill.planner.source_frames import Frame, FrameRequest
from reelmill.planner.timeline import Media, Timeline, Track
from tests.support.clips import ClipRecipe, frame_number
from tests.support.timelines import media_clip, timeline

MEGABYTE = 10**6
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-b_strategy", "0")
GOP_12 = ClipRecipe("gop_12.mp4", (*X264, "-g", "12", "-sc_threshold", "0"), frames=120)
GOP_250 = ClipRecipe("gop_250.mp4", (*X264, "-g", "250", "-keyint_min", "250", "-sc_threshold", "0"), frames=1500)
PICTURE = (64, 48)


class Film:
    """A timeline over real files, and its planner."""

    def __init__(self, files: Mapping[str, Path], *tracks: object, frames: range | None = None, **more: object) -> None:
        self.media = {name: Media(name, str(path)) for name, path in files.items()}
        self.facts: dict[str, MediaFacts] = {name: probe(media) for name, media in self.media.items()}
        self.timeline: Timeline = timeline(*tracks, media=self.media, **more)  # type: ignore[arg-type]
        count = -(-self.timeline.duration * self.timeline.fps // 1)
        self.frames = frames or range(int(count))

    def planner(self) -> ExportPlanner:
        return ExportPlanner(self.timeline, self.facts, {}, self.frames)

    @contextmanager
    def pool(
        self,
        planner: ExportPlanner,
        *,
        cache: int = 200 * MEGABYTE,
        limit: int = 400 * MEGABYTE,
        cores: int = 2,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> Iterator[SharedDecoderPool]:
        pool = SharedDecoderPool(
            self.facts,
            self.media,
            planner,
            PoolLimits(cache, limit, cores),
            checkpoint=checkpoint,
        )
        try:
            yield pool
        finally:
            pool.close()

    @contextmanager
    def clip_decoders(self) -> Iterator[ClipDecoders]:
        decoders = ClipDecoders(self.facts, self.media)
        try:
            yield decoders
        finally:
            decoders.close()

    def least_decoded(self, planner: ExportPlanner) -> int:
        """Frames from the keyframe before each shown frame to that frame, each once, of all files."""
        spans: dict[str, set[int]] = {}
        for number in self.frames:
            for request in requests(planner.plan(number)):
                table = self.facts[request.media].video.table  # type: ignore[union-attr]
                assert table is not None
                keyframe = table.keyframes[max(bisect_right(table.keyframes, request.pts) - 1, 0)]
                first = table.index_of(keyframe)
                spans.setdefault(request.file_hash, set()).update(range(first, table.index_of(request.pts) + 1))
        return sum(len(span) for span in spans.values())


def requests(plan: FramePlan) -> list[FrameRequest]:
    """What a plan shows, bottom to top, deepest last."""
    return list(_walk(plan.picture))


def shown(source: FrameSource, plan: FramePlan) -> list[Frame]:
    """Go on to an output frame and fetch all that it shows."""
    source.begin(plan)
    return [source.frame(request) for request in requests(plan)]


def samples(frame: Frame) -> list[bytes]:
    """The samples of each plane, without padding."""
    rows = []
    for plane in frame.planes:
        size = plane.width * frame.format.bytes_per_sample * max(len(frame.format.components), 1)
        data = bytes(plane.data)
        rows.append(b"".join(data[y * plane.stride_bytes :][:size] for y in range(plane.height)))
    return rows


def compare(film: Film, **settings: Any) -> SharedDecoderPool:
    """Play a film through both systems; every frame must be the same. Returns the pool, closed."""
    planner = film.planner()
    with film.pool(planner, **settings) as pool, film.clip_decoders() as decoders:
        for number in film.frames:
            plan = planner.plan(number)
            ours, theirs = shown(pool, plan), shown(decoders, plan)
            for request, one, other in zip(requests(plan), ours, theirs, strict=True):
                assert one.pts == other.pts == request.pts
                assert (one.format, one.colour, one.orientation) == (other.format, other.colour, other.orientation)
                assert samples(one) == samples(other), (number, request)
    return pool


def layer(name: str, media: str, start: str, duration: str, in_point: str = "0", **more: object) -> Track:
    """A track with one clip that hides nothing."""
    return Track(name, (media_clip(name, media, start, duration, in_point, blend="screen", **more),))


def film(path: Path, *tracks: Track) -> Film:
    return Film({"a": path}, *tracks, fps=25, size=PICTURE)


def play(single: Film, **settings: Any) -> tuple[list[int], SharedDecoderPool]:
    """Numbers of the frames shown, until something fails; the pool is closed in every case."""
    planner = single.planner()
    numbers: list[int] = []
    with single.pool(planner, **settings) as pool:
        for number in single.frames:
            numbers += [frame_number(frame) for frame in shown(pool, planner.plan(number))]
    return numbers, pool


def wait_until(condition: Callable[[], bool]) -> bool:
    limit = time.monotonic() + 20
    while not condition() and time.monotonic() < limit:
        time.sleep(0.005)
    return condition()


def _walk(picture: CompositionPlan) -> Iterator[FrameRequest]:
    for layer in picture.layers:
        pair: tuple[Layer | None, ...] = (layer.before, layer.after) if isinstance(layer, TransitionLayer) else (layer,)
        for each in pair:
            if each is None:
                continue
            if isinstance(each.source, PictureSource):
                yield each.source.request
            elif isinstance(each.source, CompositionPlan):
                yield from _walk(each.source)
