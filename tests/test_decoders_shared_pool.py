"""Shared decoders: the same pictures as one decoder a clip, decoded as rarely as can be, and failures that end well."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from decoders import decode_slots, file_worker
from decoders.clip_decoders import ClipDecoders
from decoders.decode_slots import Closed, DecodeSlots, OpenFiles, available_cores, descriptor_share
from decoders.shared_pool import SharedDecoderPool
from decoders.video_reader import MediaReader, open_reader
from planner.errors import RenderError
from planner.frames import Frame
from planner.timeline import Clip, Composition, CompositionContent, Track
from tests.clips import ClipRecipe, ffmpeg, frame_number, make_clip
from tests.shared_decoding import MEGABYTE, Film, compare, requests, shown
from tests.timelines import media_clip

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-b_strategy", "0")
GOP_12 = ClipRecipe("gop_12.mp4", (*X264, "-g", "12", "-sc_threshold", "0"), frames=120)
GOP_250 = ClipRecipe("gop_250.mp4", (*X264, "-g", "250", "-keyint_min", "250", "-sc_threshold", "0"), frames=1500)
PICTURE = (64, 48)


@pytest.fixture(scope="module")
def gop_12(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory, GOP_12)


@pytest.fixture(scope="module")
def gop_250(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory, GOP_250)


def layer(name: str, media: str, start: str, duration: str, in_point: str = "0", **more: object) -> Track:
    """A track with one clip that hides nothing."""
    return Track(name, (media_clip(name, media, start, duration, in_point, blend="screen", **more),))


def film(path: Path, *tracks: Track, **more: object) -> Film:
    return Film({"a": path}, *tracks, fps=25, size=PICTURE, **more)


def test_a_film_is_decoded_once_and_in_order(gop_12: Path) -> None:
    single = film(gop_12, layer("c", "a", "0", "4.8"))
    planner = single.planner()
    with single.pool(planner) as pool:
        numbers = [frame_number(frame) for n in single.frames for frame in shown(pool, planner.plan(n))]
    assert numbers == list(range(120))
    statistics = pool.statistics()
    assert (statistics.unique_files, statistics.workers, statistics.opened, statistics.peak_open) == (1, 1, 1, 1)
    assert (statistics.frames_decoded, statistics.frames_requested, statistics.seeks) == (120, 120, 0)
    assert statistics.cache.hits + statistics.cache.misses == 120
    assert statistics.cache.evictions == statistics.planned_redecodes == 0
    (of_file,) = statistics.cache.per_file.values()
    assert 0 < of_file.frames <= 90
    assert statistics.busy_seconds > 0


OVERLAPPING = [
    layer("one", "a", "0", "3"),
    layer("two", "a", "0.4", "3", "1"),
    layer("three", "a", "1", "3", "0.2"),
]
SPEEDS = [
    layer("fast", "a", "0", "2", "0", speed=Fraction(2)),
    layer("slow", "a", "0", "3", "2", speed=Fraction(1, 3)),
    layer("frozen", "a", "0.5", "2", "3.9", speed=Fraction(0)),
    layer("back", "a", "0.2", "3", "4", speed=Fraction(-1)),
    layer("fast back", "a", "1", "2", "4.8", speed=Fraction(-2)),
    layer("loop", "a", "0", "3", "4", speed=Fraction(3), after_end="loop"),
]
CUTS = [
    Track(
        "cuts",
        tuple(
            media_clip(f"c{n}", "a", str(Fraction(n, 5)), "1/5", str(Fraction(n * 37 % 46, 10)), blend="screen")
            for n in range(15)
        ),
    )
]


@pytest.mark.parametrize("cache", [80_000, 500_000, 100 * MEGABYTE])
@pytest.mark.parametrize("tracks", [OVERLAPPING, SPEEDS, CUTS], ids=["overlapping", "speeds", "cuts"])
@pytest.mark.parametrize("recipe", [GOP_12, GOP_250], ids=lambda recipe: recipe.name)
def test_frames_are_those_of_one_decoder_a_clip(
    tmp_path_factory: pytest.TempPathFactory, recipe: ClipRecipe, tracks: list[Track], cache: int
) -> None:
    statistics = compare(film(make_clip(tmp_path_factory, recipe), *tracks), cache=cache).statistics()
    assert statistics.cache.peak_bytes <= cache
    if cache == 100 * MEGABYTE:
        assert statistics.planned_redecodes == statistics.cache.evictions == 0


KINDS = {
    "open_gop.ts": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "3", "-g", "10", "-x264-params", "open-gop=1"),
    "hevc.mkv": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=4:b-pyramid=1"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-g", "20", "-b:v", "400k"),
    "mjpeg.mov": ("-c:v", "mjpeg", "-q:v", "3"),
    "prores.mov": ("-c:v", "prores_ks"),
    "variable.mkv": (*X264, "-vf", "settb=1/90000,setpts=N*3000+mod(N*N\\,7)*400+floor(N/9)*5000"),
    "interlaced.ts": ("-flags", "+ilme+ildct", "-c:v", "mpeg2video", "-b:v", "2M", "-bf", "2", "-top", "1"),
}


@pytest.mark.parametrize("name", KINDS)
def test_all_kinds_of_files_are_decoded_alike(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    path = make_clip(tmp_path_factory, ClipRecipe(name, KINDS[name], frames=60))
    tracks = [
        layer("one", "a", "0", "2"),
        layer("two", "a", "0.2", "1.5", "0.3"),
        layer("back", "a", "0", "1.6", "1.8", speed=Fraction(-1)),
    ]
    compare(film(path, *tracks), cache=200_000)


def test_nested_compositions_share_decoders_with_the_root(gop_12: Path, tmp_path: Path) -> None:
    still = tmp_path / "still.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1", still)
    moving = tmp_path / "moving.gif"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=32x24:r=10:d=1", moving)
    inner = Composition("inner", 64, 48, (layer("i", "a", "0", "2", "1"), layer("s", "still", "0", "2")), duration=2)  # type: ignore[arg-type]
    outer = Composition(
        "outer",
        64,
        48,
        (
            layer("o", "again", "0", "2", "1.5"),
            Track("n", (Clip("in", CompositionContent("inner"), Fraction(0), Fraction(2), Fraction(0)),)),
        ),
        duration=Fraction(2),
    )
    shows = tuple(
        Clip(f"x{n}", CompositionContent("outer"), Fraction(n), Fraction(1), Fraction(n % 2), speed=Fraction(speed))
        for n, speed in enumerate((1, 1, 2, -1))
        if speed > 0
    )
    files = {"a": gop_12, "again": gop_12, "still": still, "gif": moving}
    tracks = (Track("x", shows), layer("g", "gif", "0", "3", after_end="loop"), layer("t", "a", "0", "3"))
    whole = Film(files, *tracks, fps=25, size=PICTURE, compositions={"inner": inner, "outer": outer})
    statistics = compare(whole).statistics()
    assert statistics.unique_files == statistics.workers == 3, "one file under two names is one file"


@pytest.mark.parametrize("seconds", [4, 8])
def test_a_file_at_eight_distant_positions_at_once_is_decoded_once(gop_250: Path, seconds: int) -> None:
    eight = film(gop_250, *(layer(f"c{n}", "a", "0", str(seconds), str(7 * n)) for n in range(8)))
    planner = eight.planner()
    with eight.pool(planner) as pool:
        numbers = [[frame_number(frame) for frame in shown(pool, planner.plan(n))] for n in eight.frames]
    assert numbers == [[n + 175 * position for position in range(8)] for n in eight.frames]
    statistics = pool.statistics()
    assert statistics.frames_decoded <= 1.1 * eight.least_decoded(planner)
    assert statistics.seeks <= 8
    assert statistics.peak_open <= 8


def test_with_a_small_cache_eight_positions_cost_no_more_than_eight_decoders(gop_250: Path) -> None:
    eight = film(gop_250, *(layer(f"c{n}", "a", "0", "4", str(7 * n)) for n in range(8)))
    planner = eight.planner()
    with eight.pool(planner, cache=300_000) as pool, eight.clip_decoders() as decoders:
        for number in eight.frames:
            shown(pool, planner.plan(number))
            shown(decoders, planner.plan(number))
        alone = decoders.statistics()
    assert pool.statistics().frames_decoded <= 1.1 * alone.frames_decoded
    assert pool.statistics().seeks <= 8
    assert pool.statistics().cache.peak_bytes <= 300_000


def test_playing_backwards_decodes_each_gop_once(gop_250: Path) -> None:
    backwards = film(gop_250, layer("back", "a", "0", "30", "30", speed=Fraction(-1)))
    planner = backwards.planner()
    with backwards.pool(planner) as pool:
        numbers = [frame_number(frame) for n in backwards.frames for frame in shown(pool, planner.plan(n))]
    assert numbers == list(reversed(range(750)))
    assert pool.statistics().frames_decoded <= 1.1 * 750
    assert pool.statistics().seeks <= 5


def test_entries_that_read_a_file_in_different_ways_do_not_share(tmp_path: Path) -> None:
    path = tmp_path / "interlaced.ts"
    source = "testsrc2=s=64x48:d=1:r=50,tinterlace=interleave_top"
    ffmpeg("-f", "lavfi", "-i", source, "-flags", "+ilme+ildct", "-c:v", "mpeg2video", "-b:v", "4M", path)
    both = Film({"auto": path, "off": path}, layer("x", "auto", "0", "0.9"), fps=25, size=PICTURE)
    from dataclasses import replace

    both.media["off"] = replace(both.media["off"], deinterlace="off")
    whole = replace(both.timeline.root, tracks=(layer("x", "auto", "0", "0.9"), layer("y", "off", "0", "0.9")))
    both.timeline = replace(both.timeline, root=whole, media=both.media)
    statistics = compare(both).statistics()
    assert (statistics.unique_files, statistics.workers) == (1, 2)


def test_what_is_hidden_is_not_decoded(gop_12: Path, gop_250: Path) -> None:
    cover = Track("cover", (media_clip("cover", "b", "0", "2"),))
    hidden = Film({"a": gop_12, "b": gop_250}, layer("below", "a", "0", "2"), cover, fps=25, size=PICTURE)
    statistics = compare(hidden).statistics()
    assert (statistics.unique_files, statistics.workers) == (1, 1)


def test_decoders_that_nobody_needs_are_closed_and_opened_again(gop_12: Path) -> None:
    twice = film(gop_12, Track("t", (media_clip("c1", "a", "0", "1"), media_clip("c2", "a", "15", "1", "2"))))
    planner = twice.planner()
    with twice.pool(planner) as pool:
        for number in twice.frames:
            shown(pool, planner.plan(number))
            if number == 250:
                assert wait_until(lambda: pool._files._open == 0)
    assert pool.statistics().opened == 2


def wait_until(condition: Callable[[], bool]) -> bool:
    limit = time.monotonic() + 20
    while not condition() and time.monotonic() < limit:
        time.sleep(0.005)
    return condition()


def test_hundreds_of_files_do_not_exhaust_descriptors(
    tmp_path: Path, gop_12: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = gop_12.read_bytes()
    files = {}
    for number in range(40):
        # A box that readers pass over makes it another file.
        files[f"f{number}"] = tmp_path / f"f{number}.mp4"
        files[f"f{number}"].write_bytes(data + (12).to_bytes(4, "big") + b"free" + number.to_bytes(4, "big"))
    monkeypatch.setattr("decoders.shared_pool.descriptor_share", lambda: 6)
    tracks = [layer(f"c{number}", f"f{number}", "0", "0.2", str(Fraction(number, 10))) for number in range(40)]
    many = Film(files, *tracks, fps=25, size=PICTURE)
    planner = many.planner()
    with many.pool(planner, cores=4) as pool:
        numbers = [[frame_number(frame) for frame in shown(pool, planner.plan(n))] for n in many.frames]
    assert numbers == [[n + int(Fraction(number, 10) * 25 + Fraction(1, 50)) for number in range(40)] for n in range(5)]
    assert pool.statistics().peak_open <= 6
    assert pool.statistics().workers == 40


def test_frames_may_be_asked_for_without_waiting(gop_12: Path) -> None:
    single = film(gop_12, layer("c", "a", "0", "1"))
    planner = single.planner()
    with single.pool(planner) as pool:
        plan = planner.plan(0)
        pool.begin(plan)
        pool.request_frame_batch(requests(plan))
        (request,) = requests(plan)
        assert wait_until(lambda: pool._cache.has("a", request.pts))
        assert frame_number(pool.frame(request)) == 0
        assert (pool.statistics().cache.hits, pool.statistics().cache.misses) == (1, 0)


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
def failures(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[int, list[Exception]]]:
    """Errors that decoders raise, by pts."""
    planned: dict[int, list[Exception]] = {}

    def open_failing(*arguments: object, **more: object) -> MediaReader:
        return FailingReader(open_reader(*arguments, **more), planned)  # type: ignore[arg-type]

    monkeypatch.setattr(file_worker, "open_reader", open_failing)
    yield planned


def broken() -> RenderError:
    return RenderError("no picture comes out", component="ClipDecoder", suggestion="replace the file")


def play(single: Film, **settings: int) -> tuple[list[int], SharedDecoderPool]:
    """Numbers of the frames shown, until something fails; the pool is closed in every case."""
    planner = single.planner()
    numbers: list[int] = []
    with single.pool(planner, **settings) as pool:
        for number in single.frames:
            numbers += [frame_number(frame) for frame in shown(pool, planner.plan(number))]
    return numbers, pool


def test_a_decoder_that_fails_once_is_made_anew_and_that_is_logged(
    gop_12: Path, failures: dict[int, list[Exception]], caplog: pytest.LogCaptureFixture
) -> None:
    single = film(gop_12, layer("c", "a", "0", "4"))
    table = single.facts["a"].video.table  # type: ignore[union-attr]
    assert table is not None
    failures[table.pts[50]] = [broken()]
    with caplog.at_level(logging.WARNING, "reelmill.decoders"):
        numbers, pool = play(single)
    assert numbers == list(range(100))
    assert pool.statistics().opened == 2
    (record,) = caplog.records
    assert "failed at 2 s and is made anew: no picture comes out" in record.getMessage()


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
    assert "--system v1" in (error.suggestion or "")


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
    assert "--system v1" in (caught.value.suggestion or "")


def test_a_file_that_vanished_is_an_error(tmp_path: Path, gop_12: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(gop_12.read_bytes())
    single = film(path, layer("c", "a", "0", "1"))
    path.unlink()
    with pytest.raises(RenderError, match="the file does not exist") as caught:
        play(single)
    assert (caught.value.component, caught.value.clip) == ("SharedDecoder", "c")


def test_damage_is_concealed_and_counted_where_the_entry_says_so(tmp_path: Path, gop_250: Path) -> None:
    from dataclasses import replace

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
    pool = SharedDecoderPool(
        both.facts, both.media, planner, cache_bytes=MEGABYTE, memory_limit_bytes=MEGABYTE, cores=1
    )
    pool.begin(planner.plan(0))
    pool.close()
    pool.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode ")]
    (request, *_) = requests(planner.plan(0))
    with pytest.raises(RenderError, match="closed"):
        pool.frame(request)


def test_threads_are_named_after_their_file(gop_12: Path) -> None:
    single = film(gop_12, layer("c", "a", "0", "1"))
    planner = single.planner()
    with single.pool(planner) as pool:
        shown(pool, planner.plan(0))
        assert f"decode {gop_12.name}" in [thread.name for thread in threading.enumerate()]


def test_slots_go_to_those_that_are_needed_first() -> None:
    slots = DecodeSlots(1)
    order: list[int] = []

    def decode(rank: int) -> None:
        with slots.slot(rank):
            order.append(rank)

    with slots.slot(0):
        threads = []
        for waiting, rank in enumerate((9, 3, 7, 5), start=1):
            threads.append(threading.Thread(target=decode, args=(rank,)))
            threads[-1].start()
            assert wait_until(lambda waiting=waiting: len(slots._waiting) == waiting)  # type: ignore[misc]
    for thread in threads:
        thread.join()
    assert order == [3, 5, 7, 9]


def test_no_more_threads_decode_than_there_are_cores(gop_12: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoding, most = set(), []
    lock = threading.Lock()

    class Watched(FailingReader):
        def frame(self, pts: int) -> Frame:
            with lock:
                decoding.add(threading.get_ident())
                most.append(len(decoding))
            try:
                return super().frame(pts)
            finally:
                with lock:
                    decoding.discard(threading.get_ident())

    monkeypatch.setattr(file_worker, "open_reader", lambda *a, **m: Watched(open_reader(*a, **m), {}))
    names = [f"f{n}" for n in range(4)]
    several = Film(dict.fromkeys(names, gop_12), *(layer(n, n, "0", "1") for n in names), fps=25, size=PICTURE)
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
    with slots.slot(0):
        threads = [
            threading.Thread(target=wait, args=("slot", lambda: slots.slot(1).__enter__())),
            threading.Thread(target=wait, args=("file", lambda: files.acquire(5, lambda: asked.append(True)))),
        ]
        for thread in threads:
            thread.start()
        assert wait_until(lambda: files.pressure == 2 and len(slots._waiting) == 1)
        slots.close()
        files.close()
        for thread in threads:
            thread.join()
    assert sorted(ended) == ["file", "slot"]
    assert asked == [True]


def test_cores_are_limited_by_the_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(decode_slots.os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
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
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 8 <= descriptor_share() <= max(limit // 4, 8)


def test_the_statistics_of_one_decoder_a_clip_know_no_cache(gop_12: Path) -> None:
    single = film(gop_12, layer("c", "a", "0", "1"))
    decoders = ClipDecoders(single.facts, single.media)
    shown(decoders, single.planner().plan(0))
    statistics = decoders.statistics()
    decoders.close()
    assert statistics.cache.hit_rate is None
    assert statistics.waited_seconds == statistics.busy_seconds
