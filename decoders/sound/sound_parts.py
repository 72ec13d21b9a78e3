"""Where files of sound that were joined end to end begin: chained Ogg, MP3 with tags or headers, FLAC.

In: a file. Out: the bytes of each part, where there are several. Radio recordings are chained Ogg; libav reads on in
the next part as long as nothing changes, and fails where something does. Each part is opened as a file of its own, so
that it may have a form, an encoder's delay and a padding of its own. Passive; thread-safe.
"""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterator
from typing import BinaryIO

from reelmill.planner.process.regular_files import open_for_reading

Part = tuple[int, int]
"""First byte and end."""
MAX_PARTS = 1000
"""More can only be there to keep a reader busy: opening one takes a millisecond or more."""

_PAGE_HEAD_BYTES = 27
_BEGINS = 0x02
_MPEG_FRAME = rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][\x10-\xef]"
"""The head of an MPEG audio frame of layer 1 to 3."""
_MP3_TAG = re.compile(rb"ID3[\x02-\x04][^\xff][\x00\x10\x20\x30\x40-\xf0][\x00-\x7f]{4}", re.DOTALL)
_MP3_INFO = re.compile(_MPEG_FRAME + rb"[\s\S](?:\0{9}|\0{17}|\0{32})(?:Xing|Info)\0\0\0[\x00-\x0f]")
"""The frame without sound that an encoder writes first (behind 9 to 32 bytes of side information)."""
_TAG_HEAD_BYTES = 10
_FLAC = re.compile(rb"fLaC[\x00\x80]\0\0\x22")


def sound_parts(path: str, demuxer: str) -> tuple[Part, ...]:
    """The parts of a file that libav reads with a demuxer; none where it is one, or has more than MAX_PARTS."""
    with open_for_reading(path) as opened:
        size = os.fstat(opened.fileno()).st_size
        if demuxer == "ogg":
            begins = list(_ogg_chain(opened))
        elif demuxer in ("mp3", "flac") and size:
            with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
                begins = list(_mp3_parts(data) if demuxer == "mp3" else _flac_parts(data))
        else:
            return ()
    if not 2 <= len(begins) <= MAX_PARTS:
        return ()
    begins[0] = 0
    return tuple(zip(begins, [*begins[1:], size], strict=True))


def _ogg_chain(file: BinaryIO) -> Iterator[int]:
    """Where the links of a chain begin (RFC 3533); nothing if one of them holds several streams."""
    at, links, begun = 0, [], False
    while len(head := file.read(_PAGE_HEAD_BYTES)) == _PAGE_HEAD_BYTES:
        if head[:4] != b"OggS":
            break
        sizes = file.read(head[26])
        if head[5] & _BEGINS:
            if begun:
                return
            links.append(at)
        begun = bool(head[5] & _BEGINS)
        at += _PAGE_HEAD_BYTES + len(sizes) + sum(sizes)
        file.seek(at)
    yield from links


def _mp3_parts(data: mmap.mmap) -> Iterator[int]:
    """Where tags (ID3v2) and headers without sound (Xing, Info) are; a header behind a tag belongs to its part."""
    yield 0
    found = sorted({match.start(): match for kind in (_MP3_TAG, _MP3_INFO) for match in kind.finditer(data)}.items())
    behind = -1
    for at, match in found:
        if match.re is _MP3_TAG:
            behind, starts = _behind_tag(data, at), at != 0
            if starts and re.match(_MPEG_FRAME, data[behind : behind + 3]):
                yield at
        elif at not in (0, behind):
            yield at


def _behind_tag(data: mmap.mmap, at: int) -> int:
    size = 0
    for byte in data[at + 6 : at + _TAG_HEAD_BYTES]:
        size = size << 7 | byte
    return at + _TAG_HEAD_BYTES + size


def _flac_parts(data: mmap.mmap) -> Iterator[int]:
    for match in _FLAC.finditer(data):
        yield match.start()
