"""The one door through which media files are opened.

In: a path. Out: an open libav container, which the caller closes. Only local files are opened, and only files that
hold their media themselves: a playlist names other files, which may lie anywhere. Passive; thread-safe.
"""

from __future__ import annotations

import functools
import os
import re
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.format import formats_available
from av.stream import Disposition
from av.video.stream import VideoStream

from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.process.regular_files import open_for_reading

LOCAL_PROTOCOLS = "file"
"""What libav may open, also from inside a file."""
NETWORK_PROTOCOLS = "http,https,httpproxy,tcp,tls,udp,rtp,rtmp,rtmpt,rtmps,crypto,data"
"""What an address may open with `--allow-network`: a playlist on a server names no files here."""
_PART_PROTOCOL = "subfile"

OPEN_SECONDS = 15
"""With `--allow-network`, a server that has not let the file be opened within this time has stalled."""
READ_SECONDS = 30
"""The same for each packet."""

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://")
_PLAYLISTS = frozenset(
    {"concat", "dash", "hls", "image2", "image2pipe", "imf", "lavfi", "rtp", "rtsp", "sap", "sdp", "vobsub"}
    | {"webm_dash_manifest"}
)
"""Demuxers that read other files than the one they are given, or none."""
_TEXT_ART = frozenset({"adf", "bin", "idf", "tty", "xbin"})
"""Demuxers that draw any text file as a film."""
_HEAD_BYTES = 1024
_PLAYLIST_HEADS = (
    (re.compile(rb"(?:\xef\xbb\xbf?\s*)?#EXTM3U"), "an HLS playlist"),
    (re.compile(rb"\s*ffconcat\s+version"), "an ffconcat list"),
    # Atomic: a comment that is no part of a manifest must not be tried in every other way.
    (re.compile(rb"\s*+(?:<\?xml[^>]*+>)?+\s*+(?>(?><!--.*?-->)\s*+)*+<MPD[\s>]", re.DOTALL), "a DASH manifest"),
    (re.compile(rb"v=0\r?\n"), "an SDP session description"),
    (re.compile(rb"\s*\[playlist\]", re.IGNORECASE), "a PLS playlist"),
    (re.compile(rb"\s*<asx[\s>]", re.IGNORECASE), "an ASX playlist"),
)
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
"""Bytes that text does not hold. Escape (1b) is none of them: terminals' colours begin with it."""
_TEXT_HEADERS = (b"YUV4MPEG2 ", b"#!AMR", b"#define ")
"""Of media that are text (XBM), or whose samples may happen to look like it."""
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*+<(?:!doctype html|html|head|!--)", re.IGNORECASE)
_CUES = re.compile(rb"(?:\xef\xbb\xbf)?\s*+(?:WEBVTT|\[Script Info\]|(?:\d++\s++)?\d\d?:\d\d:\d\d[,.]\d{3}\s*+-->)")
_DRIVE = re.compile(r"(?:^|/)[A-Za-z]:[\\/]")
_MOST_NAMES = 1000
"""Files of a folder among which the one that was meant is looked for."""
_COMMENTS = rb"\s*+(?>(?><!--.*?-->)\s*+)*+"
_SVG = (
    rb"(?:\xef\xbb\xbf)?\s*+(?:<\?xml[^>]*+>)?+",
    rb"(?:<!DOCTYPE[^>\[]*+(?:\[[^\]]*+\]\s*+)?>)?+",
    rb"<svg[\s>]",
)
_DRAWING_HEADS = (
    (re.compile(_COMMENTS.join(_SVG), re.DOTALL), "an SVG drawing"),
    (re.compile(rb"%PDF-"), "a PDF document"),
)


def open_container(
    path: str,
    *,
    part: tuple[int, int] | None = None,
    allow_network: bool = False,
    component: str = "Media",
    failure: type[SetupError] | type[RenderError] = SetupError,
) -> InputContainer:
    """Open a media file for reading, or a part of it: from its first byte to its end.

    Raises `failure` with the file, what is wrong and what to do: a network address, a missing file, a folder, an
    empty file, a playlist, or bytes that no demuxer knows.
    """
    problem = _address_problem(path) if not allow_network else None
    remote = allow_network and is_address(path)
    if problem is None and not remote:
        problem = _file_problem(path)
    if problem is None and not remote:
        problem = _drawing_problem(path)
    if problem is None and not allow_network:
        problem = _playlist_problem(path)
    if problem is None and not remote:
        problem = _text_problem(path)
    if problem is not None:
        message, suggestion = problem
        raise failure(message, component=component, file=path, suggestion=suggestion)
    protocols = [LOCAL_PROTOCOLS] * (not remote) + [NETWORK_PROTOCOLS] * allow_network
    protocols += [_PART_PROTOCOL] * (part is not None)
    options = {"protocol_whitelist": ",".join(protocols)}
    if not allow_network:
        options["format_whitelist"] = _self_contained_formats()
    try:
        timeout = (OPEN_SECONDS, READ_SECONDS) if allow_network else None
        address = path if remote else file_url(path)
        if part is not None:
            address = f"{_PART_PROTOCOL},,start,{part[0]},end,{part[1]},,:{address}"
        return av.open(address, container_options=options, metadata_errors="replace", timeout=timeout)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise failure(
            f"the file can't be read as media: {reason(error)}",
            component=component,
            file=path,
            suggestion="check that the file is complete and plays in a player; `ffprobe FILE` shows what it is",
        ) from error


