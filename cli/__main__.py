"""The programs: `reelmill`, which is also `python -m cli`, and `export`. Each runs a command and ends the process."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

from cli.main import export_main, main


def reelmill_program() -> NoReturn:
    """Runs `reelmill`."""
    _end(main())


def export_program() -> NoReturn:
    """Runs `export`."""
    _end(export_main())


def _end(exit_code: int) -> NoReturn:
    """End at once: a command has closed what it opened, and Python would take 0.1 s to free its modules one by one."""
    for stream in (sys.stdout, sys.stderr):
        # There is none where it was closed, and nobody to tell where its reader has gone.
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    reelmill_program()
