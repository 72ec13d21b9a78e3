"""Smart copy: which frames of an export are copied as packets, why the others are not, and how both become one track.

In: an opened project, the output's settings. Out: a `Copying`, from which the session works, and which the plan and
the report tell. Reads the packets of the files that fit, decodes nothing. Passive; the render thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from reelmill.decoders.video.coded_pictures import coded_pictures, read_coded_video
from reelmill.export.films.picture_tracks import CopiedRun, Splice
from reelmill.export.films.video_encoding import VideoEncoding
from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import OpenedProject
from reelmill.export.rendering.pass_through import colour_fits
from reelmill.planner.copying.coded_video import CodedVideo
from reelmill.planner.copying.copy_plan import Stretch, plan_copy
from reelmill.planner.copying.untouched_runs import untouched_runs
from reelmill.planner.media import MediaFacts, Orientation
from reelmill.planner.timeline import Media

COPIED_CODEC = "h264"
_SAME_RATE = Fraction(1, 5000)
"""Encoders round the rates that they write: 29.97 is 30000/1001, and 30 is not."""


@dataclass(frozen=True, slots=True)
class CopyPart:
    """A stretch of the film, as the plan and the report tell it."""

    start: Fraction
    """Seconds of the film."""
    end: Fraction
    first_frame: int
    frames: int
    copied: bool
    media: str | None
    """Whose packets are copied."""
    why: str | None
    """Why the frames are encoded."""

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON, times as floats."""
        return {**asdict(self), "start": float(self.start), "end": float(self.end)}


@dataclass(frozen=True, slots=True, eq=False)
class Copying:
    """The frames of an export, as stretches that are copied or encoded."""

    stretches: tuple[Stretch, ...]
    """In order; they cover all frames that are exported."""
    coded: Mapping[str, CodedVideo]
    """Of each media entry that packets are copied from."""
    opened: OpenedProject
    allow_network: bool
    asked: bool
    """Whether copying was asked for."""

    @property
    def copied(self) -> tuple[Stretch, ...]:
        """The stretches that are copied."""
        return tuple(stretch for stretch in self.stretches if stretch.copied)

    @property
    def splice(self) -> Splice | None:
        """What a writer has to know beforehand; None where nothing is copied."""
        copied = self.copied
        if not copied:
            return None
        sets = dict.fromkeys(self.coded[stretch.media].parameter_sets for stretch in copied if stretch.media)
        delay = max(stretch.delay for stretch in copied)
        return Splice(tuple(sets), delay, encoded=len(copied) < len(self.stretches))

    def run(self, stretch: Stretch) -> CopiedRun:
        """The packets of a stretch that is copied, to be read on any one thread."""
        assert stretch.media is not None
        coded, facts, count = self.coded[stretch.media], self.opened.facts[stretch.media], len(stretch.frames)
        pictures = coded_pictures(facts, coded, stretch.first_packet, count, allow_network=self.allow_network)
        return CopiedRun(pictures, count, coded.parameter_sets)

    @property
    def parts(self) -> tuple[CopyPart, ...]:
        """The stretches for people and scripts."""
        fps = self.opened.timeline.fps
        return tuple(
            CopyPart(
                start=stretch.frames.start / fps,
                end=stretch.frames.stop / fps,
                first_frame=stretch.frames.start,
                frames=len(stretch.frames),
                copied=stretch.copied,
                media=stretch.media,
                why=stretch.why,
            )
            for stretch in self.stretches
        )


def copy_summary(parts: Sequence[CopyPart]) -> str:
    """One line for people."""
    copied = [part for part in parts if part.copied]
    if not copied:
        reasons = encoded_frames(parts)
        others = len(reasons) - 1
        more = f"; {others} more reason{'s' if others > 1 else ''}" if others else ""
        return f"nothing is copied: {next(iter(reasons))}{more}"
    frames, whole = (sum(part.frames for part in each) for each in (copied, parts))
    stretches = "1 stretch" if len(copied) == 1 else f"{len(copied)} stretches"
    return f"{frames} of {whole} frames are copied, in {stretches}"


def encoded_frames(parts: Sequence[CopyPart]) -> dict[str, int]:
    """How many frames are encoded for each reason, most first."""
    found: Counter[str] = Counter()
    for part in parts:
        if part.why is not None:
            found[part.why] += part.frames
    return dict(found.most_common())


def plan_copying(opened: OpenedProject, frames: range, video: VideoEncoding, options: ExportOptions) -> Copying:
    """What of these output frames is copied.

    Raises SetupError where a file can't be read any more, or the timeline can't be planned ahead.
    """
    timeline = opened.timeline
    why = (
        "copying was not asked for"
        if options.copy == "off"
        else _whole_film(video, (timeline.root.width, timeline.root.height), frames)
    )
    if why is not None:
        return Copying((Stretch(frames, None, 0, 0, why),), {}, opened, options.allow_network, options.copy != "off")
    runs = untouched_runs(timeline, opened.facts, opened.drawn_sizes, frames)
    coded: dict[str, CodedVideo] = {}
    misfits: dict[str, str] = {}
    for name in dict.fromkeys(run.media for run in runs if run.media is not None):
        facts = opened.facts[name]
        misfit = _misfit(facts, timeline.media[name], video)
        if misfit is None:
            coded[name] = read_coded_video(facts, allow_network=options.allow_network)
            misfit = _rate_misfit(coded[name], timeline.fps)
        if misfit is not None:
            misfits[name] = misfit
    return Copying(plan_copy(runs, coded, misfits), coded, opened, options.allow_network, asked=True)


def _whole_film(video: VideoEncoding, canvas: tuple[int, int], frames: range) -> str | None:
    """Why nothing at all can be copied."""
    if frames.step > 1:
        return f"the output shows one of {frames.step} frames"
    if video.codec != COPIED_CODEC:
        return f"the output is {video.codec}, and only {COPIED_CODEC} is copied"
    if (video.width, video.height) != canvas:
        return f"the output is scaled to {video.width}×{video.height}"
    return None


def _misfit(facts: MediaFacts, media: Media, video: VideoEncoding) -> str | None:
    """Why a file's packets do not fit an output, as the end of a sentence about the file."""
    found = facts.video
    assert found is not None
    if facts.kind != "video":
        return f"is no video but {'an' if facts.kind == 'animation' else 'a'} {facts.kind}"
    return next(
        (
            why
            for fits, why in (
                (found.codec == video.codec, f"is {found.codec}, and the output is {video.codec}"),
                (
                    (found.width, found.height) == (video.width, video.height),
                    f"has {found.width}×{found.height} pixels, and the output has {video.width}×{video.height}",
                ),
                (not found.size_changes, "changes its picture size on the way"),
                (found.sample_aspect_ratio == 1, "has pixels that are not square"),
                (found.orientation == Orientation(), "is turned for display"),
                (found.pix_fmt == video.pix_fmt.name, f"is {found.pix_fmt}, and the output is {video.pix_fmt.name}"),
                (colour_fits(found.colour, video.pix_fmt, video.colour), "has other colours than the output"),
                (not found.interlaced, "is interlaced"),
                (media.on_error == "fail", 'is used with "on_error": "conceal", and only decoding finds damage'),
            )
            if not fits
        ),
        None,
    )


def _rate_misfit(coded: CodedVideo, fps: Fraction) -> str | None:
    rate = coded.frame_rate
    if rate is None or abs(rate / fps - 1) < _SAME_RATE:
        return None
    return f"is coded for {float(rate):g} frames/s, and the film has {float(fps):g}"
