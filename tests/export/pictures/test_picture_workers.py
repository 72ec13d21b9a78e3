"""The pool of picture workers: fair, bounded, and clear about what fails."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np
import pytest

from reelmill.export.pictures import picture_workers
from reelmill.export.pictures.picture_encoding import EncodedPicture, Jpeg
from reelmill.export.pictures.picture_pipeline import PicturePipeline
from reelmill.export.pictures.picture_scratch import Scratch
from reelmill.export.pictures.picture_workers import PictureWorkers, Task, WorkBatch
from reelmill.planner.errors import RenderError

PICTURE = np.zeros((8, 8, 3), np.uint8)
TIMEOUT = 20.0


class Call:
    """A task that calls a function."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function

    def run(self, scratch: Scratch) -> None:
        self._function()


class Calls(WorkBatch):
    """A batch of functions."""

    def __init__(self, *functions: Callable[[], object]) -> None:
        super().__init__()
        self._tasks = deque(map(Call, functions))
        self._left = len(self._tasks)

    @property
    def ready(self) -> int:
        return len(self._tasks)

    @property
    def complete(self) -> bool:
        return self._left == 0

    def next_task(self) -> Task:
        return self._tasks.popleft()

    def done(self, task: Task) -> None:
        self._left -= 1


def test_batches_take_turns() -> None:
    order: list[str] = []
    begin, begun = threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        assert begin.wait(TIMEOUT)

    with PictureWorkers(1) as workers:
        batches = [Calls(first)] + [Calls(*[lambda name=name: order.append(name)] * 3) for name in "abc"]
        for batch in batches:
            workers.put(batch)
            assert begun.wait(TIMEOUT)
        begin.set()
        for batch in batches:
            assert batch.ended.wait(TIMEOUT)
    assert order == list("abcabcabc")


def test_no_more_run_at_once_than_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_workers, "available_cores", lambda: 3)
    lock, running, most = threading.Lock(), 0, 0

    def task() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1

    with PictureWorkers(8) as workers:
        batches = [Calls(*[task] * 20) for _ in range(4)]
        for batch in batches:
            workers.put(batch)
        for batch in batches:
            assert batch.ended.wait(TIMEOUT)
    assert most == 3


def test_who_comes_with_too_many_batches_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_workers, "_MAX_BATCHES", 2)
    begin = threading.Event()
    put: list[Calls] = []

    def caller(workers: PictureWorkers) -> None:
        batch = Calls(lambda: begin.wait(TIMEOUT))
        workers.put(batch)
        put.append(batch)

    with PictureWorkers(2) as workers:
        callers = [threading.Thread(target=caller, args=(workers,)) for _ in range(6)]
        for thread in callers:
            thread.start()
        limit = time.monotonic() + TIMEOUT
        while len(put) < 2 and time.monotonic() < limit:
            time.sleep(0.001)
        time.sleep(0.02)
        assert len(put) == 2
        begin.set()
        for thread in callers:
            thread.join(TIMEOUT)
        assert len(put) == 6


def test_the_first_error_ends_a_batch_and_no_other() -> None:
    ran = threading.Event()

    def fail() -> None:
        raise ValueError("by a test")

    with PictureWorkers(1) as workers:
        bad, good = Calls(fail, ran.set), Calls(lambda: None)
        workers.put(bad)
        workers.put(good)
        assert bad.ended.wait(TIMEOUT)
        assert good.ended.wait(TIMEOUT)
    assert good.error is None
    assert isinstance(bad.error, RenderError)
    assert str(bad.error) == "a task of the picture pipeline failed: ValueError: by a test"
    assert bad.error.component == "Worker"
    assert isinstance(bad.error.__cause__, ValueError)
    assert not ran.is_set()


