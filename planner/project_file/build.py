"""From the checked project file to the timeline: defaults that depend on other fields, ids, contents.

In: models (planner.document) without a problem. Out: frozen data (planner.timeline).
"""

from __future__ import annotations

from fractions import Fraction

from reelmill.planner import outputs
from reelmill.planner import timeline as result
from reelmill.planner.animation import LINEAR
from reelmill.planner.checks import CheckSettings
from reelmill.planner.clock import Time
from reelmill.planner.document import export_model, project_model
from reelmill.planner.document.metadata_model import CueLookModel, SubtitlesModel
from reelmill.planner.document.text_model import OutlineModel, ShadowModel, TextModel
from reelmill.planner.effect import Effect
from reelmill.planner.effects.effect_model import EffectModel
from reelmill.planner.fields.places import FieldContext
from reelmill.planner.json_path import Location, json_path
from reelmill.planner.number_pattern import is_sequence
from reelmill.planner.project_file.rules import clip_id, track_id

_PLAIN_TRANSFORM = result.Transform()
_PLAIN_CROP = result.Crop()
_PLAIN_AUDIO = result.ClipAudio()
_PLAIN_TRACK_AUDIO = result.TrackAudio()


def build_timeline(project: project_model.ProjectModel, reading: FieldContext) -> result.Timeline:
    """The timeline of a project; what depends on the media stays open."""
    canvas = project.canvas
    root = result.Composition(
        id=None,
        width=canvas.width,
        height=canvas.height,
        tracks=_tracks(project.tracks, (), canvas.height),
        background=canvas.background,
        duration=canvas.duration,
    )
    video, audio = project.export.video, project.export.audio
    return result.Timeline(
        name=project.name,
        fps=canvas.fps,
        root=root,
        compositions={name: _composition(name, c, canvas) for name, c in project.compositions.items()},
        media={name: _media(name, entry, canvas.fps) for name, entry in project.media.items()},
        sample_rate=project.audio.sample_rate,
        channels=project.audio.channels,
        master=_master(project.audio),
        tags=tuple(project.tags.items()),
        markers=_markers(project),
        subtitles=tuple(_subtitles(entry, index) for index, entry in enumerate(project.subtitles)),
        video=_video_settings(video),
        audio=_audio_settings(audio),
        outputs=tuple(_output(entry, index) for index, entry in enumerate(project.outputs)),
        checks=CheckSettings(project.checks.frames, project.checks.tolerance) if project.checks else CheckSettings(),
        project_dir=str(reading.base_dir),
    )


def _markers(project: project_model.ProjectModel) -> tuple[result.Marker, ...]:
    markers = (
        result.Marker(marker.name, marker.time, marker.end, json_path(("markers", index)))
        for index, marker in enumerate(project.markers)
    )
    return tuple(sorted(markers, key=lambda marker: marker.time))


def _subtitles(given: SubtitlesModel, index: int) -> result.Subtitles:
    return result.Subtitles(
        path=given.path,
        mode=given.mode,
        language=given.language,
        title=given.title,
        default=given.default,
        forced=given.forced,
        offset=given.offset,
        fonts=given.font,
        look=_look(given.style) if given.style else result.CueLook(),
        place=json_path(("subtitles", index)),
    )


def _look(given: CueLookModel) -> result.CueLook:
    return result.CueLook(
        size=given.size,
        color=given.color,
        outline=_outline(given.outline) if given.outline else None,
        shadow=_shadow(given.shadow) if given.shadow else None,
        margin=given.margin,
        align=given.align,
    )


def _composition(
    name: str, given: project_model.CompositionModel, canvas: project_model.CanvasModel
) -> result.Composition:
    return result.Composition(
        id=name,
        width=given.width or canvas.width,
        height=given.height or canvas.height,
        tracks=_tracks(given.tracks, ("compositions", name), given.height or canvas.height),
        background=given.background,
        duration=given.duration,
        effects=_effects(given.effects),
    )


def _effects(given: list[EffectModel]) -> tuple[Effect, ...]:
    return tuple(each.build() for each in given)


def _video_settings(given: export_model.VideoSettingsModel) -> outputs.VideoSettings:
    return outputs.VideoSettings(
        given.codec, given.preset, given.crf, given.bitrate, given.pix_fmt, given.gop, given.profile
    )


def _audio_settings(given: export_model.AudioSettingsModel) -> outputs.AudioSettings:
    return outputs.AudioSettings(given.codec, given.bitrate)


def _output(given: export_model.OutputModel, index: int) -> outputs.Output:
    animation, pictures = given.animation, given.pictures
    return outputs.Output(
        path=given.path,
        kind=given.kind,
        size=given.size,
        fps_divisor=given.fps_divisor,
        range=None if given.range is None else (Time(given.range[0]), Time(given.range[1])),
        video=_video_settings(given.video),
        audio=_audio_settings(given.audio),
        no_audio=given.no_audio,
        no_subtitles=given.no_subtitles,
        alpha=given.alpha,
        container=given.container,
        fragmented=given.fragmented,
        animation=outputs.AnimationSettings(
            animation.palette, animation.colors, animation.dither, animation.loop, animation.quality
        ),
        pictures=outputs.PictureSettings(
            quality=pictures.quality,
            depth=pictures.depth,
            start_number=pictures.start_number,
            at=None if pictures.at is None else Time(pictures.at),
            columns=pictures.columns,
            rows=pictures.rows,
        ),
        place=json_path(("outputs", index)),
    )


