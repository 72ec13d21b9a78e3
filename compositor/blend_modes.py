"""The blend modes: one row each, and for most one small GLSL file.

Formulas: W3C Compositing and Blending Level 1, sections 9 and 10, on premultiplied gamma-encoded values.
"""

from __future__ import annotations

from dataclasses import dataclass

import moderngl

from reelmill.planner.timeline import Blend

Factors = tuple[int, int, int, int]
"""OpenGL blend factors: source and destination of colour, then of alpha."""
_ONE, _REST = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA


@dataclass(frozen=True, slots=True)
class BlendMode:
    """How a layer meets what lies below it."""

    shader: str | None
    """GLSL file with `vec3 blend(vec3 cb, vec3 cs)` on straight values in 0…1; None where `factors` do it all."""
    factors: Factors = (_ONE, _REST, _ONE, _REST)
    """Of fixed-function blending, where there is no shader."""
    wide: bool = False
    """Magnifies differences of its inputs so much that 16-bit floats show; takes 32-bit ones.

    docs/reference/compositing.md has the measurements.
    """


BLEND_MODES: dict[Blend, BlendMode] = {
    "normal": BlendMode(None),
    "multiply": BlendMode("blend_multiply.glsl"),
    "screen": BlendMode("blend_screen.glsl"),
    "overlay": BlendMode("blend_overlay.glsl"),
    "darken": BlendMode("blend_darken.glsl"),
    "lighten": BlendMode("blend_lighten.glsl"),
    "color_dodge": BlendMode("blend_color_dodge.glsl", wide=True),
    "color_burn": BlendMode("blend_color_burn.glsl", wide=True),
    "hard_light": BlendMode("blend_hard_light.glsl"),
    "soft_light": BlendMode("blend_soft_light.glsl"),
    "difference": BlendMode("blend_difference.glsl"),
    "exclusion": BlendMode("blend_exclusion.glsl"),
    "hue": BlendMode("blend_hue.glsl", wide=True),
    "saturation": BlendMode("blend_saturation.glsl", wide=True),
    "color": BlendMode("blend_color.glsl", wide=True),
    "luminosity": BlendMode("blend_luminosity.glsl", wide=True),
    "add": BlendMode(None, factors=(_ONE, _ONE, _ONE, _REST)),
}
