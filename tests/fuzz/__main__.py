"""`make fuzz`: mutated projects and media through reelmill's commands, for a time or a number of cases.

    make fuzz FUZZ="--seconds 3600 --seed 1"        an hour, two processes
    make fuzz FUZZ="--projects 200 --media 30 --data 0"      so many cases
    make fuzz FUZZ="--only project-1-123"           one case again

Cases are the same for the same seed. What a faulty case consists of is kept in out/fuzz/NAME, with the commands that
show it in fault.txt. The exit code is 1 where there was a fault.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.fuzz.campaign import ROOT, Campaign
from tests.fuzz.cases import KINDS, Case, Kind, Result
from tests.fuzz.seed_media import make_media

SHARES: dict[Kind, int] = {"media": 1, "project": 7, "data": 3}
"""How many cases of a kind are tried for one of another: 20,000 projects and 3,000 media in an hour."""


class Tally:
    """Counts results, and keeps what is faulty."""

    def __init__(self, work: Path, kept: Path, every: float = 60) -> None:
        """`kept`: the folder for faulty cases. A line is printed every so many seconds."""
        self._work, self._kept, self._every = work, kept, every
        self.cases: Counter[str] = Counter()
        self.commands: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.faulty: dict[str, Result] = {}
        self._began = self._said = time.monotonic()

    def add(self, case: Case, result: Result) -> None:
        """Count one more."""
        self.cases[case.kind] += 1
        self.commands.update(result.commands)
        self.notes.update(result.notes)
        if result.faults:
            self.faulty[case.name] = result
            self._keep(case, result)
        if time.monotonic() - self._said > self._every:
            self._said = time.monotonic()
            print(f"{self._said - self._began:.0f} s: {self.head()}", flush=True)

    def head(self) -> str:
        """One line of numbers."""
        counts = f"{self.cases['project']} projects, {self.cases['media']} media, {self.cases['data']} data files"
        return f"{counts}, {len(self.faulty)} faulty"

    def summary(self) -> str:
        """All there is to say at the end."""
        lines = [self.head(), *(f"  {what}: {count}" for what, count in sorted((self.commands + self.notes).items()))]
        for name, result in sorted(self.faulty.items()):
            lines.append(f"{name}:")
            lines += [f"  {fault.command}: {fault.what}" for fault in result.faults]
            lines.append(f'  again: make fuzz FUZZ="--only {name}"; its files: {self._kept / name}')
        return "\n".join(lines)

    def _keep(self, case: Case, result: Result) -> None:
        kept, folder = self._kept / case.name, self._work / case.name
        shutil.rmtree(kept, ignore_errors=True)
        if folder.exists():
            shutil.move(folder, kept)
        kept.mkdir(parents=True, exist_ok=True)
        text = "".join(f"$ {fault.command}\n{fault.what}\n" for fault in result.faults)
        (kept / "fault.txt").write_text(text, encoding="utf-8", errors="backslashreplace")
        media = self._kept / "media"
        if not media.exists():
            media.symlink_to(self._work / "media")
        first = result.faults[0]
        print(f"FAULT {case.name}: {first.command}: {first.what}", flush=True)


def cases(seed: int, most: Mapping[Kind, int | None], until: float | None) -> Iterator[Case]:
    """Cases of all kinds in turn, up to the numbers of each, or until a time."""
    done = dict.fromkeys(KINDS, 0)
    while until is None or time.monotonic() < until:
        waiting = [kind for kind in KINDS if most[kind] is None or done[kind] < (most[kind] or 0)]
        if not waiting:
            return
        kind = min(waiting, key=lambda kind: done[kind] / SHARES[kind])
        yield Case(kind, seed, done[kind])
        done[kind] += 1


def main(arguments: list[str] | None = None) -> int:
    """Run, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, help="stop after this time (default: 60, unless cases are counted)")
    parser.add_argument("--projects", type=int, help="stop after so many projects; 0 for none")
    parser.add_argument("--media", type=int, help="stop after so many mutated media; 0 for none")
    parser.add_argument("--data", type=int, help="stop after so many mutated files of other kinds; 0 for none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="try these cases alone")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "reelmill-fuzz")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "fuzz")
    options = parser.parse_args(arguments)
    make_media(options.work / "media")
    options.out.mkdir(parents=True, exist_ok=True)
    most: dict[Kind, int | None] = {"project": options.projects, "media": options.media, "data": options.data}
    seconds = options.seconds
    if seconds is None and None in most.values():
        seconds = 60
    until = None if seconds is None else time.monotonic() + seconds
    wanted = map(Case.of, options.only) if options.only else cases(options.seed, most, until)
    tally = Tally(options.work, options.out)
    Campaign(options.work, iter(wanted), tally.add).run(options.processes)
    print(tally.summary())
    return 1 if tally.faulty else 0


if __name__ == "__main__":
    sys.exit(main())
