"""The moving pictures. Each scene is a generator: frame count and frame rate in, finished RGB frames out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from examples.footage.drawing import (
    HEIGHT,
    WIDTH,
    Finish,
    Floats,
    Frame,
    clouds,
    colour,
    drift,
    glow,
    gradient,
    grid,
    mix,
    shine,
    smoothstep,
)

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int_]
Scene = Callable[[int, float], Iterator[Frame]]
"""(number of frames, frames a second) → frames of HEIGHT × WIDTH × 3, uint8, RGB."""

SKY = ((0.0, "#ffdf9e"), (0.1, "#ffae66"), (0.27, "#f0706a"), (0.5, "#a1508c"), (0.75, "#4a3a82"), (1.0, "#1c2158"))
"""An evening sky, from the horizon to the zenith."""


def sunset(frames: int, fps: float) -> Iterator[Frame]:
    """The sun goes down behind a moving sea; a sailing boat passes."""
    rng = np.random.default_rng(11)
    width, height = WIDTH // 2, HEIGHT // 2
    x, y = grid(width, height)
    finish = Finish(rng, width, height)
    horizon, sun_x = 0.57, 0.24
    rows = round(horizon * height)
    elevation = (horizon - y[:rows]) / horizon
    air = gradient(SKY, np.broadcast_to(elevation, (rows, width)))
    veil = clouds(rng, width * 2, rows, 1.9, stretch=(2.2, 1.0))
    depth = (y[rows:] - horizon) / (1 - horizon) + 0.012
    far = 1 / depth
    waves = []
    for number in range(11):
        k = 1.3 * 1.42**number
        angle = rng.normal(0, 0.5)
        phase = k * (np.sin(angle) * x * far * 1.6 + np.cos(angle) * far * 2.2)
        strength = np.exp(-((k * far**2 / 260) ** 2)) * 0.96**number
        waves.append(((phase + rng.random() * 7).astype(np.float32), strength.astype(np.float32), 1.5 * np.sqrt(k)))
    boat = _boat()
    for n in range(frames):
        t = n / fps
        sun_y = 0.43 + 0.09 * n / frames
        away = np.hypot(x - sun_x, y[:rows] - sun_y)
        sky: Floats = air + (np.exp(-away * 3.2) * 0.35)[..., None] * colour("#ffb060")
        cover = smoothstep(0.48, 0.86, drift(veil, t * 5)[:, :width]) * smoothstep(0.0, 0.25, elevation) * 0.85
        lit = gradient(((0.0, "#ffd9a0"), (0.35, "#f5837a"), (0.9, "#6b4a8c"), (1.6, "#3c3878")), away)
        sky = mix(sky, lit, cover[..., None])
        sky += smoothstep(0.062, 0.057, away)[..., None] * (1 - 0.55 * cover[..., None]) * colour("#fff0c0")
        sky += (np.exp(-((away / 0.09) ** 2)) * 0.35)[..., None] * colour("#ffc070")
        slope: Floats = np.zeros((height - rows, width), np.float32)
        for place, height_of, speed in waves:
            slope = slope + np.cos(place + np.float32(speed * t)) * height_of
        mirrored = np.clip(depth * 0.85 + slope * 0.07 * (0.25 + depth), 0, 1)
        sea = gradient(SKY, mirrored) * 0.62
        sea = mix(sea, colour("#0e2a52"), np.clip(0.1 + 0.58 * depth + 0.13 * slope, 0, 0.9)[..., None])
        path = np.exp(-(((x - sun_x) / (0.045 + 0.2 * depth)) ** 2))
        sparkle = smoothstep(0.4, 2.6, slope + 1.2 * (1 - depth)) * path * (1.25 - 0.5 * depth)
        sea = mix(sea, colour("#ffb468"), np.clip(sparkle, 0, 1)[..., None])
        picture = np.concatenate([sky, sea])
        picture[rows - 1 : rows + 1] += path[:1, :, None] * 0.25 * colour("#ffd28a")
        frame = finish(picture)
        _place(frame, boat, 250 + t * 17, horizon * HEIGHT + 14 + 2.0 * np.sin(t * 1.7))
        yield frame


def _boat() -> Image.Image:
    """A sailing boat's silhouette, drawn large and made small."""
    picture = Image.new("RGBA", (480, 560), (26, 18, 44, 0))
    draw = ImageDraw.Draw(picture)
    dark = (30, 20, 46, 255)
    draw.polygon([(60, 460), (440, 460), (390, 530), (110, 530)], fill=dark)
    draw.line([(235, 30), (235, 470)], fill=dark, width=9)
    draw.polygon([(246, 40), (246, 430), (420, 430)], fill=(58, 34, 62, 255))
    draw.polygon([(224, 80), (224, 430), (90, 430)], fill=(74, 42, 66, 255))
    return picture.resize((103, 120), Image.Resampling.LANCZOS)


