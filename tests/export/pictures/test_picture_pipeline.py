"""The picture pipeline's pixels: against a plain reference and Pillow, and the same for every number of workers."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reelmill.export.pictures import picture_rows
from reelmill.export.pictures.picture_conversion import Order
from reelmill.export.pictures.picture_encoding import EncodedPicture, Encoding, Jpeg, Png, WebP
from reelmill.export.pictures.picture_pipeline import PicturePipeline
from reelmill.export.pictures.picture_resizing import METHODS, Method
from reelmill.export.pictures.picture_rows import RowPlan, render_rows
from reelmill.export.pictures.picture_scratch import Scratch
from reelmill.planner.errors import SetupError
from tests.support.picture_reference import off_by, resized, rgba_codes

WORKERS = (1, 2, 3, 4, 7, 8, 16)
DTYPES = (np.float32, np.float16, np.uint8)
EXACT = 0.5 + 2e-3
"""32-bit floats against 64-bit ones."""
EXACT_WITH_ALPHA = 0.6
"""Colours are divided by an alpha that may be as small as half a code."""


@pytest.fixture(scope="module")
def pipelines() -> Iterator[dict[int, PicturePipeline]]:
    """One for each number of workers, which all run at once however many cores there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reelmill.export.pictures.picture_workers.available_cores", lambda: 16)
        made = {workers: PicturePipeline(workers) for workers in WORKERS}
    yield made
    for pipeline in made.values():
        pipeline.close()


def random_picture(width: int, height: int, channels: int, dtype: Any, white: float, seed: int) -> npt.NDArray[Any]:
    """Samples that reach beyond 0 and white, with flat and empty parts."""
    random = np.random.default_rng(seed)
    whole = random.integers(-40, 300, (height, width, channels)).astype(np.float64)
    whole[: height // 3, : width // 2] = random.choice([0, 128, 255])
    if channels == 4:
        whole[..., 3] = np.where(random.random((height, width)) < 0.3, 0, whole[..., 3])
    if dtype == np.uint8:
        return np.asarray(np.clip(whole, 0, 255).astype(np.uint8))
    return np.asarray((whole / 255 * white).astype(dtype))


def in_sequence(
    picture: npt.NDArray[Any], size: tuple[int, int], method: Method, order: Order, white: float, rows: int
) -> npt.NDArray[np.uint8]:
    """On this thread, so many finished rows at a time."""
    height, width, channels = picture.shape
    plan = RowPlan(height, width, channels, order, *size, method)
    out = np.empty((size[1], size[0], 4), np.uint8)
    with Scratch() as scratch:
        for begin in range(0, size[1], rows):
            render_rows(plan, picture, white, range(begin, min(begin + rows, size[1])), out, scratch, 0)
    return out


def encoded_in_sequence(rgba: npt.NDArray[np.uint8], encoding: Encoding, *, opaque: bool) -> bytes:
    file = EncodedPicture(rgba.shape[1], rgba.shape[0], encoding, opaque=opaque)
    with Scratch() as scratch:
        for part in range(file.parts):
            file.make(part, rgba, scratch)
    return file.file()


SIDES = st.integers(1, 40) | st.sampled_from([1, 2, 3, 5, 64, 97])
CASES = st.fixed_dictionaries(
    {
        "width": SIDES,
        "height": SIDES,
        "channels": st.sampled_from([3, 4]),
        "dtype": st.sampled_from(DTYPES),
        "white": st.sampled_from([1.0, 255.0, 0.37]),
        "order": st.sampled_from(["rgb", "bgr"]),
        "size": st.none() | st.tuples(SIDES, SIDES),
        "method": st.sampled_from(METHODS),
        "seed": st.integers(0, 2**32 - 1),
        "count": st.integers(1, 4),
        "workers": st.sampled_from(WORKERS),
        "step": st.integers(1, 9),
        "block": st.sampled_from([1, 40, 300, 5000, 700_000]),
        "encoding": st.none() | st.sampled_from([Jpeg(), Jpeg(31, "4:2:2", (9, 200, 77)), Png(4)]),
    }
)


def check_same_everywhere(pipelines: dict[int, PicturePipeline], case: dict[str, Any]) -> None:
    """A few rows at a time, in blocks of any size, with any number of workers; and it is what the reference says."""
    shape = case["width"], case["height"], case["channels"], case["dtype"], case["white"]
    pictures = [random_picture(*shape, case["seed"] + number) for number in range(case["count"])]
    size = case["size"] or (case["width"], case["height"])
    ways = {"order": case["order"], "white": case["white"], "method": case["method"]}
    whole = [in_sequence(picture, size, rows=size[1], **ways) for picture in pictures]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picture_rows, "_BLOCK_SAMPLES", case["block"])
        in_steps = [in_sequence(picture, size, rows=case["step"], **ways) for picture in pictures]
        in_blocks = [in_sequence(picture, size, rows=size[1], **ways) for picture in pictures]
    spread = pipelines[case["workers"]].resize(pictures, size, **ways)
    for one, two, three, four in zip(whole, in_steps, in_blocks, spread, strict=True):
        assert one.tobytes() == two.tobytes() == three.tobytes() == four.tobytes()
    codes = rgba_codes(pictures[0], case["order"], case["white"])
    has_alpha = case["channels"] == 4
    exact = resized(codes, size, case["method"], has_alpha=has_alpha)
    assert off_by(whole[0], exact) <= (EXACT_WITH_ALPHA if has_alpha else EXACT)
    if (encoding := case["encoding"]) is not None:
        files = pipelines[case["workers"]].encode(pictures, encoding, size=case["size"], **ways)
        assert files == [encoded_in_sequence(rgba, encoding, opaque=not has_alpha) for rgba in whole]


