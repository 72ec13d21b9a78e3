"""Colour through a whole export, against the conversion written plainly in numpy and against ffmpeg's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.export.opening.job import ExportOptions
from reelmill.planner.outputs import VideoSettings
from tests.support.films import Pixels, ffmpeg, film, read_planes, read_rgb

LOSSLESS_RGB = VideoSettings(codec="ffv1", pix_fmt="bgr0")
PATCH = 4
KR_KB = {"bt470bg": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020nc": (0.2627, 0.0593)}
"""ITU-R BT.601-7, BT.709-6, BT.2020-2."""
FLOAT = npt.NDArray[np.float64]


def levels(matrix: str, full: bool, bits: int) -> tuple[FLOAT, float, float, float, float]:
    """RGB from normalised Y, Cb, Cr as a matrix; offset and range of luma, of chroma (BT.709-6 item 4.6)."""
    kr, kb = KR_KB[matrix]
    kg = 1 - kr - kb
    to_rgb = np.array(
        [
            [1, 0, 2 * (1 - kr)],
            [1, -2 * kb * (1 - kb) / kg, -2 * kr * (1 - kr) / kg],
            [1, 2 * (1 - kb), 0],
        ]
    )
    scale = 2 ** (bits - 8)
    if full:
        return to_rgb, 0, 2**bits - 1, 2 ** (bits - 1), 2**bits - 1
    return to_rgb, 16 * scale, 219 * scale, 128 * scale, 224 * scale


def patches(matrix: str, full: bool, bits: int) -> tuple[npt.NDArray[np.int64], FLOAT]:
    """Code values over the whole RGB cube, shape [3, rows, columns], and the RGB (0…255) that they stand for."""
    steps = np.linspace(0, 1, 9)
    rgb = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(27, 27, 3)
    to_rgb, y0, y_range, c0, c_range = levels(matrix, full, bits)
    yuv = rgb @ np.linalg.inv(to_rgb).T
    codes = np.rint(np.stack([yuv[..., 0] * y_range + y0, yuv[..., 1] * c_range + c0, yuv[..., 2] * c_range + c0]))
    codes = np.clip(codes, 0, 2**bits - 1)
    back = np.stack([(codes[0] - y0) / y_range, (codes[1] - c0) / c_range, (codes[2] - c0) / c_range], -1)
    return codes.astype(np.int64), np.clip(back @ to_rgb.T, 0, 1) * 255


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["bt470bg", "bt709", "bt2020nc"])
def test_patches_over_the_whole_gamut(tmp_path: Path, matrix: str, full: bool, bits: int) -> None:
    codes, expected = patches(matrix, full, bits)
    size = 27 * PATCH
    picture = codes.repeat(PATCH, axis=1).repeat(PATCH, axis=2).astype("<u1" if bits == 8 else "<u2")
    ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "yuv444p" if bits == 8 else "yuv444p10le", "-s", f"{size}x{size}", "-i", "-"),
        *("-c:v", "ffv1", "-colorspace", matrix, "-color_range", "pc" if full else "tv"),
        # BT.2020's primaries would be converted; here only the matrix is under test.
        *("-color_primaries", "bt709", "-color_trc", "bt709", tmp_path / "patches.mkv"),
        data=picture.tobytes(),
    )
    project = {
        "canvas": {"width": size, "height": size, "fps": 25},
        "media": {"p": {"path": "patches.mkv"}},
        "tracks": [{"clips": [{"media": "p"}]}],
    }
    output, _ = film(tmp_path, project, video=LOSSLESS_RGB)
    got = read_rgb(output, size, size)[0, PATCH // 2 :: PATCH, PATCH // 2 :: PATCH].astype(float)
    assert np.abs(got - expected).max() <= 1


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve moving frames of 4:2:0, tagged BT.709, with every code value that noise brings about."""
    path = tmp_path_factory.mktemp("footage") / "moving.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "mandelbrot=size=320x240:rate=30,noise=alls=60:allf=t"),
        *("-frames:v", "12", "-c:v", "libx264", "-preset", "fast", "-crf", "10", "-pix_fmt", "yuv420p", "-bf", "2"),
        *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv", path),
    )
    return path


def base_project(footage: Path, **more: object) -> dict[str, object]:
    return {
        "canvas": {"width": 320, "height": 240, "fps": 30},
        "media": {"m": {"path": str(footage)}},
        "tracks": [{"clips": [{"id": "base", "media": "m", "duration": "12f"}]}, *more.get("above", [])],  # type: ignore[misc]
    }


