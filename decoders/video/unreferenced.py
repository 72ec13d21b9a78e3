"""Which coded pictures no other one is predicted from: on the way to a frame they need not be decoded.

In: a codec and its extradata. Out: a function of a packet's bytes. Passive; plain functions.
"""

from __future__ import annotations

from collections.abc import Callable

from reelmill.decoders.video.h264_headers import (
    SEQUENCE,
    HeaderError,
    nal_type,
    parameter_sets,
    read_sequence,
    unit_places,
)

IsUnreferenced = Callable[[memoryview], bool]

_H264_SLICES = range(1, 6)
"""Types of NAL units that hold a picture's samples (ITU-T H.264, table 7-1)."""
_HEVC_SLICES = range(32)
_HEVC_REFERENCES = 16
"""Below it, types with even numbers are of pictures that no other of their temporal layer refers to (ITU-T H.265,
table 7-1)."""


def unreferenced_pictures(codec: str, extradata: bytes | None) -> IsUnreferenced | None:
    """Tells whether a packet holds a picture that nothing refers to; None where packets don't tell.

    They do in H.264 of whole frames (a field of a frame that is referred to may itself not be), and in HEVC with one
    temporal layer, if lengths stand before its units, as in mp4 and Matroska.
    """
    try:
        match codec:
            case "h264":
                length_bytes, sets = parameter_sets(extradata or b"")
                headers = [read_sequence(unit) for unit in sets if nal_type(unit) == SEQUENCE]
                if headers and all(header.progressive for header in headers):
                    return lambda packet: _all(packet, length_bytes, _h264_unreferenced)
            case "hevc":
                length_bytes = _hevc_length_bytes(extradata or b"")
                if length_bytes is not None:
                    return lambda packet: _all(packet, length_bytes, _hevc_unreferenced)
    except HeaderError:
        pass
    return None


def _all(packet: memoryview, length_bytes: int | None, is_unreferenced: Callable[[int], bool | None]) -> bool:
    """Whether a packet holds slices, and all of them are of pictures that nothing refers to."""
    try:
        found = {is_unreferenced(packet[start]) for start in unit_places(packet, length_bytes)} - {None}
    except HeaderError:
        return False
    return found == {True}


def _h264_unreferenced(header: int) -> bool | None:
    """Of a NAL unit's first byte; None for what is no slice. nal_ref_idc is 0 (7.4.1)."""
    return not header >> 5 & 3 if header & 31 in _H264_SLICES else None


def _hevc_unreferenced(header: int) -> bool | None:
    kind = header >> 1 & 63
    return kind < _HEVC_REFERENCES and kind % 2 == 0 if kind in _HEVC_SLICES else None


def _hevc_length_bytes(extradata: bytes) -> int | None:
    """Of a decoder configuration record that tells of one temporal layer (ISO/IEC 14496-15, 8.3.3.1)."""
    if len(extradata) < 23 or extradata[0] != 1:
        return None
    layers, length = extradata[21] >> 3 & 7, (extradata[21] & 3) + 1
    return length if layers == 1 else None