@settings(max_examples=200, deadline=None)
@given(case=CASES)
def test_bits_do_not_depend_on_workers(pipelines: dict[int, PicturePipeline], case: dict[str, Any]) -> None:
    check_same_everywhere(pipelines, case)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=10_000, deadline=None)
@given(case=CASES)
def test_bits_do_not_depend_on_workers_ten_thousand_times(
    pipelines: dict[int, PicturePipeline], case: dict[str, Any]
) -> None:
    check_same_everywhere(pipelines, case)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(320, 320), (1, 1), (641, 359), (37, 361), (1280, 1)])
def test_whole_pictures_are_right(pipelines: dict[int, PicturePipeline], method: Method, size: tuple[int, int]) -> None:
    picture = random_picture(640, 360, 3, np.float32, 1, 7)
    found = pipelines[2].resize([picture], size, method=method, order="bgr")[0]
    assert off_by(found, resized(rgba_codes(picture, "bgr"), size, method, has_alpha=False)) <= EXACT


@pytest.mark.parametrize(
    ("method", "filter_"), [("bilinear", Image.Resampling.BILINEAR), ("lanczos", Image.Resampling.LANCZOS)]
)
def test_larger_pictures_are_what_pillow_makes(
    pipelines: dict[int, PicturePipeline], method: Method, filter_: Image.Resampling
) -> None:
    """Away from the border, where Pillow cuts Lanczos' kernel off; and where nothing overshoots, as Pillow clips
    between the two axes."""
    y, x = np.mgrid[0:45, 0:60]
    picture = np.dstack([60 + 2 * x, 200 - 3 * y, 128 + 50 * np.sin(x / 5) * np.cos(y / 4)]).astype(np.uint8)
    expected = np.asarray(Image.fromarray(picture).resize((150, 101), filter_)).astype(int)
    found = pipelines[3].resize([picture], (150, 101), method=method)[0][..., :3]
    assert np.abs(found - expected)[9:-9, 9:-9].max() <= 1


def test_area_of_whole_ratios_is_pillows_box(pipelines: dict[int, PicturePipeline]) -> None:
    picture = random_picture(120, 90, 3, np.uint8, 1, 3)
    expected = np.asarray(Image.fromarray(picture).reduce((4, 3))).astype(int)
    assert np.abs(pipelines[3].resize([picture], (30, 30), method="area")[0][..., :3] - expected).max() <= 1


