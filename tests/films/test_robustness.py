"""Exports that are killed, interrupted, repeated, or run side by side; and how much memory long ones take."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from reelmill.export.films.film_sink import FilmSink
from reelmill.export.outputs.output_channel import OutputChannel
from reelmill.planner.outputs import VideoSettings
from tests.support.films import film, probe

EXPORT = [sys.executable, "-m", "reelmill", "export", "--quiet", "--force"]


def project(seconds: float, size: int = 320) -> dict[str, Any]:
    """Something to do in every frame, with a nested composition, and sound from nowhere."""
    spin = {"keyframes": [{"time": 0, "value": 0}, {"time": seconds, "value": 360 * seconds}]}
    return {
        "version": 1,
        "canvas": {"width": size, "height": size, "fps": 30},
        "compositions": {
            "card": {"duration": seconds, "tracks": [{"clips": [{"solid": "teal", "duration": seconds}]}]}
        },
        "tracks": [
            {"clips": [{"composition": "card", "transform": {"scale": 0.5, "rotation": spin}}]},
            {"clips": [{"text": {"content": "reelmill", "size": 40}, "duration": seconds, "blend": "screen"}]},
        ],
        "export": {"video": {"preset": "ultrafast"}},
    }


def write(folder: Path, what: dict[str, Any]) -> Path:
    path = folder / "project.json"
    path.write_text(json.dumps(what), encoding="utf-8")
    return path


def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*EXPORT, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate()
    assert process.returncode == 0, errors


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_killed_at_any_moment_the_target_is_the_old_file(tmp_path: Path) -> None:
    source = write(tmp_path, project(3))
    target = tmp_path / "out.mp4"
    started = time.perf_counter()
    finish(start(source, target))
    whole = time.perf_counter() - started
    old = sha256(target)
    moments = random.Random(7)
    killed = 0
    for _ in range(10):
        process = start(source, target)
        time.sleep(moments.random() * whole)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        assert sha256(target) == old
    assert killed >= 5
    finish(start(source, target))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.mp4", "project.json"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_cleans_up_and_exits_with_130(tmp_path: Path, number: signal.Signals) -> None:
    source = write(tmp_path, project(200))
    process = start(source, tmp_path / "out.mp4")
    while not any(p.suffix == ".mp4" and p.stat().st_size for p in tmp_path.iterdir()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted" in errors
    assert b"Traceback" not in errors
    assert [p.name for p in tmp_path.iterdir()] == ["project.json"]


def test_two_side_by_side_do_not_disturb_each_other(tmp_path: Path) -> None:
    source = write(tmp_path, project(2))
    same = tmp_path / "same.mp4"
    processes = [start(source, same), start(source, same), start(source, tmp_path / "other.mp4")]
    results = [(p.communicate(), p.returncode) for p in processes]
    assert [code for _, code in results] == [0, 0, 0], results
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other.mp4", "project.json", "same.mp4"]
    assert sha256(same) == sha256(tmp_path / "other.mp4")
    assert probe(same)["streams"][0]["nb_frames"] == "60"


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.webm"])
def test_the_same_bytes_each_time(tmp_path: Path, name: str) -> None:
    hashes = set()
    for seed in ("1", "2", "3"):
        folder = tmp_path / seed
        folder.mkdir()
        what = project(1)
        del what["export"]
        source = write(folder, what)
        # Another hash seed and another environment move the heap about.
        environment = {**os.environ, "PYTHONHASHSEED": seed, "REELMILL_TEST_PADDING": "x" * int(seed) * 997}
        subprocess.run([*EXPORT, source, folder / name], check=True, env=environment, capture_output=True)
        hashes.add(sha256(folder / name))
    assert len(hashes) == 1


def test_many_exports_in_one_process_leave_nothing_open(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    if not Path("/proc/self/fd").exists():
        pytest.skip("the system does not list open files")
    what = project(0.2, 64)
    del what["version"]
    for _ in range(2):
        film(tmp_path, what, "out.mp4", video=VideoSettings(preset="ultrafast"))
    before = descriptors()
    for _ in range(5):
        film(tmp_path, what, "out.mp4", video=VideoSettings(preset="ultrafast"))
    assert descriptors() <= before


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="the system has no such priorities")
def test_an_encoder_leaves_the_priority_of_this_program_alone(tmp_path: Path) -> None:
    """SVT-AV1 takes real-time priority for the thread that opens it, if that is root's."""
    film(tmp_path, project(0.1, 64), "out.mkv", video=VideoSettings(codec="av1", preset="12"))
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_an_export_lets_go_of_its_encoders_by_itself(tmp_path: Path) -> None:
    """Encoders hold megabytes, and Python seldom looks for garbage: nothing that is closed may refer to itself."""

    def encoders() -> list[object]:
        return [each for each in gc.get_objects() if issubclass(type(each), (FilmSink, OutputChannel))]

    gc.collect()  # exports of other tests that failed are held by what they raised
    before = encoders()
    gc.disable()
    try:
        film(tmp_path, project(0.1, 64), "out.mp4", video=VideoSettings(preset="ultrafast"))
        left = [each for each in encoders() if not any(each is other for other in before)]
    finally:
        gc.enable()
    assert not left


@pytest.mark.slow
def test_memory_stays_flat_over_ten_minutes(tmp_path: Path) -> None:
    def peak(minutes: int) -> int:
        folder = tmp_path / str(minutes)
        folder.mkdir()
        source = write(folder, project(60 * minutes, 160))
        report = folder / "report.json"
        subprocess.run([*EXPORT, source, folder / "out.mp4", "--report", report], check=True, capture_output=True)
        peak_bytes: int = json.loads(report.read_text())["peak_memory_bytes"]
        return peak_bytes

    assert peak(10) <= 1.1 * peak(1)
