"""GIF, read back by Pillow and ffmpeg: palettes against ffmpeg's own, dithering, transparency, time."""

from __future__ import annotations

import contextlib
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reelmill.export.pictures.colour_table import ColourTable
from reelmill.export.pictures.frame_spool import FrameSpool
from reelmill.export.pictures.gif_animation import GifAnimation
from reelmill.export.pictures.gif_dither import ColourMapper
from reelmill.export.pictures.gif_palette import ColourCount
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.outputs import Alpha, AnimationSettings, Dither, Palette
from tests.support.clips import ffmpeg
from tests.support.films import probe
from tests.support.sinks import Rgba, ffmpeg_frames, fill, frame_of, moving, pillow_frames, psnr, shown

NTSC = Fraction(30000, 1001)
DITHERS: tuple[Dither, ...] = ("none", "bayer", "floyd_steinberg", "sierra2_4a")
PALETTES: tuple[Palette, ...] = ("film", "frame")


def gif(
    file: Path,
    count: int,
    size: tuple[int, int],
    alpha: Alpha = "flatten",
    fps: Fraction | int = 25,
    settings: AnimationSettings = AnimationSettings(),  # noqa: B008 immutable
) -> GifAnimation:
    return GifAnimation(file, Path(file.name), shown(count, fps), size=size, alpha=alpha, settings=settings)


def scene(source: str, count: int = 5, size: str = "160x96") -> Rgba:
    """Pictures of one of ffmpeg's sources."""
    width, height = (int(side) for side in size.split("x"))
    raw = ffmpeg("-f", "lavfi", "-i", source, "-frames:v", str(count), "-f", "rawvideo", "-pix_fmt", "rgb0", "-")
    pictures = np.frombuffer(raw, np.uint8).reshape(count, height, width, 4).copy()
    pictures[..., 3] = 255
    return pictures


SCENES = {
    "test picture": "testsrc2=s=160x96:r=15",
    "fractal": "mandelbrot=s=160x96:r=15:start_scale=0.4,gblur=1",
    "gradients": "gradients=s=160x96:r=15:n=4:seed=3:c0=red:c1=teal:c2=orange:c3=navy,format=rgb24",
    "noise": "mandelbrot=s=160x96:r=15,format=yuv420p,noise=alls=12:allf=t:all_seed=1,format=rgb24",
}


def by_ffmpeg(pictures: Rgba, dither: Dither, stats: str, folder: Path) -> Rgba:
    """The same GIF by ffmpeg's palettegen and paletteuse."""
    height, width = pictures.shape[1:3]
    raw = folder / "pictures.raw"
    raw.write_bytes(pictures[..., :3].tobytes())
    new = ":new=1" if stats == "single" else ""
    graph = f"split[a][b];[a]palettegen=stats_mode={stats}[p];[b][p]paletteuse=dither={dither}{new}"
    source = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", "25", "-i", str(raw))
    subprocess.run(["ffmpeg", "-v", "error", *source, "-filter_complex", graph, folder / "ffmpeg.gif"], check=True)
    return ffmpeg_frames(folder / "ffmpeg.gif", width, height)


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("dither", DITHERS)
def test_a_palette_for_the_film_is_as_good_as_ffmpegs(tmp_path: Path, name: str, dither: Dither) -> None:
    pictures = scene(SCENES[name])
    fill(gif(tmp_path / "a.gif", 5, (160, 96), settings=AnimationSettings(dither=dither)), pictures)
    ours, theirs = ffmpeg_frames(tmp_path / "a.gif", 160, 96), by_ffmpeg(pictures, dither, "full", tmp_path)
    assert len(ours) == 5
    # Where the palette is fine, diffusing errors exactly costs a little exactness of each pixel for much of all.
    slack = 1.0 if name == "gradients" else 0.0
    assert psnr(ours, pictures) >= psnr(theirs, pictures) - slack
    assert psnr(_blurred(ours), _blurred(pictures)) >= psnr(_blurred(theirs), _blurred(pictures))


