"""Numbered pictures: every format keeps what it can, in order; failures are told, and memory is bounded."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reelmill.export.pictures.picture_names import PictureNames
from reelmill.export.pictures.picture_sequence import PictureSequence
from reelmill.export.pictures.picture_writer import PictureEncoder
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.outputs import Alpha, PictureSettings
from tests.support.films import ffmpeg, probe
from tests.support.sinks import deep_frame, ffmpeg_frames, fill, frame_of, moving, psnr, same_where_seen, shown


def sequence(
    folder: Path,
    pattern: str,
    count: int,
    size: tuple[int, int],
    alpha: Alpha = "flatten",
    settings: PictureSettings = PictureSettings(),  # noqa: B008 immutable
    workers: int = 2,
) -> PictureSequence:
    folder.mkdir(parents=True, exist_ok=True)
    names = PictureNames(Path("f") / pattern, start_number=settings.start_number or 0)
    return PictureSequence(folder, names, shown(count), size=size, alpha=alpha, settings=settings, workers=workers)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "tiff"])
@pytest.mark.parametrize("alpha", ["keep", "flatten"])
def test_lossless_pictures_come_back_as_they_were(tmp_path: Path, suffix: str, alpha: Alpha) -> None:
    pictures = moving(5, 37, 23, see_through=alpha == "keep")
    fill(sequence(tmp_path, f"%03d.{suffix}", 5, (37, 23), alpha), pictures)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{n:03}.{suffix}" for n in range(5)]
    for number, wanted in enumerate(pictures):
        path = tmp_path / f"{number:03}.{suffix}"
        assert same_where_seen(ffmpeg_frames(path, 37, 23)[0], wanted)
        with Image.open(path) as image:
            assert image.mode == ("RGBA" if alpha == "keep" else "RGB")


def test_ffmpeg_plays_them_as_a_film(tmp_path: Path) -> None:
    pictures = moving(12, 64, 48)
    fill(sequence(tmp_path, "shot-%04d.png", 12, (64, 48), settings=PictureSettings(start_number=1001)), pictures)
    answer = probe(tmp_path / "shot-%04d.png", "-start_number", "1001", "-count_frames", "-framerate", "25")
    assert answer["streams"][0]["nb_read_frames"] == "12"
    assert [answer["streams"][0][side] for side in ("width", "height")] == [64, 48]


@pytest.mark.parametrize("quality", [None, 60])
def test_jpeg_is_near_and_smaller_with_less_quality(tmp_path: Path, quality: int | None) -> None:
    pictures = moving(2, 160, 96)
    fill(sequence(tmp_path, "%d.jpg", 2, (160, 96), settings=PictureSettings(quality=quality)), pictures)
    assert psnr(ffmpeg_frames(tmp_path / "1.jpg", 160, 96)[0], pictures[1]) > (30 if quality is None else 20)
    stream = probe(tmp_path / "1.jpg")["streams"][0]
    assert (stream["pix_fmt"], stream["color_range"]) == ("yuvj444p" if quality is None else "yuvj420p", "pc")


def test_webp_with_a_quality_is_lossy(tmp_path: Path) -> None:
    pictures = moving(1, 160, 96)
    fill(sequence(tmp_path, "%d.webp", 1, (160, 96), settings=PictureSettings(quality=70)), pictures)
    assert (tmp_path / "0.webp").read_bytes()[12:16] == b"VP8 "
    assert psnr(ffmpeg_frames(tmp_path / "0.webp", 160, 96)[0], pictures[0]) > 20


@pytest.mark.parametrize(("suffix", "pix_fmt"), [("png", "rgba64le"), ("tif", "rgba64le")])
def test_sixteen_bits_are_kept(tmp_path: Path, suffix: str, pix_fmt: str) -> None:
    codes = np.random.default_rng(5).integers(0, 65536, (23, 37, 4), np.uint16)
    sink = sequence(tmp_path, f"%d.{suffix}", 1, (37, 23), "keep", PictureSettings(depth=16))
    sink.write(deep_frame(codes, sink.takes.pix_fmt.name), 0)
    sink.finish()
    raw = np.frombuffer(read_raw(tmp_path / f"0.{suffix}", pix_fmt), np.uint16).reshape(23, 37, 4)
    assert np.array_equal(raw, codes)
    if suffix == "tif":
        with Image.open(tmp_path / "0.tif") as image:
            assert image.tag_v2[338] == (2,)  # type: ignore[attr-defined]  # unassociated alpha


def read_raw(path: Path, pix_fmt: str) -> bytes:
    return ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", pix_fmt, "-")


@pytest.mark.parametrize("alpha", ["keep", "flatten"])
def test_exr_holds_linear_light_in_half_floats(tmp_path: Path, alpha: Alpha) -> None:
    """IEC 61966-2-1 decoded, times alpha, to the nearest half float."""
    codes = np.random.default_rng(6).integers(0, 65536, (23, 37, 4), np.uint16)
    sink = sequence(tmp_path, "%d.exr", 1, (37, 23), alpha)
    sink.write(deep_frame(codes, sink.takes.pix_fmt.name), 0)
    sink.finish()
    values = codes / 65535
    wanted = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    if alpha == "keep":
        wanted[..., :3] *= values[..., 3:]
        wanted[..., 3] = values[..., 3]
    raw = read_raw(tmp_path / "0.exr", "gbrapf32le" if alpha == "keep" else "gbrpf32le")
    planes = np.frombuffer(raw, np.float32).reshape(-1, 23, 37)
    for plane, channel in zip(planes, (1, 2, 0, 3), strict=False):
        nearest = wanted[..., channel].astype(np.float16).astype(float)
        assert np.abs(plane - nearest).max() <= 2.0**-11 * nearest.max()
        assert (plane == nearest).mean() > 0.99
    header = (tmp_path / "0.exr").read_bytes()[:400]
    assert b"channels\0chlist\0" in header
    assert header.split(b"chlist\0")[1][4:].startswith(b"A\0\1\0\0\0" if alpha == "keep" else b"B\0\1\0\0\0")  # HALF


@given(width=st.integers(1, 9), height=st.integers(1, 9), suffix=st.sampled_from(["png", "webp", "tif", "exr", "jpg"]))
@settings(max_examples=40, deadline=None)
def test_every_size(tmp_path_factory: pytest.TempPathFactory, width: int, height: int, suffix: str) -> None:
    folder = tmp_path_factory.mktemp("sizes")
    pictures = np.random.default_rng(width * 10 + height).integers(0, 256, (1, height, width, 4), np.uint8)
    pictures[..., 3] = 255
    fill(sequence(folder, f"%d.{suffix}", 1, (width, height), workers=1), pictures)
    if suffix == "exr":
        raw = np.frombuffer(read_raw(folder / "0.exr", "gbrpf32le"), np.float32)
        assert raw.size == width * height * 3
        return
    with Image.open(folder / f"0.{suffix}") as image:
        assert image.size == (width, height)
        assert suffix == "jpg" or np.array_equal(np.asarray(image.convert("RGBA")), pictures[0])


def test_a_picture_that_comes_again_is_encoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    start = PictureEncoder.start

    def counted(encoder: PictureEncoder, frame: VideoFrame) -> Callable[[], bytes]:
        begun.append(frame)
        return start(encoder, frame)

    monkeypatch.setattr(PictureEncoder, "start", counted)
    sink = sequence(tmp_path, "%d.png", 43, (16, 16))
    frames = [frame_of(picture, "rgb24") for picture in moving(4, 16, 16)]
    for number in range(43):
        sink.write(frames[max(number - 39, 0)], number)
    sink.finish()
    assert len(begun) == 4
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(files) == 43
    assert len({files[f"{number}.png"] for number in range(40)}) == 1
    assert len(set(files.values())) == 4


@pytest.mark.parametrize("suffix", ["png", "exr"])
def test_few_pictures_are_on_their_way_at_once(tmp_path: Path, suffix: str) -> None:
    sink = sequence(tmp_path, f"%d.{suffix}", 50, (16, 16), workers=2)
    for number, picture in enumerate(moving(50, 16, 16)):
        sink.write(frame_of(picture, sink.takes.pix_fmt.name), number)
        assert len(list(tmp_path.iterdir())) >= number - 2
    sink.finish()
    assert len(list(tmp_path.iterdir())) == 50


def test_no_space_left_at_picture_200(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == "000200.png":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    pictures = np.broadcast_to(moving(1, 4, 4), (300, 4, 4, 4))
    with pytest.raises(RenderError, match="no space left") as failed:
        fill(sequence(tmp_path, "%06d.png", 300, (4, 4)), pictures)
    assert "000200.png" in failed.value.message
    assert failed.value.output_frame == 200
    assert failed.value.file == "f/000200.png"
    assert "free some space" in (failed.value.suggestion or "")


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    sink = sequence(tmp_path / "f", "%d.png", 1, (4, 4))
    (tmp_path / "f").rmdir()
    with pytest.raises(RenderError, match=r"0\.png can't be written"):
        fill(sink, moving(1, 4, 4))


def test_aborting_leaves_no_thread_and_may_be_done_twice(tmp_path: Path) -> None:
    sink = sequence(tmp_path, "%d.png", 9, (64, 64))
    for number, picture in enumerate(moving(9, 64, 64)):
        sink.write(frame_of(picture, "rgb24"), number)
    sink.abort()
    sink.abort()


@pytest.mark.parametrize(
    ("pattern", "size", "alpha", "settings", "message"),
    [
        ("%d.jpg", (4, 4), "keep", PictureSettings(), "no transparency to keep"),
        ("%d.jpg", (16385, 4), "flatten", PictureSettings(), "at most 16384 pixels a side"),
        ("%d.webp", (16384, 4), "flatten", PictureSettings(), "at most 16383 pixels a side"),
        ("%d.png", (4, 4), "flatten", PictureSettings(quality=50), "no quality"),
        ("%d.jpg", (4, 4), "flatten", PictureSettings(quality=101), "quality is 101"),
        ("%d.jpg", (4, 4), "flatten", PictureSettings(depth=16), "8 bits a sample, not 16"),
        ("%d.png", (4, 4), "flatten", PictureSettings(depth=12), "8 or 16 bits a sample, not 12"),
        ("%d.bmp", (4, 4), "flatten", PictureSettings(), "pictures are written as"),
    ],
)
def test_what_a_format_can_not_hold_is_refused(
    tmp_path: Path, pattern: str, size: tuple[int, int], alpha: Alpha, settings: PictureSettings, message: str
) -> None:
    with pytest.raises(SetupError, match=message) as refused:
        sequence(tmp_path, pattern, 1, size, alpha, settings)
    assert refused.value.suggestion


def test_an_extension_with_a_slip_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as refused:
        sequence(tmp_path, "%d.jepg", 1, (4, 4))
    assert "%d.jpg" in (refused.value.suggestion or "")


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "exr"])
def test_soft_edges_show_no_fringe_over_another_colour(tmp_path: Path, suffix: str) -> None:
    """A white disc with a soft edge, straight alpha; ffmpeg's samples composited with numpy over red."""
    y, x = np.mgrid[:64, :64]
    disc = np.full((64, 64, 4), 255, np.uint8)
    disc[..., 3] = np.clip(128 + (20 - np.hypot(x - 31.5, y - 31.5)) * 16, 0, 255)
    disc[disc[..., 3] == 0, :3] = 0  # as a renderer leaves what nobody sees
    fill(sequence(tmp_path, f"%d.{suffix}", 1, (64, 64), "keep"), disc[None])
    alpha, red = disc[..., 3:] / 255, np.array([1.0, 0.0, 0.0])
    if suffix == "exr":  # premultiplied, linear: over is colour + (1 - alpha) · ground
        planes = np.frombuffer(read_raw(tmp_path / "0.exr", "gbrapf32le"), np.float32).reshape(4, 64, 64)
        over = planes[[2, 0, 1]].transpose(1, 2, 0) + (1 - planes[3][..., None]) * red
    else:
        found = ffmpeg_frames(tmp_path / f"0.{suffix}", 64, 64)[0] / 255
        over = found[..., :3] * found[..., 3:] + (1 - found[..., 3:]) * red
    direct = 1.0 * alpha + (1 - alpha) * red
    assert np.abs(over - direct).max() < 1 / 255
