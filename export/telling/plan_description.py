"""What an export would do, as plain data for tables, pages and scripts: `reelmill plan`.

In: an opened project and the options of an export. Out: a PlanDescription. Nothing is decoded. Passive; pure but
for the opened project's files, which are not touched again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

from reelmill.decoders.shared.file_worker import MAX_PLACES
from reelmill.decoders.shared_pool import frames_by_use
from reelmill.export.decoding_system import choose_decoding
from reelmill.export.films.codecs import natural_output, settings_of_project
from reelmill.export.films.copying import CopyPart, plan_copying
from reelmill.export.opening.film_range import frames_asked
from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import OpenedProject, choose_system, open_project, planner_for
from reelmill.export.outputs.output_costs import estimate_export
from reelmill.export.outputs.output_plan import PlannedOutput, plan_outputs
from reelmill.planner.frame_set import FrameSet
from reelmill.planner.media import MediaFacts
from reelmill.planner.outputs import Output, OutputKind
from reelmill.planner.scheduling.clip_uses import ClipUse, clip_uses, decode_sources
from reelmill.planner.scheduling.export_planner import decoded_picture_bytes
from reelmill.planner.scheduling.schedule import UsagePattern
from reelmill.planner.timeline import Clip, Composition, Timeline, Track
from reelmill.planner.timelines.walk import reachable_clips, reachable_compositions

Span = tuple[Fraction, Fraction]
"""Start and end, seconds."""
MAX_READINGS = 20_000
"""Compositions in compositions can show a clip a hundred thousand times; so long a list tells nobody anything."""


@dataclass(frozen=True, slots=True)
class ClipBox:
    """A clip on the time axis of the composition that it lies in."""

    id: str
    kind: str
    """The key that gives its content in the project file."""
    label: str
    """What it shows: a media name, a composition, the text, a colour, a figure."""
    start: Fraction
    end: Fraction
    speed: Fraction
    file: str | None
    """Hash of the file that it shows or sounds."""
    composition: str | None


@dataclass(frozen=True, slots=True)
class TrackBox:
    """An enabled track, and its enabled clips."""

    id: str
    kind: Literal["video", "audio"]
    clips: tuple[ClipBox, ...]


@dataclass(frozen=True, slots=True)
class CompositionBox:
    """The root (`id` None), or a composition that it reaches."""

    id: str | None
    width: int
    height: int
    duration: Fraction
    tracks: tuple[TrackBox, ...]
    """Bottom to top."""


@dataclass(frozen=True, slots=True)
class FileReading:
    """A clip reads a stretch of its file while a stretch of the film goes by. Times are seconds."""

    clip: str
    """Ids from the root's clip down, joined by `/`."""
    start: Fraction
    end: Fraction
    """Of the film."""
    source_start: Fraction
    """Of the source: where the first frame shown begins."""
    source_end: Fraction
    """Where the last one begins: before `source_start` where the clip plays backwards."""
    repeats: bool
    """The stretch of the source is read over and over, from its lower to its higher time."""


@dataclass(frozen=True, slots=True)
class FileUse:
    """What an export needs of one file."""

    file_hash: str
    media: tuple[str, ...]
    """Names in the project; several where they are one file."""
    path: str
    """From the project's folder where it lies in or near it."""
    kind: str
    clips: int
    """That show it, instances in nested compositions counted apart; of sound alone, those that sound it."""
    ranges: tuple[Span, ...]
    """Of the source that are shown, those close to each other as one; none for stills."""
    frames: int
    """Distinct source frames that are shown; 0 for sound alone."""
    least_decoded: int
    """Frames from the keyframe before each of these to it: no decoder can put out less."""
    output_frames: int
    """Frames of the film that show it."""
    heavy: bool
    """More than a fifth of the film's frames show it."""
    positions: int
    """Places of the file, far from each other, that one frame of the film needs, at most."""
    cursors: int
    """Decoders that read its pictures at the same time, at most."""
    cache_share: float
    """Of the cache's budget that its frames fill, at most: 0…1."""
    readings: tuple[FileReading, ...]
    """In the order of the film."""

    @property
    def on_screen(self) -> tuple[Span, ...]:
        """When the film shows it: the times of the readings, those that touch as one."""
        spans: list[Span] = []
        for reading in self.readings:
            if spans and reading.start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(spans[-1][1], reading.end))
            else:
                spans.append((reading.start, reading.end))
        return tuple(spans)


