"""Applies effects to finished pictures: R'G'B' in textures, or Y'CbCr planes in memory. One-thread (the render thread).

In: a picture, and the plans of its effects. Out: a picture of the same size. Each type of effect is a module of this
folder with the functions of `EffectModule`, loaded when a film first shows the effect. Effects that are a matrix on the
colour of each pixel need no module; several in a row are one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from itertools import groupby
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from reelmill.compositor.colour_matrices import Array, code_range, rgb_to_ycc
from reelmill.compositor.effects.gaussian import Floats
from reelmill.compositor.geometry import Box
from reelmill.compositor.opengl.shader_library import ShaderLibrary, Value
from reelmill.compositor.opengl.surfaces import Surface, SurfacePool
from reelmill.compositor.plane_canvas import PlaneFormat
from reelmill.planner.effect import ColourMatrix, EffectPlan

_NO_COUPLING = 1e-9
"""Weights that are rounding of floats."""


class EffectModule(Protocol):
    """What the module of an effect has. Both functions give the full effect; the stage mixes."""

    def on_surface(self, stage: EffectStage, effect: Any, source: Surface, scale: float) -> Surface:
        """A new surface with the effect on premultiplied R'G'B'A. `scale`: texels to a pixel of the plan."""

    def on_plane(self, effect: Any, samples: Floats, scale: tuple[float, float]) -> Floats:
        """The samples of a plane, or of its alpha, with the effect. `scale`: samples to a pixel of the plan."""


class EffectStage:
    """Applies effects in one context. Owns nothing: surfaces come from the pool."""

    def __init__(self, pool: SurfacePool, shaders: ShaderLibrary, *, in_memory: bool) -> None:
        """`in_memory`: numpy is faster than OpenGL, which is software."""
        self._pool, self._shaders = pool, shaders
        self.in_memory = in_memory

    def apply(self, effects: Sequence[EffectPlan], source: Surface, scale: float) -> Surface:
        """The picture with all effects, in a surface that the caller gives back. `source` stays the caller's."""
        surface = source
        for each in _passes(effects):
            result = self._applied(each, surface, scale)
            if surface is not source:
                self._pool.give(surface)
            surface = result
        return surface

    def _applied(self, effect: EffectPlan | ColourMatrix, source: Surface, scale: float) -> Surface:
        if not isinstance(effect, EffectPlan):
            red, green, blue = effect
            return self.draw("effect_colour.glsl", {}, {"red": red, "green": green, "blue": blue}, source)
        result = _module(effect.type).on_surface(self, effect, source, scale)
        if effect.mix < 1:
            whole = result
            result = self.draw("effect_mix.glsl", {}, {"share": effect.mix}, source, effect=whole)
            self._pool.give(whole)
        return result

    def draw(
        self,
        shader: str,
        defines: dict[str, str | int],
        uniforms: dict[str, Value],
        source: Surface,
        **others: Surface,
    ) -> Surface:
        """One pass of a shader over a surface, into another of the same kind."""
        target = self._pool.take(*source.key, what="an effect")
        textures = {"source": source.texture} | {name: surface.texture for name, surface in others.items()}
        corners = Box(0, 0, source.width, source.height).corners
        self._shaders.shader(shader, defines).draw(target.framebuffer, corners, uniforms, textures)
        return target

    def in_planes(self, source: Surface) -> Floats:
        """The texels of a surface, shape [4, height, width]."""
        kind = np.float16 if source.key[3] == "f2" else np.float32
        texels = np.frombuffer(source.texture.read(alignment=1), kind).reshape(source.height, source.width, 4)
        return np.ascontiguousarray(texels.transpose(2, 0, 1), dtype=np.float32)

    def as_surface(self, planes: Floats, like: Surface) -> Surface:
        """Texels, shape [4, height, width], in a surface of the same kind as another one."""
        kind = np.float16 if like.key[3] == "f2" else np.float32
        target = self._pool.take(*like.key, what="an effect")
        target.write(np.ascontiguousarray(planes.transpose(1, 2, 0), dtype=kind).data.cast("B"))
        return target

    def give(self, surface: Surface) -> None:
        """Hand a surface back that only a pass in between needed."""
        self._pool.give(surface)