def _place(frame: Frame, picture: Image.Image, x: float, y: float) -> None:
    """Paint a picture over a frame, in place, its lower middle at (x, y), moved by fractions of a pixel."""
    left, top = x - picture.width / 2, y - picture.height
    moved = picture.transform(
        (picture.width + 1, picture.height + 1),
        Image.Transform.AFFINE,
        (1, 0, -(left % 1), 0, 1, -(top % 1)),
        Image.Resampling.BILINEAR,
    )
    over = np.asarray(moved, np.float32)
    area = frame[int(top) : int(top) + over.shape[0], int(left) : int(left) + over.shape[1]]
    alpha = over[..., 3:] / 255
    area[:] = area * (1 - alpha) + over[..., :3] * alpha


def aurora(frames: int, fps: float) -> Iterator[Frame]:
    """Northern lights over mountains, mirrored in a lake."""
    rng = np.random.default_rng(22)
    width, height = WIDTH // 2, HEIGHT // 2
    shore = round(0.76 * height)
    y = grid(width, height)[1][:shore]
    finish = Finish(rng, width, height)
    night = gradient(((0.0, "#050a1e"), (0.5, "#0b1c38"), (0.76, "#16324e")), np.broadcast_to(y, (shore, width)))
    stars = np.zeros((shore, width, 3), np.float32)
    count = 420
    star_x, star_y = rng.integers(0, width, count), (rng.random(count) ** 1.3 * shore * 0.85).astype(int)
    star_light = (rng.random(count) ** 4 * 0.9 + 0.1).astype(np.float32)
    star_phase = rng.random(count) * 7
    ridge_far = 0.60 - 0.13 * _ridge(rng, width, 1.35)
    ridge_near = 0.70 - 0.10 * _ridge(rng, width, 1.25)
    rays = clouds(rng, width * 2, 1, 0.55)[0]
    folds = clouds(rng, width * 2, 1, 1.6)[0]
    curtains = [(0.50, 0.32, 1.0, 5.0), (0.40, 0.26, 0.75, -3.5), (0.30, 0.22, 0.5, 2.5)]
    tints = gradient(
        ((0.0, "#b8ffd8"), (0.1, "#4dffa8"), (0.35, "#22d3a0"), (0.6, "#4a7fe0"), (0.8, "#9a4ee0"), (1.0, "#c040a0")),
        np.linspace(0, 1, 256, dtype=np.float32),
    )
    far_rows = y > ridge_far[None, :]
    near_rows = y > ridge_near[None, :]
    snow = clouds(rng, width, shore, 1.5)
    height_below = np.clip((y - ridge_far[None, :]) * 9, 0, 1)
    rock = mix(gradient(((0.0, "#7d93b4"), (1.0, "#131f36")), height_below), colour("#0d1830"), snow[..., None] * 0.8)
    pines = colour("#050c18")
    ripple_rows = np.arange(height - shore)
    for n in range(frames):
        t = n / fps
        sky = night.copy()
        stars[:] = 0
        stars[star_y, star_x] = (star_light * (0.75 + 0.25 * np.sin(star_phase + t * 3)))[:, None]
        sky += stars
        light = np.zeros_like(sky)
        for number, (base, reach, power, speed) in enumerate(curtains):
            column = np.arange(width, dtype=np.float32)
            bend = np.sin(column / 95 + t * 0.35 + number * 2) * 0.05 + np.sin(column / 37 - t * 0.5 + number) * 0.014
            foot = base + bend + 0.1 * (_sample(folds, column + t * speed * 2 + number * 400) - 0.5)
            ray = _sample(rays, column * 0.9 + t * speed * 3 + number * 300)
            swell = 0.55 + 0.45 * np.sin(column / 140 - t * 0.4 * (1 + number) + number * 1.7)
            up = foot[None, :] - y
            fall = np.clip(up / (reach * (0.55 + 0.75 * ray))[None, :], 0, 1)
            bright = (1 - fall) ** 2.2 * smoothstep(-0.012, 0.02, up) * (swell * (0.25 + 0.95 * ray) * power)[None, :]
            light += tints[(fall * 255).astype(np.uint8)] * bright[..., None]
        sky += light * (1 - 0.35 * sky)
        mean = light[: shore // 2].mean(axis=(0, 1))
        sky[far_rows] = (rock * (0.55 + 2.2 * mean))[far_rows]
        sky[near_rows] = pines
        shift = np.sin(ripple_rows * 0.9 + t * 2.2) * (0.6 + ripple_rows * 0.05)
        mirror = sky[shore - 1 - np.minimum(ripple_rows * 1.9 + shift * 1.5, shore - 1).astype(int)]
        lake = mirror * (0.72 - 0.004 * ripple_rows)[:, None, None].astype(np.float32) + colour("#04101c") * 0.5
        picture = np.concatenate([sky, lake.astype(np.float32)])
        yield finish(picture)


def _ridge(rng: np.random.Generator, width: int, roughness: float) -> Floats:
    """A mountain ridge: heights 0…1 for each column."""
    ridge: Floats = clouds(rng, width, 1, roughness)[0]
    return ridge


def _sample(tile: Floats, at: Floats) -> Floats:
    """A tiling row of noise at fractional places."""
    whole = np.floor(at).astype(int)
    part = (at - whole).astype(np.float32)
    size = len(tile)
    sampled: Floats = tile[whole % size] * (1 - part) + tile[(whole + 1) % size] * part
    return sampled


def city(frames: int, fps: float) -> Iterator[Frame]:
    """A city at night: the view moves past lit towers, cars pass on a wet road."""
    rng = np.random.default_rng(33)
    x, y = grid(WIDTH, HEIGHT)
    finish = Finish(rng, WIDTH, HEIGHT)
    kerb = 590
    dusk = gradient(((0.0, "#0a1030"), (0.45, "#2a2458"), (0.68, "#8a3f78"), (0.82, "#e0705a")), y[:, 0])
    backdrop = np.repeat(dusk[:, None], WIDTH, axis=1)
    shine(backdrop, glow(70, "#c8b0e0", 0.2), 960, 150)
    moon = smoothstep(0.0595, 0.0565, np.hypot(x - 320 / HEIGHT, y - 150 / HEIGHT))
    backdrop = mix(backdrop, colour("#fff3dc"), moon[..., None] * 0.95)
    far, far_mask = _towers(rng, WIDTH, kerb, (150, 330), "#33285e", 0.16, 46)
    near, near_mask = _towers(rng, WIDTH + 2 * frames + 2, kerb, (70, 430), "#0d1026", 0.34, 86)
    np.copyto(backdrop[:kerb], far, where=far_mask[..., None])
    haze = smoothstep(0.35, 0.82, y[:kerb])[..., None] * 0.5
    backdrop[:kerb] = mix(backdrop[:kerb], colour("#8a4470"), haze)
    road = gradient(((0.0, "#1b1a30"), (1.0, "#07080f")), np.linspace(0, 1, HEIGHT - kerb, dtype=np.float32))
    lamps, tails = glow(9, "#fff2d0", 1.1), glow(8, "#ff2a20", 1.0)
    lamp_streak, tail_streak = _streak("#ffe0a0"), _streak("#ff2a20")
    cars = [(rng.random() * 2600, lane, 150 + 70 * rng.random(), rng.random()) for lane in (0, 0, 0, 0, 1, 1, 1, 1)]
    picture = np.empty((HEIGHT, WIDTH, 3), np.float32)
    for n in range(frames):
        t = n / fps
        picture[:kerb] = backdrop[:kerb]
        np.copyto(picture[:kerb], near[:, 2 * n : 2 * n + WIDTH], where=near_mask[:, 2 * n : 2 * n + WIDTH, None])
        wet = picture[kerb - 1 - np.arange(HEIGHT - kerb) * 3]
        picture[kerb:] = road[:, None] + wet * np.linspace(0.42, 0.08, HEIGHT - kerb, dtype=np.float32)[:, None, None]
        picture[kerb : kerb + 3] += 0.10
        for place, lane, speed, kind in cars:
            row = kerb + (26 if lane == 0 else 62)
            travelled = place + (speed * t if lane == 0 else -speed * 1.5 * t)
            at = travelled % 1600 - 160
            light, streak = (tails, tail_streak) if lane == 0 else (lamps, lamp_streak)
            for offset in (0, 26 + 8 * kind):
                shine(picture, light, at + offset, row, 0.95)
                shine(picture, streak, at + offset, row + 44, 0.5)
        yield finish(picture)


def _streak(tint: str) -> Floats:
    """A light's reflection on a wet road: narrow and tall."""
    across = np.exp(-((np.arange(-16, 17, dtype=np.float32) / 6) ** 2))
    along = np.exp(-((np.arange(-44, 45, dtype=np.float32) / 22) ** 2))
    streak: Floats = (along[:, None, None] * across[None, :, None] * colour(tint)).astype(np.float32)
    return streak


def _towers(
    rng: np.random.Generator, width: int, base: int, heights: tuple[int, int], tint: str, lit: float, breadth: int
) -> tuple[Floats, Booleans]:
    """A row of towers with lit windows, and where they stand."""
    picture = np.zeros((base, width, 3), np.float32)
    mask = np.zeros((base, width), bool)
    step = max(6, breadth // 9)
    left = -rng.integers(0, breadth)
    while left < width:
        right = left + int(breadth * (0.6 + rng.random() * 0.9))
        top = base - int(rng.uniform(*heights))
        body = slice(max(left, 0), min(right, width))
        picture[top:, body] = colour(tint) * (0.8 + 0.4 * rng.random())
        mask[top:, body] = True
        warm = rng.random() < 0.75
        for row in range(top + step, base - step, int(step * 1.5)):
            for column in range(left + step, right - step, step):
                if 0 <= column < width - step and rng.random() < lit:
                    light = colour("#ffcf7a" if warm else "#a8d4ff") * (0.35 + 0.65 * rng.random())
                    picture[row : row + step * 2 // 3, column : column + step // 2] = light
        left = right + int(rng.random() * breadth * 0.25)
    return picture, mask


def planet(frames: int, fps: float) -> Iterator[Frame]:
    """A blue planet turns under its clouds; a moon goes round it."""
    rng = np.random.default_rng(44)
    finish = Finish(rng, WIDTH, HEIGHT)
    space = np.zeros((HEIGHT, WIDTH, 3), np.float32) + colour("#03050d")
    dust = clouds(rng, WIDTH, HEIGHT, 1.6)
    space += (smoothstep(0.5, 1.0, dust) * 0.16)[..., None] * colour("#4a5cc0")
    for _ in range(500):
        size, light = (1.1 if rng.random() < 0.93 else 1.9), rng.random() ** 3
        shine(space, glow(size, "#ffffff", 0.15 + 0.6 * light), rng.random() * WIDTH, rng.random() * HEIGHT)
    land, cover = clouds(rng, 2048, 1024, 1.75), clouds(rng, 2048, 1024, 1.55, stretch=(1.0, 1.6))
    dry = clouds(rng, 2048, 1024, 1.5)
    ground = gradient(
        (
            (0.0, "#06214f"),
            (0.47, "#0f4c86"),
            (0.535, "#2a86a8"),
            (0.55, "#c9b98a"),
            (0.6, "#4c7a3e"),
            (1.0, "#6b5a3c"),
        ),
        land,
    )
    ground = mix(ground, colour("#b89460"), (smoothstep(0.55, 0.8, dry) * (land > 0.57) * 0.7)[..., None])
    pole = smoothstep(0.80, 0.93, np.abs(np.linspace(-1, 1, 1024, dtype=np.float32))[:, None] + (land - 0.5) * 0.25)
    ground = mix(ground, colour("#eef4fa"), pole[..., None])
    white = smoothstep(0.5, 0.8, cover)
    radius, centre_x, centre_y = 262, 640, 360
    reach = radius + 70
    across = np.arange(-reach, reach, dtype=np.float32) / radius
    px, py = np.meshgrid(across, across)
    distance = np.hypot(px, py)
    halo = np.exp(-np.clip(distance - 1, 0, None) * 13) * np.clip(0.35 - px * 0.55 - py * 0.35, 0, 1)
    area = space[centre_y - reach : centre_y + reach, centre_x - reach : centre_x + reach]
    area += (halo * 0.8)[..., None] * colour("#4a9cff")
    rows, columns = np.nonzero(distance < 1.006)
    px, py, distance = px[rows, columns], py[rows, columns], distance[rows, columns]
    disc = (rows + centre_y - reach, columns + centre_x - reach)
    behind, edge = space[disc], smoothstep(1.006, 0.994, distance)[:, None]
    pz = np.sqrt(np.clip(1 - distance**2, 0, None))
    tilt = np.float32(0.41)
    qx, qy = px * np.cos(tilt) + py * np.sin(tilt), -px * np.sin(tilt) + py * np.cos(tilt)
    longitude = (np.arctan2(qx, pz) / (2 * np.pi) * 2048).astype(np.float32)
    latitude = ((np.arcsin(np.clip(qy, -1, 1)) / np.pi + 0.5) * 1023).astype(int)
    day = np.clip(px * -0.62 + py * -0.35 + pz * 0.70, 0, 1)
    rim = ((1 - pz) ** 3 * 0.75 * day**0.5)[:, None] * colour("#6ab8ff")
    sunlight = (0.02 + 1.12 * day)[:, None]
    moon = _moon(rng)
    picture = np.empty_like(space)
    for n in range(frames):
        t = n / fps
        picture[:] = space
        veil = _turned(white[..., None], longitude + t * 41 + 300, latitude)
        lit = mix(_turned(ground, longitude + t * 34, latitude), colour("#ffffff"), veil * 0.92) * sunlight + rim
        picture[disc] = mix(behind, lit, edge)
        angle = t * 0.42 + 2.4
        moon_x, moon_y = centre_x + np.cos(angle) * 520, centre_y + np.sin(angle) * 90 - np.cos(angle) * 130
        hidden = np.sin(angle) < 0 and np.hypot(moon_x - centre_x, moon_y - centre_y) < radius + 40
        if not hidden:
            _over(picture, moon, moon_x, moon_y)
        yield finish(picture)


def _turned(texture: Floats, longitude: Floats, latitude: Integers) -> Floats:
    """A texture of a sphere at fractional longitudes and whole latitudes: (n, channels) for n places."""
    whole = np.floor(longitude).astype(int)
    part = (longitude - whole)[:, None].astype(np.float32)
    first = texture[latitude, whole % texture.shape[1]]
    return mix(first, texture[latitude, (whole + 1) % texture.shape[1]], part)


def _moon(rng: np.random.Generator) -> Floats:
    """A small grey moon with alpha, lit from the left."""
    at = np.arange(-36, 37, dtype=np.float32) / 30
    px, py = np.meshgrid(at, at)
    square = px * px + py * py
    day = np.clip(px * -0.62 + py * -0.35 + np.sqrt(np.clip(1 - square, 0, None)) * 0.7, 0.02, 1)
    grey = (0.55 + 0.4 * clouds(rng, 73, 73, 1.3)) * day
    alpha = smoothstep(1.03, 0.97, np.sqrt(square))
    moon: Floats = np.stack([grey * 0.96, grey * 0.94, grey * 0.9, alpha], axis=-1).astype(np.float32)
    return moon


def _over(picture: Floats, sprite: Floats, x: float, y: float) -> None:
    """Paint a sprite with alpha over a picture, in place, moved by fractions of a pixel by blending neighbours."""
    fx, fy = np.float32(x % 1), np.float32(y % 1)
    moved = sprite * (1 - fx) + np.roll(sprite, 1, axis=1) * fx
    moved = moved * (1 - fy) + np.roll(moved, 1, axis=0) * fy
    size = sprite.shape[0]
    left, top = int(x // 1) - size // 2, int(y // 1) - size // 2
    if 0 <= left <= WIDTH - size and 0 <= top <= HEIGHT - size:
        area = picture[top : top + size, left : left + size]
        area[:] = mix(area, moved[..., :3], moved[..., 3:])


def silk(frames: int, fps: float) -> Iterator[Frame]:
    """Folds of coloured silk that move slowly: a quiet background."""
    rng = np.random.default_rng(55)
    width, height = WIDTH // 2, HEIGHT // 2
    x, y = grid(width, height)
    finish = Finish(rng, width, height)
    for n in range(frames):
        t = np.float32(n / fps)
        u = x * 1.1 + 0.35 * np.sin(y * 3.1 + t * 0.5) + 0.15 * np.sin(x * 4.0 - t * 0.7)
        v = y * 1.3 + 0.30 * np.sin(x * 2.3 - t * 0.4) + 0.12 * np.sin(u * 5.0 + t * 0.6)
        fold = np.sin((u + v) * 5.5 + t * 0.5) * 0.6 + np.sin((u * 1.7 - v * 1.2) * 4.1 - t * 0.4) * 0.4
        slope = np.gradient(fold, axis=1) * 34 + np.gradient(fold, axis=0) * 22
        base = gradient(
            ((-1.0, "#141a4a"), (-0.35, "#3b2f8f"), (0.1, "#a03a90"), (0.55, "#e8617a"), (1.0, "#ffb27a")),
            fold * 0.75 + (y - 0.5) * 0.5 - x * 0.18,
        )
        shade = np.clip(0.72 + slope * 0.42, 0.15, 1.25)
        gloss = np.clip(slope - 0.55, 0, 1) ** 2 * 0.55
        yield finish(base * shade[..., None] + gloss[..., None] * colour("#ffe8d8"))