def test_every_half_float_becomes_its_code(pipelines: dict[int, PicturePipeline]) -> None:
    bits = np.arange(1 << 16, dtype=np.uint16)
    halves = bits.view(np.float16)
    halves = np.resize(halves[~np.isnan(halves)], (100, 200, 3))
    for white in (1.0, 255.0, 65504.0):
        found = pipelines[2].convert([halves], white=white)[0]
        assert np.array_equal(found, rgba_codes(halves, white=white).astype(np.uint8))


def test_floats_are_rounded_to_even_and_clipped(pipelines: dict[int, PicturePipeline]) -> None:
    samples = [0.5, 1.5, 2.5, 254.5, -0.5, -np.inf, np.inf, 3e38, 255.49, 1e-40, 127.500001, 0]
    picture = np.array(samples, np.float32).reshape(2, 2, 3)
    found = pipelines[1].convert([picture], white=255)[0]
    assert found[..., :3].reshape(-1).tolist() == [0, 2, 2, 254, 0, 0, 255, 255, 255, 0, 128, 0]
    assert np.all(found[..., 3] == 255)


def test_what_is_transparent_lends_no_colour(pipelines: dict[int, PicturePipeline]) -> None:
    picture = np.zeros((1, 4, 4), np.uint8)
    picture[0] = [[200, 100, 50, 255], [0, 255, 0, 0], [200, 100, 50, 128], [0, 0, 255, 0]]
    found = pipelines[1].resize([picture], (2, 1), method="area")[0]
    assert found.tolist() == [[[200, 100, 50, 128], [200, 100, 50, 64]]]
    assert pipelines[1].resize([picture[:, 1:2]], (3, 2))[0].max() == 0


def test_views_and_mixed_batches_are_taken(pipelines: dict[int, PicturePipeline]) -> None:
    whole = random_picture(50, 40, 4, np.float32, 1, 1)
    views: list[npt.NDArray[Any]] = [
        whole[::-2, 3:40:3, :3],
        np.asfortranarray(whole),
        whole[..., [2, 1, 0]],
        np.array([[[1, 2, 3]]], np.uint8),
    ]
    found = pipelines[4].resize(views, (17, 23))
    for one, view in zip(found, views, strict=True):
        assert np.array_equal(one, pipelines[1].resize([np.ascontiguousarray(view)], (17, 23))[0])


def test_what_comes_in_is_not_changed(pipelines: dict[int, PicturePipeline]) -> None:
    for dtype, channels in itertools.product(DTYPES, (3, 4)):
        picture = random_picture(33, 21, channels, dtype, 1, 5)
        before = picture.tobytes()
        picture.flags.writeable = False
        pipelines[2].resize([picture], (20, 30))
        pipelines[2].convert([picture])
        pipelines[2].encode([picture], Jpeg())
        assert picture.tobytes() == before


FINE = np.zeros((4, 4, 3), np.float32)
BAD = np.array(FINE)
BAD[3, 3, 2] = np.nan