def _blurred(pictures: Rgba) -> Rgba:
    """As from afar, where dithering shows its colours."""
    wide = pictures.astype(np.float64)
    for axis in (1, 2):
        wide = (np.roll(wide, 1, axis) + 2 * wide + np.roll(wide, -1, axis)) / 4
    return wide  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["test picture", "noise"])
def test_a_palette_for_each_frame_is_as_good_as_ffmpegs(tmp_path: Path, name: str) -> None:
    pictures = scene(SCENES[name], 4)
    fill(gif(tmp_path / "a.gif", 4, (160, 96), settings=AnimationSettings(palette="frame")), pictures)
    theirs = by_ffmpeg(pictures, "sierra2_4a", "single", tmp_path)
    assert psnr(ffmpeg_frames(tmp_path / "a.gif", 160, 96), pictures) >= psnr(theirs, pictures) - 0.2


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("dither", DITHERS)
@pytest.mark.parametrize("colours", [1, 2, 200, 255])
def test_few_colours_are_exact(tmp_path: Path, palette: Palette, dither: Dither, colours: int) -> None:
    random = np.random.default_rng(colours)
    table = random.integers(0, 256, (colours, 4), np.uint8)
    table[:, 3] = 255
    pictures = table[random.integers(0, colours, (3, 20, 30))]
    fill(gif(tmp_path / "a.gif", 3, (30, 20), settings=AnimationSettings(palette, dither=dither)), pictures)
    assert np.array_equal(ffmpeg_frames(tmp_path / "a.gif", 30, 20), pictures)
    assert np.array_equal(pillow_frames(tmp_path / "a.gif")[0], pictures)


@pytest.mark.parametrize("colours", [2, 3, 4, 7, 8, 16, 100, 256])
@pytest.mark.parametrize("alpha", ["keep", "flatten"])
@pytest.mark.parametrize("palette", PALETTES)
def test_no_more_colours_than_asked_for(tmp_path: Path, colours: int, alpha: Alpha, palette: Palette) -> None:
    pictures = moving(3, 64, 48, see_through=alpha == "keep")
    fill(gif(tmp_path / "a.gif", 3, (64, 48), alpha, settings=AnimationSettings(palette, colors=colours)), pictures)
    for picture in ffmpeg_frames(tmp_path / "a.gif", 64, 48):
        assert len(np.unique(picture.reshape(-1, 4), axis=0)) <= colours


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("dither", DITHERS)
def test_what_is_less_than_half_there_is_transparent(tmp_path: Path, palette: Palette, dither: Dither) -> None:
    pictures = moving(6, 80, 60, see_through=True)
    fill(gif(tmp_path / "a.gif", 6, (80, 60), "keep", settings=AnimationSettings(palette, dither=dither)), pictures)
    seen = pictures[..., 3] >= 128
    for found in (pillow_frames(tmp_path / "a.gif")[0], ffmpeg_frames(tmp_path / "a.gif", 80, 60)):
        assert np.array_equal(found[..., 3] == 255, seen)
        assert np.array_equal(found[..., 3] == 0, ~seen)
        assert psnr(found[seen], pictures[seen]) > 25


@pytest.mark.parametrize("fps", [Fraction(25), NTSC, Fraction(24), Fraction(50), Fraction(12), Fraction(1, 2)])
@pytest.mark.parametrize("count", [1, 2, 31])
def test_it_lasts_as_long_as_the_film(tmp_path: Path, fps: Fraction, count: int) -> None:
    fill(gif(tmp_path / "a.gif", count, (16, 8), fps=fps), moving(count, 16, 8))
    found, durations = pillow_frames(tmp_path / "a.gif")
    wanted = [float((number + 1) * 1000 / fps) for number in range(count)]
    assert len(found) == count
    assert np.abs(np.cumsum(durations) - wanted).max() <= 5
    stream = probe(tmp_path / "a.gif", "-count_frames")["streams"][0]
    assert int(stream["nb_read_frames"]) == count
    assert abs(float(stream["duration"]) - float(count / fps)) <= 0.0051
    assert (stream["width"], stream["height"]) == (16, 8)