def is_address(path: str) -> bool:
    """Whether a path is the address of something that is not a file here."""
    match = _ADDRESS.match(path)
    return match is not None and match["scheme"].lower() != "file" and not Path(path).exists()


def file_url(path: Path | str) -> str:
    """The name by which libav opens a file, whatever is in it: in `a:b.mp4` alone, `a` would be a protocol."""
    return f"file:{path}"


def reason(error: BaseException) -> str:
    """What a foreign error says, without its numbers and file names."""
    if isinstance(error, av.ExitError):
        return "the server did not answer in time"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text)


def _address_problem(path: str) -> tuple[str, str] | None:
    if not is_address(path):
        return None
    return (
        f'"{path}" is a network address; media are local files',
        "download the file and name its path, or pass --allow-network",
    )


def _file_problem(path: str) -> tuple[str, str] | None:
    file = Path(path)
    try:
        if file.is_dir():
            return "the path is a folder, not a media file", "name a file in it"
        if not file.exists():
            if file.is_symlink():
                return "the path is a link to a file that does not exist", "correct the link, or the path"
            return "the file does not exist", _meant_path(file)
        if not file.is_file():
            return "the path is a device or a pipe, not a file", "copy what it gives into a file, and name that"
        if file.stat().st_size == 0:
            return "the file is empty (0 bytes)", "copy or export the file again"
        with open_for_reading(path):
            return None
    except (OSError, ValueError) as error:
        return f"the file can't be read: {reason(error)}", "check the path and its permissions"


def _meant_path(file: Path) -> str:
    """The hint for a path that leads nowhere."""
    name = str(file)
    if "~" in file.parts:
        return "write the folder itself: ~ stands for your home folder in shells only"
    if os.name != "nt" and (_DRIVE.search(name) or "\\" in name):
        return "this is a path of Windows; write folders with /, as they are called here"
    try:
        names = [each.name for each in islice(file.parent.iterdir(), _MOST_NAMES)]
    except OSError:
        return f"the folder {file.parent} does not exist; paths are relative to the project file"
    near = {each.casefold(): each for each in names}
    found = get_close_matches(file.name.casefold(), near, 1, 0.75)
    if found:
        return f'did you mean "{file.parent / near[found[0]]}"?'
    return "correct the path; paths are relative to the project file"


def _drawing_problem(path: str) -> tuple[str, str] | None:
    head = _head(path)
    for pattern, kind in _DRAWING_HEADS:
        if pattern.match(head):
            return (
                f"the file is {kind}, which is not supported",
                "save it as a PNG picture of the size at which it is shown, and name that",
            )
    return None


def _head(path: str) -> bytes:
    with open_for_reading(path) as file:
        return file.read(_HEAD_BYTES)


def _playlist_problem(path: str) -> tuple[str, str] | None:
    head = _head(path)
    for pattern, kind in _PLAYLIST_HEADS:
        if pattern.match(head):
            return (
                f"the file is {kind}, which names other files; media are files that hold their media themselves",
                "name the media file itself, or join the parts into one file first",
            )
    return None


def _text_problem(path: str) -> tuple[str, str] | None:
    """libav takes long texts for sound in formats without a header, such as AMR."""
    head = _head(path)
    if _NO_TEXT.search(head) or head.startswith(_TEXT_HEADERS):
        return None
    if _PAGE.match(head):
        return "the file is a web page, not a media file", "download the media file itself: open the page in a browser"
    if _CUES.match(head):
        return "the file holds subtitles, neither picture nor sound", 'list it under "subtitles" of the project'
    return "the file is text, not a media file", "name the media file itself"


@functools.cache
def _self_contained_formats() -> str:
    """libav's `format_whitelist`: every demuxer but those that open other files, or take any text for a film."""
    allowed = (name for name in formats_available if not (set(name.split(",")) & (_PLAYLISTS | _TEXT_ART)))
    return ",".join(sorted(allowed))


_COVER = Disposition.attached_pic | Disposition.timed_thumbnails


def video_streams(container: InputContainer) -> list[VideoStream]:
    """The video streams that `video_stream` counts: attached pictures are none of them."""
    return [stream for stream in container.streams.video if not stream.disposition & _COVER]
