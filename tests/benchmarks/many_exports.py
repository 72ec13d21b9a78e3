"""Does an export leave anything behind? `make bench-memory` exports films many times in one process.

Prints what the process holds after some exports: memory, open files and threads. They must stay what they were.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from examples.make_media import make_all
from reelmill.export.opening.job import ExportOptions
from reelmill.export.rendering.session import export_film

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECTS = ("nested", "picture_in_picture")
"""Of the examples: footage in compositions, each through V2."""
WARM = 3
"""Exports of each project after which all is loaded, and the heap has its size."""
MORE_MEMORY = 1.1
"""How much more the last quarter may hold than the second."""


@dataclass(frozen=True)
class Held:
    """What this process holds, by /proc: Linux alone."""

    megabytes: float
    descriptors: int
    threads: int


def held() -> Held:
    """What it holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return Held(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, descriptors, threading.active_count())


def run(exports: int, projects: Sequence[Path]) -> int:
    """Export again and again through V2, each project in turn; prints a table. Returns 1 where something grows."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(exports):
            film = Path(folder) / "film.mp4"
            export_film(projects[number % len(projects)], film, ExportOptions(system="v2", force=True))
            found.append(held())
    print("| export | MB held | open files | threads |\n| --- | --- | --- | --- |")
    for number in sorted({1, 3, 10, *range(20, exports + 1, 20), exports}):
        if number <= exports:
            each = found[number - 1]
            print(f"| {number} | {each.megabytes:.0f} | {each.descriptors} | {each.threads} |")
    return _judge(found, WARM * len(projects))


def _judge(found: list[Held], warm: int) -> int:
    """Say whether anything grows. What is warm first counts for descriptors and threads."""
    if len(found) <= 2 * warm:
        print("\ntoo few exports to tell whether anything grows")
        return 0
    quarter = max(len(found) // 4, 1)
    early = statistics.median(each.megabytes for each in found[warm : warm + quarter])
    late = statistics.median(each.megabytes for each in found[-quarter:])
    grown = [f"memory from {early:.0f} to {late:.0f} MB"] if late > early * MORE_MEMORY else []
    for what in ("descriptors", "threads"):
        before, after = (max(getattr(each, what) for each in part) for part in (found[:warm], found[warm:]))
        grown += [f"{what} from {before} to {after}"] if after > before else []
    print(f"\ngrown: {', '.join(grown)}" if grown else f"\nnothing grows; {late:.0f} MB at the end")
    return 1 if grown else 0


def main() -> int:
    """Export as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exports", type=int, default=100)
    parser.add_argument("--project", type=Path, action="append", help="instead of two examples; may be repeated")
    options = parser.parse_args()
    make_all()
    return run(options.exports, options.project or [ROOT / "examples" / name / "project.json" for name in PROJECTS])


if __name__ == "__main__":
    sys.exit(main())