@pytest.mark.parametrize(("loop", "repetitions"), [(None, 0), (0, 0), (1, None), (2, 1), (5, 4)])
def test_how_often_it_plays(tmp_path: Path, loop: int | None, repetitions: int | None) -> None:
    """The extension counts repetitions after the first time; 0 stands for ever, and without it, it plays once."""
    fill(gif(tmp_path / "a.gif", 3, (16, 8), settings=AnimationSettings(loop=loop)), moving(3, 16, 8))
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info.get("loop") == repetitions


@pytest.mark.parametrize("palette", PALETTES)
def test_pictures_that_stand_still(tmp_path: Path, palette: Palette) -> None:
    pictures = moving(2, 32, 24)
    frames = [frame_of(picture, "bgr0") for picture in pictures]
    sink = gif(tmp_path / "a.gif", 10, (32, 24), settings=AnimationSettings(palette))
    for number in range(10):
        sink.write(frames[number // 6], number)
    sink.finish()
    found, durations = pillow_frames(tmp_path / "a.gif")
    assert len(found) == 10
    assert durations == [40] * 10
    assert psnr(found, pictures[[0] * 6 + [1] * 4]) > 30


@pytest.mark.parametrize("dither", DITHERS)
def test_nothing_flickers_where_nothing_moves(tmp_path: Path, dither: Dither) -> None:
    pictures = np.repeat(scene(SCENES["gradients"], 1), 6, axis=0)
    for number in range(6):
        pictures[number, 5:25, 10 + 20 * number : 20 + 20 * number, :3] = 255
    fill(gif(tmp_path / "a.gif", 6, (160, 96), settings=AnimationSettings(dither=dither)), pictures)
    found = ffmpeg_frames(tmp_path / "a.gif", 160, 96)
    still = (pictures[1:] == pictures[:-1]).all(axis=3)
    assert ((found[1:] == found[:-1]).all(axis=3) | ~still).all()


@given(
    width=st.integers(1, 9),
    height=st.integers(1, 9),
    dither=st.sampled_from(DITHERS),
    palette=st.sampled_from(PALETTES),
    keep=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_every_size(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, dither: Dither, palette: Palette, keep: bool
) -> None:
    file = tmp_path_factory.mktemp("sizes") / "a.gif"
    pictures = np.random.default_rng(width * 10 + height).integers(0, 256, (3, height, width, 4), np.uint8)
    pictures[..., 3] = np.where(keep, pictures[..., 3], 255)
    sink = gif(
        file, 3, (width, height), "keep" if keep else "flatten", settings=AnimationSettings(palette, None, dither)
    )
    fill(sink, pictures)
    found, durations = pillow_frames(file)
    assert durations == [40] * 3
    seen = pictures[..., 3] >= 128
    assert np.array_equal(found[..., 3] == 255, seen)
    assert np.array_equal(found[seen][:, :3], pictures[seen][:, :3])  # at most 243 pixels: every colour has its place


@pytest.mark.parametrize("dither", ["floyd_steinberg", "sierra2_4a"])
def test_error_diffusion_is_the_textbooks(dither: Dither) -> None:
    """Pixel by pixel, errors handed to neighbours that are still to come; the same nearest colours."""
    shares = {
        "floyd_steinberg": [(1, 0, 7 / 16), (-1, 1, 3 / 16), (0, 1, 5 / 16), (1, 1, 1 / 16)],
        "sierra2_4a": [(1, 0, 2 / 4), (-1, 1, 1 / 4), (0, 1, 1 / 4)],
    }[dither]
    pictures = scene(SCENES["fractal"], 2)[:, :40, :50][..., [2, 1, 0, 3]]
    count = ColourCount()
    count.add(pictures[0])
    palette = count.palette(16)
    found, table = ColourMapper(palette, dither, None).map(pictures), ColourTable(palette.colours)
    for picture, numbers in zip(pictures, found, strict=True):
        wanted = picture[..., 2::-1].astype(np.float64)
        for y in range(40):
            for x in range(50):
                value = np.clip(wanted[y, x], 0, 255)
                number = table.nearest(np.floor(value[::-1] + 0.5).astype(np.uint8))
                assert numbers[y, x] == number
                error = value - palette.colours[number]
                for dx, dy, share in shares:
                    if 0 <= x + dx < 50 and y + dy < 40:
                        wanted[y + dy, x + dx] += error * share


@pytest.mark.parametrize("fps", [Fraction(60), Fraction(60000, 1001), Fraction(101, 2)])
def test_a_rate_that_players_slow_down_is_an_error(tmp_path: Path, fps: Fraction) -> None:
    with pytest.raises(SetupError, match="GIF shows at most 50 pictures a second") as refused:
        gif(tmp_path / "a.gif", 3, (16, 16), fps=fps)
    assert "fps_divisor 2" in (refused.value.suggestion or "")


@pytest.mark.parametrize(
    ("size", "settings", "message"),
    [
        ((65536, 1), AnimationSettings(), "65535 pixels a side"),
        ((16, 16), AnimationSettings(colors=257), "colors is 257"),
        ((16, 16), AnimationSettings(colors=1), "colors is 1"),
        ((16, 16), AnimationSettings(quality=50), "GIF has no quality"),
        ((16, 16), AnimationSettings(loop=-1), "loop is -1"),
    ],
)
def test_what_can_not_be_is_refused(
    tmp_path: Path, size: tuple[int, int], settings: AnimationSettings, message: str
) -> None:
    with pytest.raises(SetupError, match=message):
        gif(tmp_path / "a.gif", 3, size, settings=settings)


@pytest.mark.parametrize("palette", PALETTES)
def test_a_folder_that_is_not_there(tmp_path: Path, palette: Palette) -> None:
    with pytest.raises(SetupError, match="can't be written"):
        gif(tmp_path / "no" / "a.gif", 3, (16, 16), settings=AnimationSettings(palette))


@pytest.mark.parametrize("palette", PALETTES)
def test_a_full_disk(tmp_path: Path, palette: Palette) -> None:
    (tmp_path / "a.gif").symlink_to("/dev/full")
    with pytest.raises(RenderError, match="no space left"):
        fill(gif(tmp_path / "a.gif", 20, (64, 64), settings=AnimationSettings(palette)), moving(20, 64, 64))


def test_a_file_that_is_not_wanted_any_more_is_not_worked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(mapper: ColourMapper, batch: Rgba) -> Rgba:
        raise AssertionError("dithered for nobody")

    monkeypatch.setattr(ColourMapper, "map", nobody)
    plain = AnimationSettings()
    name = Path("a.gif")
    sink = GifAnimation(
        tmp_path / name, name, shown(3), size=(8, 8), alpha="flatten", settings=plain, stopped=lambda: True
    )
    fill(sink, moving(3, 8, 8))


@pytest.mark.parametrize("palette", PALETTES)
def test_giving_up_leaves_no_spool(tmp_path: Path, palette: Palette) -> None:
    sink = gif(tmp_path / "a.gif", 20, (16, 16), settings=AnimationSettings(palette))
    sink.write(frame_of(moving(1, 16, 16)[0], "bgr0"), 0)
    sink.abort()
    sink.abort()
    assert {path.name for path in tmp_path.iterdir()} <= {"a.gif"}


@given(width=st.integers(1, 40), height=st.integers(1, 40), count=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_the_spool_gives_back_what_it_got(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, count: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    pictures = np.random.default_rng(width * height).integers(0, 256, (count, height, width, 4), np.uint8)
    with contextlib.closing(FrameSpool(folder, width, height)) as spool:
        for picture in pictures:
            spool.add(frame_of(picture, "bgra"))
            spool.repeat()
        found = list(spool.read())
    assert len(found) == 2 * count
    for number, picture in enumerate(pictures):
        assert found[2 * number] is found[2 * number + 1]
        assert np.array_equal(found[2 * number][..., [2, 1, 0, 3]], picture)
    assert not list(folder.iterdir())