def work_on_planes(effects: Sequence[EffectPlan], format_: PlaneFormat) -> bool:
    """Whether `apply_to_planes` takes all effects of a list."""
    if format_.format.model != "yuv" or format_.colour.matrix == "rgb" or format_.dtype("fine") != "nu2":
        return False
    return all(
        each.on_planes and (each.colour_matrix is None or _separate(each.colour_matrix, format_) is not None)
        for each in effects
    )


def apply_to_planes(
    effects: Sequence[EffectPlan],
    planes: list[Floats],
    alphas: Sequence[Floats],
    format_: PlaneFormat,
    scales: Sequence[tuple[float, float]],
) -> tuple[list[Floats], list[Floats]]:
    """Planes of code values, premultiplied where there are `alphas`, with all effects.

    `alphas`: 0 to 1, at the size of each plane; empty for an opaque picture. `scales`: samples to a pixel of the plan,
    for each plane.
    """
    alphas = list(alphas)
    for each in _passes(effects):
        if not isinstance(each, EffectPlan):
            rows = _separate(each, format_)
            assert rows is not None
            zero, _ = code_range(format_.format, format_.colour)
            for index, (gain, lift) in enumerate(rows):
                planes[index] = _toned(planes[index], gain, lift, float(zero[index]), alphas[index] if alphas else None)
            continue
        module = _module(each.type)
        planes = [_mixed(each, s, module.on_plane(each, s, scale)) for s, scale in zip(planes, scales, strict=True)]
        alphas = [_mixed(each, s, module.on_plane(each, s, scale)) for s, scale in zip(alphas, scales, strict=False)]
    return planes, alphas


def _passes(effects: Sequence[EffectPlan]) -> Iterator[EffectPlan | ColourMatrix]:
    """Effects in order; colour matrices that follow one another are one."""
    for in_colour, group in groupby(effects, key=lambda effect: effect.colour_matrix is not None):
        if not in_colour:
            yield from group
            continue
        product = np.eye(4)
        for effect in group:
            assert effect.colour_matrix is not None
            product = np.vstack([effect.colour_matrix, [0, 0, 0, 1]]) @ product
        yield cast(ColourMatrix, tuple(tuple(float(value) for value in row) for row in product[:3]))


@cache
def _module(type_: str) -> EffectModule:
    return cast(EffectModule, import_module(f"reelmill.compositor.effects.{type_}"))


@cache
def _separate(matrix: ColourMatrix, format_: PlaneFormat) -> tuple[tuple[float, float], ...] | None:
    """Gain and lift (codes) of each plane, where a matrix mixes no plane with another one; else None."""
    to_ycc = rgb_to_ycc(format_.colour.matrix)
    whole = np.array(matrix)
    ycc: Array = to_ycc @ whole[:, :3] @ np.linalg.inv(to_ycc)
    lift: npt.NDArray[np.float64] = to_ycc @ whole[:, 3]
    if np.abs(ycc - np.diag(np.diag(ycc))).max() > _NO_COUPLING:
        return None
    _, span = code_range(format_.format, format_.colour)
    return tuple((float(ycc[index, index]), float(lift[index] * span[index])) for index in range(3))


def _toned(samples: Floats, gain: float, lift: float, zero: float, alpha: Floats | None) -> Floats:
    """Distances from the code of 0 multiplied, and something added."""
    if (gain, lift) == (1.0, 0.0):
        return samples
    constant = zero * (1 - gain) + lift
    result = samples * np.float32(gain)
    result += np.float32(constant) if alpha is None else alpha * np.float32(constant)
    return result


def _mixed(effect: EffectPlan, before: Floats, after: Floats) -> Floats:
    return after if effect.mix >= 1 else before + (after - before) * np.float32(effect.mix)
