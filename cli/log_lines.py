"""What the rooms log, as lines on stderr: warnings always, with `-v` everything.

In: records of the logger "reelmill", from any thread. Out: a line each, through whoever tells of the export at the
moment, so that JSON stays JSON and a bar stays whole.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reelmill.cli.talk import printable, styled, talk

_COLOURS = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "red"}


class LogLines(logging.Handler):
    """The one handler of the command line."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.write: Callable[[str, str], None] = _tell
        """Gets the level, in lower case, and the message."""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take what is logged until the end of the block."""
        logger = logging.getLogger("reelmill")
        before = logger.level
        logger.addHandler(self)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.propagate = True
            logger.setLevel(before)

    def show_all(self) -> None:
        """Also what is only of use to whoever looks for a fault."""
        self.setLevel(logging.DEBUG)
        logging.getLogger("reelmill").setLevel(logging.DEBUG)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.write(record.levelname.lower(), record.getMessage())
        except Exception:
            self.handleError(record)


def log_line(level: str, message: str) -> str:
    """A line for people."""
    colour = _COLOURS.get(logging.getLevelName(level.upper()))
    return f"{styled(f'{level}:', colour=colour, bold=colour is not None, dim=colour is None)} {printable(message)}"


def _tell(level: str, message: str) -> None:
    talk(log_line(level, message))
