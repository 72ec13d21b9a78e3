"""Exports with five outputs that are killed or interrupted at random moments, and what they leave.

In: how many, and a seed. Out: lines of what was wrong. What is right is docs/reference/commands.md: 130 after
SIGINT, SIGTERM and SIGHUP, each target the old file or the complete new one, nothing left but by SIGKILL and a second
signal, and that is removed by the next run. The moment comes from the clock, so a seed repeats it only about.
"""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.stress.scenarios import make_media

SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EARLY_SECONDS = 0.2
"""A third of the signals come so soon after the first instruction, while libraries load."""
SECOND_SECONDS = 0.6
"""Until a second signal, which ends the process at once; every sixth time."""
TARGETS = ("film.mp4", "stream/film.m3u8", "frames/%03d.png", "teaser.gif", "sound.wav")
ROOT = Path(__file__).parent.parent.parent
_END_SECONDS = 60


@dataclass(frozen=True)
class Moment:
    """When a signal is sent, and which."""

    number: signal.Signals
    seconds: float
    early: bool
    """The seconds count from the first instruction on, not from the start of the process."""
    twice: bool


class Victim:
    """A folder with two projects, whose films differ in every output, and the outputs of one of them."""

    def __init__(self, folder: Path) -> None:
        """Renders both, so that what is whole is known."""
        self._media, self.out = folder / "media", folder / "out"
        self._media.mkdir()
        files = make_media(self._media, 4)
        self._projects = {version: self._write(version, files) for version in ("old", "new")}
        self.whole: dict[str, dict[str, str]] = {}
        self._names: dict[str, set[str]] = {}
        for version in self._projects:
            started = time.monotonic()
            self.finish(version)
            self.seconds = time.monotonic() - started
            self.whole[version] = self.state()
            self._names[version] = self._listed()
        self.shown = "new"
        """Which version the targets hold."""

    def start(self, version: str) -> subprocess.Popen[str]:
        targets = [str(self.out / name) for name in TARGETS]
        command = [sys.executable, "-X", "faulthandler", "-m", "reelmill", "export", str(self._projects[version])]
        command += [*targets, "--force", "--quiet"]
        return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)

    def finish(self, version: str) -> None:
        """Render to the end."""
        process = self.start(version)
        told = told_by(process)
        assert process.returncode == 0, told
        self.shown = version

    def state(self) -> dict[str, str]:
        """A digest of each target, `missing` where there is none."""
        return {name: _digest(self.out / name) for name in TARGETS}

    def leftovers(self, version: str) -> set[str]:
        """What is in the folder besides the targets of a version."""
        return self._listed() - self._names[version]

    def _listed(self) -> set[str]:
        return {str(path.relative_to(self.out)) for path in self.out.rglob("*")}

    def _write(self, version: str, files: list[str]) -> Path:
        path = self._media / f"{version}.json"
        path.write_text(json.dumps(_project(version, files)), encoding="utf-8")
        return path


def told_by(process: subprocess.Popen[str]) -> str:
    """Wait for a process and return what it wrote. One that hangs is aborted and prints the stack of each thread."""
    try:
        return process.communicate(timeout=_END_SECONDS)[1]
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        return process.communicate()[1]


def _project(version: str, files: list[str]) -> dict[str, Any]:
    inset = {"position": [40, 40], "scale": 0.4}
    card = {"width": 64, "height": 48, "tracks": [{"clips": [{"media": files[1], "duration": 1}]}]}
    shots = [{"media": file, "duration": "8f", "in": 0 if version == "old" else 0.1} for file in files]
    return {
        "version": 1,
        "canvas": {"width": 128, "height": 96, "fps": 25},
        "media": {name: {"path": name} for name in files},
        "compositions": {"card": card},
        "tracks": [
            {"clips": shots},
            {"clips": [{"composition": "card", "duration": 1, "transform": inset}]},
            {"clips": [{"text": {"content": version, "size": 30}, "duration": 1, "transform": inset}]},
        ],
    }


def _digest(target: Path) -> str:
    """Of a file; of a playlist with its segments; of a folder of pictures."""
    if "%" in target.name:
        files = sorted(target.parent.iterdir()) if target.parent.exists() else []
    else:
        files = [target] if target.exists() else []
        if target.suffix == ".m3u8" and files:
            lines = target.read_text(encoding="utf-8").replace('URI="', "\n").replace('"', "\n").splitlines()
            files += [target.parent / line for line in lines if line.endswith((".m4s", ".mp4"))]
    if not files:
        return "missing"
    found = hashlib.sha256()
    for file in files:
        found.update(file.name.encode() + (file.read_bytes() if file.exists() else b"missing"))
    return found.hexdigest()


