"""Single pictures as files, for `reelmill frame`: PNG, JPEG, WebP and TIFF through Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from planner.errors import RenderError, SetupError

_FORMATS: dict[str, tuple[str, dict[str, object]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"lossless": True}),
    ".tif": ("TIFF", {"compression": "tiff_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_deflate"}),
}
"""By extension: Pillow's name and what it is saved with. JPEG is BT.601, full range, as its format says."""


def check_picture_path(path: Path, *, has_alpha: bool) -> None:
    """Raises SetupError for an extension that is no picture's, or a picture that can't have what it must."""
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise SetupError(
            f"{path.name}: pictures are written as {', '.join(sorted(_FORMATS))}",
            component="Output",
            file=str(path),
            suggestion="name the output with one of these extensions, such as frame.png",
        )
    if has_alpha and _FORMATS[suffix][0] == "JPEG":
        raise SetupError(
            f"{path.name}: JPEG has no transparency, and the canvas' background is not opaque",
            component="Output",
            file=str(path),
            suggestion="write a .png, or give the canvas an opaque background",
        )


def write_picture(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Write 8-bit RGB or straight RGBA, shape [height, width, 3 or 4], in the format of the path's extension.

    Raises RenderError where the file can't be written.
    """
    name, options = _FORMATS[path.suffix.lower()]
    try:
        Image.fromarray(np.ascontiguousarray(pixels)).save(path, format=name, **options)
    except (OSError, ValueError) as error:
        raise RenderError(
            f"the picture can't be written: {getattr(error, 'strerror', None) or error}",
            component="Output",
            file=str(path),
            suggestion="see whether the disk is full, or the picture larger than its format allows",
        ) from error
