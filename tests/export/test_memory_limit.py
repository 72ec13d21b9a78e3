"""What the frame cache must hold at once is told before the start, all of it, in a number that suffices."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reelmill import frame, render
from reelmill.cli.main import main
from reelmill.planner.errors import SetupError
from reelmill.planner.scheduling.at_once import crowded, most_at_once
from tests.support.clips import ffmpeg


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five pictures of a film of 640×46, which decoders pad, side by side, and in its middle two more."""
    folder = tmp_path_factory.mktemp("crowded")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=640x46:r=10:d=4", "-c:v", "libx264", "-y", folder / "m.mp4")

    def clip(number: int, **more: Any) -> dict[str, Any]:
        transform = {"position": [20 + 40 * number, 23], "scale": 0.5}
        return {"media": "m", "in": number / 5, "start": 0, "duration": 2, "transform": transform, **more}

    tracks = [{"clips": [clip(number)]} for number in range(5)]
    tracks += [{"clips": [clip(number, start=1, duration=0.5, **{"in": number - 2.6})]} for number in range(5, 7)]
    canvas = {"width": 320, "height": 46, "fps": 10}
    path = folder / "p.json"
    path.write_text(json.dumps({"version": 1, "canvas": canvas, "media": {"m": {"path": "m.mp4"}}, "tracks": tracks}))
    return path


def test_the_first_hint_is_enough(project: Path, tmp_path: Path) -> None:
    least = 7 * 640 * 46 * 3 // 2
    with pytest.raises(SetupError) as refused:
        render(project, tmp_path / "film.mkv", system="v2", cache_bytes=1, memory_limit_bytes=90_000)
    assert refused.value.message.startswith("7 source frames that are shown at once take 0.3 MB")
    assert 10 <= (refused.value.output_frame or 0) < 15
    named = re.search(r"--memory-limit to (\d+)MB", refused.value.suggestion or "")
    assert named is not None
    assert int(named[1]) * 10**6 > least
    assert render(project, tmp_path / "film.mkv", system="v2", memory_limit_bytes=int(named[1]) * 10**6).frames == 20
    # A range, or a picture, needs what it shows.
    render(project, tmp_path / "range.mkv", system="v2", memory_limit_bytes=6 * least // 7, range=(0, 1))
    frame(project, 0.5, tmp_path / "f.png", system="v2", memory_limit_bytes=6 * least // 7)


def test_v1_holds_no_cache_and_the_commands_take_the_limit(
    project: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    picture, limit = str(tmp_path / "f.png"), ("--memory-limit", "90kB")
    assert main(["frame", str(project), "--at", "1.2", picture, "--system", "v2", *limit]) == 2
    assert "hint: raise --memory-limit to 1MB, or show fewer pictures at once" in capfd.readouterr().err
    assert main(["frame", str(project), "--at", "1.2", picture, "--system", "v1", *limit]) == 0
    golden = ("--golden", str(tmp_path), "--update", "--frames", "1.2", "--system", "v2")
    assert main(["check", str(project), *golden, *limit]) == 2
    assert main(["check", str(project), *golden, "--memory-limit", "1MB"]) == 0


def test_sums_of_what_lies_on_top_of_each_other() -> None:
    weights = [(range(10), 2), (range(5, 7), 3), (range(6, 20), 4), (range(20, 30), 1)]
    by_frame = [sum(weight for frames, weight in weights if number in frames) for number in range(30)]
    assert most_at_once(weights) == max(by_frame) == 9
    for beyond in range(10):
        wanted = [number for number in range(30) if by_frame[number] > beyond]
        assert [number for stretch in crowded(weights, beyond) for number in stretch] == wanted
    assert most_at_once(()) == 0