def moments(count: int, seed: int, whole_seconds: float) -> Iterator[Moment]:
    """So many moments, all signals in turn."""
    generator = random.Random(seed)
    for number in range(count):
        early = number % 3 == 0
        seconds = generator.random() * (EARLY_SECONDS if early else 1.1 * whole_seconds)
        chosen = SIGNALS[number % len(SIGNALS)]
        yield Moment(chosen, seconds, early, twice=chosen is not signal.SIGKILL and generator.random() < 1 / 6)


def run(count: int, seed: int, folder: Path) -> list[str]:
    """Send so many signals; returns what was wrong."""
    for ignored in (signal.SIGINT, signal.SIGHUP):
        # Whoever starts this with nohup, or in the background, has it ignored, and exports would inherit that.
        signal.signal(ignored, signal.SIG_DFL)
    victim = Victim(folder)
    print(f"an export takes {victim.seconds:.1f} s", flush=True)
    faults: list[str] = []
    ends: Counter[str] = Counter()
    for number, moment in enumerate(moments(count, seed, victim.seconds)):
        wrong, end = _try(victim, moment)
        ends[end] += 1
        faults += [f"{number}: {moment}: {each}" for each in wrong]
        for each in faults[len(faults) - len(wrong) :]:
            print(each, flush=True)
        if number % 20 == 19:
            print(f"{number + 1} signals, {len(faults)} faults: {dict(ends)}", flush=True)
    print(f"{count} signals, {len(faults)} faults: {dict(ends)}")
    return faults


def _try(victim: Victim, moment: Moment) -> tuple[list[str], str]:
    """Send a signal to an export of the version that the targets do not hold. Returns faults, and how it ended."""
    before, version = victim.shown, "old" if victim.shown == "new" else "new"
    process = victim.start(version)
    while moment.early and process.poll() is None and not _has_begun(process.pid):
        time.sleep(0.001)
    time.sleep(moment.seconds)
    begun = _has_begun(process.pid)
    process.send_signal(moment.number)
    if moment.twice:
        time.sleep(SECOND_SECONDS)
        process.send_signal(moment.number)
    told = told_by(process)
    code = process.returncode
    if code == -signal.SIGABRT:
        return [f"it did not end: {told}"], "hung"
    wrong = list(_wrong_targets(victim, code, before, version))
    at_once = code < 0 or "ended at once" in told
    if not at_once and (left := victim.leftovers(version if code == 0 else before)):
        wrong.append(f"exit code {code} left {sorted(left)}")
    if moment.number is signal.SIGKILL:
        right = code in (0, -signal.SIGKILL)
    else:
        # Before its first instruction a signal is Python's.
        right = code in (0, 130) or not begun
        if begun and "Traceback" in told:
            wrong.append(f"a traceback: {told}")
        if code == 130 and "error: interrupted" not in told:
            wrong.append(f"no message: {told}")
    if not right:
        wrong.append(f"exit code {code}: {told}")
    victim.shown = version if code == 0 else before
    if at_once:
        # The next run removes what is left, and puts back what was about to be replaced.
        victim.finish(before)
        if victim.state() != victim.whole[before] or victim.leftovers(before):
            wrong.append(f"the next run left {sorted(victim.leftovers(before))}")
    return wrong, f"{'before it began' if not begun else 'ended at once' if at_once else code}"


def _wrong_targets(victim: Victim, code: int, before: str, version: str) -> Iterator[str]:
    for name, found in victim.state().items():
        old, new = victim.whole[before][name], victim.whole[version][name]
        allowed = {0: {new}, 130: {old, new}}.get(code, {old, new})
        if "%" in name and code == -signal.SIGKILL:
            # A folder is replaced by two renames; the next run puts the old one back.
            allowed = {*allowed, "missing"}
        if found not in allowed:
            yield f"exit code {code}: {name} is neither old nor new"


def _has_begun(pid: int) -> bool:
    """Whether reelmill's handlers are in place: Python itself has none for SIGHUP."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return True
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (signal.SIGHUP - 1) & 1)
