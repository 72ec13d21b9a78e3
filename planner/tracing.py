"""What the stages of an export tell a profile: begun and ended work, waits, and levels of queues.

In: calls from any thread, at the places where time may go. Out: whatever the tracer makes of them; NO_TRACE makes
nothing, and costs a call. A tracer is handed to whoever does the work; there is no global one. Thread-safe.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, Protocol

Stage = Literal[
    "open",
    "plan",
    "frame",
    "upload",
    "composite",
    "readback",
    "pass through",
    "finish",
    "hash",
    "open decoder",
    "decode",
    "encode",
    "mux",
    "mix sound",
    "wait for frame",
    "wait for room",
    "wait for encoder",
    "wait for picture",
    "wait for core",
]
"""`frame` is all that the render thread does for one output frame; the others lie in it, or on other threads. Waits are
called so. docs/internals/performance.md explains them."""
Counter = Literal["encode queue", "frame cache"]
"""Pictures that wait for the encoder; bytes of decoded frames."""


class Tracer(Protocol):
    """Hears what each thread does."""

    @property
    def enabled(self) -> bool:
        """Whether anybody listens: work that is done later than asked for (OpenGL) is then waited for where it is
        asked for, so that its time is told where it belongs."""

    def span(self, stage: Stage, frame: int | None = None, clip: str | None = None) -> AbstractContextManager[None]:
        """Time this thread spends in a stage, on an output frame, for a clip. Spans of a thread nest."""

    def level(self, counter: Counter, value: int) -> None:
        """How much there is of something from now on."""


class _Nothing:
    """A span that nobody measures; one serves all."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


_NOTHING = _Nothing()


class NoTrace:
    """Hears nothing. Parameters are named, not collected, so that a call makes no objects."""

    enabled = False

    def span(
        self,
        stage: Stage,  # noqa: ARG002 the protocol's
        frame: int | None = None,  # noqa: ARG002
        clip: str | None = None,  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        return _NOTHING

    def level(self, counter: Counter, value: int) -> None:
        pass


NO_TRACE = NoTrace()
