"""The container of an output, opened with its streams and encoders, header written.

In: a file or what takes its bytes, settings, metadata. Out: an `OpenMovie`, which the writer owns and closes. Passive;
one thread at a time.
"""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer

from reelmill.decoders.files.container import file_url
from reelmill.export.films.codecs import OutputSettings
from reelmill.export.films.encoders import add_audio, add_video
from reelmill.export.films.film_metadata import FilmMetadata, add_metadata, mux_subtitles
from reelmill.export.films.picture_tracks import EncodedTrack, PictureTrack, Splice, SplicedTrack, splice_ready
from reelmill.export.films.video_encoding import VideoEncoding
from reelmill.export.outputs.output_target import ByteSink
from reelmill.planner.errors import ExportError, SetupError

DISK_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
"""Numbers of the system's errors that mean that nothing more can be written."""


@dataclass(frozen=True, slots=True)
class OpenMovie:
    """What packets can be written to. To be closed, or abandoned."""

    destination: Path | ByteSink
    container: OutputContainer
    pictures: PictureTrack | None
    sound: AudioStream | None

    def close(self) -> None:
        """Write the index and close the file. Raises what the muxer raises; what is not written then is lost."""
        self.container.close()

    def abandon(self) -> None:
        """Close what will not be complete. Without its file, or with a sink that takes nothing, that writes no index.

        mp4 would move all of the file to make room for it. Raises nothing.
        """
        with contextlib.suppress(OSError):
            if isinstance(self.destination, Path):
                self.destination.unlink(missing_ok=True)
            else:
                self.destination.cancel()
        _close_quietly(self.container)


def open_movie(
    destination: Path | ByteSink,
    target: Path,
    settings: OutputSettings,
    metadata: FilmMetadata,
    splice: Splice | None,
) -> OpenMovie:
    """Open a container for writing. `target`: the name that errors use for it. Raises SetupError."""
    # SVT-AV1 prints its settings unless told not to.
    os.environ.setdefault("SVT_LOG", "1")
    container = None
    try:
        container = av.open(
            file_url(destination) if isinstance(destination, Path) else destination,
            "w",
            format=settings.container,
            container_options=dict(settings.container_options),
        )
        pictures = _add_pictures(container, settings.video, splice) if settings.video else None
        sound = add_audio(container, settings.audio) if settings.audio else None
        subtitles = add_metadata(container, metadata, settings.container)
        container.start_encoding()
        mux_subtitles(container, metadata, subtitles)
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
    except ExportError:
        _close_quietly(container)
        raise
    return OpenMovie(destination, container, pictures, sound)


def _add_pictures(container: OutputContainer, video: VideoEncoding, splice: Splice | None) -> PictureTrack:
    if splice is None:
        return EncodedTrack(add_video(container, video))
    ready = splice_ready(video, splice)
    return SplicedTrack(add_video(container, ready, global_header=True), ready, splice)


def _close_quietly(container: OutputContainer | None) -> None:
    if container is not None:
        with contextlib.suppress(Exception):
            container.close()
