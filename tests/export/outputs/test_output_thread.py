"""The threads of outputs: order, bounds, failures, ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from reelmill.export.outputs.output_thread import FirstFailure, OutputThread
from reelmill.planner.errors import ExportError, RenderError


class Recorder:
    """A sink that notes what is asked of it."""

    def __init__(self, *, fails: BaseException | None = None) -> None:
        self.said: list[object] = []
        self._fails = fails

    def finish(self) -> None:
        self.said.append("finish")
        if self._fails is not None:
            raise self._fails

    def abort(self) -> None:
        self.said.append("abort")


def thread(sink: Recorder, failure: FirstFailure, **more: object) -> OutputThread:
    return OutputThread(sink, failure, name="encode", output="out.mp4", **more)  # type: ignore[arg-type]


def running() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("encode")]


def test_work_is_done_in_order_and_then_the_sink_is_finished() -> None:
    sink, failure = Recorder(), FirstFailure()
    output = thread(sink, failure)
    for number in range(100):
        output.submit(lambda number=number: sink.said.append(number))  # type: ignore[misc]
    output.end()
    output.wait()
    assert sink.said == [*range(100), "finish", "abort"]
    assert failure.error is None
    assert running() == []
    output.join()


def test_the_queue_is_bounded_in_bytes_and_in_pictures() -> None:
    gate, sink, failure = threading.Event(), Recorder(), FirstFailure()
    for picture_bytes, most in ((2**30, 2), (1, 16), (8 * 2**20, 8)):
        output = thread(sink, failure, picture_bytes=picture_bytes)
        done: list[int] = []

        def feed(output: OutputThread = output, done: list[int] = done) -> None:
            for number in range(30):
                output.submit(lambda: waited(gate))
                done.append(number)

        gate.clear()
        feeder = threading.Thread(target=feed)
        feeder.start()
        while len(done) < most:
            time.sleep(0.01)
        time.sleep(0.3)
        # One is at work, and one may have been taken just before.
        assert most <= len(done) <= most + 1
        gate.set()
        feeder.join()
        output.end()
        output.wait()


def waited(gate: threading.Event) -> None:
    gate.wait(30)


def fail(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


def test_the_first_error_of_all_is_kept_and_ends_all() -> None:
    failure = FirstFailure()
    first, second = Recorder(), Recorder()
    broken, other = thread(first, failure), thread(second, failure)
    error = RenderError("the encoder broke", component="Encoder")
    broken.submit(fail(error))
    while failure.error is None:
        time.sleep(0.01)
    other.submit(fail(RenderError("later", component="Encoder")))
    other.submit(lambda: second.said.append("more"))
    other.join()
    broken.join()
    assert failure.error is error
    assert first.said == ["abort"]
    assert second.said == ["abort"]
    assert running() == []


@pytest.mark.parametrize("error", [MemoryError("no memory"), KeyError("x"), SystemExit(3)])
def test_whatever_is_raised_names_the_output(error: BaseException) -> None:
    failure = FirstFailure()
    output = thread(Recorder(), failure)
    output.submit(fail(error))
    output.wait()
    assert isinstance(failure.error, ExportError)
    assert "out.mp4" in failure.error.message
    assert failure.error.file == "out.mp4"
    assert failure.error.__cause__ is error


def test_a_sink_that_can_not_be_finished_is_aborted() -> None:
    sink, failure = Recorder(fails=RenderError("disk full", component="Encoder")), FirstFailure()
    output = thread(sink, failure)
    output.end()
    output.wait()
    assert sink.said == ["finish", "abort"]
    assert isinstance(failure.error, RenderError)


def test_stopped_while_work_waits_the_thread_ends() -> None:
    failure, gate = FirstFailure(), threading.Event()
    sink = Recorder()
    output = thread(sink, failure, picture_bytes=2**30)
    output.submit(lambda: waited(gate))
    output.submit(lambda: sink.said.append("never"))
    output.submit(lambda: sink.said.append("never"))
    failure.stop()
    gate.set()
    output.join()
    assert sink.said == ["abort"]
    assert failure.error is None


def test_what_the_checkpoint_raises_comes_out_of_a_wait_for_room() -> None:
    failure, gate = FirstFailure(), threading.Event()

    def checkpoint() -> None:
        if len(calls) > 4:
            raise KeyboardInterrupt
        calls.append(1)

    calls: list[int] = []
    output = thread(Recorder(), failure, picture_bytes=2**30, checkpoint=checkpoint)

    def feed() -> None:
        for _ in range(10):
            output.submit(lambda: waited(gate))

    with pytest.raises(KeyboardInterrupt):
        feed()
    failure.stop()
    gate.set()
    output.join()
