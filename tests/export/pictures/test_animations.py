"""APNG and animated WebP, read back by Pillow and ffmpeg: every picture, its time, alpha, loops."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reelmill.export.outputs.picture_sink import PictureSink
from reelmill.export.pictures.animation_timing import GIF_CLOCK, WEBP_CLOCK
from reelmill.export.pictures.apng_animation import ApngAnimation
from reelmill.export.pictures.webp_animation import WebPAnimation
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.outputs import Alpha, AnimationSettings
from tests.support.films import probe
from tests.support.sinks import ffmpeg_frames, fill, frame_of, moving, pillow_frames, psnr, same_where_seen, shown

NTSC = Fraction(30000, 1001)
KINDS: dict[str, type[ApngAnimation] | type[WebPAnimation]] = {".png": ApngAnimation, ".webp": WebPAnimation}


def animation(
    file: Path,
    count: int,
    size: tuple[int, int],
    alpha: Alpha = "flatten",
    fps: Fraction | int = 25,
    settings: AnimationSettings = AnimationSettings(),  # noqa: B008 immutable
) -> PictureSink:
    return KINDS[file.suffix](file, Path(file.name), shown(count, fps), size=size, alpha=alpha, settings=settings)


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("alpha", ["keep", "flatten"])
def test_every_picture_is_exact(tmp_path: Path, suffix: str, alpha: Alpha) -> None:
    pictures = moving(12, 67, 45, see_through=alpha == "keep")
    fill(animation(tmp_path / f"a{suffix}", 12, (67, 45), alpha), pictures)
    found, _ = pillow_frames(tmp_path / f"a{suffix}")
    assert found.shape == pictures.shape
    assert same_where_seen(found, pictures)


@pytest.mark.parametrize("alpha", ["keep", "flatten"])
def test_ffmpeg_reads_the_same_apng(tmp_path: Path, alpha: Alpha) -> None:
    pictures = moving(12, 67, 45, see_through=alpha == "keep")
    fill(animation(tmp_path / "a.png", 12, (67, 45), alpha, NTSC), pictures)
    assert same_where_seen(ffmpeg_frames(tmp_path / "a.png", 67, 45), pictures)
    stream = probe(tmp_path / "a.png", "-count_frames", "-f", "apng")["streams"][0]
    assert (stream["codec_name"], stream["nb_read_frames"]) == ("apng", "12")
    assert stream["pix_fmt"] == ("rgba" if alpha == "keep" else "rgb24")


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("loop", [None, 0, 1, 3, 65535])
def test_how_often_it_plays(tmp_path: Path, suffix: str, loop: int | None) -> None:
    asked = AnimationSettings(loop=loop)
    fill(animation(tmp_path / f"a{suffix}", 3, (16, 16), settings=asked), moving(3, 16, 16))
    with Image.open(tmp_path / f"a{suffix}") as image:
        assert image.info["loop"] == (loop or 0)


@pytest.mark.parametrize("fps", [Fraction(25), NTSC, Fraction(60), Fraction(24000, 1001), Fraction(12), Fraction(90)])
@pytest.mark.parametrize("count", [2, 7, 31])
def test_webp_lasts_as_long_as_the_film(tmp_path: Path, fps: Fraction, count: int) -> None:
    fill(animation(tmp_path / "a.webp", count, (32, 16), fps=fps), moving(count, 32, 16))
    found, durations = pillow_frames(tmp_path / "a.webp")
    ends = np.cumsum(durations)
    wanted = [float((number + 1) * 1000 / fps) for number in range(count)]
    assert len(found) == count
    assert np.abs(ends - wanted).max() <= 0.5


@pytest.mark.parametrize("fps", [Fraction(25), NTSC, Fraction(60), Fraction(24000, 1001), Fraction(1, 3)])
def test_apng_tells_the_rate_exactly(tmp_path: Path, fps: Fraction) -> None:
    fill(animation(tmp_path / "a.png", 4, (16, 16), fps=fps), moving(4, 16, 16))
    assert [Fraction(*delay) for delay in apng_delays(tmp_path / "a.png")] == [1 / fps] * 4


def test_apng_of_an_odd_rate_lasts_as_long_as_the_film(tmp_path: Path) -> None:
    fps = Fraction(1234567, 54321)
    fill(animation(tmp_path / "a.png", 30, (16, 16), fps=fps), moving(30, 16, 16))
    delays = [Fraction(*delay) for delay in apng_delays(tmp_path / "a.png")]
    assert abs(sum(delays) - 30 / fps) <= Fraction(1, 2000)


def apng_delays(path: Path) -> list[tuple[int, int]]:
    """Numerators and denominators in the chunks fcTL, by the PNG specification."""
    data, at, found = path.read_bytes(), 8, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"fcTL":
            found.append(struct.unpack_from(">HH", data, at + 8 + 20))
        at += length + 12
    return found


@pytest.mark.parametrize("suffix", KINDS)
def test_pictures_that_stand_still(tmp_path: Path, suffix: str) -> None:
    """Equal ones: APNG keeps them as a pixel each, libwebp merges them; the time is the same."""
    frames = [frame_of(picture, "rgb24" if suffix == ".png" else "bgr0") for picture in moving(2, 16, 16)]
    sink = animation(tmp_path / f"a{suffix}", 10, (16, 16))
    for number in range(10):
        sink.write(frames[number // 6], number)
    sink.finish()
    found, durations = pillow_frames(tmp_path / f"a{suffix}")
    assert len(found) == (10 if suffix == ".png" else 2)
    assert sum(durations) == 400
    assert sum(durations[: 6 if suffix == ".png" else 1]) == 240


@pytest.mark.parametrize("suffix", KINDS)
def test_one_picture(tmp_path: Path, suffix: str) -> None:
    pictures = moving(1, 20, 10)
    fill(animation(tmp_path / f"a{suffix}", 1, (20, 10)), pictures)
    assert np.array_equal(pillow_frames(tmp_path / f"a{suffix}")[0], pictures)


@given(width=st.integers(1, 9), height=st.integers(1, 9), suffix=st.sampled_from(list(KINDS)), keep=st.booleans())
@settings(max_examples=30, deadline=None)
def test_every_size(tmp_path_factory: pytest.TempPathFactory, width: int, height: int, suffix: str, keep: bool) -> None:
    file = tmp_path_factory.mktemp("sizes") / f"a{suffix}"
    pictures = np.random.default_rng(width * 10 + height).integers(0, 256, (3, height, width, 4), np.uint8)
    pictures[..., 3] = np.where(keep, pictures[..., 3], 255)
    fill(animation(file, 3, (width, height), "keep" if keep else "flatten"), pictures)
    found, durations = pillow_frames(file)
    assert sum(durations) == 120
    # libwebp merges pictures that look alike: all that is transparent does.
    assert same_where_seen(found[-1], pictures[-1])
    if len(found) == 3:
        assert same_where_seen(found, pictures)


def test_webp_with_a_quality_is_lossy_and_keeps_alpha(tmp_path: Path) -> None:
    pictures = moving(5, 160, 96, see_through=True)
    fill(animation(tmp_path / "a.webp", 5, (160, 96), "keep"), pictures)
    fill(animation(tmp_path / "b.webp", 5, (160, 96), "keep", settings=AnimationSettings(quality=50)), pictures)
    found, _ = pillow_frames(tmp_path / "b.webp")
    opaque = pictures[..., 3] == 255
    assert psnr(found[opaque], pictures[opaque]) > 20
    assert np.abs(found[..., 3].astype(int) - pictures[..., 3]).max() <= 16
    assert (tmp_path / "b.webp").stat().st_size < (tmp_path / "a.webp").stat().st_size


@pytest.mark.parametrize("suffix", KINDS)
def test_a_rate_that_players_slow_down_is_an_error(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(SetupError, match=r"at most 90\.909 pictures a second, and these are 120") as refused:
        animation(tmp_path / f"a{suffix}", 3, (16, 16), fps=120)
    assert "fps_divisor 2" in (refused.value.suggestion or "")


@pytest.mark.parametrize(
    ("name", "size", "settings", "message"),
    [
        ("a.webp", (16384, 1), AnimationSettings(), "16383 pixels a side"),
        ("a.webp", (16, 16), AnimationSettings(quality=101), "quality is 101"),
        ("a.webp", (16, 16), AnimationSettings(loop=65536), "loop is 65536"),
        ("a.webp", (16, 16), AnimationSettings(colors=16), "WebP has no colors"),
        ("a.png", (16, 16), AnimationSettings(dither="none"), "APNG has no dither"),
        ("a.png", (16, 16), AnimationSettings(quality=50), "APNG has no quality"),
        ("no/such/folder/a.png", (16, 16), AnimationSettings(), "can't be written"),
        ("no/such/folder/a.webp", (16, 16), AnimationSettings(), "can't be written"),
    ],
)
def test_what_can_not_be_is_refused(
    tmp_path: Path, name: str, size: tuple[int, int], settings: AnimationSettings, message: str
) -> None:
    with pytest.raises(SetupError, match=message) as refused:
        animation(tmp_path / name, 3, size, settings=settings)
    assert refused.value.suggestion


@pytest.mark.parametrize("suffix", KINDS)
def test_a_full_disk(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a{suffix}"
    file.symlink_to("/dev/full")
    with pytest.raises(RenderError, match="no space left"):
        fill(animation(file, 20, (64, 64)), moving(20, 64, 64))


@pytest.mark.parametrize("suffix", KINDS)
def test_giving_up_in_the_middle(tmp_path: Path, suffix: str) -> None:
    sink = animation(tmp_path / f"a{suffix}", 20, (16, 16))
    sink.write(frame_of(moving(1, 16, 16)[0], sink.takes.pix_fmt.name), 0)
    sink.abort()
    sink.abort()


@given(
    fps=st.fractions(Fraction(1, 10), 50, max_denominator=2000),
    count=st.integers(1, 2000),
)
@settings(deadline=None)
def test_durations_add_up_to_the_films(fps: Fraction, count: int) -> None:
    for clock in (GIF_CLOCK, WEBP_CLOCK):
        clock.check(Path("a.gif"), shown(1, fps))
        total = sum(clock.duration(number, fps) for number in range(count))
        assert abs(total - count / fps * clock.ticks_per_second) <= Fraction(1, 2)
        assert all(clock.duration(number, fps) >= clock.shortest_ticks for number in range(0, count, 7))
