"""The process that tries cases, one after the other: `python -m tests.fuzz.child WORK`.

In: names of cases on stdin, a line each. Out: a line of JSON for each on stdout. What a case makes of the process (a
crash, a hang) is the parent's to notice.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from tests.fuzz.cases import Case
from tests.fuzz.commands import limit_processor, limit_resources
from tests.fuzz.trials import Trial

MEMORY_BYTES = 6 << 30
FILE_BYTES = 256 << 20
CASE_CPU_SECONDS = 90
CASE_SECONDS = 150
"""Of wall time, until the stacks of all threads are written to stderr."""


def main() -> None:
    """Try cases until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing else may get between the answers
    limit_resources(MEMORY_BYTES, FILE_BYTES)
    faulthandler.enable()
    work = Path(sys.argv[1])
    for line in sys.stdin:
        limit_processor(CASE_CPU_SECONDS)
        faulthandler.dump_traceback_later(CASE_SECONDS)
        result = Trial(Case.of(line.strip()), work).run()
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps(asdict(result)), file=answers, flush=True)


if __name__ == "__main__":
    main()
