"""What was closed is freed at once, and its memory goes back to the system."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path

import pytest

from reelmill.decoders.shared import file_worker, heap
from reelmill.decoders.video.video_reader import MediaReader, open_video_reader
from reelmill.planner.source_frames import DecodeStatistics
from tests.support.clips import make_clip
from tests.support.shared_decoding import GOP_12, PICTURE, Film, layer, shown, wait_until


@pytest.fixture
def no_collection() -> object:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_closed_reader_is_freed_without_collecting_cycles(
    tmp_path_factory: pytest.TempPathFactory, no_collection: object
) -> None:
    film = Film({"a": make_clip(tmp_path_factory, GOP_12)}, layer("c", "a", "0", "1"), fps=25, size=PICTURE)
    reader = open_video_reader(film.media["a"], film.facts["a"], DecodeStatistics())
    reader.frame(film.facts["a"].video.table.pts[5])  # type: ignore[union-attr]
    gone = weakref.ref(reader._cursor)  # type: ignore[attr-defined]
    reader.close()
    del reader
    assert gone() is None


def test_a_worker_keeps_no_decoder_that_it_has_closed(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, no_collection: object
) -> None:
    path = make_clip(tmp_path_factory, GOP_12)
    readers: list[weakref.ref[MediaReader]] = []

    def watched(*arguments: object, **more: object) -> MediaReader:
        reader = open_video_reader(*arguments, **more)  # type: ignore[arg-type]
        readers.append(weakref.ref(reader))
        return reader

    monkeypatch.setattr(file_worker, "open_video_reader", watched)
    monkeypatch.setattr(file_worker, "PARK_AFTER", 5)
    film = Film({"a": path}, layer("c", "a", "0", "0.4"), layer("late", "a", "6", "0.4"), fps=25, size=PICTURE)
    planner = film.planner()
    with film.pool(planner) as pool:
        for number in range(60):
            shown(pool, planner.plan(number))
        assert any(thread.name == f"decode {Path(path).name}" for thread in threading.enumerate())
        assert wait_until(lambda: readers[0]() is None)


def test_memory_is_returned_where_the_c_library_can() -> None:
    heap.release_freed_memory()


class Circle:
    """Refers to itself, as frames do whose side data were looked at."""

    def __init__(self) -> None:
        self.itself = self


def test_what_probing_leaves_behind_is_collected(no_collection: object) -> None:
    with heap.probing():
        left = weakref.ref(Circle())
        assert left() is not None
    assert left() is None


@pytest.mark.parametrize("enabled", [True, False])
def test_python_looks_for_garbage_afterwards_if_it_did_before(no_collection: object, enabled: bool) -> None:
    if enabled:
        gc.enable()
    with heap.probing():
        assert not gc.isenabled()
    assert gc.isenabled() == enabled
