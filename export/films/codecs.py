"""The settings of a film or a sound file: container, pictures and sound chosen together, or refused, before rendering.

In: the output's path, the canvas, what the user asked for. Out: `OutputSettings`. Pure, but for a look at the
processor and at the encoders that this build of libav has.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from reelmill.export.films.audio_encoding import AUDIO_ALIASES, AudioEncoding, choose_audio
from reelmill.export.films.containers import CONTAINERS, Options, container_of, muxer_options, refuse
from reelmill.export.films.video_encoding import VIDEO_ALIASES, VideoEncoding, choose_video
from reelmill.planner.outputs import Alpha, AudioSettings, VideoSettings
from reelmill.planner.timeline import Timeline

_ALIASES = VIDEO_ALIASES | AUDIO_ALIASES


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """A file to be written, or a playlist with its segments."""

    container: str
    """libav's name of the muxer."""
    container_options: Options
    video: VideoEncoding | None
    audio: AudioEncoding | None


def natural_output(video: VideoSettings, audio: AudioSettings) -> Path:
    """A film that the settings of a project are meant for: the first container that takes its codecs."""
    for suffix, container in CONTAINERS.items():
        path = Path(f"film{suffix}")
        if all(
            asked is None or any(same_codec(path, asked, fitting) for fitting in codecs)
            for asked, codecs in ((video.codec, container.video), (audio.codec, container.audio))
        ):
            return path
    return Path("film.mp4")


def settings_of_project(timeline: Timeline, *, has_sound: bool, video: VideoSettings | None = None) -> OutputSettings:
    """The settings of the film that a project describes, where no output is named.

    `video`: other settings than the project's. Raises SetupError for what can't work.
    """
    pictures = video or timeline.video
    sound = timeline.audio if has_sound else AudioSettings()
    return choose_output(
        natural_output(pictures, timeline.audio),
        width=timeline.root.width,
        height=timeline.root.height,
        fps=timeline.fps,
        sample_rate=timeline.sample_rate,
        channels=timeline.channels,
        has_sound=has_sound,
        video=pictures,
        audio=sound,
    )


def choose_output(
    path: Path,
    *,
    width: int,
    height: int,
    fps: Fraction,
    sample_rate: int,
    channels: int,
    has_sound: bool,
    video: VideoSettings,
    audio: AudioSettings,
    threads: int | None = None,
    alpha: Alpha = "flatten",
    named: str | None = None,
    fragmented: bool = False,
) -> OutputSettings:
    """The settings of an output: what was asked for, the container's defaults for the rest.

    `path`: `-` is standard output. `named`, `fragmented`: `container` and `fragmented` of the `Output`. Raises
    SetupError for what can't work, with what can.
    """
    container = container_of(path, named)
    options = muxer_options(container, path, fragmented=fragmented)
    pictures = None
    if container.video:
        pictures = choose_video(
            container, width=width, height=height, fps=fps, asked=video, alpha=alpha, threads=threads
        )
    elif not has_sound:
        refuse(f"{path.name}: the timeline has no sound to write", "name a film, such as out.mp4")
    sound = None
    if has_sound or audio != AudioSettings():
        # What was asked for is checked also where the timeline has no sound.
        sound = choose_audio(path.name, container, sample_rate, channels, audio)
    return OutputSettings(container.muxer, options, pictures, sound if has_sound else None)


def same_codec(path: Path, one: str | None, other: str | None, named: str | None = None) -> bool:
    """Whether two names mean one codec in an output of that name; None is the container's default."""
    container = container_of(path, named)

    def resolved(name: str | None) -> str | None:
        return None if name is None else _ALIASES.get(name.lower(), name.lower())

    defaults = {container.video[0] if container.video else None, container.audio[0]}
    one, other = resolved(one), resolved(other)
    return one == other or (None in (one, other) and (one or other) in defaults)
