"""A rendered picture against the stored one: figures, a verdict, and the difference as a picture for people.

In: two pictures, 8-bit RGB or straight RGBA, shape [height, width, 3 or 4]. Out: PictureFigures, lossless WebP files.
Passive; plain functions.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from reelmill.export.checks.check_result import PictureFigures, ShownPictures
from reelmill.export.checks.comparison_run import Planes
from reelmill.export.checks.difference_picture import difference_grey, measure
from reelmill.export.checks.similarity import tile_colour_distances, tile_similarities
from reelmill.planner.checks import Tolerance
from reelmill.planner.pixel_format import PIXEL_FORMATS

THUMBNAIL_PX = 320
"""Longer side of a thumbnail."""
_BEHIND = 128
"""Grey that transparent pictures are compared over where likeness counts."""

Pixels = npt.NDArray[np.uint8]


def compare_pictures(expected: Pixels, actual: Pixels, tolerance: Tolerance) -> PictureFigures:
    """Of two pictures of one size. Where one has alpha and the other has none, the other counts as opaque."""
    if expected.shape[2] != actual.shape[2]:
        expected, actual = (_with_alpha(each) for each in (expected, actual))
    figures, worst = measure(_planes(expected), _planes(actual))
    ssim, colour = None, 0.0
    if figures.pixels:
        shown = _over_grey(expected), _over_grey(actual)
        ssim, colour = float(tile_similarities(*shown).min()), float(tile_colour_distances(*shown).max())
    return PictureFigures(
        largest=figures.largest,
        pixels=figures.pixels,
        beyond=int(np.count_nonzero(worst > tolerance.largest)),
        total=worst.size,
        ssim=ssim,
        colour=colour,
    )


def within(figures: PictureFigures, tolerance: Tolerance) -> bool:
    """Whether a picture passes."""
    if figures.beyond > tolerance.share * figures.total:
        return False
    if tolerance.colour is not None and figures.colour > tolerance.colour:
        return False
    return tolerance.ssim is None or figures.ssim is None or figures.ssim >= tolerance.ssim


def picture_words(figures: PictureFigures, tolerance: Tolerance) -> str:
    """The difference in a line."""
    pixels = f"{figures.pixels:,} pixel{'' if figures.pixels == 1 else 's'} ({percent(figures.share)})"
    words = f"{pixels} differ by up to {figures.largest}"
    if not tolerance.exact and figures.beyond:
        words += f", {figures.beyond:,} of them by more than {tolerance.largest}"
    if figures.ssim is None:
        return words
    return f"{words}; in the worst tile SSIM {figures.ssim:.3f}, mean colour off by {figures.colour:.2f}"


def percent(share: float) -> str:
    """Never 0 % or 100 % for what is neither."""
    value = 100 * share
    if 0 < value < 0.01:
        return "< 0.01 %"
    if 99.99 < value < 100:
        return "> 99.99 %"
    return f"{value:.2f} %" if 0 < value < 10 else f"{value:.0f} %"


def shown_pictures(expected: Pixels | None, actual: Pixels | None) -> ShownPictures:
    """For people: what was stored, what was rendered, and where they differ."""
    difference = None
    if expected is not None and actual is not None and expected.shape[:2] == actual.shape[:2]:
        if expected.shape[2] != actual.shape[2]:
            difference = difference_grey(*(_planes(_with_alpha(each)) for each in (expected, actual)))
        else:
            difference = difference_grey(_planes(expected), _planes(actual))
    return ShownPictures(
        None if expected is None else _webp(expected),
        None if actual is None else _webp(actual),
        None if difference is None else _webp(difference),
        thumbnail(expected if actual is None else actual) if expected is not None or actual is not None else None,
    )


def thumbnail(picture: Pixels | None) -> bytes | None:
    """A small lossy WebP file."""
    if picture is None:
        return None
    image = Image.fromarray(picture)
    image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    file = io.BytesIO()
    image.save(file, "WEBP", quality=80)
    return file.getvalue()


def _webp(picture: Pixels) -> bytes:
    file = io.BytesIO()
    # The quickest way without loss: the page is read once, perhaps.
    Image.fromarray(np.ascontiguousarray(picture)).save(file, "WEBP", lossless=True, quality=0, method=0, exact=True)
    return file.getvalue()


def _planes(picture: Pixels) -> Planes:
    height, width, components = picture.shape
    name = "rgba" if components == 4 else "rgb24"
    return Planes(PIXEL_FORMATS[name], width, height, (np.ascontiguousarray(picture).tobytes(),))


def _with_alpha(picture: Pixels) -> Pixels:
    if picture.shape[2] == 4:
        return picture
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def _over_grey(picture: Pixels) -> Pixels:
    if picture.shape[2] == 3:
        return picture
    alpha = picture[:, :, 3:].astype(np.uint16)
    return ((picture[:, :, :3] * alpha + _BEHIND * (255 - alpha) + 127) // 255).astype(np.uint8)
