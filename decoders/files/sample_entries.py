"""Names of codecs that libav does not know, as mp4 and mov files tell them.

In: a file and the number of a track. Out: the four characters of its sample entry (ISO/IEC 14496-12), such as `apac`.
PyAV says nothing of a stream without a decoder. Passive; thread-safe.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from reelmill.planner.process.regular_files import open_for_reading

_MAX_INDEX_BYTES = 2**26
_MAX_BOXES = 100_000
"""At the top of a file. A live recording of a day has 86,400 fragments of one second; its index stands before them."""


def sample_entry(path: str, track: int) -> str | None:
    """The name of a track's codec; None where the file does not tell."""
    try:
        with open_for_reading(path) as file:
            index = _index(file)
    except OSError:
        return None
    for kind, box in _boxes(index):
        if kind == b"trak" and _track_id(box) == track:
            name = _descend(box, b"mdia", b"minf", b"stbl", b"stsd")[12:16].decode("latin-1")
            return name if len(name) == 4 and name.isprintable() else None
    return None


def _index(file: BinaryIO) -> bytes:
    """What the file's `moov` box holds; nothing where there is none."""
    at = 0
    for _ in range(_MAX_BOXES):
        if len(header := file.read(16)) < 8:
            break
        size, kind = struct.unpack(">I4s", header[:8])
        start = 8
        if size == 1 and len(header) == 16:
            (size,) = struct.unpack(">Q", header[8:])
            start = 16
        if kind == b"moov" and start <= size <= _MAX_INDEX_BYTES:
            file.seek(at + start)
            return file.read(size - start)
        if size < start:
            return b""
        at += size
        file.seek(at)
    return b""


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            return
        yield kind, data[at + 8 : at + size]
        at += size


def _descend(data: bytes, *kinds: bytes) -> bytes:
    """What the first box of each kind holds, one inside of the other; nothing where one is missing."""
    for kind in kinds:
        data = next((box for name, box in _boxes(data) if name == kind), b"")
    return data


def _track_id(track: bytes) -> int | None:
    header = _descend(track, b"tkhd")
    at = 20 if header[:1] == b"\1" else 12
    return int.from_bytes(header[at : at + 4], "big") if len(header) >= at + 4 else None
