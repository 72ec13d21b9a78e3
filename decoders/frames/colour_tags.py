"""How a decoded picture's code values are meant: libav's tags become `ColourTags`, every gap filled by rule.

In: what the container and the frames of a stream say (ITU-T H.273 code points). Out: `ColourTags` and `Orientation`.
The rules for untagged material are those of docs/reference/colour.md. Passive; one thread.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, cast

import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation

from reelmill.planner.colour import ChromaLocation, ColourTags, Matrix, Primaries, Range, Transfer
from reelmill.planner.media import Orientation

JPEG_FAMILY = frozenset({"mjpeg", "mjpegb", "ljpeg", "jpegls", "jpeg2000", "smvjpeg", "amv", "thp", "sp5x", "jpegxl"})
"""Codecs whose pictures are full range where nothing is said."""

LOCATING_CODECS = JPEG_FAMILY | {"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4"}
"""Codecs whose decoders always name the chroma location."""
_RESERVED = frozenset({0, 2, 3})
"""Code points of primaries and transfer that say nothing (0 is reserved there, and RGB among the matrices)."""
_MATRICES: dict[int, Matrix] = {
    1: "bt709",
    4: "fcc",
    5: "bt601",
    6: "bt601",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020",
    10: "bt2020",
}
_TRANSFERS: dict[int, Transfer] = {8: "linear", 16: "pq", 18: "hlg"}
_BT2020_PRIMARIES = 9
_CHROMA_DERIVED = frozenset({12, 13})
_FULL, _LIMITED = 2, 1
_CORNER = 32
"""Samples a side of the part of a picture that shows where chroma lies."""
_SIDE_DATA_KINDS = 64
"""More than libav has; FFmpeg 8 has about 35."""
_HD_WIDTH, _SD_HEIGHT = 1280, 576
"""Untagged pictures at least this wide, or higher than this, are BT.709."""


class UnsupportedColour(ValueError):
    """The file is tagged with a colour matrix that can't be converted; the message names it."""


@dataclass(frozen=True, slots=True)
class StreamColour:
    """What a container and a codec say of all frames of a stream; 2 where they say nothing."""

    matrix: int
    range: int
    """0 unspecified, 1 limited, 2 full."""
    transfer: int
    primaries: int
    jpeg: bool
    """The codec is one of the JPEG family."""
    chroma_location: ChromaLocation | None = None
    """None where it is not tagged."""
    peak_nits: float = ColourTags().peak_nits
    """Of the mastering display."""

    @classmethod
    def of(cls, context: VideoCodecContext, codec: str) -> StreamColour:
        """The tags of a stream whose decoder has not been opened yet."""
        return cls(
            matrix=context.colorspace,
            range=context.color_range,
            transfer=context.color_trc,
            primaries=context.color_primaries,
            jpeg=codec in JPEG_FAMILY,
        )


@dataclass(slots=True)
class ColourReader:
    """Reads the tags of the frames of one stream. Frames of a stream mostly say the same, so answers are kept."""

    stream: StreamColour
    _known: dict[tuple[int | str, ...], ColourTags] = field(default_factory=dict)

    def read(self, frame: VideoFrame) -> ColourTags:
        """The frame's tags; what it leaves open is as the stream says, else by rule. Raises UnsupportedColour."""
        tags = (frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries)
        key = (*tags, frame.format.name, frame.width, frame.height)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._decide(frame, *tags)
        return known

    def _decide(self, frame: VideoFrame, matrix: int, range_: int, transfer: int, primaries: int) -> ColourTags:
        stream = self.stream
        primaries = stream.primaries if primaries in _RESERVED else primaries
        transfer = stream.transfer if transfer in _RESERVED else transfer
        decided: Primaries = "bt2020" if primaries == _BT2020_PRIMARIES else "bt709"
        light = _TRANSFERS.get(transfer, "sdr")
        rgb = frame.format.is_rgb or frame.format.has_palette or frame.format.is_bayer
        if rgb:
            return ColourTags("rgb", "full", light, decided, peak_nits=stream.peak_nits)
        if matrix in _RESERVED:
            matrix = stream.matrix
        named = _named_matrix(matrix, decided, frame.width, frame.height)
        location = stream.chroma_location or ("topleft" if decided == "bt2020" else "left")
        return ColourTags(
            matrix=named,
            range=self._range(frame.format.name, range_),
            transfer=light,
            primaries=decided,
            chroma_location=location,
            peak_nits=stream.peak_nits,
        )

    def _range(self, pix_fmt: str, tagged: int) -> Range:
        if pix_fmt.startswith("yuvj"):
            return "full"
        tagged = tagged or self.stream.range
        if tagged in (_FULL, _LIMITED):
            return "full" if tagged == _FULL else "limited"
        return "full" if self.stream.jpeg else "limited"


def _named_matrix(matrix: int, primaries: Primaries, width: int, height: int) -> Matrix:
    if matrix in _MATRICES:
        return _MATRICES[matrix]
    if matrix in _CHROMA_DERIVED:
        return primaries
    if matrix not in _RESERVED:
        raise UnsupportedColour(f"the picture is coded with colour matrix {matrix} of ITU-T H.273")
    if primaries == "bt2020":
        return "bt2020"
    return "bt709" if width >= _HD_WIDTH or height > _SD_HEIGHT else "bt601"


