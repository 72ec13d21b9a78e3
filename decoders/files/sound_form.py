"""What the packets of a stream tell of their rate and channels, without decoding.

In: a packet of sound. Out: the bits of its header that say how it is to be heard, to be compared with those of others.
Pure.
"""

from __future__ import annotations

Form = tuple[int, ...] | None
"""None where packets tell nothing."""

_HEADER_BYTES = 8


def sound_form(codec: str, data: memoryview) -> Form:
    """The form of a packet: of AAC in ADTS, of AC-3, E-AC-3 and MPEG audio."""
    if len(data) < _HEADER_BYTES:
        return None
    if codec == "aac" and data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        # ISO/IEC 13818-7, 6.2: profile, sampling frequency, channel configuration.
        return data[2] & 0xFD, data[3] & 0xC0
    if codec in ("mp1", "mp2", "mp3") and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:
        # ISO/IEC 11172-3, 2.4.1.3: version and layer, sampling frequency, whether there is one channel.
        return data[1] & 0x1E, data[2] & 0x0C, int(data[3] >> 6 == 3)
    if codec in ("ac3", "eac3") and data[0] == 0x0B and data[1] == 0x77:
        return _ac3_form(data)
    return None


def _ac3_form(data: memoryview) -> Form:
    """ETSI TS 102 366, 4.3 and E.1.2: sampling frequency, channels, whether there is an LFE channel."""
    if data[5] >> 3 > 10:
        # Only the first of several substreams says what all of them are.
        return (data[4] & 0xCF,) if data[2] >> 6 != 1 and not data[2] >> 3 & 7 else None
    mode = data[6] >> 5
    skipped = 3 + 2 * (mode & 1 and mode != 1) + 2 * bool(mode & 4) + 2 * (mode == 2)
    return data[4] >> 6, mode, (data[6] << 8 | data[7]) >> (15 - skipped) & 1
