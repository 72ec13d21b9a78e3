"""Several outputs from one pass: each is what it would be alone, read back with ffmpeg's programs and Pillow."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from reelmill.export.opening.job import ExportOptions
from reelmill.export.rendering.session import export_film
from reelmill.planner.clock import Time
from reelmill.planner.outputs import Output
from tests.support.clips import HEIGHT, WIDTH, ClipRecipe, decoded_numbers, make_clip
from tests.support.films import ffmpeg, probe, read_planes, read_sound

FPS, FRAMES, RATE = 25, 50, 48000
TAGS = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", *TAGS)
NUMBERS = ClipRecipe("numbers.mp4", (*X264, "-g", "12"), audio=("-c:a", "flac", "-strict", "-2"))
LOSSLESS = {"codec": "ffv1"}
Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds whose frames carry their numbers, with a tone."""
    return make_clip(tmp_path_factory, NUMBERS)


def plain(media: Path, *outputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The clip as it is."""
    return {
        "version": 1,
        "canvas": {"width": WIDTH, "height": HEIGHT, "fps": FPS},
        "media": {"m": {"path": str(media)}},
        "tracks": [{"id": "v", "clips": [{"id": "all", "media": "m"}]}],
        "outputs": list(outputs),
        **more,
    }


def layered(media: Path, *outputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The clip under a nested composition that holds it again, a colour and a text."""
    inner = {"clips": [{"media": "m", "start": 0, "duration": 2, "transform": {"scale": 0.5}}]}
    title = {"clips": [{"text": {"content": "ab", "size": 20, "color": "#ff4010"}, "start": 0, "duration": 2}]}
    shown = {"composition": "card", "start": 0, "duration": 2, "transform": {"scale": 0.6, "opacity": 0.7}}
    made = plain(media, *outputs, **more)
    made["compositions"] = {"card": {"background": "#2060a0", "duration": 2, "tracks": [inner, title]}}
    made["tracks"].append({"id": "over", "clips": [shown]})
    return made


def export(folder: Path, project: dict[str, Any], *names: str, **options: Any) -> dict[str, Any]:
    """Export the project's outputs, or those named, into a folder. The report."""
    path = folder / "project.json"
    path.write_text(json.dumps(project), encoding="utf-8")
    given = [Output(str(folder / name)) for name in names]
    return export_film(path, given, ExportOptions(force=True, **options))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def streams(path: Path) -> dict[str, dict[str, Any]]:
    return {stream["codec_type"]: stream for stream in probe(path, "-count_frames")["streams"]}


SIX = (
    {"path": "film.mp4", "video": {"preset": "ultrafast"}},
    {"path": "small.mkv", "size": [32, 24], "video": LOSSLESS},
    {"path": "teaser.gif", "size": [48, 36], "fps_divisor": 5, "range": [0.4, 1.4]},
    {"path": "poster.png", "pictures": {"at": 1.2}},
    {"path": "frames/%04d.png", "range": [0, 1], "pictures": {"start_number": 7}},
    {"path": "sound.wav"},
)


def test_six_outputs_of_one_pass(tmp_path: Path, numbers: Path) -> None:
    report = export(tmp_path, plain(numbers, *SIX))
    assert [(each["kind"], each["frames"]) for each in report["outputs"]] == [
        ("film", 50), ("film", 50), ("animation", 5), ("poster", 1), ("pictures", 25), ("sound", 0),
    ]  # fmt: skip
    assert report["frames"] == 50
    assert report["duration_seconds"] == 2
    assert report["decoders"]["frames_decoded"] == FRAMES
    assert decoded_numbers(tmp_path / "film.mp4") == list(range(50))
    found = streams(tmp_path / "film.mp4")
    assert (found["video"]["nb_read_frames"], found["video"]["avg_frame_rate"]) == ("50", "25/1")
    assert float(found["audio"]["duration"]) == pytest.approx(2, abs=0.03)
    small = streams(tmp_path / "small.mkv")["video"]
    assert (small["width"], small["height"], small["nb_read_frames"]) == (32, 24, "50")
    with Image.open(tmp_path / "teaser.gif") as gif:
        assert (gif.size, getattr(gif, "n_frames", 1), gif.info["duration"]) == ((48, 36), 5, 200)
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == [f"{n:04}.png" for n in range(7, 32)]
    assert len(read_sound(tmp_path / "sound.wav", 2)) == 2 * RATE
    for each in report["outputs"]:
        if each["kind"] != "pictures":
            path = Path(each["path"])
            assert (each["bytes"], each["sha256"]) == (path.stat().st_size, digest(path))


@pytest.mark.parametrize("scene", [plain, layered], ids=["untouched", "composited"])
@pytest.mark.parametrize("system", ["v1", "v2"])
def test_each_output_is_the_same_as_alone(tmp_path: Path, numbers: Path, scene: Any, system: str) -> None:
    (tmp_path / "all").mkdir()
    export(tmp_path / "all", scene(numbers, *SIX), system=system)
    for number, entry in enumerate(SIX):
        alone = tmp_path / str(number)
        alone.mkdir()
        export(alone, scene(numbers, entry), system=system)
        for path in alone.rglob("*"):
            if path.is_file() and path.name != "project.json":
                assert digest(path) == digest(tmp_path / "all" / path.relative_to(alone)), path.name


def test_an_untouched_film_beside_pictures_is_passed_through_bit_by_bit(tmp_path: Path, numbers: Path) -> None:
    """Numbered pictures need every frame in R'G'B'; the film beside them does not change for that."""
    export(tmp_path, plain(numbers, {"path": "film.mkv", "video": LOSSLESS}, {"path": "frames/%d.png"}))
    source = read_planes(numbers, "yuv420p", WIDTH, HEIGHT, Fraction(3, 2))
    assert np.array_equal(read_planes(tmp_path / "film.mkv", "yuv420p", WIDTH, HEIGHT, Fraction(3, 2)), source)


def test_ranges_divisors_and_their_sound(tmp_path: Path, numbers: Path) -> None:
    outputs = (
        {"path": "late.mkv", "range": ["30f", "44f"], "video": LOSSLESS},
        {"path": "third.mkv", "fps_divisor": 3, "video": LOSSLESS, "audio": {"codec": "pcm"}},
        {"path": "early.mkv", "range": ["5f", "12f"], "fps_divisor": 2, "video": LOSSLESS, "no_audio": True},
        {"path": "late.wav", "range": [1.2, 1.76]},
    )
    report = export(tmp_path, plain(numbers, *outputs))
    assert decoded_numbers(tmp_path / "late.mkv") == list(range(30, 44))
    assert decoded_numbers(tmp_path / "third.mkv") == list(range(0, 50, 3))
    assert decoded_numbers(tmp_path / "early.mkv") == [5, 7, 9, 11]
    assert streams(tmp_path / "third.mkv")["video"]["avg_frame_rate"] == "25/3"
    assert set(streams(tmp_path / "early.mkv")) == {"video"}
    whole = read_sound(tmp_path / "third.mkv", 2)
    assert len(whole) == 2 * RATE
    late = read_sound(tmp_path / "late.wav", 2)
    assert np.array_equal(late, whole[int(1.2 * RATE) : int(1.76 * RATE)])
    assert report["frames"] == len({*range(30, 44), *range(0, 50, 3), *range(5, 12, 2)})


def test_only_what_some_output_shows_is_decoded_and_drawn(tmp_path: Path, numbers: Path) -> None:
    project = layered(numbers, {"path": "a.gif", "range": ["40f", "50f"], "fps_divisor": 5}, {"path": "p.png"})
    for system in ("v1", "v2"):
        report = export(tmp_path, project, system=system)
        assert report["frames"] == 3
        assert report["compositor"]["frames_composited"] == 3
        # The frames shown: 5, 40 and 45, from the keyframes 0 and 36 on.
        assert report["decoders"]["frames_requested"] == 3
        assert report["decoders"]["frames_decoded"] < FRAMES * (2 if system == "v1" else 1)


def test_the_range_of_the_command_line_cuts_all(tmp_path: Path, numbers: Path) -> None:
    project = plain(
        numbers, {"path": "a.mkv", "video": LOSSLESS}, {"path": "b.mkv", "range": [0, 0.6], "video": LOSSLESS}
    )
    export(tmp_path, project, range=(Time(frames=10), Time(frames=20)))
    assert decoded_numbers(tmp_path / "a.mkv") == list(range(10, 20))
    assert decoded_numbers(tmp_path / "b.mkv") == list(range(10, 15))


def test_a_still_is_drawn_once_for_all_outputs(tmp_path: Path) -> None:
    project = {
        "version": 1,
        "canvas": {"width": 64, "height": 48, "fps": 25},
        "tracks": [{"clips": [{"solid": "#336699", "start": 0, "duration": 1}]}],
        "outputs": [{"path": "a.mp4"}, {"path": "b.mkv", "size": [32, 24]}, {"path": "f/%d.png"}, {"path": "g.gif"}],
    }
    report = export(tmp_path, project)
    assert report["compositor"]["frames_composited"] == 1
    assert report["compositor"]["frames_reused"] == 24
    with Image.open(tmp_path / "f/24.png") as picture:
        assert picture.convert("RGB").getpixel((30, 20)) == (0x33, 0x66, 0x99)


def area(plane: Pixels, width: int, height: int) -> npt.NDArray[np.float64]:
    """The mean over whole blocks."""
    y, x = plane.shape[0] // height, plane.shape[1] // width
    means: npt.NDArray[np.float64] = plane.reshape(height, y, width, x).astype(float).mean(axis=(1, 3))
    return means


def luma(path: Path, pix_fmt: str, width: int, height: int) -> Pixels:
    """The luma of every frame: shape [frames, height, width]."""
    samples = Fraction(3) if pix_fmt == "yuv444p" else Fraction(3, 2)
    planes = read_planes(path, pix_fmt, width, height, samples)
    return planes[:, : width * height].reshape(-1, height, width)


def test_scaled_films_are_area_averages_with_bars(tmp_path: Path) -> None:
    """Held against the mean over whole blocks; 16:9 into 4:3 leaves bars above and below."""
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=320x180:r=25:d=0.2",
        "-c:v",
        "ffv1",
        "-pix_fmt",
        "yuv420p",
        *TAGS,
        tmp_path / "s.mkv",
    )
    project = {
        "version": 1,
        "canvas": {"width": 320, "height": 180, "fps": 25},
        "media": {"m": {"path": "s.mkv"}},
        "tracks": [{"clips": [{"media": "m"}]}],
        "outputs": [
            {"path": "full.mkv", "video": LOSSLESS},
            {"path": "half.mkv", "size": [160, 90], "video": {**LOSSLESS, "pix_fmt": "yuv444p"}},
            {"path": "bars.mkv", "size": [160, 120], "video": LOSSLESS},
            {"path": "rgb.mkv", "size": [160, 120], "video": {**LOSSLESS, "pix_fmt": "bgr0"}},
        ],
    }
    export(tmp_path, project)
    source = luma(tmp_path / "full.mkv", "yuv420p", 320, 180)
    half = luma(tmp_path / "half.mkv", "yuv444p", 160, 90)
    bars = luma(tmp_path / "bars.mkv", "yuv420p", 160, 120)
    for number, frame in enumerate(source):
        expected = area(frame, 160, 90)
        # Half a code of scaling, and one of converting 4:2:0 to 4:4:4 before.
        assert np.abs(half[number] - expected).max() <= 1.5
        # In the middle, down to whole chroma samples.
        assert np.abs(bars[number][14:104] - expected).max() <= 0.5
        assert (bars[number][:14] == 16).all()
        assert (bars[number][104:] == 16).all()
    rgb = read_planes(tmp_path / "rgb.mkv", "bgr0", 160, 120, 4).reshape(-1, 120, 160, 4)[..., :3]
    assert (rgb[:, :14] == 0).all()
    assert rgb[:, 15:105].std() > 20
    with Image.open(_frame(tmp_path)) as picture:
        full = np.asarray(picture.convert("RGB"))
    wanted = np.stack([area(full[..., channel], 160, 90) for channel in (2, 1, 0)], axis=-1)
    assert np.abs(rgb[0][15:105] - wanted).max() <= 1


