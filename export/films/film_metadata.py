"""What a film carries beside its picture and sound: tags, chapters and tracks of subtitles, chosen for one output.

In: an opened project, the frames that are exported, the container. Out: `FilmMetadata`, and warnings that name what
the container does not keep. Passive; plain functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream

from reelmill.export.films.chapters import set_chapters, takes_chapters
from reelmill.export.films.codecs import OutputSettings
from reelmill.export.films.subtitle_tracks import SubtitleTrack, add_track, choose_tracks, losses, track_packets
from reelmill.export.films.tags import SEGMENTS, TRACK_LANGUAGE, tags_lost
from reelmill.export.films.track_languages import track_language
from reelmill.planner.clock import frame_count
from reelmill.planner.languages import is_language
from reelmill.planner.timeline import Timeline
from reelmill.planner.timelines.markers import Chapter, chapters

if TYPE_CHECKING:
    from reelmill.export.subtitles.project_subtitles import ProjectSubtitles


@dataclass(frozen=True, slots=True)
class FilmMetadata:
    """For one output."""

    tags: Mapping[str, str] = field(default_factory=dict)
    chapters: tuple[Chapter, ...] = ()
    subtitles: tuple[SubtitleTrack, ...] = ()
    duration: Fraction = Fraction(0)
    """Of the output, seconds."""


@dataclass(frozen=True, slots=True)
class ChosenMetadata:
    """What an output carries, and what of the project's it does not."""

    metadata: FilmMetadata
    warnings: tuple[str, ...]


def choose_metadata(
    timeline: Timeline, subtitles: ProjectSubtitles, frames: range, settings: OutputSettings, target: Path
) -> ChosenMetadata:
    """The metadata of an output that shows some frames of the film.

    Raises SetupError for subtitles in a film whose container takes none; sound alone goes without.
    """
    muxer, pictures = settings.container, settings.video
    segmented = pictures is not None and pictures.segment_frames is not None
    kind = SEGMENTS if segmented else muxer
    start = frames.start / timeline.fps
    whole = frames.stop == frame_count(timeline.duration, timeline.fps)
    end = timeline.duration if whole else frames.stop / timeline.fps
    tags = dict(timeline.tags)
    warnings = [
        f'{target.name}: the tag "{name}" is not kept by {target.suffix or muxer}'
        for name in tags_lost(tags, kind, has_tracks=_track_language(tags, muxer) is not None)
    ]
    found = chapters(timeline, frames)
    if found and not takes_chapters(kind):
        warnings.append(f"{target.name}: the chapters of the markers are not kept by {target.suffix or muxer}")
        found = ()
    muxed = [(entry, sheet) for entry, sheet in subtitles if entry.mode == "mux"] if pictures is not None else []
    tracks = choose_tracks(muxed, kind, target, start, end, timeline.fps)
    for track in tracks:
        if lost := losses(track):
            warnings.append(f"{target.name}: {Path(track.entry.path).name} {lost}")
        warnings += (
            f"{target.name}: {name} of {track.entry.place} is not kept by .mov" for name in _lost(track, muxer)
        )
    return ChosenMetadata(FilmMetadata(tags, found, tracks, end - start), tuple(warnings))


def _lost(track: SubtitleTrack, muxer: str) -> list[str]:
    """Keys of an entry that .mov has no place for."""
    language = track.entry.language
    unknown = language is not None and track_language(language, muxer) is None
    return [name for name, lost in (("forced", muxer == "mov" and track.entry.forced), ("language", unknown)) if lost]


def _track_language(tags: Mapping[str, str], muxer: str) -> str | None:
    """What the tracks of picture and sound are given: the language of the tags, where it is a code."""
    language = tags.get(TRACK_LANGUAGE, "")
    return track_language(language, muxer) if is_language(language) else None


def add_metadata(container: OutputContainer, metadata: FilmMetadata, muxer: str) -> list[SubtitleStream]:
    """Tags, chapters and further streams, for a container whose picture and sound are added and that is not started.

    Returns the stream of each track of subtitles.
    """
    language = _track_language(metadata.tags, muxer)
    if language is not None:
        for stream in (*container.streams.video, *container.streams.audio):
            stream.metadata["language"] = language
    container.metadata.update(metadata.tags)
    set_chapters(container, metadata.chapters, muxer, metadata.duration)
    return [add_track(container, track, muxer) for track in metadata.subtitles]


def mux_subtitles(container: OutputContainer, metadata: FilmMetadata, streams: Sequence[SubtitleStream]) -> None:
    """Hand all cues to the muxer of a container that was started; it keeps each until its time comes."""
    for track, stream in zip(metadata.subtitles, streams, strict=True):
        for packet in track_packets(track, stream):
            container.mux(packet)
