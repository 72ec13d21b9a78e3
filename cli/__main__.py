"""The programs: `reelmill`, which is also `python -m cli`, and `export`. Each runs a command and ends the process.

Signals are heard from the first line on, so whatever takes time to load is loaded after that.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

from cli.interruption import Interruption
from cli.standard_streams import prepare_streams


def reelmill_program() -> NoReturn:
    """Runs `reelmill`."""
    prepare_streams()
    with Interruption() as interruption:
        from cli.main import main
        from export.descriptors import raise_limit

        raise_limit()
        _end(main(interruption=interruption))


def export_program() -> NoReturn:
    """Runs `export`."""
    prepare_streams()
    with Interruption() as interruption:
        from cli.main import export_main
        from export.descriptors import raise_limit

        raise_limit()
        _end(export_main(interruption=interruption))


def _end(exit_code: int) -> NoReturn:
    """End at once: a command has closed what it opened, and Python would take 0.1 s to free its modules one by one."""
    for stream in (sys.stdout, sys.stderr):
        # There is none where it was closed, and what could not be written has been told.
        with suppress(Exception):
            stream.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    reelmill_program()
