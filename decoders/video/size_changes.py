"""Where the pictures of a stream change their size, or the shape of their pixels: calls, broadcasts, joined files.

In: the packets of a video stream, in decode order, while a file is read through. Out: each change, with the first
picture behind it. Sizes stand in headers of keyframes; of each header that was not met before one picture is decoded,
which tells what it means. Passive; one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

_HEAD_BYTES = 4096
"""Of a packet, in which its headers are looked for."""
_NAL_CODECS = frozenset({"h264", "hevc"})
_SEQUENCE_UNITS = {"h264": 7, "hevc": 33}
"""Types of the NAL units that tell sizes (ITU-T H.264, table 7-1; H.265, table 7-1)."""
_START = b"\0\0\1"
_VP9_SRGB = 7
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2})


@dataclass(frozen=True, slots=True)
class PictureShape:
    """The size of decoded pictures."""

    width: int
    """Stored samples."""
    height: int
    pixel_ratio: Fraction | None
    """Sample aspect ratio; None where the codec does not tell."""


@dataclass(frozen=True, slots=True)
class FoundChange:
    """From one picture on, pictures have another shape."""

    pts: int | None
    """Of the picture; None where its packet has none."""
    position: int
    """Of its packet among those that are shown."""
    shape: PictureShape


class SizeWatch:
    """Looks at each packet of a stream. Of a stream with one header nothing is decoded."""

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._codec = stream.codec_context.codec.canonical_name
        self._length_bytes = _length_bytes(self._codec, stream.codec_context.extradata or b"")
        self._first: bytes | None = None
        """Header of the first keyframe."""
        self._header: bytes | None = None
        """The last one met."""
        self._shapes: dict[bytes, PictureShape | None] = {}
        """What each later header means; None where the picture behind it can't be decoded."""
        self._met: list[tuple[int | None, int, bytes]] = []
        """pts and position of each packet with another header than the one before."""

    def look(self, packet: Packet[VideoStream], position: int) -> None:
        """Note what a packet changes. `position`: how many packets that are shown came before."""
        if not packet.is_keyframe:
            return
        header = self._read(packet)
        if self._first is None:
            self._first = self._header = header
            return
        # A keyframe without a header goes on with the one before.
        if not header or header == self._header:
            return
        self._header = header
        if header != self._first and header not in self._shapes:
            self._shapes[header] = self._decode(packet)
        self._met.append((packet.pts, position, header))

    def changes(self, first: PictureShape) -> Iterator[FoundChange]:
        """Those found so far, in decode order. `first`: the shape of the first picture."""
        last = first
        for pts, position, header in self._met:
            shape = first if header == self._first else self._shapes[header]
            if shape is not None and shape != last:
                last = shape
                yield FoundChange(pts, position, shape)

    def _read(self, packet: Packet[VideoStream]) -> bytes:
        """The bytes of a packet that change when its size does; more may."""
        data = memoryview(packet)
        extradata = b""
        if packet.has_sidedata("new_extradata"):
            extradata = next(bytes(each) for each in packet.iter_sidedata() if each.data_type == "new_extradata")
        return extradata + _header(self._codec, data, self._length_bytes)

    def _decode(self, packet: Packet[VideoStream]) -> PictureShape | None:
        context = CodecContext.create(self._stream.codec_context.codec.name, "r")
        assert isinstance(context, VideoCodecContext)
        context.extradata = self._stream.codec_context.extradata
        try:
            frames = [*context.decode(packet), *context.decode(None)]
        except (av.FFmpegError, ValueError):
            return None
        if not frames:
            return None
        return PictureShape(frames[0].width, frames[0].height, context.sample_aspect_ratio or None)


def _header(codec: str, data: memoryview, length_bytes: int | None) -> bytes:
    if codec in _NAL_CODECS:
        return _sequence_units(data, length_bytes, codec)
    if codec == "vp8":
        return bytes(data[3:10])  # RFC 6386, 9.1
    if codec == "vp9":
        return _vp9_header(data)
    if codec == "av1":
        return _av1_header(bytes(data[:_HEAD_BYTES]))
    if codec in ("mpeg1video", "mpeg2video"):
        return _mpeg_header(bytes(data[:_HEAD_BYTES]))
    if codec == "mjpeg":
        return _jpeg_header(bytes(data[: 16 * _HEAD_BYTES]))
    return bytes(data[16:26]) if codec == "png" else b""


def _length_bytes(codec: str, extradata: bytes) -> int | None:
    """The size of lengths before NAL units; None for start codes (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1)."""
    place = {"h264": 4, "hevc": 21}.get(codec, 0)
    if not extradata.startswith(b"\1") or len(extradata) <= place:
        return None
    return (extradata[place] & 3) + 1


def _sequence_units(data: memoryview, length_bytes: int | None, codec: str) -> bytes:
    units: list[bytes] = []
    if length_bytes is None:
        units = bytes(data[:_HEAD_BYTES]).split(_START)[1:]
    else:
        at = 0
        while at + length_bytes < len(data):
            size = int.from_bytes(data[at : at + length_bytes], "big")
            units.append(bytes(data[at + length_bytes : at + length_bytes + min(size, _HEAD_BYTES)]))
            at += length_bytes + size
    wanted = _SEQUENCE_UNITS[codec]
    found = []
    for unit in units:
        kind = unit[0] & 31 if codec == "h264" and unit else unit[0] >> 1 & 63 if unit else -1
        if kind == wanted:
            found.append(unit.rstrip(b"\0"))
    return b"".join(found)


def _vp9_header(data: memoryview) -> bytes:
    """The head of a key frame as far as its size (VP9 bitstream specification, 6.2)."""
    bits = int.from_bytes(data[:16], "big")
    total = 8 * min(len(data), 16)
    profile = (bits >> (total - 3) & 1) | (bits >> (total - 4) & 1) << 1
    at = 8 + (profile == 3) + 24 + (profile >= 2)
    if total < at + 40:
        return bytes(data[:16])
    space = bits >> (total - at - 3) & 7
    at += 3 + (1 + 3 * (profile & 1) if space != _VP9_SRGB else profile & 1)
    return (bits >> (total - at - 32)).to_bytes(16, "big")


def _av1_header(data: bytes) -> bytes:
    """The sequence header of a temporal unit (AV1 specification, 5.3)."""
    at = 0
    while at < len(data):
        kind, has_extension, has_size = data[at] >> 3 & 15, data[at] >> 2 & 1, data[at] >> 1 & 1
        at += 1 + has_extension
        size, shift = 0, 0
        if not has_size:
            size = len(data) - at
        else:
            while at < len(data):
                size |= (data[at] & 127) << shift
                shift += 7
                at += 1
                if not data[at - 1] & 128:
                    break
        if kind == 1:
            return data[at : at + size]
        at += size
    return b""


def _mpeg_header(data: bytes) -> bytes:
    """Sizes and aspect in the sequence header and its extension (ITU-T H.262, 6.2.2.1 and 6.2.2.3)."""
    at = data.find(b"\0\0\1\xb3")
    if at < 0:
        return b""
    extension = data.find(b"\0\0\1\xb5", at)
    more = data[extension + 4 : extension + 10] if extension >= 0 and data[extension + 4] >> 4 == 1 else b""
    return data[at + 4 : at + 8] + more


def _jpeg_header(data: bytes) -> bytes:
    """The frame header of a picture (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] in _JPEG_FRAMES:
            return data[at : at + 2 + size]
        at += 2 + size
    return b""