@dataclass(frozen=True, slots=True)
class OutputBox:
    """One of the outputs that the project lists."""

    path: str
    """From the project's folder where it lies in or near it."""
    kind: OutputKind
    start: Fraction
    end: Fraction
    """Of what it shows, seconds of the film."""
    frames: int
    """Of its own; of a sheet, those that its pictures are chosen from; 0 for sound alone."""
    fps: Fraction
    width: int | None
    height: int | None
    """Pixels; None for sound alone."""
    video_codec: str | None
    """libav's name of the encoder."""
    audio_codec: str | None


@dataclass(frozen=True, slots=True)
class PlanDescription:
    """An export that has not been made."""

    project: str
    name: str | None
    system: str
    system_reason: str
    hwaccel: str
    """The kind of device that decodes videos, or `none`."""
    hwaccel_reason: str | None
    """None where nothing was asked for."""
    width: int
    height: int
    fps: Fraction
    start: Fraction
    """Of what is exported, seconds of the film."""
    end: Fraction
    frames: int
    estimated_seconds: float
    """Of the export on this machine."""
    estimated_cpu_seconds: float
    """Of all its cores together."""
    cache_bytes: int
    """The budget for decoded frames."""
    files: tuple[FileUse, ...]
    """In the order of first use; sound alone last."""
    root: CompositionBox
    nested: tuple[CompositionBox, ...]
    """Every composition that the root reaches, each once."""
    outputs: tuple[OutputBox, ...]
    """Those that the project lists; none where it lists none."""
    copying: tuple[CopyPart, ...] | None
    """The stretches that are copied or encoded, of the first film that the project lists, or of one with the project's
    own settings; None where copying was not asked for."""
    complete: bool
    """False where there are so many readings that only the first ones were listed."""
    warnings: tuple[str, ...]

    @property
    def clips(self) -> int:
        """Clips of the root and of each composition."""
        return sum(len(track.clips) for box in (self.root, *self.nested) for track in box.tracks)

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON: the fields by their names, times in seconds as floats, the rate as "N/D"."""
        plan = _plain(self)
        for file, described in zip(self.files, plan["files"], strict=True):
            described["on_screen"] = _plain(file.on_screen)
        for output, described in zip(self.outputs, plan["outputs"], strict=True):
            described["fps"] = str(output.fps)
        return {**plan, "fps": str(self.fps), "clips": self.clips}


def describe_plan(project: Path, options: ExportOptions) -> PlanDescription:
    """Open a project and tell what an export with these options would do.

    Raises ProjectError or SetupError, as that export would before its first frame.
    """
    opened = open_project(project, options)
    timeline = opened.timeline
    frames = frames_asked(timeline, options.range)
    system, reason = choose_system(opened, options)
    written = plan_outputs(opened, _written(timeline), options)
    outputs = written.outputs if timeline.outputs else ()
    copying = None if options.copy == "off" else _copy_parts(opened, frames, outputs, options)
    planner = planner_for(opened, _drawn(outputs, frames), options)
    schedule, estimate = planner.schedule, estimate_export(planner, written, shared=system == "v2")
    share_made = float(_share_made(copying))
    uses = clip_uses(timeline, decode_sources(timeline.media, opened.facts), frames)
    hardware = choose_decoding(opened, schedule, options)
    readings = _readings(uses[:MAX_READINGS], timeline.fps)
    shares = _cache_shares(schedule.file_usage, opened.facts, options) if system == "v2" else {}
    files = [
        _file_use(usage, opened, system, readings.get(file_hash, ()), shares.get(file_hash, 0.0))
        for file_hash, usage in schedule.file_usage.items()
    ]
    root, *nested = (_composition_box(composition, opened.facts) for composition in reachable_compositions(timeline))
    return PlanDescription(
        project=str(project),
        name=timeline.name,
        system=system,
        system_reason=reason,
        hwaccel=hardware.name,
        hwaccel_reason=hardware.reason,
        width=timeline.root.width,
        height=timeline.root.height,
        fps=timeline.fps,
        start=frames.start / timeline.fps,
        end=frames.stop / timeline.fps,
        frames=len(frames),
        estimated_seconds=estimate.seconds() * share_made,
        estimated_cpu_seconds=estimate.cpu_seconds() * share_made,
        cache_bytes=options.cache_bytes,
        files=(*files, *_sound_alone(opened, schedule.file_usage)),
        root=root,
        nested=tuple(nested),
        outputs=tuple(_output_box(each, opened) for each in outputs),
        copying=copying,
        complete=len(uses) <= MAX_READINGS,
        warnings=opened.warnings,
    )


def _written(timeline: Timeline) -> tuple[Output, ...]:
    """What the project lists; where it lists nothing, a film with its settings."""
    return () if timeline.outputs else (Output(str(natural_output(timeline.video, timeline.audio))),)


def _drawn(outputs: Sequence[PlannedOutput], frames: range) -> FrameSet:
    """The frames that are drawn: those of the outputs that show a film, else all that may be chosen from."""
    shown = [each.shown.frames for each in outputs if each.kind in ("film", "hls", "animation", "pictures")]
    return FrameSet.of(shown or [frames])


def _output_box(planned: PlannedOutput, opened: OpenedProject) -> OutputBox:
    video = planned.settings.video if planned.settings is not None else None
    audio = planned.settings.audio if planned.settings is not None else None
    fps = opened.timeline.fps
    return OutputBox(
        path=_near(planned.output.path, opened),
        kind=planned.kind,
        start=planned.part.start / fps,
        end=planned.part.stop / fps,
        frames=planned.frames,
        fps=planned.shown.fps,
        width=planned.size[0] if planned.has_pictures else None,
        height=planned.size[1] if planned.has_pictures else None,
        video_codec=video.encoder if video is not None else None,
        audio_codec=audio.encoder if audio is not None else None,
    )


def _copy_parts(
    opened: OpenedProject, frames: range, outputs: Sequence[PlannedOutput], options: ExportOptions
) -> tuple[CopyPart, ...]:
    for planned in outputs:
        if planned.copying is not None:
            return planned.copying.parts
    video = settings_of_project(opened.timeline, has_sound=False).video
    assert video is not None
    return plan_copying(opened, frames, video, options).parts


def _share_made(parts: tuple[CopyPart, ...] | None) -> Fraction:
    """Of the film's frames, those that are made and not copied."""
    if parts is None:
        return Fraction(1)
    return Fraction(sum(part.frames for part in parts if not part.copied), sum(part.frames for part in parts))


