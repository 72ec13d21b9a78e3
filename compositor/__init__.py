"""From a composition plan and its frames to a finished picture, on OpenGL.

In: `CompositionPlan`s and a callable that gives `Frame`s. Out: targets of premultiplied RGBA (`NestedCompRenderer`),
and the planes of an output's pixel format (`PictureReader`). Everything runs on the render thread, which owns the
`GLContext`. Decoders, files and encoders are not known here. The names below are loaded when they are asked for,
since OpenGL is not needed to look at a project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelmill.compositor.nested import NestedCompRenderer
    from reelmill.compositor.opengl.context import GLContext
    from reelmill.compositor.opengl.surfaces import Target
    from reelmill.compositor.output import PixelReader

__all__ = ["GLContext", "NestedCompRenderer", "PixelReader", "Target"]

_HOMES = {
    "GLContext": "opengl.context",
    "NestedCompRenderer": "nested",
    "PixelReader": "output",
    "Target": "opengl.surfaces",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
