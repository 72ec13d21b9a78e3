"""From samples to codes: rows of a picture in, whole numbers 0 to 255 out, still in the picture's own channel order.

Stateless, any thread. A code is rint(clip(x · f, 0, 255)) with f = 255 / white, each step in 32-bit floats, ties to
even; half floats are widened first, which loses nothing. Samples of 8 bits are codes as they are.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from reelmill.planner.errors import SetupError

Order = Literal["rgb", "bgr"]
"""Of the first three channels; a fourth is straight alpha."""
Picture = npt.NDArray[np.float32] | npt.NDArray[np.float16] | npt.NDArray[np.uint8]
"""[height, width, 3 or 4]."""
Floats = npt.NDArray[np.float32]

MAX_SIDE = 16384
"""Pixels, of what comes in and of what goes out."""
_WHITES = (2.0**-24, 65504.0)
"""The smallest and the largest number of half floats."""
_SAMPLES = (np.dtype(np.float32), np.dtype(np.float16), np.dtype(np.uint8))
_NAN_BITS = 0x7C00
"""Of a half float without its sign: what lies above is not a number."""


def check_picture(picture: object, number: int, white: float) -> None:
    """Raises SetupError unless `picture`, the batch's `number`th from 0, is one that can be converted."""
    if not isinstance(picture, np.ndarray) or picture.ndim != 3 or picture.shape[2] not in (3, 4):
        found = f"shape {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
        raise _refused(
            f"picture {number} is no array of [height, width, 3 or 4], but {found}",
            "give RGB, BGR, RGBA or BGRA with the channels last, such as array.transpose(1, 2, 0) of a planar one",
        )
    height, width = picture.shape[:2]
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise _refused(f"picture {number} is {width}×{height}", f"sides are 1 to {MAX_SIDE} pixels")
    if picture.dtype not in _SAMPLES:
        allowed = ", ".join(str(dtype) for dtype in _SAMPLES)
        raise _refused(f"picture {number} has samples of {picture.dtype}, not {allowed}", "convert it with astype")
    if not _WHITES[0] <= white <= _WHITES[1]:
        allowed = f"{_WHITES[0]:.0e} to {_WHITES[1]:g}"
        raise _refused(f"white is {white}", f"it is the sample that becomes 255, most often 1 or 255; {allowed}")


def check_numbers(rows: Picture, picture: int) -> None:
    """Raises SetupError where a sample is not a number. Infinities are bright or dark like any number."""
    if rows.dtype == np.uint8 or not rows.size:
        return
    if rows.dtype == np.float16:
        bad = bool(np.bitwise_and(rows.view(np.int16), 0x7FFF).max() > _NAN_BITS)
    else:
        bad = bool(np.isnan(np.maximum.reduce(rows, axis=None)))  # hands a NaN on, and reads memory once
    if bad:
        raise _refused(
            f"picture {picture} has samples that are not a number", "replace them: numpy.nan_to_num(picture)"
        )


def codes(rows: Picture, white: float, out: Floats) -> None:
    """Codes of `rows`, which has passed `check_numbers`, as floats into `out` of the same shape."""
    if rows.dtype == np.uint8:
        np.copyto(out, rows)
        return
    factor = np.float32(255) / np.float32(white)
    if rows.dtype == np.float16:
        _widen(rows.view(np.int16), out)
        rows = out
    np.multiply(rows, factor, out=out)
    out.clip(0, 255, out=out)
    np.rint(out, out=out)


def _widen(bits: npt.NDArray[np.int16], out: Floats) -> None:
    """Half floats as floats: exponent and fraction are moved to where a float has them, then scaled by the exponents'
    difference; sign extension puts the sign where it belongs. An infinity becomes 65536. numpy's own conversion takes
    ten times as long.
    """
    wide = out.view(np.int32)
    np.copyto(wide, bits)
    np.left_shift(wide, 13, out=wide)
    np.bitwise_and(wide, np.int32(-0x70002000), out=wide)
    np.multiply(out, np.float32(2.0**112), out=out)


def _refused(message: str, suggestion: str) -> SetupError:
    return SetupError(message, component="PicturePipeline", suggestion=suggestion)