def test_a_batch_that_can_not_go_on_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory for its next picture is asked for when one is done."""

    def no_memory(*_: object) -> None:
        raise MemoryError

    with PicturePipeline(1) as pipeline:
        with monkeypatch.context() as patch:
            begin, begun = threading.Event(), threading.Event()

            def held(self: EncodedPicture, *_: object) -> None:
                begun.set()
                assert begin.wait(TIMEOUT)

            patch.setattr(EncodedPicture, "make", held)
            pending = pipeline.start([PICTURE] * 4, Jpeg())
            assert begun.wait(TIMEOUT)
            patch.setattr("reelmill.export.pictures.picture_pipeline._PictureBatch._memory", no_memory)
            begin.set()
            with pytest.raises(RenderError, match=r"task .* failed: MemoryError"):
                pending.result()
        assert len(pipeline.encode([PICTURE] * 4, Jpeg())) == 4


def test_a_worker_that_dies_fails_every_batch_and_all_that_come() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert go_on.wait(TIMEOUT)

    def die() -> None:
        raise SystemExit(3)

    with PictureWorkers(1) as workers:
        batches = [Calls(wait), Calls(die), Calls(lambda: None)]
        for batch in batches:
            workers.put(batch)
            assert begun.wait(TIMEOUT)
        go_on.set()
        for batch in batches:
            assert batch.ended.wait(TIMEOUT)
        assert batches[0].error is None
        for batch in batches[1:]:
            assert isinstance(batch.error, RenderError)
            assert str(batch.error) == "a worker of the picture pipeline died: SystemExit: 3"
            assert batch.error.component == "Worker"
        with pytest.raises(RenderError, match="a worker of the picture pipeline died") as caught:
            workers.put(Calls(lambda: None))
        assert caught.value.suggestion


@pytest.mark.parametrize(("error", "message"), [(MemoryError, "task .* failed: MemoryError"), (SystemExit, "died")])
def test_callers_of_the_pipeline_are_told(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException], message: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    with PicturePipeline(2) as pipeline:
        assert len(pipeline.encode([PICTURE] * 3, Jpeg())) == 3
        with monkeypatch.context() as patch:
            patch.setattr(EncodedPicture, "make", fail)
            with pytest.raises(RenderError, match=message):
                pipeline.encode([PICTURE] * 3, Jpeg())
        if error is MemoryError:
            assert len(pipeline.encode([PICTURE] * 3, Jpeg())) == 3
        else:
            with pytest.raises(RenderError, match="died"):
                pipeline.convert([PICTURE])


def test_an_abandoned_batch_has_no_task_running() -> None:
    begun, go_on, ran = threading.Event(), threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert go_on.wait(TIMEOUT)
        time.sleep(0.02)
        ran.set()

    with PictureWorkers(1) as workers:
        batch = Calls(wait, lambda: pytest.fail("was begun"))
        workers.put(batch)
        assert begun.wait(TIMEOUT)
        go_on.set()
        workers.abandon(batch)
        assert ran.is_set()
        assert isinstance(batch.error, RenderError)
        workers.abandon(batch)


def test_an_interrupted_caller_gets_its_pictures_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with PicturePipeline(1) as pipeline:

        def interrupt(self: threading.Event, timeout: float | None = None) -> bool:
            monkeypatch.undo()
            raise KeyboardInterrupt

        monkeypatch.setattr(threading.Event, "wait", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pipeline.convert([np.zeros((500, 500, 3), np.float32)] * 8)
        assert len(pipeline.convert([PICTURE])) == 1


def test_a_closed_pool_finishes_what_it_has_and_takes_no_more() -> None:
    begun = threading.Event()

    def wait() -> None:
        begun.set()
        time.sleep(0.05)

    workers = PictureWorkers(2)
    batch = Calls(*[wait] * 4)
    workers.put(batch)
    assert begun.wait(TIMEOUT)
    workers.close()
    assert batch.ended.is_set()
    assert batch.error is None
    workers.close()
    with pytest.raises(RenderError, match="the picture pipeline is closed"):
        workers.put(Calls(lambda: None))
    pipeline = PicturePipeline(1)
    pipeline.close()
    with pytest.raises(RenderError, match="the picture pipeline is closed"):
        pipeline.convert([PICTURE])


def test_memory_is_used_again() -> None:
    with Scratch() as scratch:
        first = scratch.floats("a", 10, 20)
        assert scratch.floats("a", 5, 7).base is first.base
        assert scratch.array("a", np.int16, 3).base is first.base
        assert not np.shares_memory(scratch.floats("b", 3), first)
        assert scratch.spooled(lambda file: file.write(b"longer")) == b"longer"
        assert scratch.spooled(lambda file: file.write(b"short")) == b"short"
        assert scratch.spooled(lambda file: None) == b""
