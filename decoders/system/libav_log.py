"""What libav says about something that failed: its error codes alone ("Operation not permitted") tell people nothing.

In: what failed. Out: libav's words. libav speaks only to its log, and a callback that hands its words to Python waits
for Python's lock on whatever thread of a decoder has something to say, while a thread that holds the lock may be
waiting for that decoder. So the log of this process is never listened to: what failed is done once more in a process of
its own, whose log goes to its standard error. Passive; thread-safe.
"""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from av import logging

_CHILD = (
    "import pickle, sys; path, attempts = pickle.load(sys.stdin.buffer); sys.path[:] = path; "
    "from reelmill.decoders.system.libav_log import speak; speak(attempts)"
)
_BETWEEN = b"\0"
"""Ends what was said during one attempt."""
_SECONDS = 30
"""What takes longer than this, such as a driver that hangs, is ended, and its words are lost."""
_SPEAKER = re.compile(r"(?:\[[^\]@\n]*+@ \w++\] )*+")
"""Who speaks: `[highpass @ 0x55d0c8e3f2c0] `."""


def libav_words(work: Callable[..., object], *arguments: object) -> list[str]:
    """Call a function of a module once more, in a process of its own; the errors that libav logs meanwhile.

    Empty where it says nothing, or no process can be started.
    """
    return words_of_each([partial(work, *arguments)])[0]


def words_of_each(attempts: Sequence[Callable[[], object]]) -> list[list[str]]:
    """The same for several attempts, which share one process."""
    said: list[bytes] = []
    with suppress(OSError, ValueError, subprocess.TimeoutExpired):
        child = subprocess.run(
            [sys.executable, "-P", "-c", _CHILD],
            input=pickle.dumps((sys.path, pickle.dumps(list(attempts)))),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_SECONDS,
            check=False,
        )
        said = child.stderr.split(_BETWEEN)[:-1]
    words = [_lines(each.decode(errors="replace")) for each in said]
    return [*words, *([] for _ in range(len(attempts) - len(words)))]


def speak(attempts: bytes) -> None:
    """What the other process does. libav's own callback writes without Python's lock."""
    calls: list[Callable[[], object]] = pickle.loads(attempts)  # noqa: S301 - from the process that started this one
    logging.restore_default_callback()
    logging.set_libav_level(logging.ERROR)
    for call in calls:
        with suppress(Exception):
            call()
        os.write(sys.stderr.fileno(), _BETWEEN)


def _lines(said: str) -> list[str]:
    lines = (_SPEAKER.sub("", line, count=1).strip() for line in said.splitlines())
    return [line for line in dict.fromkeys(lines) if line and not line.startswith("Last message repeated")]
