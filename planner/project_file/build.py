"""From the checked project file to the timeline: ids, paths, and defaults that depend on other fields.

In: models (planner.document) without a problem. Out: frozen data (planner.timeline). Fields of equal names are copied
by `ObjectModel.build`; only what differs is stated here.
"""

from __future__ import annotations

from fractions import Fraction

from reelmill.planner.checks import CheckSettings
from reelmill.planner.clock import Time
from reelmill.planner.document.export_model import OutputModel, PictureSettingsModel
from reelmill.planner.document.metadata_model import SubtitlesModel
from reelmill.planner.document.project_model import (
    CanvasModel,
    ClipAudioModel,
    ClipModel,
    CompositionModel,
    MediaModel,
    ProjectModel,
    SoundModel,
    TrackModel,
)
from reelmill.planner.fields.places import FILL, FieldContext
from reelmill.planner.json_path import Location, json_path
from reelmill.planner.number_pattern import is_sequence
from reelmill.planner.outputs import AudioSettings, Output, PictureSettings, VideoSettings
from reelmill.planner.project_file.rules import clip_id, track_id
from reelmill.planner.timeline import (
    DEFAULT_TRUE_PEAK,
    Clip,
    ClipAudio,
    Composition,
    Marker,
    MasterAudio,
    Media,
    Subtitles,
    Timeline,
    Track,
)


def build_timeline(project: ProjectModel, context: FieldContext) -> Timeline:
    """The timeline of a project; what depends on the media stays open."""
    canvas = project.canvas
    compositions = project.compositions.items()
    markers = (marker.build(Marker, path=json_path(("markers", i))) for i, marker in enumerate(project.markers))
    return project.build(
        Timeline,
        fps=canvas.fps,
        root=canvas.build(Composition, id=None, tracks=_tracks(project.tracks, (), canvas.height)),
        compositions={name: _composition(name, composition, canvas) for name, composition in compositions},
        media={name: _media(name, entry, canvas.fps) for name, entry in project.media.items()},
        sample_rate=project.audio.sample_rate,
        channels=project.audio.channels,
        master=_master(project.audio),
        tags=tuple(project.tags.items()),
        markers=tuple(sorted(markers, key=lambda marker: marker.time)),
        subtitles=tuple(_subtitles(entry, index) for index, entry in enumerate(project.subtitles)),
        video=project.export.video.build(VideoSettings),
        audio=project.export.audio.build(AudioSettings),
        outputs=tuple(_output(entry, index) for index, entry in enumerate(project.outputs)),
        checks=project.checks.build(CheckSettings) if project.checks else CheckSettings(),
        project_dir=str(context.base_dir),
    )


def _subtitles(given: SubtitlesModel, index: int) -> Subtitles:
    return given.build(Subtitles, place=json_path(("subtitles", index)))


def _composition(name: str, given: CompositionModel, canvas: CanvasModel) -> Composition:
    width, height = given.width or canvas.width, given.height or canvas.height
    tracks = _tracks(given.tracks, ("compositions", name), height)
    return given.build(Composition, id=name, width=width, height=height, tracks=tracks)


def _output(given: OutputModel, index: int) -> Output:
    return given.build(
        Output,
        range=None if given.range is None else (Time(given.range[0]), Time(given.range[1])),
        pictures=_pictures(given.pictures),
        place=json_path(("outputs", index)),
    )


def _pictures(given: PictureSettingsModel) -> PictureSettings:
    return given.build(PictureSettings, at=None if given.at is None else Time(given.at))


def _master(given: SoundModel) -> MasterAudio:
    true_peak = given.true_peak
    if true_peak is None and given.loudness is not None:
        true_peak = DEFAULT_TRUE_PEAK
    return given.build(MasterAudio, true_peak=true_peak)


def _media(name: str, given: MediaModel, fps: Fraction) -> Media:
    return given.build(Media, name=name, fps=given.fps or (fps if is_sequence(given.path) else None))


def _tracks(given: list[TrackModel], location: Location, height: int) -> tuple[Track, ...]:
    """`height`: of the canvas, pixels."""
    return tuple(_track(track, index, location, height) for index, track in enumerate(given))


def _track(given: TrackModel, index: int, location: Location, height: int) -> Track:
    name = track_id(index, given.id)
    path = json_path((*location, "tracks", index))
    clips = (
        _clip(clip, clip_id(name, number, clip.id), number, f"{path}.clips[{number}]", height)
        for number, clip in enumerate(given.clips)
    )
    return given.build(Track, id=name, clips=tuple(clips), path=path)


def _clip(given: ClipModel, name: str, index: int, path: str, height: int) -> Clip:
    content = given.content(height)
    return given.build(
        Clip,
        id=name,
        content=content,
        start=given.start or Fraction(0),
        follows=given.start is None and index > 0,
        duration=None if given.duration == FILL else given.duration,
        fills=given.duration == FILL,
        fit=given.fit or content.default_fit,
        audio=_audio(given.audio) if given.audio else ClipAudio(),
        path=path,
    )


def _audio(given: ClipAudioModel) -> ClipAudio:
    faded: dict[str, object] = {}
    for name, fade in (("fade_in", given.fade_in), ("fade_out", given.fade_out)):
        if fade is not None:
            faded |= {name: fade.duration, f"{name}_curve": fade.curve}
    return given.build(ClipAudio, **faded)
