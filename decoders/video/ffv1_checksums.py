"""Whether the slices of an FFV1 frame are whole: libav hides those that are not behind the frame before.

In: a packet's bytes, of version 3 or newer, which is the first with slices. Out: whether they are all there, each with
the checksum that stands behind it (RFC 9043, 4.9). Without checksums only their sizes tell. Passive; plain functions.
"""

from __future__ import annotations

import zlib

_SIZE, _CHECKSUM = 3, 5
"""Bytes at the end of a slice: its size; a byte of status and a checksum, if it has these."""
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_ONES = 0xFFFFFFFF
_STARTS = (0, 0x9E02315E)
"""What the checksum begins with, the bits reversed: the second one from version 4 on."""


def slices_are_whole(packet: memoryview) -> bool:
    """Whether the slices of a packet add up to it, and none contradicts its checksum."""
    if _slices(packet, _SIZE) is not None:
        return True
    found = _slices(packet, _SIZE + _CHECKSUM)
    return found is not None and all(_is_whole(part) for part in found)


def _slices(packet: memoryview, trailer: int) -> list[memoryview] | None:
    """The slices of a packet, found from its end; None where their sizes don't add up to it."""
    found = []
    end = len(packet)
    while end > 0:
        start = end - trailer
        if start < 0:
            return None
        start -= int.from_bytes(packet[start : start + _SIZE], "big")
        if start < 0:
            return None
        found.append(packet[start:end])
        end = start
    return found


def _is_whole(part: memoryview) -> bool:
    """The checksum is a CRC-32 that takes the highest bit first; zlib's takes the lowest."""
    reversed_ = bytes(part).translate(_REVERSED)
    return any(zlib.crc32(reversed_, start ^ _ONES) ^ _ONES == start for start in _STARTS)
