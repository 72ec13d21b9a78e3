"""Single pictures: every format keeps what it can, read back with ffmpeg; what can't work is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.export.pictures.picture_formats import check_picture_path
from reelmill.export.pictures.picture_writer import write_picture
from reelmill.planner.errors import RenderError, SetupError
from tests.support.films import ffmpeg

WIDTH, HEIGHT = 37, 23


def gradient(channels: int) -> npt.NDArray[np.uint8]:
    """Another value for every sample near it; alpha from 0 to 255."""
    y, x, c = np.ogrid[:HEIGHT, :WIDTH, :channels]
    values: npt.NDArray[np.uint8] = ((5 * x + 7 * y + 60 * c) % 256).astype(np.uint8)
    return values


def read(path: Path, pix_fmt: str) -> npt.NDArray[np.uint8]:
    data = ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", pix_fmt, "-")
    return np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH, -1)


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".webp", ".tif", ".tiff"])
@pytest.mark.parametrize(("channels", "pix_fmt"), [(3, "rgb24"), (4, "rgba")])
def test_lossless_formats_keep_every_sample(tmp_path: Path, suffix: str, channels: int, pix_fmt: str) -> None:
    path = tmp_path / f"frame{suffix}"
    pixels = gradient(channels)
    write_picture(path, pixels)
    got = read(path, pix_fmt)
    if channels == 4:
        assert np.array_equal(got[..., 3], pixels[..., 3])
        visible = pixels[..., 3] > 0
        assert np.array_equal(got[visible], pixels[visible])
    else:
        assert np.array_equal(got, pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 128, 0), (20, 40, 220), (250, 250, 250), (3, 3, 3)])
def test_jpeg_is_bt601_full_range(tmp_path: Path, suffix: str, colour: tuple[int, int, int]) -> None:
    """JFIF: Y = 0.299 R + 0.587 G + 0.114 B, chroma scaled by 0.564 and 0.713, all 0…255."""
    path = tmp_path / f"frame{suffix}"
    write_picture(path, np.full((HEIGHT, WIDTH, 3), colour, np.uint8))
    red, green, blue = colour
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    expected = [luma, 128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402]
    planes = np.frombuffer(ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", "yuvj444p", "-"), np.uint8)
    got = planes.reshape(3, HEIGHT * WIDTH).astype(float)
    assert np.abs(got.T - expected).max() <= 2


@pytest.mark.parametrize("name", ["frame.bmp", "frame", "frame.mp4"])
def test_other_extensions_are_refused(name: str) -> None:
    with pytest.raises(SetupError, match="pictures are written as") as refused:
        check_picture_path(Path(name), has_alpha=False)
    assert ".png" in refused.value.message


def test_jpeg_has_no_transparency() -> None:
    check_picture_path(Path("frame.jpg"), has_alpha=False)
    check_picture_path(Path("frame.png"), has_alpha=True)
    with pytest.raises(SetupError, match="transparency"):
        check_picture_path(Path("frame.jpg"), has_alpha=True)


def test_a_picture_too_large_for_its_format_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="at most 16383 pixels a side"):
        write_picture(tmp_path / "frame.webp", np.zeros((1, 16384, 3), np.uint8))


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="can't be written"):
        write_picture(tmp_path / "gone" / "frame.png", gradient(3))
