"""Pictures for sinks, made with numpy and ffmpeg, and readers that are not our own."""

from __future__ import annotations

import functools
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from PIL import Image

from reelmill.export.outputs.picture_sink import PictureSink, ShownFrames
from tests.support.clips import ffmpeg

Rgba = npt.NDArray[np.uint8]
"""[pictures, height, width, 4]."""


def shown(count: int, fps: Fraction | int = 25, *, first: int = 0, step: int = 1) -> ShownFrames:
    return ShownFrames(range(first, first + count * step, step), Fraction(fps))


def moving(count: int, width: int, height: int, *, see_through: bool = False) -> Rgba:
    """ffmpeg's test picture, which moves; no two are equal. Where asked, it is a round spot with a soft edge."""
    pictures = _moving(count, width, height).copy()
    if see_through:
        y, x = np.ogrid[:height, :width]
        for number in range(count):
            distance = np.hypot(x - width / 3 - number, y - height / 2)
            pictures[number, ..., 3] = np.clip(510 - distance * 1200 / width, 0, 255)
    return pictures


@functools.cache
def _moving(count: int, width: int, height: int) -> Rgba:
    even = max(width // 2 * 2, 2), max(height // 2 * 2, 2)
    source = f"testsrc2=s={even[0]}x{even[1]}:r=25,scale={width}:{height}:flags=neighbor"
    raw = ffmpeg("-f", "lavfi", "-i", source, "-frames:v", str(count), "-f", "rawvideo", "-pix_fmt", "rgba", "-")
    pictures = np.frombuffer(raw, np.uint8).reshape(count, height, width, 4).copy()
    pictures[..., :3] += np.arange(count, dtype=np.uint8)[:, None, None, None] * np.uint8(5)  # in small ones, too
    return pictures


def frame_of(pixels: Rgba, pix_fmt: str) -> VideoFrame:
    """A picture [height, width, 4] as a sink takes it."""
    if pix_fmt in ("gbrp16le", "gbrap16le"):
        return deep_frame(pixels.astype(np.uint16) * np.uint16(257), pix_fmt)
    frame = VideoFrame(pixels.shape[1], pixels.shape[0], pix_fmt)
    order = {"rgb24": [0, 1, 2], "rgba": [0, 1, 2, 3], "bgra": [2, 1, 0, 3], "bgr0": [2, 1, 0, 3]}[pix_fmt]
    rows = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(frame.height, -1)
    row_bytes = frame.width * len(order)
    rows[:, :row_bytes] = pixels[..., order].reshape(frame.height, -1)
    return frame


def deep_frame(codes: npt.NDArray[np.uint16], pix_fmt: str) -> VideoFrame:
    """16-bit R'G'B'A, [height, width, 4], as planes G, B, R and A."""
    frame = VideoFrame(codes.shape[1], codes.shape[0], pix_fmt)
    for plane, channel in zip(frame.planes, (1, 2, 0, 3), strict=False):
        rows = np.frombuffer(memoryview(plane), np.uint16).reshape(frame.height, -1)
        rows[:, : frame.width] = codes[..., channel]
    return frame


def fill(sink: PictureSink, pictures: Rgba) -> None:
    """Write all pictures, as the thread of an output does."""
    try:
        for number, pixels in enumerate(pictures):
            if sink.wanted is None or number in sink.wanted:
                sink.write(frame_of(pixels, sink.takes.pix_fmt.name), number)
        sink.finish()
    finally:
        sink.abort()


def pillow_frames(path: Path) -> tuple[Rgba, list[float]]:
    """Every picture of an animated file as Pillow shows it, and its milliseconds."""
    pictures, durations = [], []
    with Image.open(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            pictures.append(np.asarray(image.convert("RGBA")))
            durations.append(image.info.get("duration", 0))
    return np.stack(pictures), durations


def ffmpeg_frames(path: Path, width: int, height: int) -> Rgba:
    raw = ffmpeg("-i", path, "-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgba", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 4)


def same_where_seen(found: Rgba, wanted: Rgba) -> bool:
    """Equal alpha, and equal colours but for those that nobody sees."""
    seen = wanted[..., 3] > 0
    return np.array_equal(found[..., 3], wanted[..., 3]) and np.array_equal(found[seen], wanted[seen])


def psnr(found: npt.NDArray[np.uint8], wanted: npt.NDArray[np.uint8]) -> float:
    """Of R, G and B, decibels; 99 for equal ones."""
    error = float(np.mean((found[..., :3].astype(float) - wanted[..., :3].astype(float)) ** 2))
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)
