"""Kinds of files that hold one picture: what they can hold, and what they were asked to. No pictures are touched here.

In: a path, a size, settings. Out: a `PictureSpec`, or the SetupError that says why not. Plain functions; any thread.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from reelmill.planner.errors import SetupError
from reelmill.planner.limits import MAX_CANVAS_PX
from reelmill.planner.outputs import Alpha, PictureSettings


@dataclass(frozen=True, slots=True)
class PictureFileFormat:
    """A kind of file."""

    name: str
    longest_side_px: int
    """Neither width nor height may be more: of the format, and of what is rendered at all."""
    has_alpha: bool = True
    qualities: tuple[int, int] | None = None
    """The lowest and the highest, where there is a choice."""
    depths: tuple[int, ...] = (8,)
    """Bits of a sample; the first is the default. 16 means whole numbers, but for EXR half floats."""


PNG = PictureFileFormat("PNG", MAX_CANVAS_PX, depths=(8, 16))
JPEG = PictureFileFormat("JPEG", MAX_CANVAS_PX, has_alpha=False, qualities=(1, 100))
WEBP = PictureFileFormat("WebP", 16383, qualities=(1, 100))
TIFF = PictureFileFormat("TIFF", MAX_CANVAS_PX, depths=(8, 16))
EXR = PictureFileFormat("EXR", MAX_CANVAS_PX, depths=(16,))
_FORMATS = {
    ".png": PNG,
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".webp": WEBP,
    ".tif": TIFF,
    ".tiff": TIFF,
    ".exr": EXR,
}
PICTURE_SUFFIXES = tuple(sorted(_FORMATS))
ANIMATION_SUFFIXES = {".gif": True, ".apng": True, ".png": False, ".webp": False}
"""Extensions that an animation can have. True: a path with this extension is always an animation."""


@dataclass(frozen=True, slots=True)
class PictureSpec:
    """One kind of picture file, with every question answered."""

    format: PictureFileFormat
    quality: int | None
    """Of the format's `qualities`; None for the default."""
    depth: int
    """Bits of a sample, 8 or 16."""
    keeps_alpha: bool


def picture_format(path: Path) -> PictureFileFormat:
    """The format of the path's extension. Raises SetupError where that is no picture's."""
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        near = difflib.get_close_matches(suffix, PICTURE_SUFFIXES, 1)
        raise _refused(
            path,
            f"pictures are written as {', '.join(PICTURE_SUFFIXES)}",
            f"name it {path.with_suffix((near or ['.png'])[0])}" if path.name else "name the output frame.png",
        )
    return _FORMATS[suffix]


def check_picture_path(path: Path, *, has_alpha: bool) -> None:
    """Raises SetupError for an extension that is no picture's, or a picture that can't have what it must."""
    format_ = picture_format(path)
    if has_alpha and not format_.has_alpha:
        raise _refused(
            path,
            "JPEG has no transparency, and the canvas' background is not opaque",
            "write a .png, or give the canvas an opaque background",
        )


def picture_spec(path: Path, width: int, height: int, alpha: Alpha, settings: PictureSettings) -> PictureSpec:
    """What a picture of that path's extension will be; `width` and `height` in pixels.

    Raises SetupError for settings, a size or transparency that the format can't hold.
    """
    format_ = picture_format(path)
    if alpha == "keep" and not format_.has_alpha:
        raise _refused(path, f"{format_.name} has no transparency to keep", "write a .png or .webp, or leave out alpha")
    if max(width, height) > format_.longest_side_px:
        raise _refused(
            path,
            f"{format_.name} has at most {format_.longest_side_px} pixels a side, and the picture is {width}×{height}",
            "give the output a smaller size",
        )
    if settings.quality is not None:
        if format_.qualities is None:
            raise _refused(path, f"{format_.name} has no quality: it is lossless", "leave out the quality")
        low, high = format_.qualities
        if not low <= settings.quality <= high:
            raise _refused(path, f"quality is {settings.quality}", f"give a quality from {low} to {high}")
    depth = settings.depth or format_.depths[0]
    if depth not in format_.depths:
        allowed = " or ".join(str(each) for each in format_.depths)
        raise _refused(path, f"{format_.name} has {allowed} bits a sample, not {depth}", "write a .png or .tif")
    return PictureSpec(format_, settings.quality, depth, alpha == "keep")


def _refused(path: Path, why: str, suggestion: str) -> SetupError:
    return SetupError(f"{path.name}: {why}", component="Output", file=str(path), suggestion=suggestion)
