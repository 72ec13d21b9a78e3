"""`make soak`: what must hold for hours, in small numbers, or in those that are asked for.

    make soak SOAK="signals --count 300"       kills and interrupts exports with five outputs
    make soak SOAK="descriptors --count 1000"  renders 40 files with 34 descriptors
    make soak SOAK="exports --count 200"       exports films through V2 and nesting in one process

Without a word all three run, a few of each. The exit code is 1 where something was wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks import many_exports
from tests.soak import descriptors, signals
from tests.stress.scenarios import anything, make_media, many_files

KINDS = {"signals": 24, "descriptors": 40, "exports": 45}
"""With the number that is run where none is given."""


def main() -> int:
    """Run one kind, or each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="?", choices=[*KINDS])
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments of signals")
    asked = parser.parse_args()
    if asked.kind is None:
        runs = [subprocess.run([sys.executable, "-m", "tests.soak", kind], check=False) for kind in KINDS]
        return max(run.returncode != 0 for run in runs)
    count = asked.count or KINDS[asked.kind]
    print(f"{asked.kind}: {count}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if asked.kind == "exports":
            return many_exports.run(count, _nested(Path(folder)))
        if asked.kind == "descriptors":
            descriptors.run(count, Path(folder))
            return 0
        print(f"seed {asked.seed}", flush=True)
        return bool(signals.run(count, asked.seed, Path(folder)))


def _nested(folder: Path) -> tuple[Path, ...]:
    """Two projects of tiny films with compositions in compositions, and one of many files."""
    files = make_media(folder)
    projects = [anything(files, random.Random(seed), compositions=3) for seed in (1, 2)]
    paths = []
    for number, project in enumerate([*projects, many_files(files, 20)]):
        paths.append(folder / f"project-{number}.json")
        paths[-1].write_text(json.dumps(project), encoding="utf-8")
    return tuple(paths)


if __name__ == "__main__":
    sys.exit(main())
