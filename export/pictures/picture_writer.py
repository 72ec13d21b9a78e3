"""Pictures as files: PNG, JPEG, WebP, TIFF and EXR.

In: pixels as arrays, or finished pictures as libav's frames, and what the file is to be. Out: the file's bytes. PNG,
JPEG and WebP are made by the picture pipeline, TIFF by Pillow, what has more than 8 bits by libav.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from PIL import Image

from reelmill.decoders.shared.decode_slots import available_cores
from reelmill.export.films.movie_file import DISK_FULL
from reelmill.export.outputs.picture_sink import PictureFormat
from reelmill.export.pictures.deep_pictures import encode_deep, encode_exr
from reelmill.export.pictures.picture_codes import deep_picture_codes, picture_codes
from reelmill.export.pictures.picture_encoding import Encoding, Jpeg, Png, WebP
from reelmill.export.pictures.picture_formats import EXR, JPEG, PNG, TIFF, WEBP, PictureSpec, picture_spec
from reelmill.export.pictures.picture_pipeline import PicturePipeline
from reelmill.export.pictures.picture_workers import MAX_WORKERS
from reelmill.planner.colour import SRGB
from reelmill.planner.errors import RenderError
from reelmill.planner.outputs import PictureSettings
from reelmill.planner.pixel_format import PIXEL_FORMATS
from reelmill.planner.process.thread_pool import ThreadPool

Pixels = npt.NDArray[np.uint8]
"""[height, width, 3 or 4]: RGB, or RGBA with straight alpha."""
_LIBAV_NAMES: dict[str, Literal["png", "tiff"]] = {PNG.name: "png", TIFF.name: "tiff"}
_JPEG_QUALITY = 95
_FULL_CHROMA_QUALITY = 90
"""From this quality on JPEG keeps one chroma sample for each pixel; below, one for four."""


def takes(spec: PictureSpec, width: int, height: int) -> PictureFormat:
    """The pictures that an encoder of such files takes."""
    names = ("gbrp16le", "gbrap16le") if spec.depth == 16 else ("rgb24", "rgba")
    return PictureFormat(width, height, PIXEL_FORMATS[names[spec.keeps_alpha]], SRGB)


class PictureEncoder:
    """Makes files of one kind, several at once. Owns its workers; use it by `with`, or close it. One thread calls."""

    def __init__(self, spec: PictureSpec, *, workers: int | None = None) -> None:
        """`workers`: None for one a core."""
        self._spec = spec
        self._encoding = _encoding(spec)
        self.workers = workers or min(available_cores(), MAX_WORKERS)
        """How many pictures are encoded at once."""
        self._pipeline = PicturePipeline(self.workers) if self._encoding else None
        self._pool = None if self._encoding else ThreadPool(self.workers, thread_name_prefix="pictures")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, frame: VideoFrame) -> Callable[[], bytes]:
        """Begin with a picture as `takes` tells; what is returned waits for its file. Raises RenderError, both do."""
        if self._spec.depth == 8:
            return self.start_pixels(picture_codes(frame))
        assert self._pool is not None
        codes = deep_picture_codes(frame)
        if self._spec.format is EXR:
            return self._pool.submit(encode_exr, codes).result
        return self._pool.submit(encode_deep, codes, _LIBAV_NAMES[self._spec.format.name]).result

    def start_pixels(self, pixels: Pixels) -> Callable[[], bytes]:
        """The same with pixels of 8 bits, which must not change until the file is there."""
        if self._pipeline is not None and self._encoding is not None:
            pending = self._pipeline.start([pixels], self._encoding)
            return lambda: pending.result()[0]
        assert self._pool is not None
        if self._spec.format is EXR:
            return self._pool.submit(encode_exr, pixels.astype(np.uint16) * np.uint16(257)).result
        return self._pool.submit(_tiff, pixels).result

    def close(self) -> None:
        """Finish what was begun, and end the workers. Again, does nothing."""
        if self._pipeline is not None:
            self._pipeline.close()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


def write_picture(path: Path, pixels: Pixels) -> None:
    """Write 8-bit RGB or straight RGBA in the format of the path's extension, with its default settings.

    Raises SetupError for what the format can't hold, RenderError where the file can't be written.
    """
    height, width, channels = pixels.shape
    spec = picture_spec(path, width, height, "keep" if channels == 4 else "flatten", PictureSettings())
    with PictureEncoder(spec, workers=1) as encoder:
        data = encoder.start_pixels(pixels)()
    write_bytes(path, data, path)


def write_bytes(path: Path, data: bytes, target: Path) -> None:
    """Write a picture's file. `target`: the name that errors use for it. Raises RenderError."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise unwritten(error, target) from error


def unwritten(error: OSError, target: Path) -> RenderError:
    """What it means that the system did not write a picture."""
    if error.errno in DISK_FULL:
        why, suggestion = "there is no space left", "free some space, or write to another disk"
    else:
        why, suggestion = error.strerror or str(error), "see whether its folder is still there and may be written to"
    return RenderError(
        f"{target.name} can't be written: {why}", component="Output", file=str(target), suggestion=suggestion
    )


def _encoding(spec: PictureSpec) -> Encoding | None:
    """How the pipeline makes such files; None for those that it does not."""
    if spec.format is JPEG:
        quality = spec.quality or _JPEG_QUALITY
        return Jpeg(quality, "4:4:4" if quality >= _FULL_CHROMA_QUALITY else "4:2:0")
    if spec.format is WEBP:
        return WebP(spec.quality)
    return Png() if spec.format is PNG and spec.depth == 8 else None


def _tiff(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    try:
        Image.fromarray(np.ascontiguousarray(pixels)).save(file, format="TIFF", compression="tiff_deflate")
    except (OSError, ValueError) as error:
        raise RenderError(
            f"a picture can't be written as TIFF: {error}",
            component="Output",
            suggestion="give the output a smaller size, or write a .png",
        ) from error
    return file.getvalue()
