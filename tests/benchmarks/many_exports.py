"""Does an export leave anything behind? `make bench-memory` exports a film many times in one process.

Prints, after each of some exports, the memory that the process holds: it must stay what it was after the third.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from examples.make_media import make_all
from export.job import ExportOptions
from export.session import export_film

ROOT = Path(__file__).resolve().parent.parent.parent


def resident_megabytes() -> float:
    """Of this process, by /proc: Linux alone."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Export again and again, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exports", type=int, default=100)
    parser.add_argument("--project", type=Path, default=ROOT / "examples" / "nested" / "project.json")
    options = parser.parse_args()
    make_all()
    held = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.exports):
            export_film(options.project, Path(folder) / "film.mp4", ExportOptions(system="v2", force=True))
            held.append(resident_megabytes())
    print("| export | MB held |\n| --- | --- |")
    for number in sorted({1, 3, 10, *range(20, options.exports + 1, 20), options.exports}):
        if number <= options.exports:
            print(f"| {number} | {held[number - 1]:.0f} |")
    print(f"\nmedian of the last half: {statistics.median(held[options.exports // 2 :]):.0f} MB")


if __name__ == "__main__":
    main()