@pytest.mark.parametrize(
    ("pictures", "options", "message"),
    [
        ([], {}, "0 pictures in a batch"),
        ([FINE] * 33, {}, "33 pictures in a batch"),
        ([FINE, FINE[..., 0]], {}, r"picture 1 is no array of \[height, width, 3 or 4\], but shape \(4, 4\)"),
        ([FINE[..., :2]], {}, "picture 0 is no array"),
        ([[[1, 2, 3]]], {}, "but list"),
        ([FINE[:0]], {}, "picture 0 is 4×0"),
        ([np.zeros((1, 16385, 3), np.uint8)], {}, "picture 0 is 16385×1"),
        ([FINE.astype(np.float64)], {}, "samples of float64, not float32, float16, uint8"),
        ([FINE.astype(">f4")], {}, "samples of >f4, not"),
        ([FINE], {"white": 0}, "white is 0"),
        ([FINE], {"white": float("nan")}, "white is nan"),
        ([FINE], {"white": 1e6}, r"white is 1000000"),
        ([FINE], {"order": "grb"}, "the order of channels is 'grb'"),
        ([FINE], {"size": (0, 4)}, "the size is 0×4"),
        ([FINE], {"size": (4, 20000)}, "the size is 4×20000"),
        ([FINE], {"size": (4, 4.5)}, "the size is 4×4.5"),
        ([FINE], {"method": "cubic"}, "the method of resizing is 'cubic'"),
        ([FINE, BAD], {}, "picture 1 has samples that are not a number"),
        ([BAD], {"size": (1, 1)}, "picture 0 has samples that are not a number"),
        ([BAD.astype(np.float16)], {}, "picture 0 has samples that are not a number"),
    ],
)
def test_what_is_refused(
    pipelines: dict[int, PicturePipeline], pictures: list[npt.NDArray[Any]], options: dict[str, Any], message: str
) -> None:
    for pipeline in pipelines.values():
        with pytest.raises(SetupError, match=message) as caught:
            pipeline.encode(pictures, Jpeg(), **options)
        assert caught.value.suggestion
        assert len(pipeline.convert([FINE])) == 1


def test_a_sample_that_is_no_number_is_found_wherever_it_is(pipelines: dict[int, PicturePipeline]) -> None:
    """Bilinear resizing to a few rows looks at few of the source's."""
    for row, dtype in itertools.product(range(50), (np.float32, np.float16)):
        picture = np.zeros((50, 9, 3), dtype)
        picture[row, row % 9, row % 3] = np.nan
        for workers, size in ((1, (3, 2)), (3, (3, 7)), (2, (9, 50)), (2, (3, 90))):
            with pytest.raises(SetupError, match="not a number"):
                pipelines[workers].resize([picture], size)


@pytest.mark.parametrize("workers", [0, 17, -1])
def test_a_pool_has_1_to_16_workers(workers: int) -> None:
    with pytest.raises(SetupError, match=f"{workers} workers"):
        PicturePipeline(workers)


def test_a_pool_has_a_worker_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, workers in ((1, 1), (3, 3), (64, 16)):
        monkeypatch.setattr("reelmill.export.pictures.picture_pipeline.available_cores", lambda cores=cores: cores)
        with PicturePipeline() as pipeline:
            assert pipeline.workers == workers


def call_for(pipeline: PicturePipeline, seconds: float) -> int:
    """Eight callers at once, each with pictures and settings of its own, over and over. How many calls were right."""
    right, wrong = [0] * 8, list[int]()
    begin = threading.Barrier(8)

    def caller(number: int) -> None:
        encoding: Encoding | None = (Jpeg(), Png(1), WebP(None), None)[number % 4]
        method = METHODS[number % 3]
        shape = 40 + 11 * number, 30 + 7 * number, 3 + number % 2, DTYPES[number % 3], 1.0
        pictures = [random_picture(*shape, seed) for seed in range(1 + number)]
        size = (32 + number, 50 - number)
        rgba = [in_sequence(picture, size, method, "rgb", 1.0, size[1]) for picture in pictures]
        files = [encoded_in_sequence(one, encoding, opaque=shape[2] == 3) for one in rgba] if encoding else []
        begin.wait()
        end = time.monotonic() + seconds
        while not wrong and (time.monotonic() < end or not right[number]):
            if encoding is None:
                found = pipeline.resize(pictures, size, method=method)
                same = all(np.array_equal(one, two) for one, two in zip(found, rgba, strict=True))
            else:
                same = pipeline.encode(pictures, encoding, size=size, method=method) == files
            if not same:
                wrong.append(number)
            right[number] += 1

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    return sum(right)


def test_eight_callers_at_once(pipelines: dict[int, PicturePipeline]) -> None:
    assert call_for(pipelines[4], 2) >= 8


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_eight_callers_for_a_minute(pipelines: dict[int, PicturePipeline]) -> None:
    assert call_for(pipelines[8], 60) > 100
