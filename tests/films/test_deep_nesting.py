"""Compositions twelve deep over a real file, against numpy: frames that carry their number are moved on the way.

And what many such exports leave behind: nothing.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from reelmill.decoders.shared.file_worker import FileWorker
from reelmill.decoders.shared.frame_cache import FrameCache
from reelmill.planner.outputs import VideoSettings
from reelmill.planner.source_frames import Frame
from tests.support.clips import HEIGHT, WIDTH, ClipRecipe, decoded_numbers, make_clip, number_picture
from tests.support.films import film, read_planes

DEPTH, FRAMES = 12, 10
RECIPE = ClipRecipe(
    "deep.mp4", ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv420p", "-g", "5")
)
LOSSLESS = VideoSettings(codec="ffv1", pix_fmt="yuv420p")
GREY = 126
"""Luma of #808080: 16 + 219 · 128 / 255, rounded."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory, RECIPE)


def deep(clip: Path, frames: int = FRAMES) -> dict[str, Any]:
    """Each level shows the one below two pixels lower, and a grey bar at its own place."""
    seconds = f"{frames}f"
    levels: dict[str, Any] = {
        "level1": {
            "duration": seconds,
            "tracks": [{"clips": [{"media": "clip", "in": "1f", "duration": seconds, "after_end": "loop"}]}],
        }
    }
    for level in range(2, DEPTH + 1):
        below = {
            "composition": f"level{level - 1}",
            "duration": seconds,
            "after_end": "hold",
            "transform": {"position": [WIDTH / 2, HEIGHT / 2 + 2]},
        }
        bar = {
            "shape": {"type": "rectangle", "size": [4, 2], "fill": "#808080"},
            "duration": seconds,
            "transform": {"position": [4 * level + 2, 1]},
        }
        levels[f"level{level}"] = {
            "duration": seconds,
            "background": "#000000",
            "tracks": [{"clips": [below]}, {"clips": [bar]}],
        }
    root = [{"composition": f"level{DEPTH}", "duration": seconds}]
    return {
        "canvas": {"width": WIDTH, "height": HEIGHT, "fps": 25},
        "media": {"clip": {"path": str(clip)}},
        "compositions": levels,
        "tracks": [{"clips": root}],
    }


def expected(number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The same by moving and filling arrays."""
    picture = number_picture(number)
    for level in range(2, DEPTH + 1):
        moved = np.full_like(picture, 16)
        moved[2:] = picture[:-2]
        moved[:2, 4 * level : 4 * level + 4] = GREY
        picture = moved
    return picture


@pytest.mark.parametrize("system", ["v1", "v2"])
@pytest.mark.parametrize("fast_paths", [True, False])
def test_twelve_compositions_deep(clip: Path, tmp_path: Path, system: Literal["v1", "v2"], fast_paths: bool) -> None:
    output, report = film(tmp_path, deep(clip), system=system, fast_paths=fast_paths, video=LOSSLESS)
    numbers = decoded_numbers(clip)[1 : FRAMES + 1]
    planes = read_planes(output, "yuv420p", WIDTH, HEIGHT, Fraction(3, 2))
    shown = planes[:, : WIDTH * HEIGHT].reshape(-1, HEIGHT, WIDTH)
    assert len(shown) == FRAMES
    for picture, number in zip(shown, numbers, strict=True):
        difference = np.abs(picture.astype(int) - expected(number))
        assert difference.max() <= 2, "12 roundings of a code at most meet in 2"
    assert report["decoders"]["frames_requested"] == FRAMES
    assert any("deep" in warning for warning in report["warnings"]), "more than 5 is a warning"


def test_exports_through_shared_decoders_leave_nothing_behind(clip: Path, tmp_path: Path) -> None:
    """No frame, no decoder, no thread and no open file is left once an export of media in compositions has ended."""

    def left() -> tuple[int, int, list[str]]:
        gc.collect()
        kinds = (Frame, FileWorker, FrameCache)
        objects = sum(issubclass(type(each), kinds) for each in gc.get_objects())  # isinstance asks proxies
        files = Path("/proc/self/fd")
        return objects, len(list(files.iterdir())) if files.exists() else 0, [t.name for t in threading.enumerate()]

    for number in range(4):
        film(tmp_path, deep(clip, 4), system="v2", video=LOSSLESS)
        if number == 0:
            after_the_first = left()
    assert left() == after_the_first
    assert after_the_first[0] == 0


@pytest.mark.slow
def test_memory_stays_flat_over_a_long_film_of_media_in_compositions(clip: Path, tmp_path: Path) -> None:
    """Each in a process of its own: peaks only rise."""
    peaks = []
    for frames in (300, 3_000):
        project = {"version": 1, **deep(clip, frames), "export": {"video": {"preset": "ultrafast"}}}
        source, report = tmp_path / f"{frames}.json", tmp_path / f"{frames}-report.json"
        source.write_text(json.dumps(project), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "reelmill",
            "export",
            str(source),
            str(tmp_path / "long.mp4"),
            "--force",
            "--quiet",
        ]
        subprocess.run([*command, "--system", "v2", "--report", str(report)], check=True)
        peaks.append(json.loads(report.read_text(encoding="utf-8"))["peak_memory_bytes"])
    assert peaks[1] < 1.1 * peaks[0]
