"""RGBA pictures as files in memory: JPEG and WebP through Pillow, and PNG. In, pixels; out, the file's bytes.

Stateless, any thread; each thread brings its own scratch. Bytes depend on pixels and settings alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import IO, Literal

import numpy as np
from PIL import Image

from reelmill.export.pictures.picture_png import PngPiece, png_file, png_piece, png_stretches
from reelmill.export.pictures.picture_rows import Rgba
from reelmill.export.pictures.picture_scratch import Scratch
from reelmill.planner.errors import RenderError, SetupError

Subsampling = Literal["4:4:4", "4:2:2", "4:2:0"]
_MAX_WEBP_SIDE = 16383


@dataclass(frozen=True, slots=True)
class Jpeg:
    """Baseline JPEG: BT.601, full range, with the tables of the standard's Annex K scaled as libjpeg does."""

    quality: int = 75
    """1 to 100."""
    subsampling: Subsampling = "4:2:0"
    """Of the colour planes."""
    background: tuple[int, int, int] = (0, 0, 0)
    """Red, green and blue that show through where a picture is transparent: JPEG has no alpha."""


@dataclass(frozen=True, slots=True)
class Png:
    """PNG with alpha; without it where the pictures that came in had none."""

    compression: int = 6
    """0 (none) to 9 (smallest), zlib's levels."""


@dataclass(frozen=True, slots=True)
class WebP:
    """WebP, with alpha where a picture has any."""

    quality: int | None = 80
    """0 to 100; None is lossless, colours of transparent pixels included."""
    method: int = 4
    """0 (fastest) to 6 (smallest)."""


Encoding = Jpeg | Png | WebP


def check_encoding(encoding: Encoding, size: tuple[int, int]) -> None:
    """Raises SetupError for settings that are out of range, or a size (width, height) that the format can't hold."""
    match encoding:
        case Jpeg(quality, subsampling, background):
            _within("quality of JPEG", quality, 1, 100)
            if subsampling not in ("4:4:4", "4:2:2", "4:2:0"):
                raise _refused(f"subsampling is {subsampling!r}", "it is 4:4:4, 4:2:2 or 4:2:0")
            for level in background:
                _within("background of JPEG", level, 0, 255)
        case Png(compression):
            _within("compression of PNG", compression, 0, 9)
        case WebP(quality, method):
            if quality is not None:
                _within("quality of WebP", quality, 0, 100)
            _within("method of WebP", method, 0, 6)
            if max(size) > _MAX_WEBP_SIDE:
                raise _refused(f"a WebP of {size[0]}×{size[1]}", f"its sides are at most {_MAX_WEBP_SIDE}; take PNG")


class EncodedPicture:
    """One picture on its way to a file: parts that any threads may make side by side, and the file from all of them."""

    def __init__(self, width: int, height: int, encoding: Encoding, *, opaque: bool) -> None:
        """`opaque`: known to have no alpha."""
        self._width, self._height = width, height
        self._encoding, self._opaque = encoding, opaque
        self._channels = 3 if opaque else 4
        self._stretches: list[range] = []
        if isinstance(encoding, Png):
            self._stretches = png_stretches(self._width, self._height, self._channels)
        self.parts = len(self._stretches) or 1
        self._pieces: dict[int, PngPiece] = {}
        self._file = b""

    def make(self, part: int, rgba: Rgba, scratch: Scratch) -> None:
        """Part 0 … `parts` − 1 of the finished picture. Raises RenderError."""
        try:
            match self._encoding:
                case Jpeg() as encoding:
                    flat = rgba if self._opaque else _flattened(rgba, encoding.background)
                    self._file = _jpeg(flat, encoding, scratch)
                case WebP() as encoding:
                    self._file = _webp(rgba, encoding, opaque=self._opaque)
                case Png(compression):
                    rows = self._stretches[part]
                    self._pieces[part] = png_piece(rgba, rows, self._channels, compression, scratch)
        except (OSError, ValueError) as error:
            raise RenderError(
                f"a picture can't be encoded: {getattr(error, 'strerror', None) or error}",
                component="PicturePipeline",
                suggestion="see whether memory, or the disk of temporary files, is full",
            ) from error

    def file(self) -> bytes:
        """When all parts are made."""
        if not self._stretches:
            return self._file
        pieces = [self._pieces[part] for part in range(self.parts)]
        return png_file(self._width, self._height, self._channels, pieces)


def _image(rgba: Rgba, mode: str) -> Image.Image:
    """Shares the pixels' memory."""
    size = rgba.shape[1], rgba.shape[0]
    return Image.frombuffer(mode, size, np.ascontiguousarray(rgba), "raw", mode, 0, 1)


def _jpeg(rgba: Rgba, encoding: Jpeg, scratch: Scratch) -> bytes:
    image = _image(rgba, "RGBX")

    def write(file: IO[bytes]) -> None:
        image.save(file, "JPEG", quality=encoding.quality, subsampling=encoding.subsampling)

    return scratch.spooled(write)


def _webp(rgba: Rgba, encoding: WebP, *, opaque: bool) -> bytes:
    file = BytesIO()
    image = _image(rgba, "RGBX" if opaque else "RGBA")
    options = {"lossless": True, "exact": True} if encoding.quality is None else {"quality": encoding.quality}
    image.save(file, "WEBP", method=encoding.method, **options)
    return file.getvalue()


def _flattened(rgba: Rgba, background: tuple[int, int, int]) -> Rgba:
    """Over the background: (c · a + b · (255 − a)) / 255, to nearest."""
    alpha = rgba[..., 3:].astype(np.uint32)
    if bool(np.all(alpha == 255)):
        return rgba
    flat = np.empty_like(rgba)
    flat[..., :3] = (rgba[..., :3] * alpha + np.asarray(background, np.uint32) * (255 - alpha) + 127) // 255
    flat[..., 3] = 255
    return flat


def _within(what: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int | np.integer) or not low <= value <= high:
        raise _refused(f"{what} is {value}", f"it is a whole number, {low} to {high}")


def _refused(message: str, suggestion: str) -> SetupError:
    return SetupError(message, component="PicturePipeline", suggestion=suggestion)
