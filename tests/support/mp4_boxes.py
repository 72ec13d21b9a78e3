"""A plain reader of the boxes of mp4 files: ISO/IEC 14496-12, 4.2."""

from __future__ import annotations


def boxes(data: bytes) -> list[str]:
    """Names of the outermost boxes."""
    found, position = [], 0
    while position + 8 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        found.append(data[position + 4 : position + 8].decode("latin-1"))
        if size == 1:
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        position += size
    return found
