"""The programs: `reelmill`, which is also `python -m reelmill`, and `export`. Each runs a command and ends the process.

Signals are heard from the first line on, so whatever takes time to load is loaded after that.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

from reelmill.cli.interruption import Interruption
from reelmill.cli.standard_streams import prepare_streams
from reelmill.planner.process.exhaustion import NoThread


def reelmill_program() -> NoReturn:
    """Runs `reelmill`."""
    _run("main")


def export_program() -> NoReturn:
    """Runs `export`."""
    _run("export_main")


def _run(name: str) -> NoReturn:
    """Run a function of cli.main."""
    prepare_streams()
    # The threads of this program are those that it starts itself. OpenBLAS, by which numpy multiplies small matrices
    # here, would start one for each core, and end the process by SIGINT where the system gives it none.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        with Interruption() as interruption:
            from reelmill.cli import main
            from reelmill.export.opening.descriptors import raise_limit

            raise_limit()
            _end(getattr(main, name)(interruption=interruption))
    except NoThread as error:
        from reelmill.cli.main import fail_to_start

        _end(fail_to_start(error))


def _end(exit_code: int) -> NoReturn:
    """End at once: a command has closed what it opened, and Python would take 0.1 s to free its modules one by one."""
    for stream in (sys.stdout, sys.stderr):
        # There is none where it was closed, and what could not be written has been told.
        with suppress(Exception):
            stream.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    reelmill_program()
