"""Holds reelmill's decoding of a mutated film against ffmpeg's.

Where both decode a file without an error, the pictures must be the same. Where they are not, a plain sequential decode
with the libav that reelmill uses decides: the ffmpeg program may be of another version, which takes damage otherwise.
"""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import av

from reelmill.decoders.files.container import video_streams
from reelmill.decoders.frames.normalise import normalise
from reelmill.decoders.probe import probe
from reelmill.decoders.video.video_reader import open_video_reader
from reelmill.planner.colour import VIDEO
from reelmill.planner.errors import ExportError
from reelmill.planner.media import MediaFacts, Orientation
from reelmill.planner.source_frames import DecodeStatistics, Frame
from reelmill.planner.timeline import Media

MAX_FRAMES = 60
MAX_PIXELS = 1 << 20
FFMPEG_SECONDS = 60


@dataclass
class Comparison:
    """What came of it."""

    difference: str | None = None
    notes: list[str] = field(default_factory=list)


def compare(path: Path, order: list[int]) -> Comparison:
    """Decode a film forwards, and its frames again in an `order` (of indices, modulo the number of frames)."""
    media = Media("m", str(path), deinterlace="off")
    try:
        facts = probe(media)
        if facts.kind != "video" or facts.video is None or facts.video.width * facts.video.height > MAX_PIXELS:
            return Comparison()
        ours, again = _decoded(media, facts, order)
    except ExportError:
        return Comparison(notes=["decode: refused"])
    result = Comparison()
    if any(ours[index] != digest for index, digest in again.items()):
        result.difference = f"a frame differs when it is sought: {[i for i, d in again.items() if ours[i] != d]}"
        return result
    theirs, errors = _ffmpeg(path, facts.video.codec, facts.video.pix_fmt)
    if ours == theirs[: len(ours)] and (len(ours) == MAX_FRAMES or len(theirs) == len(ours)):
        result.notes.append("decode: equal" + (", though ffmpeg names errors" if errors else ""))
    elif errors:
        result.notes.append("decode: differs, and ffmpeg names errors")
    elif ours == _plain(path, facts)[: len(ours)]:
        result.notes.append("decode: as libav decodes, not as the ffmpeg program")
    else:
        result.difference = f"decoded pictures differ from ffmpeg's: {_told(ours, theirs)}"
    return result


def _told(ours: list[str], theirs: list[str]) -> str:
    return f"{len(ours)} frames, {len(theirs)} of ffmpeg: {[theirs.index(o) if o in theirs else None for o in ours]}"


def _decoded(media: Media, facts: MediaFacts, order: list[int]) -> tuple[list[str], dict[int, str]]:
    """Digests of the frames in order, and of some of them once more. Raises ExportError."""
    assert facts.video is not None
    assert facts.video.table is not None
    shown = facts.video.table.pts[:MAX_FRAMES]
    ours, again = [], {}
    for target in ("forwards", "anywhere"):
        reader = open_video_reader(media, facts, DecodeStatistics())
        try:
            if target == "forwards":
                ours = [_digest(reader.frame(pts)) for pts in shown]
            else:
                for each in order:
                    again[each % len(shown)] = _digest(reader.frame(shown[each % len(shown)]))
        finally:
            reader.close()
    return ours, again


def _digest(frame: Frame) -> str:
    """Of the samples of all planes, without padding, as rawvideo has them."""
    digest = hashlib.md5(usedforsecurity=False)
    for plane in frame.planes:
        size = plane.width * frame.format.bytes_per_sample * max(1, len(frame.format.components))
        data = bytes(plane.data)
        for row in range(plane.height):
            digest.update(data[row * plane.stride_bytes :][:size])
    return digest.hexdigest()


def _ffmpeg(path: Path, codec: str, pix_fmt: str) -> tuple[list[str], bool]:
    """Digests of ffmpeg's frames, and whether it named an error. VP8 is decoded by libvpx there as it is here."""
    decoder = ["-c:v", "libvpx"] if codec == "vp8" else []
    command = ["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-noautorotate", *decoder, "-i", str(path)]
    command += ["-map", "0:v:0", "-fps_mode", "passthrough", "-frames:v", str(MAX_FRAMES + 1)]
    command += ["-pix_fmt", pix_fmt, "-f", "framemd5", "-"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=FFMPEG_SECONDS)
    except subprocess.TimeoutExpired:
        return [], True
    lines = [line for line in done.stdout.decode().splitlines() if line and not line.startswith("#")]
    return [line.rpartition(",")[2].strip() for line in lines], done.returncode != 0 or bool(done.stderr.strip())


def _plain(path: Path, facts: MediaFacts) -> list[str]:
    """Digests of the frames that libav decodes on one thread from the beginning to the end."""
    assert facts.video is not None
    digests = []
    with av.open(str(path)) as container:
        stream = video_streams(container)[facts.video.stream]
        stream.codec_context.thread_count = 1
        try:
            for frame in container.decode(stream):
                if (
                    facts.video.table is not None
                    and (frame.pts or 0) < facts.video.table.pts[0]
                    and facts.video.table.timed
                ):
                    continue
                digests.append(_digest(normalise(frame, 0, VIDEO, Orientation())))
        except av.FFmpegError:
            pass
    return digests
