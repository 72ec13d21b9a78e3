"""Ctrl-C, SIGTERM and SIGHUP: heard from the first instruction on, while anything waits, and a second time at once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import reelmill.decoders.probe
from reelmill.cli.error_block import error_block
from reelmill.cli.interruption import ENDED_AT_ONCE, NOTHING_WRITTEN
from reelmill.decoders.read_ahead import ReadAhead
from reelmill.decoders.shared import file_worker
from reelmill.decoders.video.video_reader import open_video_reader
from reelmill.export.opening.job import ExportOptions
from reelmill.export.opening.project import open_project
from reelmill.export.sound.sample_queue import SampleQueue
from reelmill.planner.errors import Interrupted
from reelmill.planner.process.waiting import wait_until
from reelmill.planner.source_frames import FrameRequest
from tests.support.clips import make_clip
from tests.support.project_files import project
from tests.support.shared_decoding import GOP_12, film, layer, requests

ROOT = Path(__file__).parents[2]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
PROGRAMS = [["reelmill", "export"], ["export"], [sys.executable, "-m", "reelmill", "export"]]
on_linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="handlers are looked up in /proc")


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


@on_linux
@pytest.mark.parametrize("program", PROGRAMS, ids=["reelmill", "export", "module"])
def test_it_is_interrupted_from_the_first_instruction_on(program: list[str], tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    command = [str(scripts / program[0]), *program[1:], str(tmp_path / "p.json"), str(tmp_path / "o.mp4")]
    for number in SIGNALS:
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
            # Python itself handles SIGINT, and nothing else: the program has begun when SIGHUP is handled, the last.
            while process.poll() is None and not handles(process.pid, signal.SIGHUP):
                time.sleep(0.0005)
            process.send_signal(number)
            _, told = process.communicate(timeout=60)
        assert (process.returncode, told) == (130, NOTHING_WRITTEN)


def test_what_is_said_before_anything_is_loaded_is_what_is_said_later() -> None:
    assert error_block(Interrupted()) + "\n" == NOTHING_WRITTEN


DEAF = """
import multiprocessing, sys, threading
from cli import interruption

def child(told):
    told.send("up")
    threading.Event().wait()

if __name__ == "__main__":
    if len(sys.argv) > 1:
        interruption.PATIENCE_SECONDS = float(sys.argv[1])
    with interruption.Interruption() as stopping:
        stopping.checkpoint()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=child, args=(theirs,), daemon=True)
        process.start()
        ours.recv()
        print(process.pid, flush=True)
        threading.Event().wait()
"""


@contextmanager
def deaf(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A program that never comes by a checkpoint, and its child's number."""
    script = folder / "deaf.py"
    script.write_text(DEAF)
    command = [sys.executable, str(script), *arguments]
    with subprocess.Popen(
        command, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())


def has_ended(pid: int) -> bool:
    """Whether a process that is nobody's child any more is gone, or waits to be."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@on_linux
def test_a_second_signal_ends_the_process_and_its_children_at_once(tmp_path: Path) -> None:
    with deaf(tmp_path) as (process, child):
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):  # twice in one moment is once
            process.wait(0.6)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=20)
    assert (process.returncode, told) == (130, ENDED_AT_ONCE)
    limit = time.monotonic() + 20
    while not has_ended(child):
        assert time.monotonic() < limit
        time.sleep(0.01)


@on_linux
def test_a_single_signal_that_nobody_heeds_ends_the_process_in_the_end(tmp_path: Path) -> None:
    with deaf(tmp_path, "0.2") as (process, _):
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=20)
    assert (process.returncode, told) == (130, ENDED_AT_ONCE)


class Stop(BaseException):
    """What a checkpoint raises."""


def stop() -> None:
    raise Stop


def test_waiting_calls_the_checkpoint_until_it_is_met() -> None:
    looked: list[float] = []
    wait_until(lambda seconds: len(looked) == 3, lambda: looked.append(0))
    assert len(looked) == 3
    with pytest.raises(Stop):
        wait_until(threading.Event().wait, stop)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """While it is not set, no decoder of system V2 gives out a frame."""
    go_on = threading.Event()

    def held_reader(*arguments: Any, **more: Any) -> Any:
        go_on.wait(60)
        return open_video_reader(*arguments, **more)

    monkeypatch.setattr(file_worker, "open_video_reader", held_reader)
    yield go_on
    go_on.set()


def test_who_waits_for_a_frame_of_v2_can_be_stopped(
    tmp_path_factory: pytest.TempPathFactory, held: threading.Event
) -> None:
    single = film(make_clip(tmp_path_factory, GOP_12), layer("only", "a", "0", "1"))
    planner = single.planner()
    plan = planner.plan(0)
    with single.pool(planner, checkpoint=stop) as pool:
        pool.begin(plan)
        with pytest.raises(Stop):
            pool.frame(requests(plan)[0])
        held.set()


def test_who_waits_for_a_frame_of_v1_can_be_stopped() -> None:
    go_on = threading.Event()

    class Source:
        def frame(self, request: FrameRequest) -> Any:
            go_on.wait(60)

        def close(self) -> None:
            pass

    source: Any = Source()
    with closing(ReadAhead(source, lambda number: (), checkpoint=stop)) as ahead:
        with pytest.raises(Stop):
            ahead.frame(FrameRequest("m", "hash", 0, ("clip",)))
        go_on.set()


def test_who_waits_for_sound_can_be_stopped() -> None:
    with pytest.raises(Stop):
        SampleQueue(2, 1000).take(1, stop)


def test_who_waits_for_files_to_be_probed_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, probing = threading.Event(), Future[None]()

    def probe(*_: Any, **__: Any) -> None:
        probing.set_result(None)
        go_on.wait(60)

    def checkpoint() -> None:
        if probing.done():
            raise Stop

    monkeypatch.setattr(reelmill.decoders.probe, "probe", probe)
    path = tmp_path / "project.json"
    clip = {"media": "m", "start": 0, "duration": 1}
    path.write_text(json.dumps({**project(clip), "media": {"m": {"path": "a.mp4"}}}), encoding="utf-8")
    try:
        with pytest.raises(Stop):
            open_project(path, ExportOptions(), checkpoint=checkpoint)
    finally:
        go_on.set()


def children_of(pid: int) -> list[int]:
    """Processes that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if stat.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[1] == str(pid):
                found.append(int(stat.parent.name))
    return found


@pytest.mark.slow
@on_linux
@pytest.mark.parametrize(("command", "number"), [("compare", signal.SIGINT), ("batch", signal.SIGTERM)])
def test_children_that_still_load_say_nothing(tmp_path: Path, command: str, number: signal.Signals) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps(project({"solid": "red", "duration": 600})), encoding="utf-8")
    arguments = [command, str(path), *(["--out-dir", str(tmp_path / "films")] if command == "batch" else [])]
    with subprocess.Popen(
        [sys.executable, "-m", "reelmill", *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        # Besides the one that renders runs one of multiprocessing's own, which is started first.
        while process.poll() is None and len(children_of(process.pid)) < 2:
            time.sleep(0.01)
        children = children_of(process.pid)
        os.killpg(process.pid, number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "interrupted" in told
    assert "Traceback" not in told
    limit = time.monotonic() + 20
    while not all(map(has_ended, children)):
        assert time.monotonic() < limit
        time.sleep(0.01)
