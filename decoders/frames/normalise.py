"""Decoded frames become frames in one of the pixel formats that cross rooms, without loss.

In: a libav frame. Out: a `Frame` whose planes are read-only views of the decoder's own memory where the format is one
of `PIXEL_FORMATS` already, and copies where samples have to be moved: interleaved chroma, packed YUV, palettes, other
orders of RGB, big-endian samples. Floating point samples become 16-bit integers, which hold what 8 to 12-bit video
needs. Passive; thread-safe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace

from reelmill.planner.colour import ColourTags
from reelmill.planner.media import Orientation
from reelmill.planner.pixel_format import PIXEL_FORMATS, PixelFormat
from reelmill.planner.source_frames import Frame, Plane

Samples = npt.NDArray[Any]
_SUBSAMPLING = {(1, 1): "420", (1, 0): "422", (0, 0): "444", (0, 1): "440", (2, 0): "411", (2, 2): "410"}
_DEPTHS = (8, 9, 10, 12, 14, 16)


class UnsupportedFormat(ValueError):
    """A pixel format that can't be brought into one of ours; the message names it."""


def target_format(source: VideoFormat) -> PixelFormat:
    """The format that frames of a libav format are handed over in. Raises UnsupportedFormat."""
    name = source.name
    if name in PIXEL_FORMATS:
        return PIXEL_FORMATS[name]
    if name in _CONVERTERS:
        return PIXEL_FORMATS[_CONVERTERS[name][0]]
    plain = name.replace("yuvj", "yuv")
    if plain in PIXEL_FORMATS:
        return PIXEL_FORMATS[plain]
    if name.endswith("be") and f"{name[:-2]}le" in PIXEL_FORMATS:
        return PIXEL_FORMATS[f"{name[:-2]}le"]
    return PIXEL_FORMATS[_nearest(source)]


def normalise(frame: VideoFrame, pts: int, colour: ColourTags, orientation: Orientation) -> Frame:
    """The frame in one of `PIXEL_FORMATS`. Raises UnsupportedFormat."""
    name = frame.format.name
    target = target_format(frame.format)
    if name in _CONVERTERS:
        planes = tuple(owned_plane(samples, target) for samples in _CONVERTERS[name][1](frame))
        return Frame(pts, frame.width, frame.height, target, planes, colour, orientation)
    if name.endswith("be") and f"{name[:-2]}le" == target.name:
        planes = tuple(
            owned_plane(plane_rows(frame, index, ">u2", plane.width * max(1, len(target.components))), target)
            for index, plane in zip(range(target.plane_count), frame.planes, strict=False)
        )
        return Frame(pts, frame.width, frame.height, target, planes, colour, orientation)
    if name.replace("yuvj", "yuv") != target.name:
        # The same matrix on both sides: samples are moved, not converted, and odd matrices are not refused.
        frame = frame.reformat(format=target.name, src_colorspace=Colorspace.ITU709, dst_colorspace=Colorspace.ITU709)
    if any(plane.line_size < 0 for plane in frame.planes):
        sample = "<u2" if target.bytes_per_sample == 2 else "u1"
        planes = tuple(
            owned_plane(plane_rows(frame, index, sample, plane.width * max(1, len(target.components))), target)
            for index, plane in enumerate(frame.planes)
        )
        return Frame(pts, frame.width, frame.height, target, planes, colour, orientation)
    planes = tuple(
        Plane(memoryview(plane).toreadonly(), plane.line_size, plane.width, plane.height) for plane in frame.planes
    )
    return Frame(pts, frame.width, frame.height, target, planes, colour, orientation, owner=frame)


def plane_rows(frame: VideoFrame, index: int, sample: str, count: int) -> Samples:
    """The samples of a plane, top row first: `count` of dtype `sample` in each row, without the padding."""
    plane = frame.planes[index]
    dtype = np.dtype(sample)
    stride = abs(plane.line_size)
    raw = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, stride)[:, : count * dtype.itemsize]
    samples = np.ascontiguousarray(raw).view(dtype)
    # PyAV hands out bottom-up planes from their lowest address on.
    return samples[::-1] if plane.line_size < 0 else samples


def owned_plane(samples: Samples, target: PixelFormat) -> Plane:
    """A plane of our own memory; `samples` is (height, width) or, where packed, (height, width × components)."""
    owned = np.ascontiguousarray(samples, "<u2" if target.bytes_per_sample == 2 else "u1")
    owned.flags.writeable = False
    width = owned.shape[1] // max(1, len(target.components))
    return Plane(memoryview(owned.data).cast("B"), owned.strides[0], width, owned.shape[0])


