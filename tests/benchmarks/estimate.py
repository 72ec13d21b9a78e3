"""How good the estimates of an export are: before it begins, and of the time that is left while it runs.

Each case is planned, then exported with `--progress json`. The guess before is held against the CPU time that the
export took, over how much slower the machine is at the moment than one at rest: a piece of work whose time is known is
measured before and after each case. Of the time left, what counts is the share of the work that it says is done: that
is held against the share of all CPU time that was used by then, so that a machine that is busy with other things
distorts neither. Examples are cut to a few seconds; the scenes are those of `make bench`. `make bench-estimate` runs it
and prints a table.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import footage, peer_reelmill
from tests.benchmarks.measure import ROOT, run
from tests.benchmarks.scene import File
from tests.benchmarks.scenes import MARGIN_SECONDS, SCENES
from tests.benchmarks.tables import write_between_markers

EXAMPLES = ("hello", "picture_in_picture", "nested", "kinetic_text", "blend_modes", "soundtrack", "subtitles")
SCENE_NAMES = ("S1", "S2", "S4")


REFERENCE_FRAMES = 90
REFERENCE_SECONDS = 2.4
"""CPU time that ffmpeg took to decode and encode these frames of a shot, on the server that the constants of
planner.stage_costs are of, at rest: the floor of scene S1."""


@dataclass(frozen=True)
class Case:
    name: str
    project: Path
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """One event of progress."""

    used: float
    """CPU seconds of the export so far."""
    elapsed: float
    left: float
    """Seconds, as told."""


@dataclass(frozen=True)
class Found:
    """What came out of a case."""

    guess: float
    """CPU seconds, told before."""
    taken: float
    slowness: float
    """How many times the CPU time of a machine at rest work takes now."""
    told: list[Told]

    @property
    def error_before(self) -> float:
        return self.guess / (self.taken / self.slowness) - 1

    def errors(self, first: float, last: float) -> list[float]:
        """Of what was told while that share of the CPU time was used: told minus true, as a share of the whole."""
        begun = self.told[0].used if self.told else 0.0
        found = []
        for each in self.told:
            done = (each.used - begun) / (self.taken - begun)
            if first <= done <= last:
                found.append(each.left / (each.elapsed + each.left) - (1 - done))
        return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def reelmill(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "reelmill", *arguments]


def slowness(shot: File) -> float:
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(shot.path), "-frames:v", str(REFERENCE_FRAMES)]
    return run([*command, *footage.X264, "-f", "null", "-"]).cpu / REFERENCE_SECONDS


def measure(case: Case, output: Path, shot: File) -> Found:
    before = slowness(shot)
    plan = subprocess.run(
        reelmill("plan", str(case.project), "--json", *case.options), cwd=ROOT, check=True, capture_output=True
    )
    guess = json.loads(plan.stdout)["estimated_cpu_seconds"]
    command = reelmill("export", str(case.project), str(output), "--force", "--progress", "json", *case.options)
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    told = list(_progress(process))
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, case.name
    return Found(guess, used.ru_utime + used.ru_stime, (before + slowness(shot)) / 2, told)


def _progress(process: subprocess.Popen[str]) -> Iterator[Told]:
    assert process.stderr is not None
    for line in process.stderr:
        event: dict[str, Any] = json.loads(line)
        if event["event"] == "progress" and event["frames"] < event["total"]:
            yield Told(cpu_seconds(process.pid), event["elapsed_seconds"], event["remaining_seconds"])


def cases(folder: Path, seconds: float, only: str) -> Iterator[Case]:
    for name in EXAMPLES:
        if only in name:
            yield Case(name, ROOT / "examples" / name / "project.json", ("--range", f"0..{seconds:g}"))
    for name in SCENE_NAMES:
        if only in name:
            scene = SCENES[name](folder, seconds)
            source = folder / f"{name}-estimate.json"
            source.write_text(json.dumps(peer_reelmill.project(scene)))
            yield Case(f"{name}: {scene.title}", source)


def worst(errors: list[float]) -> str:
    return f"{max(errors, key=abs):+.0%}" if errors else "—"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("out/bench"), help="for footage")
    parser.add_argument("--seconds", type=float, default=4, help="of each example and scene")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--docs", type=Path, help="a Markdown page between whose markers the table goes")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    shot = footage.shot(options.folder, 0, math.ceil(options.seconds) + MARGIN_SECONDS)
    lines = [
        "| film | guess, CPU s | taken | slowness | error before | worst error, 10 to 50 % | worst, 50 to 100 % |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    print("\n".join(lines))
    with tempfile.TemporaryDirectory() as made:
        for case in cases(options.folder, options.seconds, options.only):
            found = measure(case, Path(made) / "film.mp4", shot)
            cells = (
                *(case.name, f"{found.guess:.1f}", f"{found.taken:.1f}", f"{found.slowness:.2f}"),
                f"{found.error_before:+.0%}",
                *(worst(found.errors(0.1, 0.5)), worst(found.errors(0.5, 1))),
            )
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    if options.docs:
        write_between_markers(options.docs, "bench-estimate", "\n".join(lines))


if __name__ == "__main__":
    main()
