"""The stills: a photo-like landscape and a logo with alpha."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from examples.footage.drawing import clouds, colour, gradient, grid, mix, smoothstep


def landscape() -> Image.Image:
    """Misty mountains at dawn, 1620 × 1080."""
    rng = np.random.default_rng(66)
    width, height = 1620, 1080
    x, y = grid(width, height)
    picture = gradient(
        ((0.0, "#3f6a9c"), (0.25, "#86a8c0"), (0.45, "#f0d8b0"), (0.6, "#ffc890")),
        np.broadcast_to(y, (height, width)),
    )
    away = np.hypot(x + 0.28, y - 0.44)
    picture = mix(picture, colour("#ffe2b0"), (np.exp(-((away / 0.2) ** 2)) * 0.75)[..., None])
    picture = mix(picture, colour("#fffdf4"), smoothstep(0.042, 0.038, away)[..., None])
    veil = clouds(rng, width, height, 1.8, stretch=(2.5, 1.0))
    picture = mix(picture, colour("#ffe6cc"), (smoothstep(0.5, 0.95, veil) * smoothstep(0.5, 0.1, y) * 0.6)[..., None])
    layers = 6
    for layer in range(layers):
        near = layer / (layers - 1)
        ridge = clouds(rng, width, 1, 1.25 + 0.1 * near)[0]
        top = 0.50 + 0.36 * near**1.2 - (0.13 + 0.05 * near) * ridge
        if layer >= layers - 2:
            top = top - _trees(rng, width) * (0.02 + 0.03 * near)
        below = y - top[None, :]
        body = gradient(
            ((0.0, "#a8aebf"), (0.35, "#71839c"), (0.7, "#3c5568"), (1.0, "#12222c")), np.full((1, 1), near)
        )
        mist = np.clip(below * (4.0 - 2.2 * near), 0, 1)[..., None] * (0.75 - 0.6 * near)
        slope = mix(np.broadcast_to(body, picture.shape), colour("#f6dcc0"), mist)
        picture = mix(picture, slope, smoothstep(0.0, 1.5 / height, below)[..., None])
    grain = rng.normal(0, 0.012, (height, width, 1))
    return Image.fromarray(np.clip((picture + grain) * 255 + 0.5, 0, 255).astype(np.uint8))


def _trees(rng: np.random.Generator, width: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The tips of a wood: spikes of many heights, 0…1 for each column."""
    tips = np.zeros(width)
    columns = np.arange(width)
    for _ in range(width // 7):
        tall, middle = rng.random() * 0.8 + 0.2, rng.integers(width)
        tips = np.maximum(tips, tall * (1 - np.abs(columns - middle) / (4 + 7 * tall)))
    return tips


def logo() -> Image.Image:
    """A film reel whose spokes are a mill's sails, 512 × 512 with alpha."""
    size = 2048
    picture = Image.new("RGBA", (size, size), (255, 180, 84, 0))
    draw = ImageDraw.Draw(picture)
    gold, clear = (255, 180, 84, 255), (255, 180, 84, 0)
    middle = size / 2

    def circle(x: float, y: float, radius: float, fill: tuple[int, int, int, int]) -> None:
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=fill)

    circle(middle, middle, 990, gold)
    circle(middle, middle, 860, clear)
    for sail in range(4):
        angle = np.pi / 2 * sail + 0.42
        along = np.array([np.cos(angle), np.sin(angle)])
        across = np.array([-along[1], along[0]])
        corners = [(60, -34), (900, -34), (900, 300), (300, 300), (120, 34)]
        draw.polygon([tuple(middle + a * along + b * across) for a, b in corners], fill=gold)
        for step in range(3):
            hole = middle + (430 + 150 * step) * along + 150 * across
            circle(hole[0], hole[1], 52, clear)
    circle(middle, middle, 190, gold)
    circle(middle, middle, 80, clear)
    return picture.resize((512, 512), Image.Resampling.LANCZOS)
