"""A picture file as its bytes: on this machine, or fetched whole from a server; and what kind of picture it is.

In: a path or, where the network is allowed, an address. Out: a file to read from, and the format that its content
tells, never its name. Passive; thread-safe.
"""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reelmill.decoders.files.container import READ_SECONDS, is_address
from reelmill.decoders.stills.picture_errors import Failure
from reelmill.planner.process.regular_files import open_for_reading, read_whole

PILLOW_FORMATS = frozenset({"png", "jpeg", "webp", "tiff", "bmp", "gif", "avif", "heif", "ico", "icns"})
"""Read by Pillow, under these names. All other formats are named, and read, by a codec of libav."""
MAX_FETCHED_BYTES = 2**29
_HEAD_BYTES = 512

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff\xf7", "jpegls"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"icns", "icns"),
    (b"v/1\x01", "exr"),
    (b"SDPX", "dpx"),
    (b"XPDS", "dpx"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jpeg2000"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),
    (b"8BPS\0\x01", "psd"),
    (b"qoif", "qoi"),
    (b"#?RADIANCE", "hdr"),
    (b"#?RGBE", "hdr"),
    (b"DDS ", "dds"),
    (b"\x59\xa6\x6a\x95", "sunrast"),
    (b"/* XPM */", "xpm"),
    (b"PF\n", "pfm"),
    (b"Pf\n", "pfm"),
    (b"PH\n", "phm"),
    (b"Ph\n", "phm"),
    (b"P7\n", "pam"),
    (b"\xff\x0a", "jpegxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jpegxl"),
)
_SGI_HEADERS = tuple(b"\x01\xda" + bytes((storage, depth)) for storage in (0, 1) for depth in (1, 2))
"""Magic number, storage (plain or run-length), bytes of a sample."""
_PLAIN_MAPS = {b"P1": "pbm", b"P2": "pgm", b"P3": "ppm", b"P4": "pbm", b"P5": "pgm", b"P6": "ppm"}
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
"""Sizes of the information header, by which a BMP file is known from others that begin with BM."""
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})


@dataclass(frozen=True, slots=True)
class PictureFile:
    """One picture file."""

    path: str
    data: bytes | None = None
    """All of it, where it came from a server."""

    def open(self) -> BinaryIO:
        """The file for reading. Raises OSError."""
        return open_for_reading(self.path) if self.data is None else io.BytesIO(self.data)

    def read(self) -> bytes:
        """All of it. Raises OSError."""
        return read_whole(self.path) if self.data is None else self.data


def picture_file(path: str, failure: Failure) -> PictureFile:
    """The file of a path or an address. Raises `failure` for an address that gives nothing."""
    return PictureFile(path, _fetch(path, failure) if is_address(path) else None)


def sniffed_format(file: PictureFile) -> str | None:
    """The format that a file's content tells; None for what is no picture, or no file that can be read."""
    try:
        if file.data is None and not Path(file.path).is_file():
            return None
        with file.open() as stream:
            head = stream.read(_HEAD_BYTES)
            size = stream.seek(0, io.SEEK_END)
            stream.seek(max(0, size - len(_TGA_FOOTER)))
            foot = stream.read()
    except (OSError, ValueError):
        return None
    return _format_of(head, foot, size)


def _format_of(head: bytes, foot: bytes, size: int) -> str | None:
    for magic, format_ in _MAGIC:
        if head.startswith(magic):
            return format_
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    if head[4:8] == b"ftyp":
        return _branded(head)
    if head[:2] in _PLAIN_MAPS and head[2:3].isspace():
        return None if _several_maps(head, size) else _PLAIN_MAPS[head[:2]]
    if head.startswith(_SGI_HEADERS):
        return "sgi"
    if (
        head.startswith(b"\0\0\1\0")
        and 0 < int.from_bytes(head[4:6], "little") <= len(head[6:])
        and head[9:10] == b"\0"
    ):
        return "ico"
    if head[:1] == b"\n" and len(head) >= 128 and head[1] <= 5 and head[2] == 1 and head[3] in (1, 2, 4, 8):
        return "pcx" if head[64] == 0 else None
    return "targa" if _is_targa(head, foot, size) else None


def _branded(head: bytes) -> str | None:
    """The format of an ISO base media file, if it is made to be shown as a picture (ISO/IEC 23008-12, MIAF)."""
    length = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    others = {head[at : at + 4] for at in range(16, length - 3, 4)}
    if major in _AVIF_BRANDS or (major in _HEIF_BRANDS and others & _AVIF_BRANDS):
        return "avif"
    return "heif" if major in _HEIF_BRANDS else None


def _several_maps(head: bytes, size: int) -> bool:
    """Whether a PBM, PGM or PPM file of binary samples holds more than one picture: then it is a film."""
    if head[:2] not in (b"P4", b"P5", b"P6"):
        return False
    numbers: list[int] = []
    at = 2
    wanted = 2 if head[:2] == b"P4" else 3
    while len(numbers) < wanted:
        while head[at : at + 1].isspace():
            at += 1
        if head[at : at + 1] == b"#":
            at = head.find(b"\n", at)
            if at < 0:
                return False
            continue
        end = at
        while head[end : end + 1].isdigit():
            end += 1
        if end == at:
            return False
        numbers.append(int(head[at:end]))
        at = end
    row = -(-numbers[0] // 8) if wanted == 2 else numbers[0] * (3 if head[:2] == b"P6" else 1)
    deep = 2 if wanted == 3 and numbers[2] > 255 else 1
    end = at + 1 + row * deep * numbers[1]
    return size >= 2 * end


_TGA_FOOTER = b"TRUEVISION-XFILE.\0"


def _is_targa(head: bytes, foot: bytes, size: int) -> bool:
    """Targa files have no mark at their beginning, and only newer ones have one at their end."""
    if len(head) < 18:
        return False
    mapped, kind, depth, flags = head[1], head[2], head[16], head[17]
    width, height = int.from_bytes(head[12:14], "little"), int.from_bytes(head[14:16], "little")
    depths = {1: (8,), 2: (15, 16, 24, 32), 3: (8,)}.get(kind & 7, ())
    if kind & ~8 not in (1, 2, 3) or depth not in depths or not width or not height or flags & 0xC0:
        return False
    if mapped != (kind & 7 == 1) or (not mapped and any(head[3:8])):
        return False
    if foot == _TGA_FOOTER:
        return True
    samples = width * height * (depth + 7) // 8
    return size <= 2 * samples + 4096 if kind & 8 else samples + 18 <= size <= samples + 4096


def _fetch(address: str, failure: Failure) -> bytes:
    """What an address of the web gives. Raises `failure`."""
    if not address.lower().startswith(("http://", "https://")):
        raise failure(
            "pictures are fetched by http and https only",
            component="Picture",
            file=address,
            suggestion="download the picture and name its path",
        )
    try:
        with urllib.request.urlopen(address, timeout=READ_SECONDS) as answer:  # noqa: S310  # the scheme was looked at
            data: bytes = answer.read(MAX_FETCHED_BYTES + 1)
    except (OSError, ValueError) as error:
        told = error.reason if isinstance(error, urllib.error.URLError) else error
        raise failure(
            f"the picture can't be fetched: {told}",
            component="Picture",
            file=address,
            suggestion="check the address, or download the picture and name its path",
        ) from error
    if len(data) > MAX_FETCHED_BYTES:
        raise failure(
            f"the picture is larger than {MAX_FETCHED_BYTES // 2**20} MiB",
            component="Picture",
            file=address,
            suggestion="download the picture and name its path",
        )
    return data
