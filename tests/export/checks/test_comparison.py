"""`reelmill compare`: real child processes; differences are made by giving V2 another project than V1."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import reelmill.export.checks.comparison
from reelmill.cli.main import main
from reelmill.export.checks.comparison import ComparisonListener, SilentComparisonListener, compare_systems
from reelmill.export.checks.comparison_run import Differing, Planes, RunJob, SystemRun
from reelmill.export.checks.difference_picture import DifferenceFigures, draw_difference, measure
from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import open_project
from reelmill.planner.colour import SRGB, VIDEO
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.pixel_format import PIXEL_FORMATS
from tests.support.clips import HEIGHT, WIDTH, ClipRecipe, ffmpeg, make_clip, number_picture

CANVAS = {"width": WIDTH, "height": HEIGHT, "fps": 25}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x264 = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv420p", "-g", "50")
    return make_clip(tmp_path_factory, ClipRecipe("compare.mp4", x264))


def write(folder: Path, clip: Path, *clips: dict[str, Any], name: str = "project.json", **keys: Any) -> Path:
    path = folder / name
    project = {
        "version": 1,
        "canvas": CANVAS,
        "media": {"m": {"path": str(clip)}},
        "tracks": [{"clips": clips}],
        **keys,
    }
    path.write_text(json.dumps(project), encoding="utf-8")
    return path


Give = Callable[[Path], None]


@pytest.fixture
def give_v2(monkeypatch: pytest.MonkeyPatch) -> Give:
    """Makes V2 render another project."""

    def arrange(other: Path) -> None:
        whole = reelmill.export.checks.comparison._run

        def run(job: RunJob, listener: ComparisonListener) -> tuple[SystemRun, Differing | None]:
            if job.system == "v2":
                job = replace(job, opened=open_project(other, job.options))
            return whole(job, listener)

        monkeypatch.setattr(reelmill.export.checks.comparison, "_run", run)

    return arrange


def test_equal_pictures(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, clip, {"media": "m", "in": 0.4, "duration": 0.8}, {"solid": "red", "duration": 0.2})
    picture = tmp_path / "difference.png"
    assert main(["compare", str(path), "--json", "--difference", str(picture)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["identical"]
    assert (found["frames"], found["pixel_format"], found["difference"]) == (25, "yuv420p", None)
    for system in ("v1", "v2"):
        run = found["systems"][system]
        assert run["frames_requested"] == 20
        assert run["frames_decoded"] >= 30  # the only keyframe lies 10 frames before the first one needed
        assert run["seconds"] > 0
        assert 20e6 < run["peak_memory_bytes"] < 2e9
    assert found["systems"]["v1"]["cache_hit_rate"] is None
    assert not picture.exists()
    assert not multiprocessing.active_children()


def test_different_pictures(tmp_path: Path, clip: Path, give_v2: Give, capsys: pytest.CaptureFixture[str]) -> None:
    """V2 shows frame 30 from frame 5 on, for three frames."""
    path = write(tmp_path, clip, {"media": "m", "duration": "10f"})
    give_v2(
        write(
            tmp_path,
            clip,
            {"id": "a", "media": "m", "duration": "5f"},
            {"id": "b", "media": "m", "in": "30f", "speed": 0, "duration": "3f"},
            {"id": "c", "media": "m", "in": "8f", "duration": "2f"},
            name="other.json",
        )
    )
    picture = tmp_path / "made" / "difference.png"
    assert main(["compare", str(path), "--difference", str(picture)]) == 3
    out = capsys.readouterr().out
    assert "different: 3 of 10 frames, 64×48, yuv420p, at 25 frames/s" in out
    apart = np.abs(number_picture(5).astype(int) - number_picture(30))
    count = np.count_nonzero(apart)
    assert f"first:    frame 5, at 0.2 s: {count} samples in {count} pixels, by {apart.max()} at most" in out
    assert str(picture) in out
    pixels = np.asarray(Image.open(picture))
    assert pixels.shape == (HEIGHT, 3 * WIDTH, 3)
    for column, number in enumerate((5, 30)):
        # Limited range, grey: 16…235 is 0…255.
        expected = np.clip((number_picture(number).astype(float) - 16) * 255 / 219, 0, 255)
        shown = pixels[:, column * WIDTH : (column + 1) * WIDTH]
        assert np.abs(shown - expected[:, :, None]).max() <= 2
    assert np.array_equal(pixels[:, 2 * WIDTH :, 0], np.where(apart > 0, 255, 0))


def test_a_range_and_a_pixel_format(tmp_path: Path, clip: Path, give_v2: Give) -> None:
    path = write(tmp_path, clip, {"media": "m"}, export={"video": {"codec": "prores"}})
    give_v2(write(tmp_path, clip, {"media": "m", "after_end": "hold", "in": "1f", "duration": 2}, name="other.json"))
    options = ExportOptions(range=(_time("20f"), _time("22f")))
    found = compare_systems(path, options, tmp_path / "difference.png")
    assert found.pixel_format == "yuv422p10le"
    assert found.frames == range(20, 22)
    assert found.difference is not None
    assert found.difference.frames == (20, 21)
    assert len(found.v1.digests) == 2


def _time(text: str) -> Any:
    from reelmill.planner.clock import parse_time

    return parse_time(text)


def test_what_fails_says_with_which_system(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is damaged where only the decoder notices."""
    ts = tmp_path / "damaged.ts"
    ffmpeg("-i", clip, "-c", "copy", ts)
    data = bytearray(ts.read_bytes())
    for start in range(len(data) // 2 // 188 * 188, len(data) - 188 * 8, 188):
        data[start + 40 : start + 188] = bytes(148)
    ts.write_bytes(data)
    path = write(tmp_path, ts, {"id": "broken", "media": "m", "duration": 1.8, "after_end": "hold"})
    code = main(["compare", str(path), "--difference", str(tmp_path / "d.png")])
    err = capsys.readouterr().err
    assert code == 1
    assert "error: with V1: " in err
    assert "clip:           broken" in err
    assert "hint: " in err
    assert not multiprocessing.active_children()


def test_a_child_that_dies_is_told(tmp_path: Path, clip: Path) -> None:
    class Killer(SilentComparisonListener):
        def checkpoint(self) -> None:
            for child in multiprocessing.active_children():
                child.kill()

    with pytest.raises(RenderError, match="the process that rendered with V1 ended by signal 9"):
        compare_systems(write(tmp_path, clip, {"media": "m"}), ExportOptions(), tmp_path / "d.png", Killer())
    assert not multiprocessing.active_children()


def test_an_interruption_leaves_no_child(tmp_path: Path, clip: Path) -> None:
    class Interrupting(SilentComparisonListener):
        def checkpoint(self) -> None:
            if multiprocessing.active_children():
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_systems(write(tmp_path, clip, {"media": "m"}), ExportOptions(), tmp_path / "d.png", Interrupting())
    assert not multiprocessing.active_children()


def test_an_unfit_picture_is_refused_before_rendering(tmp_path: Path, clip: Path) -> None:
    with pytest.raises(SetupError, match="pictures are written as"):
        compare_systems(write(tmp_path, clip, {"media": "m"}), ExportOptions(), tmp_path / "difference.txt")


def planes(name: str, *arrays: np.ndarray[Any, Any]) -> Planes:
    height, width = arrays[0].shape[:2]
    return Planes(PIXEL_FORMATS[name], width, height, tuple(array.tobytes() for array in arrays))


def test_figures_of_subsampled_planes() -> None:
    luma, chroma = np.full((4, 6), 100, np.uint8), np.full((2, 3), 128, np.uint8)
    other_luma, other_chroma = luma.copy(), chroma.copy()
    other_luma[0, 0] = 90
    other_chroma[1, 2] = 131  # colours 4 pixels
    figures, worst = measure(
        planes("yuv420p", luma, chroma, chroma), planes("yuv420p", other_luma, chroma, other_chroma)
    )
    assert figures == DifferenceFigures(samples=2, pixels=5, largest=10)
    expected = np.zeros((4, 6), int)
    expected[0, 0] = 10
    expected[2:, 4:] = 3
    assert np.array_equal(worst, expected)


def test_figures_of_odd_and_deep_pictures() -> None:
    luma = np.full((3, 5), 500, "<u2")
    chroma = np.full((2, 3), 512, "<u2")
    other = chroma.copy()
    other[1, 2] = 1000  # colours the last pixel alone
    figures, _ = measure(planes("yuv420p10le", luma, chroma, chroma), planes("yuv420p10le", luma, other, chroma))
    assert figures == DifferenceFigures(samples=1, pixels=1, largest=488)


def test_figures_of_packed_pictures() -> None:
    picture = np.zeros((2, 2, 4), np.uint8)
    other = picture.copy()
    other[0, 1] = (1, 2, 3, 0)
    figures, worst = measure(
        planes(
            "rgba",
            picture,
        ),
        planes("rgba", other),
    )
    assert figures == DifferenceFigures(samples=3, pixels=1, largest=3)
    assert worst.tolist() == [[0, 3], [0, 0]]


@pytest.mark.parametrize(
    ("name", "colour", "samples", "expected"),
    [
        # BT.709, limited range, 8 and 10 bits: the published code values of 100% colour bars (red, and grey of 50%).
        ("yuv420p", VIDEO, (63, 102, 240), (255, 0, 0)),
        ("yuv422p10le", VIDEO, (250, 409, 960), (255, 0, 0)),
        ("yuv444p", VIDEO, (126, 128, 128), (128, 128, 128)),
        ("gbrp", SRGB, (10, 20, 200), (200, 10, 20)),
    ],
)
def test_pictures_are_shown_in_their_colours(
    name: str, colour: Any, samples: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    pixel_format = PIXEL_FORMATS[name]
    kind = np.uint8 if pixel_format.bits == 8 else np.dtype("<u2")
    arrays = []
    for number, sample in enumerate(samples):
        width, height = pixel_format.plane_size(number, 16, 8)
        arrays.append(np.full((height, width), sample, kind))
    picture = draw_difference(planes(name, *arrays), planes(name, *arrays), colour)
    assert picture.shape == (8, 48, 3)
    assert np.abs(picture[:, :32].astype(int) - expected).max() <= 2
    assert not picture[:, 32:].any()


def test_small_differences_are_seen() -> None:
    black = np.zeros((8, 16), np.uint8)
    other = black.copy()
    other[0, 0], other[0, 1] = 1, 200
    picture = draw_difference(planes("gbrp", black, black, black), planes("gbrp", black, black, other), SRGB)
    grey = picture[:, 32:, 0]
    assert grey[0, 0] >= 64
    assert grey[0, 1] == 255
    assert np.count_nonzero(grey) == 2


@pytest.mark.slow
def test_memory_is_that_of_the_child(tmp_path: Path, clip: Path) -> None:
    """A parent that holds much says nothing about the systems."""
    held = np.ones(600_000_000, np.uint8)
    found = compare_systems(
        write(tmp_path, clip, {"media": "m", "duration": "2f"}), ExportOptions(), tmp_path / "d.png"
    )
    assert found.v1.peak_memory_bytes is not None
    assert found.v1.peak_memory_bytes < held.nbytes