def _master(given: project_model.SoundModel) -> result.MasterAudio:
    true_peak = given.true_peak
    if true_peak is None and given.loudness is not None:
        true_peak = result.DEFAULT_TRUE_PEAK
    return result.MasterAudio(given.gain_db or result.ZERO, given.filters, given.loudness, true_peak)


def _media(name: str, given: project_model.MediaModel, fps: Fraction) -> result.Media:
    return result.Media(
        name=name,
        path=given.path,
        video_stream=given.video_stream,
        audio_stream=given.audio_stream,
        on_error=given.on_error,
        deinterlace=given.deinterlace,
        fps=given.fps or (fps if is_sequence(given.path) else None),
        start_number=given.start_number,
    )


def _tracks(given: list[project_model.TrackModel], location: Location, height: int) -> tuple[result.Track, ...]:
    """`height`: of the canvas, pixels."""
    return tuple(_track(track, index, location, height) for index, track in enumerate(given))


def _track(given: project_model.TrackModel, index: int, location: Location, height: int) -> result.Track:
    name = track_id(index, given.id)
    path = json_path((*location, "tracks", index))
    return result.Track(
        id=name,
        clips=tuple(
            _clip(clip, clip_id(name, number, clip.id), number, f"{path}.clips[{number}]", height)
            for number, clip in enumerate(given.clips)
        ),
        kind=given.kind,
        enabled=given.enabled,
        opacity=given.opacity or result.ONE,
        effects=_effects(given.effects),
        audio=_track_audio(given.audio) if given.audio else _PLAIN_TRACK_AUDIO,
        path=path,
    )


def _clip(given: project_model.ClipModel, name: str, index: int, path: str, height: int) -> result.Clip:
    content = _content(given, height)
    return result.Clip(
        id=name,
        content=content,
        start=given.start or Fraction(0),
        follows=given.start is None and index > 0,
        duration=given.duration,
        in_point=given.in_point,
        speed=given.speed,
        fit=given.fit or ("contain" if isinstance(content, result.MediaContent) else "none"),
        crop=_crop(given.crop) if given.crop else _PLAIN_CROP,
        transform=_transform(given.transform) if given.transform else _PLAIN_TRANSFORM,
        blend=given.blend,
        audio=_audio(given.audio) if given.audio else _PLAIN_AUDIO,
        transition=_transition(given.transition) if given.transition else None,
        effects=_effects(given.effects),
        after_end=given.after_end,
        enabled=given.enabled,
        path=path,
    )


def _content(given: project_model.ClipModel, height: int) -> result.Content:
    if given.media is not None:
        return result.MediaContent(given.media)
    if given.composition is not None:
        return result.CompositionContent(given.composition)
    if given.text is not None:
        return _text(given.text, height)
    if given.solid is not None:
        return result.Solid(given.solid)
    assert given.shape is not None
    return _shape(given.shape)


def _text(given: TextModel, height: int) -> result.Text:
    return result.Text(
        content=given.content,
        size=given.size or height / 10,
        color=given.color,
        fonts=given.font,
        align=given.align,
        box_width=given.box_width,
        line_height=given.line_height,
        outline=_outline(given.outline) if given.outline else None,
        shadow=_shadow(given.shadow) if given.shadow else None,
        direction=given.direction,
    )


def _outline(given: OutlineModel) -> result.Outline:
    return result.Outline(given.width, given.color, given.shape)


def _shadow(given: ShadowModel) -> result.Shadow:
    return result.Shadow(given.offset, given.blur, given.color)


def _shape(given: project_model.ShapeModel) -> result.Shape:
    return result.Shape(
        type=given.type,
        size=given.size,
        fill=given.fill,
        stroke=result.Stroke(given.stroke.width, given.stroke.color) if given.stroke else None,
        radius=given.radius,
        points=given.points,
    )


def _crop(given: project_model.CropModel) -> result.Crop:
    return result.Crop(
        given.left or result.ZERO, given.top or result.ZERO, given.right or result.ZERO, given.bottom or result.ZERO
    )


def _transform(given: project_model.TransformModel) -> result.Transform:
    return result.Transform(
        position=given.position,
        scale=given.scale or _PLAIN_TRANSFORM.scale,
        rotation=given.rotation or _PLAIN_TRANSFORM.rotation,
        anchor=given.anchor or _PLAIN_TRANSFORM.anchor,
        opacity=given.opacity or _PLAIN_TRANSFORM.opacity,
    )


def _audio(given: project_model.ClipAudioModel) -> result.ClipAudio:
    fade_in, fade_out = given.fade_in, given.fade_out
    return result.ClipAudio(
        gain_db=given.gain_db or result.ZERO,
        pan=given.pan or result.ZERO,
        fade_in=fade_in.duration if fade_in else Fraction(0),
        fade_out=fade_out.duration if fade_out else Fraction(0),
        mute=given.mute,
        fade_in_curve=fade_in.curve if fade_in else "linear",
        fade_out_curve=fade_out.curve if fade_out else "linear",
        pitch=given.pitch,
        filters=given.filters,
        duck=_duck(given.duck) if given.duck else None,
    )


def _track_audio(given: project_model.TrackAudioModel) -> result.TrackAudio:
    return result.TrackAudio(
        gain_db=given.gain_db or result.ZERO,
        pan=given.pan or result.ZERO,
        mute=given.mute,
        solo=given.solo,
        filters=given.filters,
        duck=_duck(given.duck) if given.duck else None,
    )


def _duck(given: project_model.DuckModel) -> result.Duck:
    return result.Duck(given.by, given.amount_db, given.threshold_db, given.attack, given.release)


def _transition(given: project_model.TransitionModel) -> result.Transition:
    return result.Transition(given.type, given.direction, given.color, given.easing or LINEAR)
