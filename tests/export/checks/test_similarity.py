"""How alike pictures look, against plain numpy; and what a check makes of two pictures."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from reelmill.export.checks.check_film import as_film_shows
from reelmill.export.checks.picture_comparison import compare_pictures, percent, picture_words, shown_pictures, within
from reelmill.export.checks.similarity import tile_colour_distances, tile_similarities
from reelmill.planner.checks import EXACT, Tolerance
from tests.support.clips import ffmpeg

Pixels = npt.NDArray[np.uint8]


@pytest.fixture
def blocks() -> Pixels:
    """96 × 160 pixels of coloured squares."""
    rng = np.random.default_rng(3)
    return np.kron(rng.integers(0, 256, (12, 20, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def noisy(picture: Pixels, deviation: float) -> Pixels:
    rng = np.random.default_rng(4)
    return np.clip(picture + rng.normal(0, deviation, picture.shape), 0, 255).astype(np.uint8)


def luma(picture: Pixels) -> npt.NDArray[np.float64]:
    return np.round(picture.astype(float) @ [0.2126, 0.7152, 0.0722])


def reference(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """SSIM of Wang et al., mean over windows of 8 × 8 at every fourth pixel."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = []
    for top in range(0, one.shape[0] - 7, 4):
        for left in range(0, one.shape[1] - 7, 4):
            a, b = (each[top : top + 8, left : left + 8].ravel() for each in (one, other))
            covariance = np.cov(a, b)
            structure = (2 * covariance[0, 1] + c2) / (covariance[0, 0] + covariance[1, 1] + c2)
            found.append(structure * (2 * a.mean() * b.mean() + c1) / (a.mean() ** 2 + b.mean() ** 2 + c1))
    return float(np.mean(found))


def test_structure_is_that_of_the_paper(blocks: Pixels) -> None:
    other = noisy(blocks, 20)
    found = tile_similarities(blocks, other)
    assert found.shape == (2, 3)  # the last tiles overlap those before
    for row, top in enumerate((0, 32)):
        for column, left in enumerate((0, 64, 96)):
            part = slice(top, top + 64), slice(left, left + 64)
            assert found[row, column] == pytest.approx(reference(luma(blocks[part]), luma(other[part])), abs=2e-3)


def test_only_the_tile_with_a_fault_is_less_alike(blocks: Pixels) -> None:
    other = blocks.copy()
    other[70:80, 100:110] = 255 - other[70:80, 100:110]
    found = tile_similarities(blocks, other)
    assert found[0, 0] == found[0, 1] == found[1, 0] == 1
    assert found[1, 2] < 0.95
    far = tile_colour_distances(blocks, other)
    assert far[0, 0] == 0
    apart = other[32:96, 96:160].astype(int) - blocks[32:96, 96:160]
    assert far[1, 2] == pytest.approx(np.abs(apart.mean(axis=(0, 1))).max())


def test_pictures_smaller_than_a_window() -> None:
    picture = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)
    assert tile_similarities(picture, picture).tolist() == [[1.0]]
    assert tile_similarities(picture, 255 - picture)[0, 0] < 0.5
    assert tile_colour_distances(picture, picture + 2).tolist() == [[2.0]]


def test_figures_and_verdicts(blocks: Pixels) -> None:
    other = blocks.copy()
    other[0, :4] ^= 1
    other[5, 5, 2] ^= 64
    figures = compare_pictures(blocks, other, Tolerance(largest=1, share=1 / blocks[:, :, 0].size))
    assert (figures.pixels, figures.beyond, figures.largest, figures.total) == (5, 1, 64, 96 * 160)
    assert within(figures, Tolerance(largest=1, share=1 / figures.total))
    assert not within(figures, Tolerance(largest=1, share=0.9 / figures.total))
    assert figures.ssim is not None
    assert not within(figures, Tolerance(largest=255, ssim=(1 + figures.ssim) / 2))
    assert not within(figures, Tolerance(largest=255, colour=figures.colour / 2))
    assert picture_words(figures, EXACT).startswith("5 pixels (0.03 %) differ by up to 64; in the worst tile SSIM ")
    same = compare_pictures(blocks, blocks.copy(), EXACT)
    assert (same.pixels, same.ssim) == (0, None)
    assert within(same, EXACT)


def test_alpha_counts(blocks: Pixels) -> None:
    clear = np.dstack([blocks, np.full(blocks.shape[:2], 255, np.uint8)])
    assert compare_pictures(clear, blocks, EXACT).pixels == 0
    clear[3, 3, 3] = 100
    assert compare_pictures(clear, blocks, EXACT).largest == 155


def test_shares_are_never_rounded_to_all_or_nothing() -> None:
    told = [percent(share) for share in (0, 1e-7, 0.0123, 0.5, 0.99995, 1)]
    assert told == ["0 %", "< 0.01 %", "1.23 %", "50 %", "> 99.99 %", "100 %"]


def test_pictures_for_people_are_without_loss(blocks: Pixels) -> None:
    other = blocks.copy()
    other[4, 7] = 255 - other[4, 7]
    found = shown_pictures(blocks, other)
    assert found.expected is not None
    assert found.actual is not None
    assert found.difference is not None
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(found.expected))), blocks)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(found.actual))), other)
    difference = np.asarray(Image.open(io.BytesIO(found.difference)).convert("L"))
    assert np.argwhere(difference).tolist() == [[4, 7]]
    assert difference[4, 7] == 255


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
def test_what_a_film_shows_where_nothing_is_lost(blocks: Pixels, pix_fmt: str) -> None:
    """Against ffmpeg's way there and back: the mean colours of squares that no chroma sample straddles."""
    height, width = blocks.shape[:2]
    raw = ("-f", "rawvideo", "-s", f"{width}x{height}", "-pix_fmt")
    there = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_inp+area"
    back = "scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd+full_chroma_int+neighbor"
    coded = ffmpeg(
        *raw, "rgb24", "-i", "-", "-vf", there, "-f", "rawvideo", "-pix_fmt", pix_fmt, "-", data=blocks.tobytes()
    )
    shown = ffmpeg(*raw, pix_fmt, "-i", "-", "-vf", back, "-f", "rawvideo", "-pix_fmt", "rgb24", "-", data=coded)
    expected = np.frombuffer(shown, np.uint8).reshape(blocks.shape).astype(int)
    found = as_film_shows(blocks, pix_fmt).astype(int)
    squares = [each[3::8, 3::8] for each in (expected, found)]
    assert np.abs(squares[0] - squares[1]).max() <= 3  # a code of luma and a code of chroma
    assert np.array_equal(as_film_shows(blocks, "gbrp"), blocks)
