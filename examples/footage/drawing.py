"""What all scenes are drawn with: grids, gradients, clouds of noise, lights.

Pictures are float32 arrays of shape (height, width, 3), 0…1, gamma-encoded; finished frames are uint8.
Everything random takes a generator, so that the footage is the same on every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Frame = NDArray[np.uint8]

WIDTH, HEIGHT = 1280, 720
"""Of all footage, pixels."""


def grid(width: int, height: int) -> tuple[Floats, Floats]:
    """Coordinates of the pixels' centres: x around the middle in units of the height, y from 0 (top) to 1."""
    x = ((np.arange(width) + 0.5 - width / 2) / height).astype(np.float32)
    y = ((np.arange(height) + 0.5) / height).astype(np.float32)
    return x[None, :], y[:, None]


def colour(text: str) -> Floats:
    """The colour that `#rrggbb` names."""
    return np.frombuffer(bytes.fromhex(text[1:]), np.uint8).astype(np.float32) / 255


def gradient(stops: Sequence[tuple[float, str]], at: Floats) -> Floats:
    """The colours of a gradient at each of the places `at`; the result has one axis more."""
    places = [place for place, _ in stops]
    colours = np.array([colour(text) for _, text in stops])
    return np.stack([np.interp(at, places, colours[:, c]) for c in range(3)], axis=-1).astype(np.float32)


def mix(first: Floats, second: Floats, amount: Floats) -> Floats:
    """`second` over `first` with an amount of 0…1."""
    mixed: Floats = first + (second - first) * amount
    return mixed


def smoothstep(low: float, high: float, at: Floats) -> Floats:
    """0 below `low`, 1 above `high`, smooth between. `low` may be the greater one."""
    t = np.clip((at - low) / (high - low), 0, 1)
    smooth: Floats = (t * t * (3 - 2 * t)).astype(np.float32)
    return smooth


def clouds(
    rng: np.random.Generator, width: int, height: int, roughness: float = 1.7, stretch: tuple[float, float] = (1, 1)
) -> Floats:
    """Noise with a power-law spectrum, 0…1, that tiles in both directions; `stretch` lengthens it along x and y."""
    fx = np.fft.rfftfreq(width) * width * stretch[0]
    fy = np.fft.fftfreq(height) * height * stretch[1]
    radius = np.hypot(fx[None, :], fy[:, None])
    radius[0, 0] = np.inf
    phases = np.exp(2j * np.pi * rng.random(radius.shape))
    noise = np.fft.irfft2(phases * radius**-roughness, s=(height, width))
    low, high = np.percentile(noise, [0.5, 99.5])
    scaled: Floats = np.clip((noise - low) / (high - low), 0, 1).astype(np.float32)
    return scaled


def drift(tile: Floats, offset: float) -> Floats:
    """A tile moved left by a fraction of pixels, round the edge."""
    whole = int(np.floor(offset))
    part = np.float32(offset - whole)
    moved: Floats = np.roll(tile, -whole, axis=1) * (1 - part) + np.roll(tile, -whole - 1, axis=1) * part
    return moved


def glow(radius: float, tint: str, power: float = 1.0) -> Floats:
    """A round light that falls off softly, to be added to a picture; about 6 radii wide."""
    reach = int(radius * 3) + 1
    at = np.arange(-reach, reach + 1, dtype=np.float32)
    square = at[None, :] ** 2 + at[:, None] ** 2
    light = np.exp(-square / radius**2) + 0.25 * np.exp(-square / (2 * radius**2)) * power
    bright: Floats = (light[..., None] * colour(tint) * power).astype(np.float32)
    return bright


def shine(picture: Floats, light: Floats, x: float, y: float, power: float = 1.0) -> None:
    """Add a light to a picture, in place, its middle at the pixel (x, y); what lies outside is cut off."""
    height, width = light.shape[:2]
    left, top = round(x) - width // 2, round(y) - height // 2
    x0, x1 = max(left, 0), min(left + width, picture.shape[1])
    y0, y1 = max(top, 0), min(top + height, picture.shape[0])
    if x0 < x1 and y0 < y1:
        picture[y0:y1, x0:x1] += light[y0 - top : y1 - top, x0 - left : x1 - left] * np.float32(power)


class Finish:
    """Turns pictures into frames: dithers, so that dark gradients show no steps, and enlarges."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self._grain = rng.random((height, width, 1), dtype=np.float32)
        self._turn = 0

    def __call__(self, picture: Floats) -> Frame:
        """A picture as a frame of WIDTH × HEIGHT. The picture's memory is used for the work."""
        self._turn += 1
        grain = np.roll(self._grain, self._turn * 97 * self._grain.shape[1] + self._turn * 211)
        np.multiply(picture, 255, out=picture)
        np.add(picture, grain, out=picture)
        np.clip(picture, 0, 255, out=picture)
        frame = picture.astype(np.uint8)
        if frame.shape[:2] == (HEIGHT, WIDTH):
            return frame
        small = av.VideoFrame.from_ndarray(frame, format="rgb24")
        large = small.reformat(width=WIDTH, height=HEIGHT, interpolation=Interpolation.BICUBIC)
        enlarged: Frame = large.to_ndarray().astype(np.uint8, copy=False)
        return enlarged
