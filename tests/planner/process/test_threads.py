"""A machine that gives no more threads: what is said, and that nothing is left behind.

The system's limit does not bind root, so the start of threads is refused from the n-th on instead.
"""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from reelmill.cli.main import main
from reelmill.export.pictures.picture_workers import PictureWorkers
from reelmill.planner.errors import RenderError
from reelmill.planner.process.exhaustion import FILES, THREADS, NoThread, can_start_threads, exhaustion_behind
from reelmill.planner.process.thread_pool import ThreadPool
from reelmill.planner.process.threads import Thread
from tests.support.clips import ffmpeg

Refuse = Callable[[int], None]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Refuses to start threads after so many, as the interpreter does where pthread_create fails."""
    start = threading._start_new_thread  # type: ignore[attr-defined]
    left = [10**6]

    def start_some(*arguments: object) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("can't start new thread")
        number: int = start(*arguments)
        return number

    def limit(count: int) -> None:
        left[0] = count

    monkeypatch.setattr(threading, "_start_new_thread", start_some)
    return limit


def raised_from(cause: BaseException) -> RenderError:
    error = RenderError("the file is damaged", component="Decoder", suggestion="replace the file")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("cause", "found"),
    [
        (NoThread(), THREADS),
        (BlockingIOError(errno.EAGAIN, "try again"), THREADS),
        (av.error.BlockingIOError(errno.EAGAIN, "try again"), THREADS),
        (raised_from(NoThread()), THREADS),
        (OSError(errno.EMFILE, "too many"), FILES),
        (OSError(errno.EIO, "damaged"), None),
        (av.error.InvalidDataError(1, "damaged"), None),
    ],
)
def test_what_ran_out_is_told_instead_of_what_seems_damaged(cause: BaseException, found: object) -> None:
    error = raised_from(cause)
    assert exhaustion_behind(error) is found
    assert error.message == (found.message if found else "the file is damaged")
    assert error.suggestion == (found.suggestion if found else "replace the file")


def test_no_memory_is_no_threads_where_there_are_none(refuse: Refuse) -> None:
    """As the decoder of AV1 says it."""
    assert exhaustion_behind(MemoryError()) is None
    refuse(5)
    assert not can_start_threads()
    assert exhaustion_behind(MemoryError()) is THREADS


def test_a_thread_that_never_started_may_be_joined(refuse: Refuse) -> None:
    refuse(0)
    thread = Thread(target=print)
    with pytest.raises(NoThread):
        thread.start()
    thread.join()
    with ThreadPool(2, "test") as pool, pytest.raises(NoThread):
        pool.submit(print)


def test_workers_that_came_up_end_with_those_that_did_not(refuse: Refuse) -> None:
    refuse(2)
    with pytest.raises(NoThread):
        PictureWorkers(4)


def test_an_export_without_threads_says_so_and_leaves_nothing(
    tmp_path: Path, refuse: Refuse, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = ("-f", "lavfi", "-i", "sine=d=0.2", "-c:a", "flac")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=32x32:d=0.2", *sound, "-c:v", "ffv1", tmp_path / "a.mkv")
    clip = {"media": "a", "transform": {"scale": 0.5}}
    project = {"version": 1, "canvas": {"width": 32, "height": 32, "fps": 25}, "media": {"a": {"path": "a.mkv"}}}
    (tmp_path / "p.json").write_text(json.dumps({**project, "tracks": [{"clips": [clip]}]}))
    outputs = [str(tmp_path / name) for name in ("film.mkv", "pictures/%02d.exr", "film.wav")]
    for count, system in ((0, "v1"), (1, "v2"), (2, "v1"), (4, "v2"), (6, "v1")):
        refuse(count)
        assert main(["export", str(tmp_path / "p.json"), *outputs, "--system", system]) in (1, 2), count
        errors = capsys.readouterr().err
        assert THREADS.message in errors, count
        assert THREADS.suggestion in errors, count
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mkv", "p.json"], count