def _readings(uses: Iterable[ClipUse], fps: Fraction) -> dict[str, tuple[FileReading, ...]]:
    """By file hash, in the order of the film."""
    found: dict[str, list[FileReading]] = {}
    for use in uses:
        frames, table = use.frames, use.source.video.table
        first, last = (use.index_at(frames[0]), use.index_at(frames[-1])) if not use.loops else use.index_range()
        passes = use.loops and first != last
        source = [Fraction(0) if table is None else table.source_time(table.pts[index]) for index in (first, last)]
        clip = "/".join(use.instance)
        reading = FileReading(clip, frames.start / fps, frames.stop / fps, source[0], source[1], passes)
        found.setdefault(use.source.file_hash, []).append(reading)
    return {file_hash: tuple(of_file) for file_hash, of_file in found.items()}


def _file_use(
    usage: UsagePattern, opened: OpenedProject, system: str, readings: tuple[FileReading, ...], cache_share: float
) -> FileUse:
    facts = opened.facts[usage.media[0]]
    return FileUse(
        file_hash=usage.file_hash,
        media=usage.media,
        path=_path(facts, opened),
        kind=facts.kind,
        clips=len(usage.clip_ids),
        ranges=usage.time_ranges,
        frames=usage.total_frames,
        least_decoded=usage.least_decoded,
        output_frames=usage.output_frames,
        heavy=usage.heavy,
        positions=usage.positions,
        cursors=min(usage.positions, MAX_PLACES) if system == "v2" else _most_at_once(readings),
        cache_share=cache_share,
        readings=readings,
    )


