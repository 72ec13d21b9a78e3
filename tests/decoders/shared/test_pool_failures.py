"""Shared decoders when something fails: the right error, when its frame is asked for; no hang, no thread left."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from reelmill.decoders.shared import file_worker
from reelmill.decoders.shared_pool import PoolLimits, SharedDecoderPool
from reelmill.decoders.video.video_reader import MediaReader, open_video_reader
from reelmill.planner.errors import RenderError
from reelmill.planner.source_frames import Frame
from tests.support.clips import frame_number, make_clip
from tests.support.shared_decoding import GOP_12, GOP_250, MEGABYTE, PICTURE, Film, film, layer, play, requests, shown


@pytest.fixture(scope="module")
def gop_12(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory, GOP_12)


@pytest.fixture(scope="module")
def gop_250(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory, GOP_250)


class FailingReader:
    """Refuses a frame some times, or breaks in an unforeseen way."""

    def __init__(self, reader: MediaReader, failures: dict[int, list[Exception]]) -> None:
        self._reader, self._failures = reader, failures

    @property
    def concealed_frames(self) -> int:
        return self._reader.concealed_frames

    def frame(self, pts: int) -> Frame:
        if self._failures.get(pts):
            raise self._failures[pts].pop(0)
        return self._reader.frame(pts)

    def close(self) -> None:
        self._reader.close()


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> dict[int, list[Exception]]:
    """Errors that decoders raise, by pts."""
    planned: dict[int, list[Exception]] = {}

    def open_failing(*arguments: object, **more: object) -> MediaReader:
        return FailingReader(open_video_reader(*arguments, **more), planned)  # type: ignore[arg-type]

    monkeypatch.setattr(file_worker, "open_video_reader", open_failing)
    return planned


def broken() -> RenderError:
    return RenderError("no picture comes out", component="ClipDecoder", suggestion="replace the file")


def test_a_decoder_that_fails_once_is_opened_anew_and_the_report_warns(
    gop_12: Path, failures: dict[int, list[Exception]]
) -> None:
    single = film(gop_12, layer("c", "a", "0", "4"))
    table = single.facts["a"].video.table  # type: ignore[union-attr]
    assert table is not None
    failures[table.pts[50]] = [broken()]
    numbers, pool = play(single)
    assert numbers == list(range(100))
    assert pool.statistics().opened == 2
    assert pool.warnings[0] == f"the decoder of {gop_12} failed at 2 s and was opened anew: no picture comes out"


def test_a_decoder_that_fails_twice_is_an_error_when_its_frame_is_asked_for(
    gop_12: Path, failures: dict[int, list[Exception]]
) -> None:
    single = film(gop_12, layer("c", "a", "0", "4"))
    table = single.facts["a"].video.table  # type: ignore[union-attr]
    assert table is not None
    failures[table.pts[50]] = [broken(), broken()]
    planner = single.planner()
    with single.pool(planner) as pool:
        for number in range(50):
            (frame,) = shown(pool, planner.plan(number))
            assert frame_number(frame) == number
        with pytest.raises(RenderError) as caught:
            shown(pool, planner.plan(50))
    error = caught.value
    assert error.message == "the decoder failed twice at 2 s: no picture comes out"
    assert (error.component, error.clip, error.file) == ("SharedDecoder", "c", str(gop_12))
    assert error.source_time == 2
    assert error.suggestion == "replace the file", "V1 reads it in the same way"


def test_a_failure_in_frames_that_nobody_asks_for_is_none(gop_12: Path, failures: dict[int, list[Exception]]) -> None:
    single = film(gop_12, layer("c", "a", "0", "1"), layer("d", "a", "0", "1", "3"))
    table = single.facts["a"].video.table  # type: ignore[union-attr]
    assert table is not None
    failures[table.pts[90]] = [broken() for _ in range(10)]
    planner = single.planner()
    with single.pool(planner) as pool:
        for number in single.frames:
            plan = planner.plan(number)
            pool.begin(plan)
            wanted = [request for request in requests(plan) if request.pts != table.pts[90]]
            assert [frame_number(pool.frame(request)) for request in wanted] == [
                each for each in (number, number + 75) if each != 90
            ]


def test_a_worker_that_dies_is_an_error(gop_12: Path, failures: dict[int, list[Exception]]) -> None:
    single = film(gop_12, layer("c", "a", "0", "4"))
    table = single.facts["a"].video.table  # type: ignore[union-attr]
    assert table is not None
    failures[table.pts[30]] = [ZeroDivisionError("nobody thought of this")]
    with pytest.raises(RenderError) as caught:
        play(single)
    assert caught.value.component == "Worker"
    assert "ZeroDivisionError: nobody thought of this" in caught.value.message
    assert caught.value.clip == "c"
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_limit_below_the_frames_of_one_output_frame_is_an_error(gop_12: Path) -> None:
    four = film(gop_12, *(layer(f"c{n}", "a", "0", "1", str(n)) for n in range(4)))
    with pytest.raises(RenderError) as caught:
        play(four, cache=10_000, limit=20_000)
    assert caught.value.component == "FrameCache"
    assert "4 source frames" in caught.value.message, "all of them, not only those that were decoded by then"
    assert "--memory-limit" in (caught.value.suggestion or "")


def test_a_file_that_is_cut_short_while_it_is_read_is_an_error(tmp_path: Path, gop_250: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(gop_250.read_bytes())
    single = film(path, layer("c", "a", "0", "50"))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(RenderError) as caught:
        play(single)
    assert (caught.value.component, caught.value.file) == ("SharedDecoder", str(path))
    assert "--system" not in (caught.value.suggestion or "")


def test_a_file_that_vanished_is_an_error(tmp_path: Path, gop_12: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(gop_12.read_bytes())
    single = film(path, layer("c", "a", "0", "1"))
    path.unlink()
    with pytest.raises(RenderError, match="the file does not exist") as caught:
        play(single)
    assert (caught.value.component, caught.value.clip) == ("SharedDecoder", "c")


def test_damage_is_concealed_and_counted_where_the_entry_says_so(tmp_path: Path, gop_250: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(gop_250.read_bytes())
    single = film(path, layer("c", "a", "0", "20"))
    data = bytearray(path.read_bytes())
    data[len(data) // 8 : len(data) // 8 + 4000] = bytes(range(250)) * 16
    path.write_bytes(data)
    media = {"a": replace(single.media["a"], on_error="conceal")}
    single.media, single.timeline = media, replace(single.timeline, media=media)
    planner = single.planner()
    with single.pool(planner) as pool:
        for number in single.frames:
            shown(pool, planner.plan(number))
    assert pool.concealed_frames["a"] >= 1
    assert "concealed" in pool.warnings[0]


def test_closing_ends_workers_that_are_busy_or_wait(gop_250: Path, gop_12: Path) -> None:
    tracks = [layer(f"c{n}", name, "0", "4", str(n)) for n in range(3) for name in ("a", "b")]
    both = Film({"a": gop_250, "b": gop_12}, *tracks, fps=25, size=PICTURE)
    planner = both.planner()
    pool = SharedDecoderPool(both.facts, both.media, planner, PoolLimits(MEGABYTE, MEGABYTE, cores=1))
    pool.begin(planner.plan(0))
    pool.close()
    pool.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode ")]
    (request, *_) = requests(planner.plan(0))
    with pytest.raises(RenderError, match="closed"):
        pool.frame(request)
