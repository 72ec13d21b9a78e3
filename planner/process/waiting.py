"""How a thread waits for another one, and still hears that it is to stop.

In: what is waited for. Out: nothing, once it is there. Passive; any thread.
"""

from __future__ import annotations

from collections.abc import Callable

POLL_SECONDS = 0.1
"""Between two looks at whether to go on waiting."""

Checkpoint = Callable[[], None]
"""Called between two steps of work, and several times a second while a call waits. May raise, to end the work."""


def no_checkpoint() -> None:
    """The checkpoint of work that nobody stops."""


def wait_until(met: Callable[[float], bool], checkpoint: Checkpoint) -> None:
    """Wait until `met` returns True. It is given the seconds that it may wait at most, as `threading.Event.wait` is.

    `checkpoint` is called between two such waits. The render thread waits for others here and nowhere else.
    """
    while not met(POLL_SECONDS):
        checkpoint()