def _frame(folder: Path) -> Path:
    """The first frame of the project as a picture of the canvas' size."""
    export(folder, json.loads((folder / "project.json").read_text()), "first.png", at=Time(frames=0))
    return folder / "first.png"


def test_alpha_is_scaled_premultiplied_amid_transparent_bars(tmp_path: Path) -> None:
    """A half-transparent white figure on nothing: its edges keep its colour, without a dark fringe."""
    shape = {"type": "ellipse", "size": [100, 60], "fill": "#ffffff80"}
    project = {
        "version": 1,
        "canvas": {"width": 160, "height": 90, "fps": 25, "background": "transparent"},
        "tracks": [{"clips": [{"shape": shape, "start": 0, "duration": 0.2}]}],
        "outputs": [
            {"path": "p.png", "size": [80, 80], "alpha": "keep"},
            {"path": "flat.png", "size": [80, 80]},
            {"path": "f/%d.png", "alpha": "keep"},
        ],
    }
    export(tmp_path, project)
    with Image.open(tmp_path / "p.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (80, 80, 4)
    assert (pixels[:17, :, 3] == 0).all()
    assert (pixels[63:, :, 3] == 0).all()
    seen = pixels[..., 3] > 8
    assert (pixels[seen][:, :3] >= 250).all()
    assert pixels[40, 40, 3] == 128
    with Image.open(tmp_path / "f/0.png") as picture:
        full = np.asarray(picture)[..., 3]
    assert np.abs(pixels[17:62, :, 3].astype(float) - area(full, 80, 45)).max() <= 2
    with Image.open(tmp_path / "flat.png") as picture:
        flat = np.asarray(picture.convert("RGB"))
    assert tuple(flat[40, 40]) == (128, 128, 128)
    assert (flat[:17] == 0).all()


def test_loudness_of_two_codecs_in_one_pass(tmp_path: Path, numbers: Path) -> None:
    """Each is brought to it by itself: a lossy codec changes it. Measured with ffmpeg's ebur128."""
    project = plain(
        numbers,
        {"path": "a.mp4", "video": {"preset": "ultrafast"}},
        {"path": "b.wav"},
        {"path": "c.flac", "range": [0.4, 1.4]},
        audio={"loudness": -23},
    )
    export(tmp_path, project)
    for name in ("a.mp4", "b.wav"):
        assert _loudness(tmp_path / name) == pytest.approx(-23, abs=0.15)
    whole, part = read_sound(tmp_path / "b.wav", 2), read_sound(tmp_path / "c.flac", 2)
    assert np.array_equal(part, whole[2 * RATE // 5 : 7 * RATE // 5])


def _loudness(path: Path) -> float:
    import subprocess

    said = subprocess.run(
        ["ffmpeg", "-nostdin", "-i", path, "-map", "0:a", "-af", "ebur128", "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    return float(said[said.rindex("I:") + 2 :].split()[0])


def test_one_film_copied_beside_another_that_is_encoded(tmp_path: Path, numbers: Path) -> None:
    """Copied packets are those of the source; frames that only the copied film shows are not even decoded."""
    outputs = (
        {"path": "copy.mp4"},
        {"path": "poster.png"},
        {"path": "e.mkv", "range": ["10f", "20f"], "video": LOSSLESS},
    )
    report = export(tmp_path, plain(numbers, *outputs), copy="auto")
    copied, poster, encoded = report["outputs"]
    assert copied["copied"]["frames"] == 50
    assert poster["copied"] is None
    assert encoded["copied"]["frames"] == 0
    assert report["copied"] == copied["copied"]
    source, film = (
        ffmpeg("-i", path, "-map", "0:v", "-c", "copy", "-f", "framemd5", "-")
        for path in (numbers, tmp_path / "copy.mp4")
    )
    hashes = [[line.split()[-1] for line in text.decode().splitlines() if line[0] != "#"] for text in (source, film)]
    assert len(hashes[1]) == 50
    assert decoded_numbers(tmp_path / "copy.mp4") == list(range(50))
    assert decoded_numbers(tmp_path / "e.mkv") == list(range(10, 20))
    assert report["frames"] == 50
    assert report["compositor"]["frames_passed_through"] + report["compositor"]["frames_composited"] <= 12
