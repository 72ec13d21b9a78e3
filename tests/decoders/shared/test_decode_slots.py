"""Who may decode, and who may open a file: the most urgent first, never too many, and all go home in the end."""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from reelmill.decoders.shared import decode_slots, file_worker
from reelmill.decoders.shared.decode_slots import (
    Closed,
    DecodeSlots,
    OpenFiles,
    Turn,
    available_cores,
    descriptor_share,
)
from reelmill.decoders.video.video_reader import MediaReader, open_video_reader
from reelmill.planner.source_frames import Frame
from tests.support.clips import make_clip
from tests.support.shared_decoding import GOP_12, PICTURE, Film, layer, shown, wait_until


def test_slots_go_to_those_that_are_needed_first() -> None:
    slots = DecodeSlots(1)
    order: list[int] = []

    def decode(rank: int) -> None:
        turn = Turn(slots)
        turn.take(rank)
        order.append(rank)
        turn.give()

    mine = Turn(slots)
    mine.take(5)
    threads = []
    for waiting, rank in enumerate((9, 3, 7, 5), start=1):
        threads.append(threading.Thread(target=decode, args=(rank,)))
        threads[-1].start()
        assert wait_until(lambda waiting=waiting: len(slots._waiting) == waiting)  # type: ignore[misc]
    mine.take(3)
    assert order == [], "nobody is in greater need"
    mine.take(5)
    assert order == [3, 5], "those in greater need, and those who waited longer, went first"
    mine.give()
    mine.give()
    for thread in threads:
        thread.join()
    assert order == [3, 5, 7, 9]


def test_no_more_threads_decode_than_there_are_cores(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_clip(tmp_path_factory, GOP_12)
    decoding, most = set(), []
    lock = threading.Lock()

    class Watched:
        concealed_frames = 0

        def __init__(self, reader: MediaReader) -> None:
            self._reader = reader

        def frame(self, pts: int) -> Frame:
            with lock:
                decoding.add(threading.get_ident())
                most.append(len(decoding))
            try:
                return self._reader.frame(pts)
            finally:
                with lock:
                    decoding.discard(threading.get_ident())

        def close(self) -> None:
            self._reader.close()

    monkeypatch.setattr(file_worker, "open_video_reader", lambda *a, **m: Watched(open_video_reader(*a, **m)))
    names = [f"f{n}" for n in range(4)]
    several = Film(dict.fromkeys(names, path), *(layer(n, n, "0", "1") for n in names), fps=25, size=PICTURE)
    for name, facts in several.facts.items():
        several.facts[name] = type(facts)(name, facts.path, facts.kind, f"hash {name}", facts.video, facts.audio)
    planner = several.planner()
    with several.pool(planner, cores=2) as pool:
        for number in several.frames:
            shown(pool, planner.plan(number))
    assert pool.statistics().workers == 4
    assert max(most) <= 2


def test_slots_and_files_send_everyone_home_when_they_close() -> None:
    slots, files = DecodeSlots(1), OpenFiles(most=1, limit_bytes=10)
    ended: list[str] = []

    def wait(name: str, wait_for: Callable[[], object]) -> None:
        try:
            wait_for()
        except Closed:
            ended.append(name)

    files.acquire(5, lambda: None)
    asked: list[bool] = []
    turn = Turn(slots)
    turn.take(0)
    threads = [
        threading.Thread(target=wait, args=("slot", lambda: Turn(slots).take(1))),
        threading.Thread(target=wait, args=("file", lambda: files.acquire(5, lambda: asked.append(True)))),
    ]
    for thread in threads:
        thread.start()
    assert wait_until(lambda: files.pressure == 2 and len(slots._waiting) == 1)
    slots.close()
    files.close()
    for thread in threads:
        thread.join()
    turn.give()
    assert sorted(ended) == ["file", "slot"]
    assert asked == [True]


def test_others_are_asked_to_close_files_once_there_is_pressure() -> None:
    files = OpenFiles(most=1, limit_bytes=10)
    files.acquire(5, lambda: None)
    seen: list[int] = []

    def close_one() -> None:
        seen.append(files.pressure)
        files.release(5)

    files.acquire(5, close_one)
    assert seen == [2], "a worker that looks now must see that somebody waits"
    assert files.pressure == 0


def test_cores_are_limited_by_the_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)))
    limit = tmp_path / "cpu.max"
    monkeypatch.setattr(decode_slots, "_CGROUP_V2", limit)
    for text, cores in (("150000 100000", 2), ("50000 100000", 1), ("max 100000", 16), ("3200000 100000", 16)):
        limit.write_text(f"{text}\n", encoding="ascii")
        assert available_cores() == cores
    limit.unlink()
    monkeypatch.setattr(decode_slots, "_CGROUP_V1", tmp_path)
    assert available_cores() == 16
    (tmp_path / "cpu.cfs_quota_us").write_text("300000\n", encoding="ascii")
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n", encoding="ascii")
    assert available_cores() == 3


def test_descriptors_leave_room_for_others() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 8 <= descriptor_share() <= max(limit // 4, 8)
