"""HLS as the target of a film: a playlist, and beside it a folder with its segments; complete, or not there at all.

`film.m3u8` names files in `film-1a2b3c4d/`. The digits are a digest of the name and the segments, so that a new film
never writes into the folder of an old one: first the new folder is put in place, then the playlist, in one step, and
then the folder that the old playlist named is removed. Passive; `destination` is for the muxer's thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
import shutil
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

from reelmill.export.films.segment_files import HEADER_NAME, Segment, SegmentFiles
from reelmill.export.films.video_encoding import VideoEncoding
from reelmill.export.outputs.made_folders import MadeFolders
from reelmill.export.outputs.output_target import Written
from reelmill.export.outputs.part_folder import PartFolder
from reelmill.export.outputs.target_checks import check_new_file, check_still_new, not_in_place, refused, sync
from reelmill.planner.process.regular_files import open_for_reading, read_whole

_DIGITS = 8
_PLACED = "placed"
_NAMES: Any = {"encoding": "utf-8", "errors": "surrogateescape"}
"""How texts that hold names of files are written: the bytes of the name, whether they are UTF-8 or not."""
"""In the temporary folder: the folders that are beside the playlist while a new one takes the place of an old one."""


class PlaylistOutput:
    """Implements `OutputTarget`."""

    def __init__(self, target: Path, video: VideoEncoding, *, force: bool) -> None:
        """Raises SetupError where the playlist exists (without `force`), is a folder, or can't be written."""
        self._target, self._force, self._fps = target, force, video.fps
        # ffmpeg takes URIs of local files literally: nothing may need to be escaped.
        self._name = re.sub(r"[^A-Za-z0-9._-]", "_", target.stem)
        self._folders = MadeFolders()
        self._open = False
        check_new_file(target, force=force)
        try:
            self._folders.make(target.parent)
            self._part = PartFolder(target, self._clear)
            self._media = self._part.path / "media"
            self._media.mkdir()
        except OSError as error:
            self._folders.remove()
            raise refused(
                target, f"can't be written: {error.strerror}", "name a file in a folder that you may write to"
            ) from error
        self._segments = SegmentFiles(self._media, video)
        self._written: Path | None = None
        self._open = True

    def __enter__(self) -> PlaylistOutput:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    @property
    def destination(self) -> SegmentFiles:
        return self._segments

    def cancel(self) -> None:
        self._segments.cancel()

    def commit(self) -> None:
        """Put the segments in place, then the playlist. Raises RenderError."""
        try:
            names = [HEADER_NAME, *(segment.name for segment in self._segments.segments)]
            folder = self._target.with_name(f"{self._name}-{self._digest(names)}")
            playlist = self._part.path / self._target.name
            playlist.write_text(playlist_text(folder.name, self._segments.segments, self._fps), **_NAMES)
            sync(playlist)
            check_still_new(self._target, force=self._force)
            old = self._shown_folder()
            # Told to the next run, should this one be killed from here on.
            placed = "\n".join(each.name for each in (folder, old) if each is not None)
            (self._part.path / _PLACED).write_text(placed, **_NAMES)
            if not _holds(folder, self._media, names):
                if folder.exists():
                    folder.rename(self._part.path / "incomplete")
                self._media.rename(folder)
            playlist.replace(self._target)
        except OSError as error:
            raise not_in_place(self._target, error) from error
        self._written = folder
        self._open = False
        self._clear(self._part.path)
        self._part.remove()

    def discard(self) -> None:
        """Remove what was written, if it was not committed. A second call does nothing."""
        if self._open:
            self._open = False
            self._part.remove()
            self._folders.remove()

    def written(self) -> Written:
        """The bytes of all files, and the digest of the playlist, which holds that of the others."""
        assert self._written is not None
        playlist = read_whole(self._target)
        size = sum(file.stat().st_size for file in self._written.iterdir())
        return Written(len(playlist) + size, hashlib.sha256(playlist).hexdigest())

    def _digest(self, names: list[str]) -> str:
        """Of the segments, which are made safe on the disk."""
        digest = hashlib.sha256(os.fsencode(self._target.name))
        for name in names:
            sync(self._media / name)
            with open_for_reading(self._media / name) as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()[:_DIGITS]

    def _shown_folder(self) -> Path | None:
        """The folder that the playlist under the target's name refers to, if it is one of ours."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            found = re.search(rf'URI="({self._pattern})/{HEADER_NAME}"', read_whole(self._target).decode(**_NAMES))
            if found is not None:
                return self._target.with_name(found[1])
        return None

    def _clear(self, part: Path) -> None:
        """Remove the folders that a run was to put in place, or to replace, and that the playlist does not show."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            for name in read_whole(part / _PLACED).decode(**_NAMES).splitlines():
                folder = self._target.with_name(name)
                if re.fullmatch(self._pattern, name) and folder != self._shown_folder():
                    shutil.rmtree(folder, ignore_errors=True)

    @property
    def _pattern(self) -> str:
        """Names of folders for this target."""
        return rf"{re.escape(self._name)}-[0-9a-f]{{{_DIGITS}}}"


def playlist_text(folder: str, segments: list[Segment], fps: Fraction) -> str:
    """A media playlist of a film that is complete: RFC 8216, 4.3. `folder`: of the files, beside it."""
    longest = max(segment.frames for segment in segments) / fps
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(math.floor(longest + Fraction(1, 2)), 1)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{folder}/{HEADER_NAME}"',
    ]
    for segment in segments:
        lines += [f"#EXTINF:{float(segment.frames / fps):.6f},", f"{folder}/{segment.name}"]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def _holds(folder: Path, media: Path, names: list[str]) -> bool:
    """Whether a folder of that digest is there, with all its files."""
    return all(
        (folder / name).is_file() and (folder / name).stat().st_size == (media / name).stat().st_size for name in names
    )
