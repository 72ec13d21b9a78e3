"""What a container lets the process have: read from files as the kernel writes them, and what is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reelmill import RenderError, render
from reelmill.export.opening.container_memory import fitted, memory_limit_bytes
from reelmill.export.opening.job import ExportOptions, SystemChoice
from reelmill.planner.source_frames import Frame
from tests.support.clips import ffmpeg


def written(folder: Path, groups: str, **files: str) -> int | None:
    """The limit that files below /sys/fs/cgroup tell."""
    (folder / "groups").write_text(groups)
    for name, text in files.items():
        path = folder / "mount" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return memory_limit_bytes(folder / "groups", folder / "mount")


def test_the_lowest_limit_of_all_groups_above(tmp_path: Path) -> None:
    names = {"a__b__memory_dot_max": "max\n", "a__memory_dot_max": "400000000\n", "memory_dot_max": "900000000\n"}
    assert written(tmp_path, "0::/a/b\n", **names) == 400_000_000


def test_the_first_version_and_its_number_for_no_limit(tmp_path: Path) -> None:
    groups = "9:name=systemd:/\n4:cpu,memory:/docker/x\n0::/\n"
    names = {"memory__docker__x__memory_dot_limit_in_bytes": "300000000\n"}
    names["memory__memory_dot_limit_in_bytes"] = "9223372036854771712\n"
    assert written(tmp_path, groups, **names) == 300_000_000
    assert written(tmp_path, groups.replace("docker", "elsewhere")) is None, "that folder is not seen in here"


def test_no_groups_no_limit(tmp_path: Path) -> None:
    assert memory_limit_bytes(tmp_path / "none", tmp_path) is None


def always(_size_bytes: int) -> bool:
    return True


def test_a_cache_that_fits_is_left_as_it_is() -> None:
    options = ExportOptions()
    assert fitted(options, (), holds=always, limit_bytes=None) == (options, [])
    assert fitted(options, (), holds=always, limit_bytes=2 * 10**9) == (options, [])
    assert fitted(options, (), holds=None, limit_bytes=300 * 10**6) == (options, [])
    made, warnings = fitted(options, (), holds=always, limit_bytes=300 * 10**6)
    assert made.cache_bytes == made.memory_limit_bytes == 120 * 10**6
    assert warnings == ["the frame cache may take 120 MB, not 1,000 MB: this container may use 300 MB of memory"]
    # What one output frame shows has to fit in, whatever the container allows.
    made, _ = fitted(options, (), holds=lambda size: size > 150 * 10**6, limit_bytes=300 * 10**6)
    assert (made.cache_bytes, made.memory_limit_bytes) == (120 * 10**6, 10**9)


def test_a_film_that_is_too_large_is_told_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelmill.export.rendering.film_rendering.memory_limit_bytes", lambda: 300 * 10**6)
    canvas = {"width": 1920, "height": 1080, "fps": 1}
    tracks = [{"clips": [{"solid": "red", "duration": 1}]}]
    (tmp_path / "p.json").write_text(json.dumps({"version": 1, "canvas": canvas, "tracks": tracks}))
    told: list[str] = []
    render(tmp_path / "p.json", tmp_path / "film.mp4", system="v2", preset="ultrafast", on_warning=told.append)
    assert told[0].startswith("this container may use 300 MB of memory, and the export needs about 7")
    assert "--draft" in told[0]
    assert told[1] == "the frame cache may take 32 MB, not 1,000 MB: this container may use 300 MB of memory"


@pytest.mark.parametrize("system", ["v1", "v2"])
def test_an_error_in_an_untouched_nested_frame_names_its_composition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: SystemChoice
) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=2", "-c:v", "libx264", "-g", "5", "-y", tmp_path / "m.mkv")

    def fails(*_: object) -> Frame:
        raise RenderError("no picture comes out", component="ClipDecoder", clip="shot")

    monkeypatch.setattr("reelmill.decoders.read_ahead.ReadAhead.frame", fails)
    monkeypatch.setattr("reelmill.decoders.shared_pool.SharedDecoderPool.frame", fails)
    inner = {"duration": 2, "tracks": [{"clips": [{"id": "shot", "media": "m", "duration": 1.9}]}]}
    project = {
        "version": 1,
        "canvas": {"width": 64, "height": 48, "fps": 10},
        "media": {"m": {"path": "m.mkv"}},
        "compositions": {"scene": inner},
        "tracks": [{"clips": [{"id": "nested", "composition": "scene", "duration": 1.9}]}],
    }
    (tmp_path / "p.json").write_text(json.dumps(project))
    with pytest.raises(RenderError) as failed:
        render(tmp_path / "p.json", tmp_path / "film.mkv", system=system)
    assert (failed.value.clip, failed.value.composition) == ("shot", "scene")
