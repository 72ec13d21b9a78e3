"""What renders of one process have in common, so that the second does not make it again.

Media that were looked at with their pts tables, decoded stills, the OpenGL context with its compiled shaders. Handed to
each render by whoever makes several; nothing is kept behind anyone's back. Owns what it holds. One render at a time, on
the thread that made it.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from reelmill.export.opening.job import Renderer

if TYPE_CHECKING:
    from reelmill.compositor.opengl.graphics import Graphics
    from reelmill.decoders.probe_store import ProbeStore
    from reelmill.decoders.stills.still_store import StillStore


class SharedResources:
    """Use with `with`, round all the renders. Each thing is made when it is first needed."""

    def __init__(self) -> None:
        self._probes: ProbeStore | None = None
        self._stills: StillStore | None = None
        self._graphics: dict[Renderer, Graphics] = {}

    @property
    def probes(self) -> ProbeStore:
        if self._probes is None:
            from reelmill.decoders.probe_store import ProbeStore

            self._probes = ProbeStore()
        return self._probes

    @property
    def stills(self) -> StillStore:
        if self._stills is None:
            from reelmill.decoders.stills.still_store import StillStore

            self._stills = StillStore()
        return self._stills

    def graphics(self, renderer: Renderer) -> Graphics:
        """OpenGL for a wish. Raises SetupError."""
        if renderer not in self._graphics:
            from reelmill.compositor.opengl.graphics import Graphics

            self._graphics[renderer] = Graphics(renderer)
        return self._graphics[renderer]

    def drop_graphics(self) -> None:
        """After a failure: the next render begins with a new context."""
        for graphics in self._graphics.values():
            graphics.close()
        self._graphics.clear()

    def close(self) -> None:
        """Everything is forgotten; a second call does nothing."""
        self.drop_graphics()
        self._probes = self._stills = None

    def __enter__(self) -> SharedResources:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
