"""The compositor's definitions, written plainly in numpy from the specifications. Slow and obvious.

Pictures are straight or premultiplied RGBA, floats [height, width, 4], gamma-encoded.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.support.compositor_stage import Floats

# --- blend modes: W3C Compositing and Blending Level 1, sections 9.1 and 9.2 ---


def _hard_light(cb: Floats, cs: Floats) -> Floats:
    screen_source = 2 * cs - 1
    return np.where(cs <= 0.5, cb * 2 * cs, cb + screen_source - cb * screen_source)


def _soft_light(cb: Floats, cs: Floats) -> Floats:
    d = np.where(cb <= 0.25, ((16 * cb - 12) * cb + 4) * cb, np.sqrt(cb))
    return np.asarray(np.where(cs <= 0.5, cb - (1 - 2 * cs) * cb * (1 - cb), cb + (2 * cs - 1) * (d - cb)))


def _color_dodge(cb: Floats, cs: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = np.minimum(1, cb / (1 - cs))
    return np.where(cb == 0, 0, np.where(cs == 1, 1, quotient))


def _color_burn(cb: Floats, cs: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = 1 - np.minimum(1, (1 - cb) / cs)
    return np.where(cb == 1, 1, np.where(cs == 0, 0, quotient))


def _lum(c: Floats) -> Floats:
    return (0.3 * c[..., 0] + 0.59 * c[..., 1] + 0.11 * c[..., 2])[..., None]


def _clip_color(c: Floats) -> Floats:
    lum, low, high = _lum(c), c.min(axis=-1, keepdims=True), c.max(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        lifted = np.where(low < 0, lum + (c - lum) * lum / (lum - low), c)
        return np.where(high > 1, lum + (lifted - lum) * (1 - lum) / (high - lum), lifted)


def _set_lum(c: Floats, lum: Floats) -> Floats:
    return _clip_color(c + lum - _lum(c))


def _sat(c: Floats) -> Floats:
    return np.asarray(c.max(axis=-1, keepdims=True) - c.min(axis=-1, keepdims=True))


def _set_sat(c: Floats, sat: Floats) -> Floats:
    """The specification's: the largest becomes `sat`, the least 0, the one between in proportion."""
    flat, level = c.reshape(-1, 3), sat.reshape(-1)
    result = np.zeros_like(flat)
    for i, color in enumerate(flat):
        low, middle, high = np.argsort(color, kind="stable")
        if color[high] > color[low]:
            result[i, middle] = (color[middle] - color[low]) * level[i] / (color[high] - color[low])
            result[i, high] = level[i]
    return result.reshape(c.shape)


BLENDS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "normal": lambda _, cs: cs,
    "multiply": lambda cb, cs: cb * cs,
    "screen": lambda cb, cs: cb + cs - cb * cs,
    "overlay": lambda cb, cs: _hard_light(cs, cb),
    "darken": np.minimum,
    "lighten": np.maximum,
    "color_dodge": _color_dodge,
    "color_burn": _color_burn,
    "hard_light": _hard_light,
    "soft_light": _soft_light,
    "difference": lambda cb, cs: np.abs(cb - cs),
    "exclusion": lambda cb, cs: cb + cs - 2 * cb * cs,
    "hue": lambda cb, cs: _set_lum(_set_sat(cs, _sat(cb)), _lum(cb)),
    "saturation": lambda cb, cs: _set_lum(_set_sat(cb, _sat(cs)), _lum(cb)),
    "color": lambda cb, cs: _set_lum(cs, _lum(cb)),
    "luminosity": lambda cb, cs: _set_lum(cb, _lum(cs)),
    "add": lambda cb, cs: cb + cs,
}


def blend(backdrop: Floats, source: Floats, mode: str) -> Floats:
    """Premultiplied over premultiplied: co = cs·αs·(1 − αb) + cb·αb·(1 − αs) + αs·αb·B(cb, cs)."""
    ab, as_ = backdrop[..., 3:], source[..., 3:]
    with np.errstate(divide="ignore", invalid="ignore"):
        cb = np.where(ab > 0, backdrop[..., :3] / ab, 0)
        cs = np.where(as_ > 0, source[..., :3] / as_, 0)
    if mode not in ("normal", "add"):
        cb, cs = np.clip(cb, 0, 1), np.clip(cs, 0, 1)
    mixed = BLENDS[mode](cb, cs)
    color = source[..., :3] * (1 - ab) + backdrop[..., :3] * (1 - as_) + as_ * ab * mixed
    return np.dstack([color, as_ + ab - as_ * ab])


# --- drawing a layer ---


def bilinear(picture: Floats, x: Floats, y: Floats) -> Floats:
    """Sample premultiplied pixels at positions (pixel centres at halves), clamped to the picture."""
    height, width = picture.shape[:2]
    x, y = np.clip(x, 0.5, width - 0.5) - 0.5, np.clip(y, 0.5, height - 0.5) - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    upper = picture[top, left] * (1 - fx) + picture[top, right] * fx
    lower = picture[below, left] * (1 - fx) + picture[below, right] * fx
    return np.asarray(upper * (1 - fy) + lower * fy)


def draw(
    picture: Floats,
    size: tuple[float, float],
    matrix: tuple[float, float, float, float, float, float],
    canvas: tuple[int, int],
) -> Floats:
    """A premultiplied picture, fitted to `size`, drawn with antialiased edges on a transparent canvas."""
    a, b, c, d, e, f = matrix
    inverse = np.linalg.inv(np.array([[a, c, e], [b, d, f], [0, 0, 1]]))
    ys, xs = np.mgrid[0 : canvas[1], 0 : canvas[0]] + 0.5
    local_x = inverse[0, 0] * xs + inverse[0, 1] * ys + inverse[0, 2]
    local_y = inverse[1, 0] * xs + inverse[1, 1] * ys + inverse[1, 2]
    width, height = size
    color = bilinear(picture, local_x / width * picture.shape[1], local_y / height * picture.shape[0])
    coverage = _coverage(local_x, width, np.hypot(a, b)) * _coverage(local_y, height, np.hypot(c, d))
    return color * coverage[..., None]


def _coverage(local: Floats, length: float, scale: float) -> Floats:
    """How much of a pixel lies inside two edges, in target pixels along one axis."""
    x, w = local * scale, length * scale
    return np.maximum(np.clip(x + 0.5, 0, 1) + np.clip(w - x + 0.5, 0, 1) - 1, 0)


def area_average(picture: Floats, width: int, height: int) -> Floats:
    """Each output pixel is the mean of the source under it; pixels that lie partly under it count by that part."""

    def weights(source: int, result: int) -> Floats:
        step = source / result
        table = np.zeros((result, source))
        for i in range(result):
            for k in range(source):
                table[i, k] = max(0.0, min((i + 1) * step, k + 1) - max(i * step, k)) / step
        return table

    rows = np.einsum("ik,kjc->ijc", weights(picture.shape[0], height), picture)
    return np.asarray(np.einsum("jk,ikc->ijc", weights(picture.shape[1], width), rows))
