"""The headers of H.264: NAL units, and what copying needs to know of sequence and picture parameter sets.

In: bytes of packets and of extradata. Out: NAL units and `SequenceHeader`s. Clause numbers are of ITU-T H.264
(08/2021). Passive; plain functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

IDR, SEQUENCE, PICTURE = 5, 7, 8
"""Types of NAL units (table 7-1)."""
MAX_SEQUENCE_ID = 31
"""seq_parameter_set_id (7.4.2.1.1)."""
_START = b"\0\0\1"
_HIGH_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
"""Those whose sequence headers tell of chroma and depth (7.3.2.1.1)."""
_MAX_CYCLE = 255
"""num_ref_frames_in_pic_order_cnt_cycle (7.4.2.1.1)."""
_MAX_BUFFER = 31
"""cpb_cnt_minus1 (E.2.2)."""
_OWN_RATIO = 255
"""aspect_ratio_idc of a ratio that is written out."""


class HeaderError(ValueError):
    """A header breaks off, or holds what no stream may hold."""


@dataclass(frozen=True, slots=True)
class SequenceHeader:
    """Of a sequence parameter set."""

    id: int
    profile: int
    """profile_idc."""
    constraints: int
    """The flags beside it, as they are written."""
    level: int
    """level_idc."""
    chroma_format: int
    """chroma_format_idc: 0 is gray, 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4."""
    luma_bits: int
    chroma_bits: int
    progressive: bool
    """frame_mbs_only_flag: no fields anywhere."""
    frame_rate: Fraction | None
    """Where it is told."""
    reorder: int | None
    """max_num_reorder_frames: how many pictures at most are decoded before one that is shown before them; None where
    that is not told."""


def nal_type(unit: bytes | memoryview) -> int:
    """Raises HeaderError for an empty unit."""
    if not len(unit):
        raise HeaderError("an empty NAL unit")
    return unit[0] & 31


def split_units(data: bytes, length_bytes: int | None) -> list[bytes]:
    """The NAL units of a packet; `length_bytes` is the size of the length before each, None for start codes.

    Raises HeaderError where a length points past the end.
    """
    if length_bytes is None:
        # A NAL unit never ends with a zero byte: those belong to the next start code, or fill up.
        return [unit for part in data.split(_START)[1:] if (unit := part.rstrip(b"\0"))]
    return [
        data[start : start + int.from_bytes(data[start - length_bytes : start], "big")]
        for start in unit_places(memoryview(data), length_bytes)
    ]


def join_units(units: Iterable[bytes]) -> bytes:
    """A packet of mp4 and Matroska: each unit after its length in four bytes."""
    return b"".join(part for unit in units for part in (len(unit).to_bytes(4, "big"), unit))


def parameter_sets(extradata: bytes) -> tuple[int | None, list[bytes]]:
    """The size of lengths in packets (None: start codes), and the parameter sets, of a stream's extradata.

    Raises HeaderError where it is no decoder configuration record (ISO/IEC 14496-15, 5.3.3.1) and no byte stream.
    """
    if not extradata.startswith(b"\1"):
        return None, [u for u in split_units(extradata, None) if nal_type(u) in (SEQUENCE, PICTURE)]
    found: list[bytes] = []
    place = 5
    for mask in (31, 255):
        count = _byte(extradata, place) & mask
        place += 1
        for _ in range(count):
            start = place + 2
            place = start + int.from_bytes(extradata[place:start], "big")
            if place > len(extradata) or place == start:
                raise HeaderError("the decoder configuration breaks off")
            found.append(extradata[start:place])
    return (extradata[4] & 3) + 1, found


def configuration(sets: Iterable[bytes], every: Iterable[bytes]) -> bytes:
    """A decoder configuration record with these parameter sets, lengths in four bytes (ISO/IEC 14496-15, 5.3.3.1).

    `every`: all sets of the stream, also those in its pictures. Profile and level are the highest of these,
    compatibility what they share.
    """
    units = list(sets)
    sequences = [unit for unit in units if nal_type(unit) == SEQUENCE]
    pictures = [unit for unit in units if nal_type(unit) == PICTURE]
    headers = [read_sequence(unit) for unit in every if nal_type(unit) == SEQUENCE]
    highest = max(headers, key=lambda header: header.profile)
    compatible = 255
    for header in headers:
        compatible &= header.constraints
    record = bytearray([1, highest.profile, compatible, max(header.level for header in headers), 0xFF])
    for mark, kind in ((0xE0, sequences), (0, pictures)):
        record.append(mark | len(kind))
        for unit in kind:
            record += len(unit).to_bytes(2, "big") + unit
    if highest.profile in _HIGH_PROFILES:
        depths = (0xF8 | highest.luma_bits - 8, 0xF8 | highest.chroma_bits - 8)
        record += bytes([0xFC | highest.chroma_format, *depths, 0])
    return bytes(record)


def set_name(unit: bytes) -> tuple[int, int]:
    """Type and id of a parameter set: another one of the same name replaces it. Raises HeaderError."""
    kind = nal_type(unit)
    return kind, read_sequence(unit).id if kind == SEQUENCE else _Bits(unit[1:]).ue()


def read_sequence(unit: bytes) -> SequenceHeader:
    """The header in a sequence parameter set (7.3.2.1.1). Raises HeaderError."""
    bits = _Bits(unit[1:])
    profile, constraints, level = bits.u(8), bits.u(8), bits.u(8)
    set_id = bits.ue()
    chroma_format, luma_bits, chroma_bits = 1, 8, 8
    if profile in _HIGH_PROFILES:
        chroma_format = bits.ue()
        if chroma_format == 3:
            bits.u(1)
        luma_bits, chroma_bits = 8 + bits.ue(), 8 + bits.ue()
        bits.u(1)
        if bits.u(1):
            for index in range(12 if chroma_format == 3 else 8):
                if bits.u(1):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    bits.ue()
    _skip_order_counts(bits)
    bits.ue()
    bits.u(1)
    bits.ue()
    bits.ue()
    progressive = bool(bits.u(1))
    if not progressive:
        bits.u(1)
    bits.u(1)
    if bits.u(1):
        for _ in range(4):
            bits.ue()
    rate, reorder = _usability(bits) if bits.u(1) else (None, None)
    return SequenceHeader(
        id=set_id,
        profile=profile,
        constraints=constraints,
        level=level,
        chroma_format=chroma_format,
        luma_bits=luma_bits,
        chroma_bits=chroma_bits,
        progressive=progressive,
        frame_rate=rate,
        reorder=reorder,
    )


def _skip_order_counts(bits: _Bits) -> None:
    """pic_order_cnt_type and what belongs to it."""
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.u(1)
        bits.ue()
        bits.ue()
        count = bits.ue()
        if count > _MAX_CYCLE:
            raise HeaderError("a parameter set holds a number out of range")
        for _ in range(count):
            bits.ue()


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    """7.3.2.1.1.1."""
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _usability(bits: _Bits) -> tuple[Fraction | None, int | None]:
    """Frame rate and reordering of the VUI parameters (E.1.1)."""
    if bits.u(1) and bits.u(8) == _OWN_RATIO:
        bits.u(32)
    if bits.u(1):
        bits.u(1)
    if bits.u(1):
        bits.u(4)
        if bits.u(1):
            bits.u(24)
    if bits.u(1):
        bits.ue()
        bits.ue()
    rate = None
    if bits.u(1):
        ticks, scale = bits.u(32), bits.u(32)
        bits.u(1)
        rate = Fraction(scale, 2 * ticks) if ticks and scale else None
    buffers = 0
    for _ in range(2):
        if bits.u(1):
            _skip_hrd(bits)
            buffers += 1
    if buffers:
        bits.u(1)
    bits.u(1)
    if not bits.u(1):
        return rate, None
    bits.u(1)
    for _ in range(4):
        bits.ue()
    return rate, bits.ue()


def _skip_hrd(bits: _Bits) -> None:
    """E.1.2."""
    last = bits.ue()
    if last > _MAX_BUFFER:
        raise HeaderError("a parameter set holds a number out of range")
    bits.u(8)
    for _ in range(last + 1):
        bits.ue()
        bits.ue()
        bits.u(1)
    bits.u(20)


def _byte(data: bytes, place: int) -> int:
    if place >= len(data):
        raise HeaderError("the decoder configuration breaks off")
    return data[place]


class _Bits:
    """Reads bits of a NAL unit's payload, most significant first (7.2, 9.1)."""

    def __init__(self, payload: bytes) -> None:
        # Emulation prevention (7.4.1): 00 00 03 stands for 00 00.
        raw = payload.replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(raw, "big")
        self._left = 8 * len(raw)

    def u(self, count: int) -> int:
        """An unsigned number of so many bits."""
        if count > self._left:
            raise HeaderError("a parameter set breaks off")
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def ue(self) -> int:
        """An unsigned Exp-Golomb number."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise HeaderError("a number in a parameter set is too long")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """A signed Exp-Golomb number."""
        value = self.ue()
        return (value + 1) // 2 if value % 2 else -(value // 2)


def unit_places(data: memoryview, length_bytes: int | None) -> Iterator[int]:
    """Where the NAL units of a packet begin, without copies where they have lengths. Raises HeaderError."""
    if length_bytes is None:
        whole = bytes(data)
        found = whole.find(_START)
        while found >= 0 and found + len(_START) < len(whole):
            yield found + len(_START)
            found = whole.find(_START, found + len(_START))
        return
    place = 0
    while place < len(data):
        start = place + length_bytes
        place = start + int.from_bytes(data[place:start], "big")
        if place > len(data):
            raise HeaderError("a NAL unit is longer than its packet")
        if place > start:
            yield start


def unit_types(data: memoryview, length_bytes: int | None) -> Iterator[int]:
    """The types of the NAL units of a packet. Raises HeaderError."""
    return (data[place] & 31 for place in unit_places(data, length_bytes))
