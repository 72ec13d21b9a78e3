"""Decoded samples are bit by bit those that ffmpeg decodes, and bringing them into our formats loses nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from av.video import format as video_format
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from reelmill.decoders.clip_decoders import ClipDecoders
from reelmill.decoders.frames.normalise import UnsupportedFormat, normalise, target_format
from reelmill.decoders.probe import probe
from reelmill.planner.colour import ColourTags
from reelmill.planner.media import Orientation
from reelmill.planner.pixel_format import PIXEL_FORMATS
from reelmill.planner.source_frames import Frame, FrameRequest
from reelmill.planner.timeline import Media
from tests.support.clips import ffmpeg

SIZE = "98x66"
Samples = npt.NDArray[np.uint8]

CODECS = {
    "h264.mp4": ("yuv420p", "-c:v", "libx264", "-bf", "3"),
    "h264_422_10.mkv": ("yuv422p10le", "-c:v", "libx264", "-bf", "2"),
    "hevc.mkv": ("yuv420p", "-c:v", "libx265", "-x265-params", "log-level=none"),
    "hevc_10.mp4": ("yuv420p10le", "-c:v", "libx265", "-x265-params", "log-level=none"),
    "hevc_444_12.mkv": ("yuv444p12le", "-c:v", "libx265", "-x265-params", "log-level=none"),
    "vp8.webm": ("yuv420p", "-c:v", "libvpx", "-b:v", "500k"),
    "vp9.webm": ("yuv420p", "-c:v", "libvpx-vp9", "-b:v", "500k", "-cpu-used", "5"),
    "av1.mkv": ("yuv420p", "-c:v", "libaom-av1", "-cpu-used", "8", "-b:v", "300k"),
    "prores.mov": ("yuv422p10le", "-c:v", "prores_ks"),
    "mpeg2.ts": ("yuv420p", "-c:v", "mpeg2video", "-bf", "2", "-b:v", "2M"),
    "mjpeg.mkv": ("yuvj420p", "-c:v", "mjpeg", "-q:v", "3"),
    "ffv1.mkv": ("yuv420p", "-c:v", "ffv1", "-level", "3"),
    "ffv1_16.mkv": ("yuv444p16le", "-c:v", "ffv1", "-level", "3"),
    "ffv1_rgb.mkv": ("gbrp10le", "-c:v", "ffv1", "-level", "3"),
    "ffv1_411.mkv": ("yuv411p", "-c:v", "ffv1", "-level", "3"),
    "gray.mkv": ("gray10le", "-c:v", "ffv1", "-level", "3"),
    "qtrle.mov": ("argb", "-c:v", "qtrle"),
    "prores_alpha.mov": ("yuva444p10le", "-c:v", "prores_ks", "-profile:v", "4444"),
}

PACKED = [
    *("nv12", "nv21", "nv24", "nv42", "p010le", "p010be", "p016le", "p210le", "p216be", "p410le"),
    *("yuyv422", "yvyu422", "uyvy422", "pal8", "monob", "monow", "ya8", "ya16be", "ya16le"),
    *("rgb24", "bgr24", "argb", "abgr", "rgba", "bgra", "0rgb", "0bgr", "rgb0", "bgr0"),
    *("rgb48be", "rgb48le", "bgr48be", "bgr48le", "rgba64be", "rgba64le"),
    *("gray16be", "gray12be", "gbrp10be", "gbrap16be", "yuv420p10be", "yuv444p16be", "yuva422p10be", "yuvj422p"),
    *("rgb565le", "rgb555be", "yuv440p10be"),
]


def rows(frame: Frame) -> bytes:
    """The samples of all planes without padding, as ffmpeg's rawvideo has them."""
    data = b""
    for plane in frame.planes:
        row_bytes = plane.width * frame.format.bytes_per_sample * max(1, len(frame.format.components))
        assert len(plane.data) == plane.stride_bytes * plane.height
        assert plane.data.readonly
        assert plane.data.contiguous
        samples = np.frombuffer(plane.data, np.uint8).reshape(plane.height, plane.stride_bytes)
        data += samples[:, :row_bytes].tobytes()
    return data


def decode_all(path: Path) -> list[Frame]:
    media = Media("m", str(path))
    facts = probe(media)
    assert facts.video is not None
    assert facts.video.table is not None
    decoders = ClipDecoders({"m": facts}, {"m": media})
    try:
        frames = [decoders.frame(FrameRequest("m", facts.file_hash, pts, ("c",))) for pts in facts.video.table.pts]
        for index, plane in enumerate(frames[0].planes):
            width, height = frames[0].format.plane_size(index, frames[0].width, frames[0].height)
            assert (plane.width, plane.height) == (width, height)
        assert {frame.format.name for frame in frames} == {facts.video.pix_fmt}
        assert facts.video.has_alpha == frames[0].format.alpha
        return frames
    finally:
        decoders.close()


