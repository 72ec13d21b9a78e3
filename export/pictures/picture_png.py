"""PNG in stretches of rows that are filtered and compressed apart, so that several workers make one file.

In: RGBA pixels; out: the file's bytes. Stateless, any thread; each brings its own scratch. Where stretches begin
depends on the picture's size alone, so the bytes do not depend on who makes them. Each stretch is a piece of one
deflate stream that refers to nothing before it, which costs half a percent of size, and an IDAT chunk of its own (PNG
Specification, third edition, W3C 2025; RFC 1950 for the stream's head and checksum).

Rows are filtered each in the one way of five that makes its bytes smallest in sum, as the specification advises.
Pictures with noise compress better, and ten times as fast, when repetitions of the last byte alone are looked for: a
sample of each stretch tells.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reelmill.export.pictures.picture_scratch import Scratch

Bytes = npt.NDArray[np.uint8]

_STRETCH_BYTES = 1 << 18
_SAMPLE_BYTES = 1 << 15
_ADLER_MODULUS = 65521
_FILTERS = 5


@dataclass(frozen=True, slots=True)
class PngPiece:
    """A stretch of rows, ready for the file."""

    chunk: bytes
    """IDAT."""
    adler: int
    """Adler-32 of the filtered rows."""
    size: int
    """Bytes of the filtered rows."""


def png_stretches(width: int, height: int, channels: int) -> list[range]:
    """The rows of each piece of a file."""
    rows = max(1, _STRETCH_BYTES // (1 + width * channels))
    return [range(begin, min(begin + rows, height)) for begin in range(0, height, rows)]


def png_piece(rgba: Bytes, rows: range, channels: int, compression: int, scratch: Scratch) -> PngPiece:
    """Rows of a picture, [height, width, 4], as pixels of 3 or 4 channels."""
    height, width = rgba.shape[:2]
    first, last = rows.start == 0, rows.stop == height
    # A row and a pixel of zeros stand before the picture's first ones.
    raw = scratch.array("raw", np.uint8, len(rows) + 1, width + 1, channels)
    raw[0] = raw[:, 0] = 0
    for channel in range(channels):
        raw[first:, 1:, channel] = rgba[rows.start - (not first) : rows.stop, :, channel]
    filtered = _filtered(raw.reshape(len(rows) + 1, -1), channels, compression, scratch)
    head = b"\x78\x9c" if first else b""
    data = filtered.reshape(-1).data
    body = _deflated(data, compression, last=last)
    return PngPiece(_chunk(b"IDAT", head + body), zlib.adler32(data), len(data))


def png_file(width: int, height: int, channels: int, pieces: list[PngPiece]) -> bytes:
    """The whole file from the pieces of all stretches."""
    colour_type = {3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    adler = 1
    for piece in pieces:
        adler = _joined_adler(adler, piece.adler, piece.size)
    chunks = [_chunk(b"IHDR", header), *(piece.chunk for piece in pieces)]
    return b"".join([b"\x89PNG\r\n\x1a\n", *chunks, _chunk(b"IDAT", struct.pack(">I", adler)), _chunk(b"IEND", b"")])


def _filtered(raw: Bytes, pixel: int, compression: int, scratch: Scratch) -> Bytes:
    """Rows with the number of their filter in front. `raw`: one row and one pixel (of so many bytes) more."""
    rows, size = raw.shape[0] - 1, raw.shape[1] - pixel
    here, left = raw[1:, pixel:], raw[1:, :-pixel]
    up, corner = raw[:-1, pixel:], raw[:-1, :-pixel]
    out = scratch.array("filtered", np.uint8, rows, 1 + size)
    if compression == 0:
        out[:, 0] = 0
        out[:, 1:] = here
        return out
    tried = scratch.array("tried", np.uint8, _FILTERS, rows, size)
    np.copyto(tried[0], here)
    np.subtract(here, left, out=tried[1])
    np.subtract(here, up, out=tried[2])
    average = tried[3]
    np.bitwise_xor(left, up, out=average)
    np.right_shift(average, 1, out=average)
    np.add(average, left & up, out=average)  # (left + up) // 2 without a carry
    np.subtract(here, average, out=average)
    np.subtract(here, _paeth(left, up, corner, scratch), out=tried[4])
    sizes = np.abs(tried.view(np.int8)).view(np.uint8).sum(axis=2, dtype=np.uint32)
    chosen = sizes.argmin(axis=0)
    out[:, 0] = chosen
    out[:, 1:] = tried[chosen, np.arange(rows)]
    return out


def _paeth(left: Bytes, up: Bytes, corner: Bytes, scratch: Scratch) -> Bytes:
    """Of the three neighbours, the one nearest to left + up − corner; ties go in that order."""
    to_left, to_up, to_corner = (scratch.array(name, np.int16, *left.shape) for name in ("l", "u", "c"))
    np.subtract(up, corner, out=to_left, dtype=np.int16)
    np.subtract(left, corner, out=to_up, dtype=np.int16)
    np.add(to_left, to_up, out=to_corner)
    for distance in (to_left, to_up, to_corner):
        np.abs(distance, out=distance)
    nearest = scratch.array("nearest", np.uint8, *left.shape)
    np.copyto(nearest, corner)
    np.copyto(nearest, up, where=to_up <= to_corner)
    np.copyto(nearest, left, where=(to_left <= to_up) & (to_left <= to_corner))
    return nearest


def _deflated(data: memoryview, compression: int, *, last: bool) -> bytes:
    def by(strategy: int, part: memoryview) -> bytes:
        compressor = zlib.compressobj(compression, zlib.DEFLATED, -zlib.MAX_WBITS, 9, strategy)
        return compressor.compress(part) + compressor.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)

    middle = max(0, len(data) - _SAMPLE_BYTES) // 2
    sample = data[middle : middle + _SAMPLE_BYTES]
    return by(min(zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY, key=lambda strategy: len(by(strategy, sample))), data)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _joined_adler(first: int, second: int, second_size: int) -> int:
    """Adler-32 of two pieces one after the other: the second began with sums of 1 and 0."""
    first_low, second_low = first & 0xFFFF, second & 0xFFFF
    sum_low = (first_low + second_low - 1) % _ADLER_MODULUS
    sum_high = ((first >> 16) + (second >> 16) + second_size * (first_low - 1)) % _ADLER_MODULUS
    return sum_high << 16 | sum_low
