"""What libav says while something is opened: its error codes alone ("Operation not permitted") tell people nothing.

Passive. Not while decoders of pictures run, which have threads of their own: handing on messages takes the GIL on
whatever thread has one, and a thread that holds the GIL may be waiting for that one. So only devices are opened under
it, before an export begins its work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from av import logging


@contextmanager
def libav_messages() -> Iterator[list[str]]:
    """Collect what libav says on this thread: the list is filled when the block ends, also by an exception."""
    said: list[str] = []
    before, skipped = logging.get_level(), logging.get_skip_repeated()
    logging.set_level(logging.ERROR)
    logging.set_skip_repeated(False)
    try:
        with logging.Capture(local=True) as messages:
            try:
                yield said
            finally:
                said.extend(dict.fromkeys(text.strip() for _, _, text in messages))
    finally:
        logging.set_skip_repeated(skipped)
        logging.set_level(before)