def mastering_peak(frame: VideoFrame) -> float | None:
    """Peak luminance of the mastering display in cd/m², if the frame says (libavutil/mastering_display_metadata.h)."""
    data = _side_data(frame, SideDataType.MASTERING_DISPLAY_METADATA)
    if data is None or len(data) < 88:
        return None
    # Ten rationals (three primaries, white point, darkest, brightest), then whether primaries and luminance are known.
    numerator, denominator, _, has_luminance = struct.unpack_from("=iiii", data, 72)
    if not has_luminance or denominator <= 0 or numerator <= 0:
        return None
    return float(numerator / denominator)


def orientation(frame: VideoFrame) -> Orientation:
    """How the picture is turned for display, from the display matrix; angles are taken to the nearest quarter turn.

    The matrix maps a stored point (x, y), y downwards, to (a·x + c·y, b·x + d·y) on the display
    (libavutil/display.h, ISO/IEC 14496-12).
    """
    data = _side_data(frame, SideDataType.DISPLAYMATRIX)
    if data is None or len(data) < 36:
        return Orientation()
    a, b, _, c, d = struct.unpack_from("=5i", data)
    mirrored = a * d - b * c < 0
    if mirrored:
        # Mirrored first and turned then: taking the mirror out again leaves the turn.
        a, b = -a, -b
    # (a, b) is where the x axis goes; a clockwise quarter turn sends it to (0, 1), y being downwards.
    if abs(a) >= abs(b):
        quarters: Literal[0, 1, 2, 3] = 0 if a >= 0 else 2
    else:
        quarters = 1 if b > 0 else 3
    return Orientation(quarters, mirrored)


def chroma_location(frame: VideoFrame, codec: str) -> ChromaLocation | None:
    """Where the chroma samples of a 4:2:0 picture lie, if it is tagged other than `left`.

    PyAV does not show AVFrame.chroma_location, but libswscale obeys it: chroma planes that hold ramps are scaled
    to 4:4:4 (a corner of the picture is enough), and where the ramps begin tells the location. `left` is also what
    decoders say that know nothing, and libswscale takes `center` where they say nothing at all.
    """
    name = frame.format.name.replace("yuvj", "yuv")
    if name not in ("yuv420p", "yuv420p10le", "yuv420p12le") or min(frame.width, frame.height) < _CORNER:
        return None
    sample = np.uint8 if name == "yuv420p" else np.uint16
    # Cropped by reference, with all that the frame is tagged with.
    corner = _filtered(frame, ("crop", f"{_CORNER}:{_CORNER}:0:0"))
    corner.make_writable()
    step = 8
    for index in (1, 2):
        plane = corner.planes[index]
        samples = np.frombuffer(memoryview(plane), sample).reshape(plane.height, -1)
        ramp = np.minimum(np.arange(max(samples.shape)), 31).astype(sample) * step
        samples[:] = ramp[None, : samples.shape[1]] if index == 1 else ramp[: samples.shape[0], None]
    full = corner.reformat(
        format=name.replace("420", "444"),
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND,
    )
    at = 8
    across = np.frombuffer(memoryview(full.planes[1]), sample).reshape(full.height, -1)[at, at]
    down = np.frombuffer(memoryview(full.planes[2]), sample).reshape(full.height, -1)[at, at]
    # Luma sample 8 lies at chroma sample 4, at 3.75 or at 3.5, as chroma lies on it, half a sample after, or one.
    centred = across < at * step // 2
    rows: dict[int, tuple[ChromaLocation, ChromaLocation]] = {
        32: ("topleft", "top"),
        30: ("left", "center"),
        28: ("bottomleft", "bottom"),
    }
    found = rows.get(int(down))
    if found is None:
        return None
    location = found[1] if centred else found[0]
    if location == "center" and codec not in LOCATING_CODECS:
        return None
    return None if location == "left" else location


def _side_data(frame: VideoFrame, kind: SideDataType) -> bytes | None:
    try:
        listed = frame.side_data
    except ValueError:
        listed = _known_side_data(frame).side_data
    # Iterating gives the data themselves, though the container is typed as a mapping.
    found = [data for data in cast("Iterable[SideData]", listed) if data.type is kind]
    return bytes(found[0]) if found else None


def _known_side_data(frame: VideoFrame) -> VideoFrame:
    """The frame, by reference, without the side data that PyAV has no name for, such as EXIF.

    PyAV lists all side data of a frame or, where one is newer than its list of kinds, raises for all of them.
    """
    known = {cast(int, kind.value) for kind in SideDataType}
    unknown = (kind for kind in range(_SIDE_DATA_KINDS) if kind not in known)
    return _filtered(frame, *(("sidedata", f"mode=delete:type={kind}") for kind in unknown))


def _filtered(frame: VideoFrame, *filters: tuple[str, str]) -> VideoFrame:
    """A frame that went through filters, each a name and its arguments."""
    graph = Graph()
    last = graph.add(
        "buffer",
        f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base={frame.time_base or 1}",
    )
    for name, arguments in filters:
        following = graph.add(name, arguments)
        last.link_to(following)
        last = following
    sink = graph.add("buffersink")
    last.link_to(sink)
    graph.configure()
    graph.vpush(frame)
    return graph.vpull()
