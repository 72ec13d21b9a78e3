"""Watches over the rendering of nested compositions: how long each takes, and what goes wrong in it.

In: the stretches of code that render one, and the source of frames. Out: warnings with the composition's name, and
errors that know it. OpenGL draws in the background, so a sample of the frames is measured to the end of drawing, which
holds the renderer up. The time spent waiting for frames, and that of deeper compositions, is not counted. One-thread
(the render thread).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import moderngl

from reelmill.compositor.opengl.context import GLContext
from reelmill.compositor.picture_store import FrameGetter
from reelmill.planner.errors import ExportError, RenderError
from reelmill.planner.frame_plan import CompositionPlan
from reelmill.planner.source_frames import Frame, FrameRequest

SLOW_SECONDS = 0.1
MEASURED_FIRST = 3
"""Renderings of each composition that are measured, after its first one, in which OpenGL compiles shaders."""
MEASURED_EACH = 16
"""Later on one in so many is measured."""
FEWEST_SLOW = 2
"""Slow renderings that are worth a warning: a single one may have other reasons."""
_COMPONENT = "NestedRenderer"


@dataclass(slots=True)
class _Measured:
    """What is known of the speed of a composition."""

    rendered: int = 0
    measured: int = 0
    slow: int = 0
    most_seconds: float = 0.0

    @property
    def due(self) -> bool:
        """Whether the next rendering is measured."""
        return 0 < self.rendered <= MEASURED_FIRST or (self.rendered > 0 and self.rendered % MEASURED_EACH == 0)

    def note(self, seconds: float) -> None:
        self.measured += 1
        self.slow += seconds > SLOW_SECONDS
        self.most_seconds = max(self.most_seconds, seconds)


class NestedWatch:
    """The watch of one renderer."""

    def __init__(self, context: GLContext) -> None:
        self._context = context
        self._elsewhere_seconds = 0.0
        """Spent on frames, and in compositions that are done."""
        self._measuring = False
        """A composition around this one is measured, so this one has to be as well."""
        self._compositions: dict[str | None, _Measured] = {}

    @property
    def warnings(self) -> list[str]:
        """For the report: the compositions that are slow to render."""
        return [
            f"composition {name} took more than {1000 * SLOW_SECONDS:.0f} ms to render in {each.slow} of "
            f"{each.measured} frames that were measured, {1000 * each.most_seconds:.0f} ms at most; a smaller canvas "
            "or fewer layers make it faster, and so does --draft"
            for name, each in self._compositions.items()
            if each.slow >= FEWEST_SLOW
        ]

    def waiting(self, frame: FrameGetter) -> FrameGetter:
        """The source of frames, with its time taken."""

        def timed(request: FrameRequest) -> Frame:
            started = time.perf_counter()
            try:
                return frame(request)
            finally:
                self._elsewhere_seconds += time.perf_counter() - started

        return timed

    @contextmanager
    def rendering(self, plan: CompositionPlan) -> Iterator[None]:
        """Around the rendering of a nested composition. Raises RenderError, which names it, where OpenGL fails."""
        found = self._compositions.setdefault(plan.id, _Measured())
        measuring, found.rendered, outer = self._measuring or found.due, found.rendered + 1, self._measuring
        if measuring:
            self._context.finish()
        started, elsewhere = time.perf_counter(), self._elsewhere_seconds
        self._measuring = measuring
        try:
            yield
            self._context.check(f"rendering composition {plan.id}", component=_COMPONENT)
        except moderngl.Error as error:
            message = f"OpenGL failed while rendering composition {plan.id}: {error}"
            raise RenderError(message, component=_COMPONENT, composition=plan.id) from error
        except ExportError as error:
            error.locate(composition=plan.id)
            raise
        finally:
            self._measuring = outer
        if measuring:
            self._context.finish()
            seconds = time.perf_counter() - started - (self._elsewhere_seconds - elsewhere)
            self._elsewhere_seconds += seconds
            if found.rendered > 1:
                found.note(seconds)