def test_an_untouched_clip_comes_through_bit_by_bit(tmp_path: Path, footage: Path) -> None:
    output, report = film(tmp_path, base_project(footage), video=VideoSettings(codec="ffv1", pix_fmt="yuv420p"))
    size = (320, 240, 1.5)
    source = read_planes(footage, "yuv420p", *size)  # type: ignore[arg-type]
    assert np.array_equal(read_planes(output, "yuv420p", *size), source)  # type: ignore[arg-type]
    assert report["compositor"]["frames_passed_through"] == 12


def test_a_layer_that_comes_changes_no_uncovered_pixel(tmp_path: Path, footage: Path) -> None:
    mark = {"solid": "#3060c0", "start": "5f", "duration": "4f", "transform": {"scale": 0.25, "opacity": 0.7}}
    project = base_project(footage, above=[{"clips": [mark]}])
    output, report = film(tmp_path, project, video=VideoSettings(codec="ffv1", pix_fmt="yuv420p"))
    assert report["compositor"]["frames_passed_through"] == 8

    def planes(path: Path) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
        raw = read_planes(path, "yuv420p", 320, 240, 1.5).astype(np.int16)  # type: ignore[arg-type]
        return raw[:, : 320 * 240].reshape(-1, 240, 320), raw[:, 320 * 240 :].reshape(-1, 2, 120, 160)

    (luma, chroma), (source_luma, source_chroma) = planes(output), planes(footage)
    uncovered = np.ones((240, 320), bool)
    uncovered[90:150, 120:200] = False
    assert np.abs(luma - source_luma)[:, uncovered].max() <= 1
    # Chroma is interpolated to full resolution and back: 1 on average over pictures as they come from cameras.
    # This noise is far harder; what must hold here is that untouched frames don't change at all.
    assert np.array_equal(chroma[:5], source_chroma[:5])
    assert np.abs(luma - source_luma)[6][~uncovered].mean() > 5


def test_real_frames_agree_with_ffmpegs_conversion(tmp_path: Path, footage: Path) -> None:
    output, _ = film(tmp_path, base_project(footage), video=LOSSLESS_RGB)
    flags = "scale=flags=accurate_rnd+full_chroma_int+bilinear:in_h_chr_pos=0:in_v_chr_pos=128,format=gbrp"
    raw = ffmpeg("-i", footage, "-vf", flags, "-f", "rawvideo", "-pix_fmt", "gbrp", "-")
    planes = np.frombuffer(raw, np.uint8).reshape(-1, 3, 240, 320)
    expected = np.stack([planes[:, 2], planes[:, 0], planes[:, 1]], axis=-1).astype(float)
    got: Pixels = read_rgb(output, 320, 240)
    assert np.abs(got - expected).mean() <= 1


def test_options_default_to_the_project(tmp_path: Path) -> None:
    """A solid of known colour through 8-bit limited BT.709: the numbers of BT.709-6, rounded."""
    project = {
        "canvas": {"width": 16, "height": 16, "fps": 25, "duration": "1f"},
        "tracks": [{"clips": [{"solid": "#008800", "duration": 1}]}],
        "export": {"video": {"codec": "ffv1", "pix_fmt": "yuv444p"}},
    }
    output, _ = film(tmp_path, project)
    planes = read_planes(output, "yuv444p", 16, 16, 3).reshape(3, -1)
    green = 0x88 / 255
    y, cb, cr = 0.7152 * green, -0.7152 / 1.8556 * green, -0.7152 / 1.5748 * green
    assert [int(p[0]) for p in planes] == [round(16 + 219 * y), round(128 + 224 * cb), round(128 + 224 * cr)]
    assert all(np.ptp(p) == 0 for p in planes)
    assert ExportOptions().video == VideoSettings()


def test_a_shape_that_its_fit_magnifies_stays_sharp(tmp_path: Path) -> None:
    """A disc of 20 pixels fitted to 200: its edge is as narrow as that of a disc drawn with 200."""
    shape = {"type": "ellipse", "size": [20, 20], "fill": "white"}

    def edge(clip: dict[str, object], folder: str) -> int:
        place = tmp_path / folder
        place.mkdir()
        project = {
            "canvas": {"width": 200, "height": 200, "fps": 25},
            "tracks": [{"clips": [{**clip, "duration": 0.04}]}],
        }
        output, _ = film(place, project, video=LOSSLESS_RGB)
        row = read_rgb(output, 200, 200)[0, 100, :, 0]
        return int(np.count_nonzero((row > 0) & (row < 255)))

    fitted = edge({"shape": shape, "fit": "contain"}, "fitted")
    drawn = edge({"shape": {**shape, "size": [200, 200]}}, "drawn")
    assert fitted <= drawn + 4
