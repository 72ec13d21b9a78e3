"""Makes planes in memory smaller with libswscale's area filter, before a software renderer gets them.

In: samples of one component. Out: fewer of them, in memory of their own. Area averages over whole samples agree with
the compositor's box filter to rounding; libswscale steps in 1/65536 samples, so that towards the end of a long row
positions are off by up to a hundredth of a sample. Passive; one thread.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from reelmill.planner.source_frames import Plane

MIN_SIDE = 16
"""Samples. Below it libswscale's filters are cut short, and the averages wrong."""
MAX_SCALERS = 64
"""Set-ups of libswscale that are kept, one for each pair of sizes; animated sizes come and go."""


class AreaScaler:
    """Implements compositor.texels.PlaneScaler."""

    def __init__(self) -> None:
        self._reformatters: dict[tuple[int, int, int, int, int], VideoReformatter] = {}
        """The one that was used last at the end."""

    def __call__(
        self,
        plane: Plane,
        box: tuple[int, int, int, int],
        size: tuple[int, int],
        *,
        components: int,
        sample_bytes: int,
    ) -> Plane | None:
        """The samples of `box` (left, top, width, height), averaged to `size`; None where libswscale is not right."""
        left, top, width, height = box
        if components != 1 or sys.byteorder != "little" or min(width, height, *size) < MIN_SIDE:
            return None
        # Some of the last samples come out of memory that nobody wrote, where rows are scaled and columns are not.
        if sample_bytes == 2 and height == size[1]:
            return None
        rows: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
        rows = np.frombuffer(plane.data, np.uint8) if sample_bytes == 1 else np.frombuffer(plane.data, np.uint16)
        stride = plane.stride_bytes // sample_bytes
        shown = rows[: stride * plane.height].reshape(plane.height, stride)[top : top + height, left : left + width]
        # libswscale treats samples of up to 16 bits alike: the format only names the word.
        name = "gray" if sample_bytes == 1 else "gray16le"
        reformatter = self._reformatter((width, height, *size, sample_bytes))
        scaled = reformatter.reformat(
            VideoFrame.from_numpy_buffer(shown, format=name),
            width=size[0],
            height=size[1],
            format=name,
            interpolation=Interpolation.AREA,
            threads=1,  # several would wait for one another where the cores are taken
        ).planes[0]
        return Plane(memoryview(scaled), scaled.line_size, *size)

    def _reformatter(self, key: tuple[int, int, int, int, int]) -> VideoReformatter:
        found = self._reformatters.pop(key, None) or VideoReformatter()
        self._reformatters[key] = found
        if len(self._reformatters) > MAX_SCALERS:
            del self._reformatters[next(iter(self._reformatters))]
        return found
