"""One process that renders many small films of 40 files with hardly any descriptors. Ends with all stacks if it hangs.

Active: the process' limit on open files is set for good.
"""

from __future__ import annotations

import faulthandler
import resource
import time
from pathlib import Path

from reelmill.export.api import render
from reelmill.export.opening.job import ExportOptions
from tests.stress.scenarios import FILES, make_media, many_files, written

DESCRIPTORS = 34
_HANGS_SECONDS = 120


def run(renders: int, folder: Path) -> None:
    """Render so many times."""
    project = written(many_files(make_media(folder), FILES, heard=0), folder)
    began = time.monotonic()
    for number in range(renders):
        faulthandler.dump_traceback_later(_HANGS_SECONDS, exit=True)
        render(project, folder / "film.mp4", options=ExportOptions(force=True))
        if number == 0:
            # What is loaded once is open by now.
            resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        if number % 100 == 99:
            print(f"{number + 1} renders", flush=True)
    faulthandler.cancel_dump_traceback_later()
    seconds = time.monotonic() - began
    print(f"{renders} renders of {FILES} files with {DESCRIPTORS} descriptors without a hang in {seconds:.0f} s")
