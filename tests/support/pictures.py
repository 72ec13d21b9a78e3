"""Picture files for tests, and how ffmpeg reads them."""

from __future__ import annotations

import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reelmill.decoders.stills.picture_reader import open_picture_reader, probe_picture
from reelmill.planner.media import MediaFacts
from reelmill.planner.source_frames import Frame
from reelmill.planner.timeline import Media

Pixels = NDArray[np.uint8]


def ffmpeg(*arguments: str | Path) -> bytes:
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def make_picture(path: Path, pix_fmt: str, *options: str, frames: int = 1) -> Path:
    """A picture with colour, edges and noise, and alpha where the format has it, made by ffmpeg."""
    source = (
        f"testsrc2=s=85x62:r=10:d={frames / 10},format=gbrap16,"
        "geq=r='r(X,Y)+X*37':g='g(X,Y)':b='b(X,Y)+Y*53':a='65535-mod(X*900+N*7000,60000)'"
    )
    ffmpeg("-f", "lavfi", "-i", source, "-frames:v", str(frames), "-pix_fmt", pix_fmt, *options, path)
    return path


def decoded_by_ffmpeg(path: Path, pix_fmt: str, count: int, *options: str) -> NDArray[np.uint8]:
    data = ffmpeg(
        *options, "-i", path, "-vsync", "0", "-sws_flags", "accurate_rnd", "-pix_fmt", pix_fmt, "-f", "rawvideo", "-"
    )
    return np.frombuffer(data, np.uint8).reshape(count, -1)


def facts_of(path: Path | str, **options: object) -> tuple[Media, MediaFacts]:
    media = Media("m", str(path), **options)  # type: ignore[arg-type]
    facts = probe_picture(media)
    assert facts is not None
    return media, facts


def bytes_of(frame: Frame) -> NDArray[np.uint8]:
    for plane in frame.planes:
        assert plane.data.readonly
        assert len(plane.data) == plane.stride_bytes * plane.height
    return np.concatenate([np.frombuffer(plane.data, np.uint8) for plane in frame.planes])


def pixels_of(frame: Frame) -> Pixels:
    (plane,) = frame.planes
    return np.frombuffer(plane.data, np.uint8).reshape(frame.height, frame.width, -1)


def read(path: Path, pts: int = 0) -> Frame:
    media, facts = facts_of(path)
    return open_picture_reader(media, facts).frame(pts)


def tiff16(samples: NDArray[np.uint16], photometric: int, extra: int | None, sample_format: int = 1) -> bytes:
    """An uncompressed TIFF of [height, width, components], written after the TIFF 6.0 specification."""
    height, width, components = samples.shape
    data = samples.astype("<u2").tobytes()
    entries = [
        (256, 3, [width]), (257, 3, [height]), (258, 3, [16] * components), (259, 3, [1]), (262, 3, [photometric]),
        (273, 4, [8]), (277, 3, [components]), (278, 3, [height]), (279, 4, [len(data)]),
        *([(338, 3, [extra])] if extra is not None else []), (339, 3, [sample_format] * components),
    ]  # fmt: skip
    after = 8 + len(data)
    directory, more = struct.pack("<H", len(entries)), b""
    more_at = after + 2 + 12 * len(entries) + 4
    for tag, kind, values in entries:
        packed = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            offset, more = more_at + len(more), more + packed
            packed = struct.pack("<I", offset)
        directory += struct.pack("<HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    return b"II*\0" + struct.pack("<I", after) + data + directory + b"\0\0\0\0" + more


def icc_profile(gamma: float, primaries: list[list[float]]) -> bytes:
    """An RGB display profile, written after ICC.1:2001: three primaries (XYZ, D50) and one gamma."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"test profile\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78 + 3),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249),
        **{t: b"XYZ \0\0\0\0" + fixed(*p) for t, p in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        table += tag + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"test", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + table + body


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
