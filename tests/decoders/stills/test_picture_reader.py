"""Picture files against ffmpeg's decoders, plain numpy and published tables."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from reelmill.decoders.stills.picture_reader import open_picture_reader, probe_picture
from reelmill.planner.colour import SRGB
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.media import Orientation
from reelmill.planner.timeline import Media
from tests.support.pictures import (
    bytes_of,
    decoded_by_ffmpeg,
    facts_of,
    icc_profile,
    make_picture,
    pixels_of,
    png_header,
    read,
    tiff16,
)


@pytest.mark.parametrize(
    ("name", "stored", "read_as", "alpha"),
    [
        ("a.png", "rgb24", "rgb24", False),
        ("a.png", "rgba", "rgba", True),
        ("a.png", "gray", "rgb24", False),
        ("a.png", "ya8", "rgba", True),
        ("a.png", "monob", "rgb24", False),
        ("a.png", "rgb48be", "gbrp16le", False),
        ("a.png", "rgba64be", "rgba64le", True),
        ("a.png", "gray16be", "gray16le", False),
        ("a.png", "ya16be", "rgba64le", True),
        ("a.tif", "rgb24", "rgb24", False),
        ("a.tif", "rgba", "rgba", True),
        ("a.tif", "gray", "rgb24", False),
        ("a.tif", "rgb48le", "gbrp16le", False),
        ("a.tif", "rgba64le", "rgba64le", True),
        ("a.tif", "gray16le", "gray16le", False),
        ("a.bmp", "bgr24", "rgb24", False),
        ("a.bmp", "rgb565le", "rgb24", False),
        ("a.gif", "rgb8", "rgb24", False),
    ],
)
def test_lossless_stills_are_as_ffmpeg_decodes_them(
    tmp_path: Path, name: str, stored: str, read_as: str, alpha: bool
) -> None:
    path = make_picture(tmp_path / name, stored)
    media, facts = facts_of(path)
    assert facts.video is not None
    assert (facts.kind, facts.path, facts.video.width, facts.video.height) == ("still", str(path), 85, 62)
    assert (facts.video.pix_fmt, facts.video.has_alpha, facts.video.colour) == (read_as, alpha, SRGB)
    assert facts.video.table is None
    reader = open_picture_reader(media, facts)
    frame = reader.frame(0)
    assert (frame.format.name, frame.colour, frame.width, frame.height) == (read_as, SRGB, 85, 62)
    tolerance = 8 if stored == "rgb565le" else 0  # two ways to widen five bits
    expected = decoded_by_ffmpeg(path, read_as, 1)[0].astype(int)
    assert np.abs(bytes_of(frame) - expected).max() <= tolerance
    assert reader.frame(41).pts == 41
    assert reader.frames_decoded == 1
    reader.close()
    reader.close()


@pytest.mark.parametrize("options", [("-q:v", "2"), ("-q:v", "20")])
@pytest.mark.parametrize("stored", ["yuvj444p", "yuvj420p", "gray"])
def test_jpeg(tmp_path: Path, stored: str, options: tuple[str, ...]) -> None:
    path = make_picture(tmp_path / "a.jpg", stored, *options)
    frame = read(path)
    expected = decoded_by_ffmpeg(path, "rgb24", 1)[0].astype(int)
    assert frame.format.name == "rgb24"
    # Decoders differ by rounding, and in how they enlarge chroma.
    assert np.abs(bytes_of(frame) - expected).mean() < (6 if stored == "yuvj420p" else 1)


@pytest.mark.parametrize("alpha", [False, True])
def test_webp(tmp_path: Path, alpha: bool) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (30, 41, 4 if alpha else 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.webp", lossless=True, exact=True)
    assert np.array_equal(pixels_of(read(tmp_path / "a.webp")), pixels)


def test_cmyk_jpeg(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    pixels = pixels_of(read(tmp_path / "a.jpg")).astype(int)
    assert np.abs(pixels - (255, 0, 0)).max() <= 3


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    image.save(tmp_path / "a.png", transparency=bytes([255, 128, 0]))
    frame = read(tmp_path / "a.png")
    assert pixels_of(frame)[0].tolist() == [[255, 0, 0, 255], [0, 255, 0, 128], [0, 0, 255, 0]]


def test_transparent_colour(tmp_path: Path) -> None:
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((1, 0), (9, 9, 9))
    image.save(tmp_path / "a.png", transparency=(9, 9, 9))
    assert pixels_of(read(tmp_path / "a.png"))[0].tolist() == [[1, 2, 3, 255], [9, 9, 9, 0]]


def test_tiff_with_associated_alpha_becomes_straight(tmp_path: Path) -> None:
    straight = np.array([[[60000, 30000, 1000, 65535], [40000, 20000, 0, 32768], [0, 0, 0, 0]]], np.uint16)
    colour = np.rint(straight[:, :, :3] * (straight[:, :, 3:] / 65535)).astype(np.uint16)
    path = tmp_path / "a.tif"
    path.write_bytes(tiff16(np.dstack((colour, straight[:, :, 3])), 2, 1))
    got = np.frombuffer(read(path).planes[0].data, "<u2").reshape(1, 3, 4).astype(int)
    assert np.abs(got - straight).max() <= 1


def test_tiff_of_floats_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff16(np.zeros((2, 2, 3), np.uint16), 2, None, sample_format=3))
    with pytest.raises(SetupError, match="its header is damaged, or of a kind that is not supported"):
        facts_of(path)
    Image.new("F", (2, 2)).save(path)
    with pytest.raises(SetupError, match="samples of 32 bits"):
        facts_of(path)


SHOWN = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}
"""EXIF 2.32, tag Orientation: what is seen of [[1, 2, 3], [4, 5, 6]]."""


def turned(pixels: NDArray[np.float64], orientation: Orientation) -> NDArray[np.float64]:
    """Mirrored first, then turned clockwise."""
    mirrored = pixels[:, ::-1] if orientation.mirrored else pixels
    return np.rot90(mirrored, -orientation.quarter_turns)


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "16.tif"])
def test_exif_orientation(tmp_path: Path, value: int, suffix: str) -> None:
    """Each number is a block of 16 × 16 pixels, of 40 times its value."""
    path = tmp_path / f"a.{suffix}"
    blocks = (np.array(SHOWN[1]) * 40).repeat(16, axis=0).repeat(16, axis=1)
    exif = Image.Exif()
    exif[0x0112] = value
    stored = blocks.astype(np.uint16) * 257 if suffix == "16.tif" else blocks.astype(np.uint8)
    Image.fromarray(stored).save(path, exif=exif)
    _, facts = facts_of(path)
    assert facts.video is not None
    frame = read(path)
    assert frame.orientation == facts.video.orientation
    assert (frame.width, frame.height) == (facts.video.width, facts.video.height)
    samples = np.frombuffer(frame.planes[0].data, np.uint16 if suffix == "16.tif" else np.uint8)
    centres = samples.reshape(frame.height, frame.width, -1)[8::16, 8::16, 0]
    shown = turned(np.asarray(centres, float) / (257 if suffix == "16.tif" else 1), frame.orientation)
    assert np.rint(shown / 40).tolist() == SHOWN[value]
    assert facts.video.display_size == tuple(map(Fraction, (32, 48) if value > 4 else (48, 32)))


ADOBE_RGB = [[0.60974, 0.31111, 0.01947], [0.20528, 0.62567, 0.06087], [0.14919, 0.06322, 0.74457]]
"""Primaries of Adobe RGB (1998) adapted to D50."""
SRGB_D50 = [[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]]
"""Those of sRGB (IEC 61966-2-1)."""


@pytest.mark.parametrize("alpha", [False, True])
def test_colour_profiles_are_converted_to_srgb(tmp_path: Path, alpha: bool) -> None:
    pixels = np.array([[[128, 128, 128], [100, 150, 120], [150, 110, 90], [90, 100, 140], [255, 255, 255]]], np.uint8)
    linear = (pixels / 255) ** (563 / 256)
    light = linear @ np.array(ADOBE_RGB) @ np.linalg.inv(np.array(SRGB_D50))
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)
    stored = np.dstack((pixels, np.array([[255, 10, 0, 77, 255]], np.uint8))) if alpha else pixels
    profile = icc_profile(563 / 256, ADOBE_RGB)
    Image.fromarray(stored).save(tmp_path / "a.png", icc_profile=profile)
    got = pixels_of(read(tmp_path / "a.png"))
    assert np.abs(got[:, :, :3] - np.clip(encoded, 0, 1) * 255).max() <= 1.6
    assert np.abs(got[:, :, :3].astype(int) - pixels).max() > 3
    if alpha:
        assert np.array_equal(got[:, :, 3], stored[:, :, 3])


def test_profiles_that_cannot_be_used(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", icc_profile=b"no profile at all")
    with pytest.raises(SetupError, match="colour profile can't be used"):
        facts_of(tmp_path / "a.png")
    profile = icc_profile(2.2, ADOBE_RGB)
    plain = make_picture(tmp_path / "deep.png", "rgb48be").read_bytes()
    chunk = b"iCCPx\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "deep.png").write_bytes(plain[:33] + chunk + plain[33:])
    with pytest.raises(SetupError, match='16 bits a sample and the colour profile "test profile"'):
        facts_of(tmp_path / "deep.png")


@pytest.mark.parametrize("suffix", ["png", "gif", "webp"])
def test_animations_show_what_was_put_in(tmp_path: Path, suffix: str) -> None:
    """Parts that appear over what is there, and holes: disposal and blending."""
    frames = []
    for index in range(5):
        pixels = np.zeros((24, 32, 4), np.uint8)
        pixels[4 * index : 4 * index + 6, 3:20] = (255, 0, 0, 255)
        pixels[:, 6 * index : 6 * index + 5] = (0, 0, 255, 255)
        frames.append(pixels)
    images = [Image.fromarray(f) for f in frames]
    options = {"lossless": True} if suffix == "webp" else {"disposal": 2} if suffix == "gif" else {}
    path = tmp_path / f"a.{suffix}"
    images[0].save(path, save_all=True, append_images=images[1:], duration=[40, 80, 120, 200, 50], loop=0, **options)
    media, facts = facts_of(path)
    assert facts.video is not None
    table = facts.video.table
    assert table is not None
    assert (facts.kind, facts.video.pix_fmt, facts.video.has_alpha) == ("animation", "rgba", True)
    assert (list(table.pts), table.end_pts, table.time_base) == ([0, 40, 120, 240, 440], 490, Fraction(1, 1000))
    assert list(table.keyframes) == [0]
    reader = open_picture_reader(media, facts)
    for index in (0, 1, 2, 2, 3, 4, 1, 4, 0):
        frame = reader.frame(table.pts[index])
        pixels = pixels_of(frame).copy()
        pixels[pixels[:, :, 3] == 0] = 0
        assert frame.pts == table.pts[index]
        assert np.array_equal(pixels, frames[index])
    assert reader.frames_decoded == 5 + 2 + 3 + 1
    reader.close()
    reader.close()


@pytest.mark.parametrize(("name", "pix_fmt"), [("a.gif", "rgb8"), ("a.apng", "rgba"), ("a.apng", "rgb24")])
def test_animations_are_as_ffmpeg_decodes_them(tmp_path: Path, name: str, pix_fmt: str) -> None:
    path = make_picture(tmp_path / name, pix_fmt, frames=6)
    media, facts = facts_of(path)
    assert facts.video is not None
    assert facts.video.table is not None
    assert list(facts.video.table.pts) == [0, 100, 200, 300, 400, 500]
    assert facts.video.frame_rate == 10
    assert facts.video.has_alpha == (pix_fmt == "rgba")
    expected = decoded_by_ffmpeg(path, "rgba", 6)
    reader = open_picture_reader(media, facts)
    for index in (0, 1, 2, 3, 4, 5, 2):
        assert np.array_equal(bytes_of(reader.frame(100 * index)), expected[index])


def test_durations_of_nothing_play_as_browsers_play_them(tmp_path: Path) -> None:
    """0 and 10 ms are 100 ms; 20 ms are 20 ms."""
    images = [Image.new("RGB", (4, 4), (index, 0, 0)) for index in range(0, 250, 60)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=[0, 10, 20, 50, 30])
    _, facts = facts_of(tmp_path / "a.gif")
    assert facts.video is not None
    assert facts.video.table is not None
    assert list(facts.video.table.pts) == [0, 100, 200, 220, 270]
    assert facts.video.table.end_pts == 300


def test_apng_with_a_picture_for_others(tmp_path: Path) -> None:
    """The default picture is not part of the animation."""
    images = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    path = tmp_path / "a.png"
    images[0].save(path, save_all=True, append_images=images[1:], default_image=True, duration=50)
    media, facts = facts_of(path)
    assert facts.video is not None
    assert facts.video.table is not None
    assert list(facts.video.table.pts) == [0, 50]
    reader = open_picture_reader(media, facts)
    assert [pixels_of(reader.frame(pts))[0, 0].tolist() for pts in (0, 50)] == [[0, 255, 0, 255], [0, 0, 255, 255]]


def test_content_decides_and_not_the_name(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "a.mp4").write_bytes((tmp_path / "a.png").read_bytes())
    assert facts_of(tmp_path / "a.mp4")[1].kind == "still"
    (tmp_path / "b.png").write_text("BM, it says")
    for other in ("b.png", "missing.png", "."):
        assert probe_picture(Media("m", str(tmp_path / other))) is None


@pytest.mark.parametrize(("width", "height"), [(16385, 1), (1, 20000), (20000, 20000), (60000, 60000)])
def test_decompression_bombs(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "a.png").write_bytes(png_header(width, height) + struct.pack(">I4s", 100, b"IDAT") + bytes(104))
    with pytest.raises(SetupError, match="the limit is 16384×16384"):
        facts_of(tmp_path / "a.png")


def test_broken_headers(tmp_path: Path) -> None:
    for name, data in (("a.png", png_header(4, 4)[:20]), ("a.jpg", b"\xff\xd8\xff\xe0"), ("a.gif", b"GIF89a\1")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(SetupError, match="the picture can't be read") as caught:
            facts_of(tmp_path / name)
        assert caught.value.file == str(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "pix_fmt"),
    [("a.png", "rgb24"), ("a.png", "rgb48be"), ("a.jpg", "yuvj420p"), ("a.tif", "rgb24"), ("a.bmp", "bgr24")],
)
def test_truncated_pictures(tmp_path: Path, name: str, pix_fmt: str) -> None:
    path = make_picture(tmp_path / name, pix_fmt)
    media, facts = facts_of(path)
    reader = open_picture_reader(media, facts)
    data = path.read_bytes()
    # ffmpeg writes a TIFF's directory at the end: there damage what lies before it.
    cut = data[:400] + bytes(len(data) - 400) if name == "a.tif" else data[: len(data) * 2 // 3]
    path.write_bytes(cut)
    with pytest.raises((RenderError, SetupError), match="can't be read") as caught:
        reader.frame(0)
    assert isinstance(caught.value, RenderError)
    assert caught.value.file == str(path)
    assert "damaged" in (caught.value.suggestion or "")


def test_truncated_animation(tmp_path: Path) -> None:
    path = make_picture(tmp_path / "a.gif", "rgb8", frames=5)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(SetupError, match="can't be read"):
        facts_of(path)


def test_a_file_that_changes_while_rendering(tmp_path: Path) -> None:
    path = make_picture(tmp_path / "a.png", "rgb24")
    media, facts = facts_of(path)
    reader = open_picture_reader(media, facts)
    Image.new("RGB", (4, 4)).save(path)
    with pytest.raises(RenderError, match="no longer the one"):
        reader.frame(0)
    path.unlink()
    with pytest.raises(RenderError, match="no longer the one"):
        reader.frame(0)


def test_equal_files_have_equal_hashes(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    assert facts_of(tmp_path / "a.png")[1].file_hash == facts_of(tmp_path / "b.png")[1].file_hash
