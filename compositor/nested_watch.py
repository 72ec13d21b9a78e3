"""Watches over the rendering of nested compositions: how long each takes, and what goes wrong in it.

In: the stretches of code that render one, and the source of frames. Out: log lines with the composition's name, and
errors that know it. Time is that of the render thread: what it waits for frames, and what deeper compositions take,
is not counted; an OpenGL that works in the background may finish later. One-thread (the render thread).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import moderngl

from compositor.context import GLContext
from compositor.picture_store import FrameGetter
from planner.errors import ExportError, RenderError
from planner.frame_plan import CompositionPlan
from planner.frames import Frame, FrameRequest

SLOW_SECONDS = 0.1
_COMPONENT = "NestedRenderer"
_log = logging.getLogger("reelmill.compositor")


@dataclass(slots=True)
class _Slow:
    """What is known of a composition that took long."""

    times: int
    most_seconds: float


class NestedWatch:
    """Of one renderer."""

    def __init__(self, context: GLContext) -> None:
        self._context = context
        self._elsewhere_seconds = 0.0
        """Spent on frames, and in compositions that are done."""
        self._slow: dict[str | None, _Slow] = {}

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
        started, elsewhere = time.perf_counter(), self._elsewhere_seconds
        try:
            yield
            self._context.check(f"rendering composition {plan.id}", component=_COMPONENT)
        except moderngl.Error as error:
            message = f"OpenGL failed while rendering composition {plan.id}: {error}"
            raise RenderError(message, component=_COMPONENT, composition=plan.id) from error
        except ExportError as error:
            error.locate(composition=plan.id)
            raise
        seconds = time.perf_counter() - started - (self._elsewhere_seconds - elsewhere)
        self._elsewhere_seconds += seconds
        if seconds > SLOW_SECONDS:
            self._note(plan.id, seconds)

    def close(self) -> None:
        """Log how often compositions were slow."""
        for name, slow in self._slow.items():
            if slow.times > 1:
                _log.warning(
                    "composition %s took more than %.0f ms %d times, %.0f ms at most",
                    *(name, 1000 * SLOW_SECONDS, slow.times, 1000 * slow.most_seconds),
                )
        self._slow.clear()

    def _note(self, name: str | None, seconds: float) -> None:
        """Log the first time at once; the others are counted, so that a long film does not fill the log.

        The first time is no warning: it may be that of OpenGL compiling shaders.
        """
        slow = self._slow.get(name)
        if slow is None:
            self._slow[name] = _Slow(1, seconds)
            _log.info("composition %s took %.0f ms to render a frame", name, 1000 * seconds)
        else:
            slow.times += 1
            slow.most_seconds = max(slow.most_seconds, seconds)
