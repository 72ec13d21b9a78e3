"""Samples of libav's frames as arrays. Stateless; any thread."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame


def picture_codes(frame: VideoFrame) -> npt.NDArray[np.uint8]:
    """A copy of an 8-bit RGB picture: [height, width, 3 or 4], channels in the order of the format's name."""
    codes = frame.to_ndarray()
    assert codes.dtype == np.uint8
    return codes.astype(np.uint8, copy=False)


def deep_picture_codes(frame: VideoFrame) -> npt.NDArray[np.uint16]:
    """A copy of a 16-bit RGB picture: [height, width, 3 or 4], red first."""
    codes = frame.to_ndarray()
    assert codes.dtype == np.uint16
    return codes.astype(np.uint16, copy=False)


def bgra_copy(frame: VideoFrame) -> VideoFrame:
    """A copy of a `bgra` or `bgr0` picture as `bgra`; without alpha it is opaque."""
    if frame.format.name == "bgra":
        return VideoFrame.from_ndarray(picture_codes(frame), format="bgra")
    return frame.reformat(format="bgra")
