"""Whether a unit of a transport stream that libav takes for damaged is.

Each stream of a transport stream numbers its packets of 188 bytes. libav marks the unit (a frame, as a rule) before a
leap of these numbers as corrupt. In files that were joined end to end the numbers begin anew, and nothing is missing.

In: a file and the place of a unit. Out: whether all of it is there. Passive; thread-safe; reads a few frames' worth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reelmill.planner.process.regular_files import open_for_reading

_SYNC = 0x47
_SIZE = 188
_SPACINGS = (188, 192, 204)
"""Bytes from packet to packet: plain, with a time stamp (Blu-ray, AVCHD), with error correction."""
_MOST_ADAPTATION = _SIZE - 4
"""Bytes of the longest adaptation field, its length byte included: all that follows the packet's header."""
_PROGRAM_TABLE = 0
_UNITS = 4
"""Looked at: a parser holds frames back, so the leap may come behind one of those that follow."""


@dataclass(frozen=True, slots=True)
class _Packet:
    pid: int
    starts: bool
    """Whether a unit starts here."""
    number: int
    """Continuity counter."""
    broken: bool
    """A receiver could not correct it, or its adaptation field is longer than the packet."""
    stuffed: bool
    """It is filled up: a unit ends here."""
    payload: bytes


def is_whole(path: str, position: int | None) -> bool:
    """Whether the unit that starts at a byte of a file, and those up to the next leap, are all there."""
    if position is None:
        return False
    try:
        with open_for_reading(path) as file:
            file.seek(position)
            head = file.read(5 * max(_SPACINGS))
            spacing = next((s for s in _SPACINGS if all(head[n * s : n * s + 1] == b"\x47" for n in range(5))), None)
            if spacing is None:
                return False
            file.seek(position)
            return _whole(_packets(iter(lambda: file.read(spacing), b"")))
    except OSError:
        return False


def _packets(blocks: Iterator[bytes]) -> Iterator[_Packet]:
    for block in blocks:
        if len(block) < _SIZE or block[0] != _SYNC:
            return
        adaptation = 1 + block[4] if block[3] & 0x20 else 0
        yield _Packet(
            pid=(block[1] & 0x1F) << 8 | block[2],
            starts=bool(block[1] & 0x40),
            number=block[3] & 0x0F,
            broken=bool(block[1] & 0x80) or adaptation > _MOST_ADAPTATION,
            stuffed=bool(adaptation) and adaptation > _told_bytes(block),
            payload=block[4 + adaptation : _SIZE] if block[3] & 0x10 else b"",
        )


def _told_bytes(block: bytes) -> int:
    """Bytes of the adaptation field that say something (ISO/IEC 13818-1, 2.4.3.4).

    A damaged field may claim more bytes than it has.
    """
    if block[4] == 0:
        return 0
    flags, told = block[5], 2
    told += 6 * bool(flags & 0x10) + 6 * bool(flags & 0x08) + bool(flags & 0x04)
    for flag in (0x02, 0x01):
        if flags & flag:
            told += 1 + int.from_bytes(block[4 + told : 5 + told])
    return told


def _whole(packets: Iterator[_Packet]) -> bool:
    """Whether the units from the first packet on are complete up to a leap, and the leap is where a unit starts."""
    last = next(packets, None)
    if last is None or not last.starts:
        return False
    first, size, units = last, len(last.payload), 1
    table: _Packet | None = None
    """The program table that was seen since the last packet."""
    for packet in packets:
        if packet.pid == _PROGRAM_TABLE:
            table = packet
        if packet.pid != first.pid:
            continue
        if packet.broken:
            return False
        if not packet.payload:
            continue
        leaps = packet.number != (last.number + 1) & 0x0F
        if packet.starts and leaps:
            # Units of pictures mostly don't tell their length; filling shows where they end, unless they just fit.
            length = int.from_bytes(first.payload[4:6])
            begins_anew = table is not None and table.number == packet.number <= 1
            return size >= length + 6 if length else last.stuffed or begins_anew
        if leaps or units == _UNITS:
            return False
        if packet.starts:
            first, size, units = packet, 0, units + 1
        last, table = packet, None
        size += len(packet.payload)
    return False