def _cache_shares(
    usages: Mapping[str, UsagePattern], facts: Mapping[str, MediaFacts], options: ExportOptions
) -> dict[str, float]:
    """Of the cache's budget, what the frames of each file fill at most; less where all together would pass it."""
    sizes: dict[str, int] = {}
    for file_hash, usage in usages.items():
        video = facts[usage.media[0]].video
        if video is not None and video.table is not None:
            kept = min(usage.total_frames, frames_by_use(usage, video) * usage.positions)
            sizes[file_hash] = kept * decoded_picture_bytes(video)
    whole = max(options.cache_bytes, sum(sizes.values()))
    return {file_hash: size / whole for file_hash, size in sizes.items()}


def _most_at_once(readings: Iterable[FileReading]) -> int:
    """V1 has a decoder for each clip that is on screen."""
    changes = Counter[Fraction]()
    for reading in readings:
        changes[reading.start] += 1
        changes[reading.end] -= 1
    return max(accumulate(changes[time] for time in sorted(changes)), default=0)


def _sound_alone(opened: OpenedProject, shown: Mapping[str, UsagePattern]) -> Iterator[FileUse]:
    """The files of which nothing is seen."""
    sounding = Counter(
        opened.facts[media].file_hash
        for _, _, clip in reachable_clips(opened.timeline)
        if (media := clip.content.media_shown) is not None
    )
    for file_hash, clips in sounding.items():
        if file_hash in shown:
            continue
        entries = [facts for facts in opened.facts.values() if facts.file_hash == file_hash]
        yield FileUse(
            file_hash=file_hash,
            media=tuple(sorted(facts.media for facts in entries)),
            path=_path(entries[0], opened),
            kind=entries[0].kind,
            clips=clips,
            ranges=(),
            frames=0,
            least_decoded=0,
            output_frames=0,
            heavy=False,
            positions=0,
            cursors=0,
            cache_share=0.0,
            readings=(),
        )


def _path(facts: MediaFacts, opened: OpenedProject) -> str:
    """As short as it can be told: from the project's folder where the file lies in it."""
    return _near(facts.path, opened)


def _near(name: str, opened: OpenedProject) -> str:
    path, folder = Path(name), Path(opened.timeline.project_dir)
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _composition_box(composition: Composition, facts: Mapping[str, MediaFacts]) -> CompositionBox:
    assert composition.duration is not None
    return CompositionBox(
        id=composition.id,
        width=composition.width,
        height=composition.height,
        duration=composition.duration,
        tracks=tuple(_track_box(track, facts) for track in composition.tracks if track.enabled),
    )


def _track_box(track: Track, facts: Mapping[str, MediaFacts]) -> TrackBox:
    return TrackBox(track.id, track.kind, tuple(_clip_box(clip, facts) for clip in track.clips if clip.enabled))


def _clip_box(clip: Clip, facts: Mapping[str, MediaFacts]) -> ClipBox:
    content = clip.content
    found = None if content.media_shown is None else facts.get(content.media_shown)
    return ClipBox(
        id=clip.id,
        kind=content.kind,
        label=content.label,
        start=clip.start,
        end=clip.end,
        speed=clip.speed,
        file=None if found is None else found.file_hash,
        composition=content.composition_shown,
    )


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return float(value) if isinstance(value, Fraction) else value
