"""The transitions: one row and one small GLSL file each.

A file defines `vec4 transition(vec2 p)`: the premultiplied mix at a point in target pixels, of before_at(), after_at()
and the uniforms of transition.glsl.
"""

from __future__ import annotations

from reelmill.planner.timeline import Direction, TransitionType

TRANSITIONS: dict[TransitionType, str] = {
    "dissolve": "transition_dissolve.glsl",
    "fade": "transition_fade.glsl",
    "wipe": "transition_wipe.glsl",
    "push": "transition_push.glsl",
    "iris": "transition_iris.glsl",
}

DIRECTIONS: dict[Direction, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
"""Where the edge or the pictures move to, in target pixels (y downwards)."""