def _nearest(source: VideoFormat) -> str:
    """The format with the same model, subsampling and alpha, and no fewer bits, for libswscale to convert to."""
    components = source.components
    if not components:
        raise UnsupportedFormat(f"the pixel format {source.name} is not supported")
    if source.name.startswith("xyz"):
        return "gbrp12le"
    bits = source.bits_per_pixel if source.is_bayer else max(component.bits for component in components)
    if bits > _DEPTHS[-1]:
        raise UnsupportedFormat(f"the pixel format {source.name} has {bits} bits a component; 16 are the most")
    depth = next(each for each in _DEPTHS if each >= bits)
    suffix = "" if depth == 8 else f"{depth}le"
    alpha = any(component.is_alpha for component in components)
    if source.is_rgb or source.has_palette or source.is_bayer or (len(components) < 3 and alpha):
        return f"gbr{'a' if alpha else ''}p{suffix}"
    if len(components) < 3:
        return f"gray{suffix}"
    width, height = 64, 64
    sized = VideoFormat(source.name, width, height)
    across, down = sized.chroma_width(width), sized.chroma_height(height)
    shift = (width // across).bit_length() - 1, (height // down).bit_length() - 1
    name = f"yuv{'a' if alpha else ''}{_SUBSAMPLING.get(shift, '')}p{suffix}"
    if name not in PIXEL_FORMATS:
        raise UnsupportedFormat(f"the pixel format {source.name} is not supported")
    return name


def _semiplanar(sample: str, shift: int, *, swapped: bool = False) -> Callable[[VideoFrame], tuple[Samples, ...]]:
    """Y in one plane, U and V by turns in another; `shift` unused bits lie below the samples."""

    def convert(frame: VideoFrame) -> tuple[Samples, ...]:
        luma = plane_rows(frame, 0, sample, frame.planes[0].width)
        chroma = plane_rows(frame, 1, sample, 2 * frame.planes[1].width)
        first, second = chroma[:, 0::2], chroma[:, 1::2]
        u, v = (second, first) if swapped else (first, second)
        return (luma >> shift, u >> shift, v >> shift) if shift else (luma, u, v)

    return convert


def _packed(sample: str, order: str, *outputs: str) -> Callable[[VideoFrame], tuple[Samples, ...]]:
    """Components of one plane, taken apart; each output names components of `order`, interleaved anew where several."""

    def convert(frame: VideoFrame) -> tuple[Samples, ...]:
        packed = plane_rows(frame, 0, sample, len(order) * frame.width).reshape(frame.height, frame.width, len(order))
        return tuple(packed[:, :, [order.index(name) for name in names]].reshape(frame.height, -1) for names in outputs)

    return convert


def _packed_422(order: str) -> Callable[[VideoFrame], tuple[Samples, ...]]:
    """Two pixels in four bytes, such as `yuyv`."""
    first, second = (index for index, name in enumerate(order) if name == "y")

    def convert(frame: VideoFrame) -> tuple[Samples, ...]:
        pairs = -(-frame.width // 2)
        packed = plane_rows(frame, 0, "u1", 4 * pairs)
        luma = np.empty((frame.height, 2 * pairs), np.uint8)
        luma[:, 0::2], luma[:, 1::2] = packed[:, first::4], packed[:, second::4]
        return luma[:, : frame.width], packed[:, order.index("u") :: 4], packed[:, order.index("v") :: 4]

    return convert


def _ten_bits(mark: str, order: str) -> Callable[[VideoFrame], tuple[Samples, ...]]:
    """Three components of ten bits in 32, the first of `order` highest, below two unused bits."""

    def convert(frame: VideoFrame) -> tuple[Samples, ...]:
        words = plane_rows(frame, 0, f"{mark}u4", frame.width)
        return tuple(words >> (20 - 10 * order.index(name)) & 0x3FF for name in "gbr")

    return convert


def _palette(frame: VideoFrame) -> tuple[Samples, ...]:
    """The palette's entries are native-endian 0xAARRGGBB (libavutil/pixfmt.h)."""
    entries = np.frombuffer(memoryview(frame.planes[1]), "=u4")
    colours = np.stack([entries >> shift & 0xFF for shift in (16, 8, 0, 24)], axis=1).astype(np.uint8)
    return (colours[plane_rows(frame, 0, "u1", frame.width)].reshape(frame.height, -1),)


def _bits(*, white_is_zero: bool) -> Callable[[VideoFrame], tuple[Samples, ...]]:
    """One bit a pixel, the most significant first."""

    def convert(frame: VideoFrame) -> tuple[Samples, ...]:
        plane = frame.planes[0]
        stride = abs(plane.line_size)
        raw = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, stride)[: frame.height, : -(-frame.width // 8)]
        bits = np.unpackbits(raw[::-1] if plane.line_size < 0 else raw, axis=1)[:, : frame.width]
        return ((bits ^ white_is_zero) * np.uint8(255),)

    return convert


def _gray_alpha(sample: str) -> Callable[[VideoFrame], tuple[Samples, ...]]:
    """Gray with alpha as G, B, R and alpha planes."""

    def convert(frame: VideoFrame) -> tuple[Samples, ...]:
        both = plane_rows(frame, 0, sample, 2 * frame.width)
        gray = both[:, 0::2]
        return gray, gray, gray, both[:, 1::2]

    return convert


def _float_planes(sample: str, count: int) -> Callable[[VideoFrame], tuple[Samples, ...]]:
    return lambda frame: tuple(_integers(plane_rows(frame, index, sample, frame.width)) for index in range(count))


def _float_packed(sample: str, order: str, outputs: str) -> Callable[[VideoFrame], tuple[Samples, ...]]:
    convert = _packed(sample, order, *outputs)
    return lambda frame: tuple(_integers(samples) for samples in convert(frame))


def _float_gray_alpha(sample: str) -> Callable[[VideoFrame], tuple[Samples, ...]]:
    convert = _gray_alpha(sample)
    return lambda frame: tuple(_integers(samples) for samples in convert(frame))


def _integers(samples: Samples) -> Samples:
    """0…1 as 0…65535; what lies outside is clipped, and what is no number is 0."""
    wide = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    return np.rint(np.clip(wide, 0.0, 1.0) * 65535).astype(np.uint16)


_Converter = tuple[str, Callable[[VideoFrame], tuple[Samples, ...]]]


def _converters() -> dict[str, _Converter]:
    table: dict[str, _Converter] = {
        "pal8": ("rgba", _palette),
        "monob": ("gray", _bits(white_is_zero=False)),
        "monow": ("gray", _bits(white_is_zero=True)),
        "ya8": ("gbrap", _gray_alpha("u1")),
        "nv12": ("yuv420p", _semiplanar("u1", 0)),
        "nv21": ("yuv420p", _semiplanar("u1", 0, swapped=True)),
        "nv16": ("yuv422p", _semiplanar("u1", 0)),
        "nv24": ("yuv444p", _semiplanar("u1", 0)),
        "nv42": ("yuv444p", _semiplanar("u1", 0, swapped=True)),
        "yuyv422": ("yuv422p", _packed_422("yuyv")),
        "yvyu422": ("yuv422p", _packed_422("yvyu")),
        "uyvy422": ("yuv422p", _packed_422("uyvy")),
        "bgr24": ("rgb24", _packed("u1", "bgr", "rgb")),
        "argb": ("rgba", _packed("u1", "argb", "rgba")),
        "abgr": ("rgba", _packed("u1", "abgr", "rgba")),
        "0rgb": ("rgb0", _packed("u1", "0rgb", "rgb0")),
        "0bgr": ("rgb0", _packed("u1", "0bgr", "rgb0")),
    }
    for end, mark in (("le", "<"), ("be", ">")):
        table[f"x2rgb10{end}"] = ("gbrp10le", _ten_bits(mark, "rgb"))
        table[f"x2bgr10{end}"] = ("gbrp10le", _ten_bits(mark, "bgr"))
        table[f"ya16{end}"] = ("gbrap16le", _gray_alpha(f"{mark}u2"))
        table[f"rgb48{end}"] = ("gbrp16le", _packed(f"{mark}u2", "rgb", "g", "b", "r"))
        table[f"bgr48{end}"] = ("gbrp16le", _packed(f"{mark}u2", "bgr", "g", "b", "r"))
        table[f"bgra64{end}"] = ("rgba64le", _packed(f"{mark}u2", "bgra", "rgba"))
        table[f"gbrpf32{end}"] = ("gbrp16le", _float_planes(f"{mark}f4", 3))
        table[f"gbrapf32{end}"] = ("gbrap16le", _float_planes(f"{mark}f4", 4))
        table[f"gbrpf16{end}"] = ("gbrp16le", _float_planes(f"{mark}f2", 3))
        table[f"gbrapf16{end}"] = ("gbrap16le", _float_planes(f"{mark}f2", 4))
        table[f"grayf32{end}"] = ("gray16le", _float_planes(f"{mark}f4", 1))
        table[f"yaf32{end}"] = ("gbrap16le", _float_gray_alpha(f"{mark}f4"))
        table[f"yaf16{end}"] = ("gbrap16le", _float_gray_alpha(f"{mark}f2"))
        table[f"grayf16{end}"] = ("gray16le", _float_planes(f"{mark}f2", 1))
        table[f"rgbf32{end}"] = ("gbrp16le", _float_packed(f"{mark}f4", "rgb", "gbr"))
        table[f"rgbaf32{end}"] = ("gbrap16le", _float_packed(f"{mark}f4", "rgba", "gbra"))
        table[f"rgbf16{end}"] = ("gbrp16le", _float_packed(f"{mark}f2", "rgb", "gbr"))
        table[f"rgbaf16{end}"] = ("gbrap16le", _float_packed(f"{mark}f2", "rgba", "gbra"))
        for depth, shift in ((10, 6), (12, 4), (16, 0)):
            for letter, subsampling in (("0", "420"), ("2", "422"), ("4", "444")):
                table[f"p{letter}{depth}{end}"] = (f"yuv{subsampling}p{depth}le", _semiplanar(f"{mark}u2", shift))
    return table


_CONVERTERS = _converters()
