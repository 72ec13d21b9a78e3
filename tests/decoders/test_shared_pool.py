"""Shared decoders: the same pictures as one decoder a clip, decoded as rarely as can be, and failures that end well."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from reelmill.decoders.clip_decoders import ClipDecoders
from reelmill.decoders.shared.frame_cache import frame_bytes
from reelmill.decoders.shared_pool import SharedDecoderPool
from reelmill.planner.content import Content
from reelmill.planner.contents.composition_content import CompositionContent
from reelmill.planner.contents.media_content import MediaContent
from reelmill.planner.timeline import Clip, Composition, Track
from tests.support.clips import ClipRecipe, ffmpeg, frame_number, make_clip
from tests.support.shared_decoding import (
    GOP_12,
    GOP_250,
    MEGABYTE,
    PICTURE,
    X264,
    Film,
    compare,
    film,
    layer,
    shown,
    wait_until,
)
from tests.support.timelines import media_clip


@pytest.fixture(scope="module")
def gop_12(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory, GOP_12)


@pytest.fixture(scope="module")
def gop_250(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory, GOP_250)


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
    statistics = compare(film(make_clip(tmp_path_factory, recipe), *tracks), cache=cache, limit=cache).statistics()
    assert statistics.cache.peak_bytes <= cache
    if cache == 100 * MEGABYTE:
        assert statistics.planned_redecodes == statistics.cache.evictions == 0


KINDS = {
    "open_gop.ts": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "3", "-g", "10", "-x264-params", "open-gop=1"),
    "hevc.mkv": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=4:b-pyramid=1"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-g", "20", "-b:v", "400k"),
    "av1.mkv": ("-c:v", "libaom-av1", "-cpu-used", "8", "-g", "20", "-lag-in-frames", "5", "-b:v", "200k"),
    "mpeg2.mpg": ("-c:v", "mpeg2video", "-b:v", "2M", "-bf", "2", "-g", "15"),
    "one_keyframe.mp4": (*X264, "-g", "600", "-keyint_min", "600", "-sc_threshold", "0"),
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
    compare(film(path, *tracks), cache=200_000, limit=200_000)


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


def test_without_reuse_little_is_held(gop_12: Path) -> None:
    three = film(gop_12, *(layer(f"c{n}", "a", "0", "1.44", str(Fraction(144 * n, 100))) for n in range(3)))
    planner = three.planner()
    budget, largest = 500_000, 0
    with three.pool(planner, cache=budget) as pool:
        for number in three.frames:
            largest = max(largest, *map(frame_bytes, shown(pool, planner.plan(number))))
    statistics = pool.statistics()
    assert statistics.frames_requested == 3 * 36, "no frame is shown twice"
    assert statistics.cache.peak_bytes <= budget / 16 + 3 * largest


def test_playing_backwards_decodes_each_gop_once(gop_250: Path) -> None:
    backwards = film(gop_250, layer("back", "a", "0", "30", "30", speed=Fraction(-1)))
    planner = backwards.planner()
    with backwards.pool(planner) as pool:
        numbers = [frame_number(frame) for n in backwards.frames for frame in shown(pool, planner.plan(n))]
    assert numbers == list(reversed(range(750)))
    assert pool.statistics().frames_decoded <= 1.1 * 750
    assert pool.statistics().seeks <= 5


def test_a_cache_that_is_too_small_grows_within_the_limit_and_says_so(gop_250: Path) -> None:
    backwards = film(gop_250, layer("back", "a", "0", "3", "6", speed=Fraction(-1)))
    least = backwards.least_decoded(backwards.planner())
    few, many = 30_000, 2_000_000

    def too_small(pool: SharedDecoderPool) -> list[str]:
        return [warning for warning in pool.warnings if "too small" in warning]

    thrashing = compare(backwards, cache=few, limit=few)
    assert thrashing.statistics().frames_decoded > 4 * least
    (warning,) = too_small(thrashing)
    assert "try --cache-size 1MB --memory-limit 1MB" in warning

    grown = compare(backwards, cache=few, limit=many)
    statistics = grown.statistics()
    assert statistics.frames_decoded < thrashing.statistics().frames_decoded
    assert few < statistics.cache.peak_bytes <= many
    (warning,) = too_small(grown)
    assert f"{statistics.planned_redecodes} frames were decoded again to show 75" in warning
    assert re.search("--cache-size [12]MB is fast from the start", warning), "how soon it grows depends on threads"

    assert not too_small(compare(backwards, cache=many, limit=many))


def test_entries_that_read_a_file_in_different_ways_do_not_share(tmp_path: Path) -> None:
    path = tmp_path / "interlaced.ts"
    source = "testsrc2=s=64x48:d=1:r=50,tinterlace=interleave_top"
    ffmpeg("-f", "lavfi", "-i", source, "-flags", "+ilme+ildct", "-c:v", "mpeg2video", "-b:v", "4M", path)
    both = Film({"auto": path, "off": path}, layer("x", "auto", "0", "0.9"), fps=25, size=PICTURE)
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


def test_hundreds_of_files_do_not_exhaust_descriptors(
    tmp_path: Path, gop_12: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = gop_12.read_bytes()
    files = {}
    for number in range(40):
        # A box that readers pass over makes it another file.
        files[f"f{number}"] = tmp_path / f"f{number}.mp4"
        files[f"f{number}"].write_bytes(data + (12).to_bytes(4, "big") + b"free" + number.to_bytes(4, "big"))
    monkeypatch.setattr("reelmill.decoders.shared_pool.descriptor_share", lambda: 6)
    tracks = [layer(f"c{number}", f"f{number}", "0", "0.2", str(Fraction(number, 10))) for number in range(40)]
    many = Film(files, *tracks, fps=25, size=PICTURE)
    planner = many.planner()
    with many.pool(planner, cores=4) as pool:
        numbers = [[frame_number(frame) for frame in shown(pool, planner.plan(n))] for n in many.frames]
    assert numbers == [[n + int(Fraction(number, 10) * 25 + Fraction(1, 50)) for number in range(40)] for n in range(5)]
    assert pool.statistics().peak_open <= 6
    assert pool.statistics().workers == 40


def test_threads_are_named_after_their_file(gop_12: Path) -> None:
    single = film(gop_12, layer("c", "a", "0", "1"))
    planner = single.planner()
    with single.pool(planner) as pool:
        shown(pool, planner.plan(0))
        assert f"decode {gop_12.name}" in [thread.name for thread in threading.enumerate()]


def test_the_statistics_of_one_decoder_a_clip_know_no_cache(gop_12: Path) -> None:
    single = film(gop_12, layer("c", "a", "0", "1"))
    decoders = ClipDecoders(single.facts, single.media)
    shown(decoders, single.planner().plan(0))
    statistics = decoders.statistics()
    decoders.close()
    assert statistics.cache.hit_rate is None
    assert statistics.waited_seconds == statistics.busy_seconds


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_random_films_are_those_of_one_decoder_a_clip(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    draw = random.Random(seed)
    recipes = [GOP_12, GOP_250, *(ClipRecipe(name, video, frames=60) for name, video in KINDS.items())]
    files = {f"f{n}": make_clip(tmp_path_factory, recipe) for n, recipe in enumerate(draw.sample(recipes, 3))}
    files["again"] = files["f0"]

    def tracks(name: str, count: int, compositions: Sequence[str]) -> tuple[Track, ...]:
        return tuple(
            Track(f"{name}{n}", tuple(clips(f"{name}{n}", compositions, Fraction(draw.randrange(10), 10))))
            for n in range(count)
        )

    def clips(name: str, compositions: Sequence[str], start: Fraction) -> Iterator[Clip]:
        for number in range(draw.randint(1, 4)):
            length = Fraction(draw.randint(3, 20), 10)
            content: Content = MediaContent(draw.choice(list(files)))
            speeds: tuple[str, ...] = ("1", "1", "2", "1/2", "-1", "-5/3", "0")
            if compositions and draw.random() < 0.4:
                content, speeds = CompositionContent(draw.choice(compositions)), ("1", "2", "-1")
            yield Clip(
                f"{name}-{number}",
                content,
                start,
                length,
                Fraction(draw.randrange(24), 10),
                speed=Fraction(draw.choice(speeds)),
                blend="screen",
                after_end=draw.choice(("hold", "loop", "blank")),
            )
            # The next one may begin before this one ends: a transition.
            start += length - draw.choice((Fraction(0), Fraction(0), Fraction(1, 5)))

    compositions: dict[str, Composition] = {}
    for name in ("inner", "outer")[: draw.randint(0, 2)]:
        inside = tracks(name, 2, tuple(compositions))
        compositions[name] = Composition(name, *PICTURE, inside, duration=max(t.clips[-1].end for t in inside))
    root = tracks("root", draw.randint(1, 4), tuple(compositions))
    fps = draw.choice((Fraction(25), Fraction(30000, 1001)))
    whole = Film(files, *root, fps=fps, size=PICTURE, compositions=compositions)
    cache = draw.choice((100_000, 1_000_000, 100_000_000))
    assert compare(whole, cache=cache, limit=cache, cores=draw.choice((1, 2, 4))).statistics().cache.peak_bytes <= cache
