"""The picture pipeline's files: JPEG's tables and subsampling, PNG and WebP bit by bit, read by Pillow and ffmpeg."""

from __future__ import annotations

import io
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from reelmill.export.pictures.picture_encoding import Encoding, Jpeg, Png, WebP
from reelmill.export.pictures.picture_pipeline import PicturePipeline
from reelmill.planner.errors import RenderError, SetupError

ANNEX_K_LUMA = """
16 11 10 16 24 40 51 61  12 12 14 19 26 58 60 55  14 13 16 24 40 57 69 56  14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77  24 35 55 64 81 104 113 92  49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99
"""
ANNEX_K_CHROMA = (
    """
17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99
"""
    + "99 " * 32
)
ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8 if (i // 8 + i % 8) % 2 else i % 8)))


@pytest.fixture(scope="module")
def pipeline() -> Iterator[PicturePipeline]:
    with PicturePipeline(3) as made:
        yield made


def scene(width: int, height: int) -> npt.NDArray[np.uint8]:
    """A picture with soft shades, edges, noise, and an alpha from 0 to 255."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(4).normal(0, 3, (height, width))
    planes = [128 + 100 * np.sin(x / 19), 255 * y / height, 60 + 120 * ((x // 16 + y // 16) % 2) + noise, x]
    return np.asarray(np.clip(np.dstack(planes), 0, 255), np.uint8)


def scaled(table: str, quality: int) -> list[int]:
    """The Independent JPEG Group's scaling of the standard's tables, in the file's zigzag order."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    numbers = [min(max((int(number) * scale + 50) // 100, 1), 255) for number in table.split()]
    return [numbers[place] for place in ZIGZAG]


def segments(file: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers and contents of a JPEG, up to its scan."""
    at = 2
    while file[at + 1] != 0xDA:
        (size,) = struct.unpack(">H", file[at + 2 : at + 4])
        yield file[at + 1], file[at + 4 : at + 2 + size]
        at += 2 + size


def read_by_ffmpeg(file: bytes, pix_fmt: str) -> bytes:
    command = ["ffmpeg", "-v", "error", "-i", "-", "-f", "rawvideo", "-pix_fmt", pix_fmt, "-"]
    return subprocess.run(command, input=file, capture_output=True, check=True).stdout


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 90, 100])
def test_jpeg_has_the_standards_tables(pipeline: PicturePipeline, quality: int) -> None:
    (file,) = pipeline.encode([scene(32, 16)], Jpeg(quality))
    tables = b"".join(content for marker, content in segments(file) if marker == 0xDB)
    assert (tables[0], tables[65]) == (0, 1)
    assert list(tables[1:65]) == scaled(ANNEX_K_LUMA, quality)
    assert list(tables[66:130]) == scaled(ANNEX_K_CHROMA, quality)


@pytest.mark.parametrize(("subsampling", "factors"), [("4:4:4", 0x11), ("4:2:2", 0x21), ("4:2:0", 0x22)])
@pytest.mark.parametrize("size", [(320, 320), (1, 1), (17, 33)])
def test_jpeg_is_what_libjpeg_makes_of_the_same_pixels(
    pipeline: PicturePipeline, subsampling: str, factors: int, size: tuple[int, int]
) -> None:
    rgb = scene(*size)[..., :3]
    (file,) = pipeline.encode([rgb], Jpeg(75, subsampling))  # type: ignore[arg-type]  # a parameter of the test
    expected = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(expected, "JPEG", quality=75, subsampling=subsampling)
    assert file == expected.getvalue()
    frame = next(content for marker, content in segments(file) if marker == 0xC0)
    assert struct.unpack(">BHHB", frame[:6]) == (8, size[1], size[0], 3)
    assert [frame[7], frame[10], frame[13]] == [factors, 0x11, 0x11]
    picture = np.frombuffer(read_by_ffmpeg(file, "rgb24"), np.uint8).reshape(rgb.shape)
    assert np.mean((picture.astype(float) - rgb) ** 2) < (90 if subsampling == "4:4:4" else 400)


def test_jpeg_is_laid_over_its_background(pipeline: PicturePipeline) -> None:
    picture = np.zeros((16, 16, 4), np.uint8)
    picture[...] = [200, 100, 40, 128]
    for background in ((0, 0, 0), (10, 200, 255)):
        (file,) = pipeline.encode([picture], Jpeg(100, "4:4:4", background))
        found = np.asarray(Image.open(io.BytesIO(file))).astype(float)
        expected = [(c * 128 + b * 127) / 255 for c, b in zip((200, 100, 40), background, strict=True)]
        assert np.abs(found - expected).max() < 2.5


@pytest.mark.parametrize("encoding", [Png(), Png(0), Png(1), Png(9), WebP(None), WebP(None, 0)])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (331, 257), (3, 1999)])
def test_lossless_files_hold_the_pixels(
    pipeline: PicturePipeline, encoding: Encoding, channels: int, size: tuple[int, int]
) -> None:
    picture = scene(*size)[..., :channels]
    (file,) = pipeline.encode([picture], encoding)
    image = Image.open(io.BytesIO(file))
    assert image.format == ("PNG" if isinstance(encoding, Png) else "WEBP")
    assert image.mode == ("RGB" if channels == 3 else "RGBA")
    assert np.array_equal(np.asarray(image), picture)


@pytest.mark.parametrize("compression", [0, 3])
def test_ffmpeg_reads_the_png(pipeline: PicturePipeline, compression: int) -> None:
    picture = scene(700, 300)
    (file,) = pipeline.encode([picture], Png(compression))
    assert read_by_ffmpeg(file, "rgba") == picture.tobytes()


def test_png_is_one_stream_in_whole_chunks(pipeline: PicturePipeline) -> None:
    """Every chunk's CRC, the stream's Adler-32 and its end, as the standards say; several stretches."""
    picture = scene(700, 600)
    (file,) = pipeline.encode([picture], Png())
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    at, kinds, stream = 8, [], b""
    while at < len(file):
        (size,) = struct.unpack(">I", file[at : at + 4])
        kind, body = file[at + 4 : at + 8], file[at + 8 : at + 8 + size]
        assert struct.unpack(">I", file[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        kinds.append(kind)
        stream += body if kind == b"IDAT" else b""
        at += 12 + size
    assert kinds[0] == b"IHDR"
    assert kinds[-1] == b"IEND"
    assert kinds.count(b"IDAT") > 5
    inflate = zlib.decompressobj()
    assert len(inflate.decompress(stream)) == 600 * (1 + 700 * 4)
    assert inflate.eof
    assert not inflate.unused_data


def test_png_is_no_larger_than_pillows(pipeline: PicturePipeline) -> None:
    y, x = np.mgrid[0:400, 0:500]
    noise = np.random.default_rng(1).normal(0, 2, (400, 500, 3))
    smooth = np.dstack([x / 2, y / 2, 128 + 100 * np.sin(x / 37) * np.cos(y / 29)])
    flat = np.where((x // 50 + y // 40) % 2, 30, 220)[..., np.newaxis].repeat(3, axis=2)
    for picture in (smooth, flat, np.clip(smooth + noise, 0, 255)):
        codes = picture.astype(np.uint8)
        expected = io.BytesIO()
        Image.fromarray(codes).save(expected, "PNG", compress_level=6)
        assert len(pipeline.encode([codes], Png(6))[0]) < 1.05 * len(expected.getvalue()) + 600


def test_webp_keeps_alpha_and_gets_better_with_quality(pipeline: PicturePipeline) -> None:
    picture = scene(200, 120)
    errors = []
    for quality in (10, 50, 95):
        (file,) = pipeline.encode([picture], WebP(quality))
        found = np.asarray(Image.open(io.BytesIO(file)).convert("RGBA")).astype(float)
        assert np.array_equal(found[..., 3], picture[..., 3])
        errors.append(np.mean((found - picture)[:, 100:, :3] ** 2))
    assert errors[0] > errors[1] > errors[2]
    assert Image.open(io.BytesIO(pipeline.encode([picture[..., :3]], WebP())[0])).mode == "RGB"


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        (Jpeg(0), "quality of JPEG is 0"),
        (Jpeg(101), "quality of JPEG is 101"),
        (Jpeg(75.5), "quality of JPEG is 75.5"),  # type: ignore[arg-type]  # what is refused
        (Jpeg(75, "4:1:1"), "subsampling is '4:1:1'"),  # type: ignore[arg-type]  # what is refused
        (Jpeg(75, background=(0, 0, 256)), "background of JPEG is 256"),
        (Png(10), "compression of PNG is 10"),
        (WebP(-1), "quality of WebP is -1"),
        (WebP(80, 7), "method of WebP is 7"),
    ],
)
def test_settings_out_of_range_are_refused(pipeline: PicturePipeline, encoding: Encoding, message: str) -> None:
    with pytest.raises(SetupError, match=message) as caught:
        pipeline.encode([scene(4, 4)], encoding)
    assert caught.value.suggestion


def test_webp_has_its_largest_side(pipeline: PicturePipeline) -> None:
    with pytest.raises(SetupError, match="a WebP of 16384×1"):
        pipeline.encode([scene(4, 1)], WebP(), size=(16384, 1))


def test_what_pillow_refuses_is_told(pipeline: PicturePipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(RenderError, match="a picture can't be encoded: No space left on device"):
        pipeline.encode([scene(4, 4)], Jpeg())


def test_jpeg_needs_no_files_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has none, a temporary file does."""
    monkeypatch.delattr("os.memfd_create", raising=False)
    with PicturePipeline(2) as pipeline:
        files = pipeline.encode([scene(90, 70), scene(20, 10)], Jpeg())
    assert [Image.open(io.BytesIO(file)).size for file in files] == [(90, 70), (20, 10)]


def test_files_can_be_taken_later_and_in_any_order(pipeline: PicturePipeline) -> None:
    pictures = [scene(60 + number, 40) for number in range(40)]
    pending = [pipeline.start([picture], Png(1)) for picture in pictures]
    for number in (39, *range(39)):
        (file,) = pending[number].result()
        assert pending[number].done
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(file))), pictures[number])
    assert pending[0].result() == pipeline.encode(pictures[:1], Png(1))


def test_files_that_are_given_up(pipeline: PicturePipeline) -> None:
    pending = pipeline.start([scene(900, 700)] * 32, Png(9))
    pending.give_up()
    assert pending.done
    with pytest.raises(RenderError, match="given up by its caller"):
        pending.result()


def test_the_documentations_example_runs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "internals" / "picture-pipeline.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for code in page.split("```python\n")[1:]:
        exec(code.split("```")[0], names)
    assert [len(names[name]) for name in ("thumbnails", "posters", "rgba", "codes")] == [25, 2, 25, 25]
    assert Image.open(io.BytesIO(names["thumbnails"][24])).size == (320, 320)
    assert names["rgba"][0].shape == (90, 160, 4)
    files: list[bytes] = []
    names["write_all"](names["codes"][:9], files.append)
    assert [np.asarray(Image.open(io.BytesIO(file))).tobytes() for file in files] == [
        codes.tobytes() for codes in names["codes"][:9]
    ]
