"""Effects on a composition that was painted on Y'CbCr planes: floats from beginning to end, rounded once. One-thread.

In: the picture of a finished canvas, in memory, and the plans of its effects. Out: a picture of the same planes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reelmill.compositor.effects.gaussian import Floats
from reelmill.compositor.effects.stage import apply_to_planes
from reelmill.compositor.opengl.surfaces import SurfacePool
from reelmill.compositor.opengl.texels import Texels
from reelmill.compositor.pictures import Picture
from reelmill.compositor.plane_canvas import Depth, PlaneFormat
from reelmill.compositor.still_planes import empty_plane, plane_texels
from reelmill.planner.effect import EffectPlan

_ROUNDING = 0.5
_MOST_ERROR = 0.15
"""Code values by which samples may be off for whole codes to be stored: beyond it finer steps are."""
_ALPHA_TOP = 65535
_STRIP_ROWS = 64
"""Rows that are rounded at a time, so that floats stay in a core's cache."""


def effected_planes(
    picture: Picture, effects: Sequence[EffectPlan], format_: PlaneFormat, pool: SurfacePool
) -> Picture:
    """The picture of a canvas with effects that `work_on_planes`."""
    colours = 1 if format_.format.model == "gray" else 3
    grids = [picture.grids[0], *[picture.grids[-1]] * (colours - 1)]
    stored: Depth = "fine" if picture.colour is None else "codes"
    planes = [
        _floats(texels, grid.size, format_.step(stored))
        for texels, grid in zip(picture.planes[:colours], grids, strict=True)
    ]
    # Alpha comes once for each pass: at the size of luma, and at that of chroma.
    own = [
        _floats(texels, grid.size, _ALPHA_TOP)
        for texels, grid in zip(picture.planes[colours:], picture.grids, strict=False)
    ]
    alphas = [own[0], *[own[-1]] * (colours - 1)] if own else []
    planes, alphas = apply_to_planes(effects, planes, alphas, format_, [grid.scale for grid in grids])
    exact: Depth = "codes" if not own and picture.colour is not None and picture.error <= _MOST_ERROR else "fine"
    step, sample_bytes = format_.step(exact), 2 if exact == "fine" else format_.format.bytes_per_sample
    most = (2**format_.format.bits - 1) * step
    made = [_texels(plane, step, most, sample_bytes, pool) for plane in planes]
    kept = {0: alphas[0], len(own) - 1: alphas[-1]} if own else {}
    made += [_texels(alpha, _ALPHA_TOP, _ALPHA_TOP, 2, pool) for alpha in kept.values()]
    return replace(
        picture,
        planes=tuple(made),
        colour=picture.colour if exact == "codes" else None,
        error=picture.error + (_ROUNDING if exact == "codes" else 0.0),
        reductions={},
        views={},
    )


def _floats(texels: Texels, size: tuple[int, int], step: float) -> Floats:
    floats: Floats = texels.samples(size).astype(np.float32)
    if step != 1:
        floats *= np.float32(1 / step)
    return floats


def _texels(floats: Floats, step: float, most: float, sample_bytes: int, pool: SurfacePool) -> Texels:
    height, width = floats.shape
    samples = empty_plane((width, height), sample_bytes)
    for start in range(0, height, _STRIP_ROWS):
        rows = slice(start, start + _STRIP_ROWS)
        values = floats[rows] * np.float32(step)
        values += np.float32(0.5)
        np.clip(values, 0, most, out=values)
        np.copyto(samples[rows], values, casting="unsafe")
    return plane_texels(samples, pool)
