"""Two pictures of the same frame, side by side, and where they differ.

In: the planes of both, in the output's format. Out: RGB, and figures. Passive; plain functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from reelmill.export.checks.comparison_run import Planes
from reelmill.planner.colour import ColourTags

VISIBLE = 64
"""Grey of the smallest difference; the largest is white."""
_SPACES = {"bt709": Colorspace.ITU709, "rgb": Colorspace.DEFAULT}


@dataclass(frozen=True, slots=True)
class DifferenceFigures:
    """How far two pictures lie apart."""

    samples: int
    """That differ, of all planes."""
    pixels: int
    """In which a sample differs, chroma counted for each pixel that it colours."""
    largest: int
    """Code values."""


def measure(before: Planes, after: Planes) -> tuple[DifferenceFigures, npt.NDArray[np.int32]]:
    """The figures, and for each pixel the largest difference of its samples: shape [height, width], code values."""
    worst = np.zeros((before.height, before.width), np.int32)
    samples = 0
    for first, second in zip(before.arrays(), after.arrays(), strict=True):
        apart = np.abs(first.astype(np.int32) - second.astype(np.int32))
        samples += int(np.count_nonzero(apart))
        if apart.ndim == 3:
            apart = apart.max(axis=2)
        down, across = -(-before.height // apart.shape[0]), -(-before.width // apart.shape[1])
        of_pixels = apart.repeat(down, axis=0).repeat(across, axis=1)
        np.maximum(worst, of_pixels[: before.height, : before.width], out=worst)
    return DifferenceFigures(samples, int(np.count_nonzero(worst)), int(worst.max())), worst


def draw_difference(before: Planes, after: Planes, colour: ColourTags) -> npt.NDArray[np.uint8]:
    """`before`, `after`, and in grey where they differ, from left to right: 8-bit RGB, shape [height, 3 × width, 3].

    The grey is scaled so that every difference is seen and the largest is white.
    """
    grey = difference_grey(before, after)
    return np.concatenate([_rgb(before, colour), _rgb(after, colour), np.repeat(grey[:, :, None], 3, axis=2)], axis=1)


def difference_grey(before: Planes, after: Planes) -> npt.NDArray[np.uint8]:
    """Where two pictures differ, magnified: black where they don't, white where they do most; shape [height, width]."""
    figures, worst = measure(before, after)
    scaled = VISIBLE + (255 - VISIBLE) * worst // max(figures.largest, 1)
    return np.where(worst > 0, scaled, 0).astype(np.uint8)


def _rgb(picture: Planes, colour: ColourTags) -> npt.NDArray[np.uint8]:
    """As a player would show it: shape [height, width, 3]."""
    frame = VideoFrame(picture.width, picture.height, picture.format.name)
    for plane, samples in zip(frame.planes, picture.arrays(), strict=True):
        rows = np.frombuffer(memoryview(plane).cast("B"), np.uint8).reshape(-1, plane.line_size)
        row_bytes = samples.nbytes // samples.shape[0]
        rows[: samples.shape[0], :row_bytes] = np.ascontiguousarray(samples).view(np.uint8).reshape(-1, row_bytes)
    shown = VideoReformatter().reformat(
        frame,
        format="rgb24",
        src_colorspace=_SPACES[colour.matrix],
        src_color_range=ColorRange.JPEG if colour.range == "full" else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    )
    assert shown is not None
    return np.asarray(shown.to_ndarray(), np.uint8)