def raw(path: Path, pix_fmt: str, *options: str) -> bytes:
    return ffmpeg(*options, "-i", path, "-vsync", "passthrough", "-pix_fmt", pix_fmt, "-f", "rawvideo", "-")


@pytest.mark.parametrize("name", CODECS)
def test_each_codec_decodes_to_the_samples_that_ffmpeg_gets(tmp_path: Path, name: str) -> None:
    pix_fmt, *options = CODECS[name]
    path = tmp_path / name
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={SIZE}:d=0.6", "-vf", f"format={pix_fmt}", *options, path)
    frames = decode_all(path)
    assert len(frames) == 15
    assert b"".join(rows(frame) for frame in frames) == raw(
        path, "yuvj420p" if "yuvj" in pix_fmt else frames[0].format.name
    )


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_alpha_of_vp8_and_vp9_is_decoded(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "alpha.webm"
    source = f"testsrc2=s={SIZE}:d=0.4,format=yuva420p,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='2*X'"
    ffmpeg("-f", "lavfi", "-i", source, "-c:v", codec, "-auto-alt-ref", "0", "-b:v", "500k", path)
    frames = decode_all(path)
    assert frames[0].format.name == "yuva420p"
    assert b"".join(rows(frame) for frame in frames) == raw(path, "yuva420p", "-c:v", codec)


def noise(pix_fmt: str) -> tuple[VideoFrame, bytes]:
    """A frame of a colourful picture in a format, and the same as ffmpeg's rawvideo."""
    source = f"testsrc2=s={SIZE}:d=0.04,format=rgba,rotate=1:c=red@0.5"
    data = ffmpeg("-f", "lavfi", "-i", source, "-pix_fmt", pix_fmt, "-f", "rawvideo", "-")
    width, height = (int(number) for number in SIZE.split("x"))
    frame = VideoFrame(width, height, pix_fmt)
    at = 0
    for index, plane in enumerate(frame.planes):
        bits = frame.format.padded_bits_per_pixel
        if len(frame.planes) == 1:
            row_bytes = -(-width * bits // 8)
        elif pix_fmt == "pal8":
            row_bytes = width if index == 0 else 1024
        else:
            parts = [each for each in frame.format.components if each.plane == index]
            row_bytes = sum(-(-each.bits // 8) * each.width for each in parts)
        memory = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)
        samples = np.frombuffer(data, np.uint8, row_bytes * plane.height, at).reshape(plane.height, row_bytes)
        memory[:, :row_bytes] = samples
        at += samples.size
    assert at == len(data)
    return frame, data


@pytest.mark.parametrize("pix_fmt", PACKED)
def test_other_formats_lose_nothing(pix_fmt: str) -> None:
    decoded, data = noise(pix_fmt)
    frame = normalise(decoded, 0, ColourTags(), Orientation())
    options = ("-f", "rawvideo", "-s", SIZE, "-pix_fmt", pix_fmt, "-i", "-")
    name = frame.format.name.replace("yuv", "yuvj") if "yuvj" in pix_fmt else frame.format.name
    assert rows(frame) == ffmpeg(*options, "-pix_fmt", name, "-f", "rawvideo", "-", data=data)


@pytest.mark.parametrize(
    ("pix_fmt", "planar", "sample", "shift"),
    [("nv16", "yuv422p", "u1", 0), ("p012le", "yuv420p12le", "<u2", 4), ("p412be", "yuv444p12le", ">u2", 4)],
)
def test_interleaved_chroma_is_taken_apart(pix_fmt: str, planar: str, sample: str, shift: int) -> None:
    rng = np.random.default_rng(1)
    decoded = VideoFrame(98, 66, pix_fmt)
    target = PIXEL_FORMATS[planar]
    sizes = [target.plane_size(index, 98, 66) for index in range(3)]
    y, u, v = (rng.integers(0, 1 << target.bits, (height, width)) for width, height in sizes)
    for plane, values in zip(decoded.planes, (y, np.stack([u, v], axis=2).reshape(len(u), -1)), strict=True):
        samples = (values << shift).astype(sample).view(np.uint8)
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, : samples.shape[1]] = samples
    frame = normalise(decoded, 0, ColourTags(), Orientation())
    little = "<u2" if target.bits > 8 else "u1"
    assert frame.format == target
    assert rows(frame) == b"".join(values.astype(little).tobytes() for values in (y, u, v))


@pytest.mark.parametrize("mark", ["<", ">"], ids=["le", "be"])
def test_ten_bits_of_three_components_in_32_bits(mark: str) -> None:
    decoded, data = noise("x2rgb10le")
    words = np.frombuffer(data, "<u4")
    if mark == ">":
        decoded = VideoFrame(decoded.width, decoded.height, "x2rgb10be")
        memory = np.frombuffer(memoryview(decoded.planes[0]), np.uint8).reshape(decoded.height, -1)
        memory[:, : 4 * decoded.width] = words.astype(">u4").view(np.uint8).reshape(decoded.height, -1)
    frame = normalise(decoded, 0, ColourTags(), Orientation())
    green, blue, red = (words // (1 << shift) % 1024 for shift in (10, 0, 20))
    assert frame.format.name == "gbrp10le"
    assert rows(frame) == np.concatenate([green, blue, red]).astype("<u2").tobytes()


@pytest.mark.parametrize("mark", ["<", ">"], ids=["le", "be"])
def test_16_bit_bgra_changes_only_its_order(mark: str) -> None:
    decoded, data = noise("bgra64le" if mark == "<" else "bgra64be")
    frame = normalise(decoded, 0, ColourTags(), Orientation())
    expected = np.frombuffer(data, f"{mark}u2").reshape(-1, 4)[:, [2, 1, 0, 3]].astype("<u2")
    assert frame.format.name == "rgba64le"
    assert rows(frame) == expected.tobytes()


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv422p10le", "gbrap16le", "rgba", "gray12le", "rgba64le"])
def test_our_formats_are_not_copied(pix_fmt: str) -> None:
    decoded = VideoFrame(64, 48, pix_fmt)
    frame = normalise(decoded, 7, ColourTags(), Orientation())
    addresses = [np.frombuffer(plane.data, np.uint8).__array_interface__["data"][0] for plane in frame.planes]
    assert addresses == [plane.buffer_ptr for plane in decoded.planes]
    assert frame.format.name == pix_fmt.replace("yuvj", "yuv")
    assert (frame.pts, frame.width, frame.height) == (7, 64, 48)


def test_pictures_stored_bottom_up_are_turned_the_right_way(tmp_path: Path) -> None:
    path = tmp_path / "bottom_up.avi"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={SIZE}:d=0.08", "-pix_fmt", "bgr24", "-c:v", "rawvideo", path)
    frames = decode_all(path)
    assert b"".join(rows(frame) for frame in frames) == raw(path, "rgb24")


@pytest.mark.parametrize("name", ["gbrpf32le", "gbrapf32be", "grayf32le", "rgbaf16le", "rgbf32le"])
def test_floating_point_becomes_16_bit_integers(name: str) -> None:
    values = np.array([0.0, 0.25, 1.0, 1.5, -0.5, np.nan, 1 / 65535, 0.5], np.float64)
    expected = np.array([0, 16384, 65535, 65535, 0, 0, 1, 32768])
    half = "f16" in name
    sample = np.dtype(("<" if name.endswith("le") else ">") + ("f2" if half else "f4"))
    decoded = VideoFrame(8, 2, name)
    components = len(decoded.format.components)
    packed = len(decoded.planes) == 1 and components > 1
    for plane in decoded.planes:
        row = np.repeat(values, components if packed else 1).astype(sample).view(np.uint8)
        memory = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)
        memory[:, : len(row)] = row
    frame = normalise(decoded, 0, ColourTags(), Orientation())
    assert frame.format.bits == 16
    for result in frame.planes:
        got = np.frombuffer(result.data, "<u2").reshape(2, -1)[:, :8].astype(int)
        # Half floats hold 1/65535 only roughly.
        assert np.abs(got - expected).max() <= (1 if half else 0)


def test_every_format_that_holds_pictures_has_a_target() -> None:
    unsupported = set()
    for name in sorted(vars(video_format)["names"]):
        source = VideoFormat(name, 64, 48)
        try:
            target = target_format(source)
        except UnsupportedFormat:
            unsupported.add(source.name)
        else:
            assert target.name in PIXEL_FORMATS
            assert target.alpha == any(component.is_alpha for component in source.components) or source.has_palette
    integers = {"gbrap32be", "gbrap32le", "gray32be", "gray32le", "rgb96be", "rgb96le", "rgba128be", "rgba128le"}
    assert {name for name in unsupported if VideoFormat(name).components} == integers


def test_frames_of_a_stream_that_changes_its_size_have_their_own(tmp_path: Path) -> None:
    parts = b""
    for size in ("64x48", "96x64"):
        part = tmp_path / f"{size}.h264"
        ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:d=0.4", "-c:v", "libx264", "-pix_fmt", "yuv420p", part)
        parts += part.read_bytes()
    path = tmp_path / "both.h264"
    path.write_bytes(parts)
    frames = decode_all(path)
    assert [(frame.width, frame.height) for frame in frames] == [(64, 48)] * 10 + [(96, 64)] * 10
    alone = decode_all(tmp_path / "96x64.h264")
    assert [rows(frame) for frame in frames[10:]] == [rows(frame) for frame in alone]


def test_planes_stay_as_they_were_while_decoding_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={SIZE}:d=2", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-bf", "3", path)
    frames = decode_all(path)
    assert b"".join(rows(frame) for frame in frames) == raw(path, "yuv420p")
