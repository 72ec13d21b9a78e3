"""The container of an output, opened with its streams and encoders, header written.

In: a file name, settings, tags. Out: an `OpenMovie`, which the writer owns and closes. Passive; one thread at a time.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer

from export.codecs import OutputSettings, VideoEncoding
from export.encoders import add_audio, add_video
from export.picture_tracks import EncodedTrack, PictureTrack, Splice, SplicedTrack, splice_ready
from planner.errors import SetupError

DISK_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
"""Numbers of the system's errors that mean that nothing more can be written."""


@dataclass(frozen=True, slots=True)
class OpenMovie:
    """A file that packets can be written to."""

    container: OutputContainer
    pictures: PictureTrack | None
    sound: AudioStream | None


def open_movie(
    file: Path, target: Path, settings: OutputSettings, tags: Mapping[str, str], splice: Splice | None
) -> OpenMovie:
    """Open a file for writing. `target`: the name that errors use for it. Raises SetupError."""
    # SVT-AV1 prints its settings unless told not to.
    os.environ.setdefault("SVT_LOG", "1")
    container = None
    try:
        container = av.open(
            str(file), "w", format=settings.container, container_options=dict(settings.container_options)
        )
        container.metadata.update(tags)
        pictures = _add_pictures(container, settings.video, splice) if settings.video else None
        sound = add_audio(container, settings.audio) if settings.audio else None
        container.start_encoding()
    except (av.FFmpegError, OSError, ValueError) as error:
        _close_quietly(container)
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise SetupError(
                f"there is no space left for {target.name}",
                component="Encoder",
                file=str(target),
                suggestion="free some space, or write to another disk",
            ) from error
        names = " and ".join(s.encoder for s in (settings.video, settings.audio) if s)
        raise SetupError(
            f"{names} can't be written as {settings.container}: {error}",
            component="Encoder",
            file=str(target),
            suggestion="try other settings under export, or another codec",
        ) from error
    except SetupError:
        _close_quietly(container)
        raise
    return OpenMovie(container, pictures, sound)


def _add_pictures(container: OutputContainer, video: VideoEncoding, splice: Splice | None) -> PictureTrack:
    if splice is None:
        return EncodedTrack(add_video(container, video))
    ready = splice_ready(video, splice)
    return SplicedTrack(add_video(container, ready), ready, splice)


def _close_quietly(container: OutputContainer | None) -> None:
    if container is not None:
        with contextlib.suppress(Exception):
            container.close()
