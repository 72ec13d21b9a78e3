"""An OpenGL context with its shaders, for one render or for many: compiling takes longer than many a film's frames.

One-thread: whoever made it uses and closes it; what draws with it is closed before.
"""

from __future__ import annotations

from types import TracebackType

from reelmill.compositor.opengl.context import GLContext, RendererChoice
from reelmill.compositor.opengl.shader_library import ShaderLibrary


class Graphics:
    """Owns the context and the shaders."""

    def __init__(self, renderer: RendererChoice = "auto") -> None:
        """Raises SetupError where there is no such OpenGL."""
        self.context = GLContext.create(renderer)
        self.shaders = ShaderLibrary(self.context)
        self._closed = False

    def close(self) -> None:
        """A second call does nothing."""
        if not self._closed:
            self._closed = True
            self.shaders.release()
            self.context.close()

    def __enter__(self) -> Graphics:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
