"""`blur`: by matrix products in memory on a software renderer, by a shader elsewhere."""

from __future__ import annotations

import math

import numpy as np

from reelmill.compositor.effects.gaussian import Floats, gaussian
from reelmill.compositor.effects.stage import EffectStage
from reelmill.compositor.opengl.surfaces import Surface
from reelmill.planner.effects.blur import BlurPlan

_TAIL = 4.0
"""Standard deviations at which the shader cuts the Gaussian."""


def on_surface(stage: EffectStage, effect: BlurPlan, source: Surface, scale: float) -> Surface:
    """A new surface with the blurred picture. `scale`: texels to a pixel of the plan."""
    deviation = (effect.radius[0] * scale, effect.radius[1] * scale)
    if stage.in_memory:
        planes = stage.in_planes(source)
        return stage.as_surface(np.stack([gaussian(plane, deviation) for plane in planes]), source)
    surface = source
    for axis in (1, 0):
        if deviation[axis] > 0:
            result = stage.draw(
                "effect_blur.glsl",
                {"AXIS": axis},
                {"deviation": deviation[axis], "tail": math.ceil(_TAIL * deviation[axis])},
                surface,
            )
            if surface is not source:
                stage.give(surface)
            surface = result
    return surface


def on_plane(effect: BlurPlan, samples: Floats, scale: tuple[float, float]) -> Floats:
    """The blurred samples. `scale`: samples to a pixel of the plan, on each axis."""
    return gaussian(samples, (effect.radius[0] * scale[0], effect.radius[1] * scale[1]))
