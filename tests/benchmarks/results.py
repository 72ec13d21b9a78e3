"""What was measured, and the figures made of it: medians, ratios, agreement, targets. Plain data, stored as JSON."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import Usage
from tests.benchmarks.scene import Scene

PEER_PSNR = 33.0
"""dB that melt, MoviePy and movis must reach against ffmpeg's film: they scale and round in other ways."""
SIZE_TOLERANCE = 0.1
REAL_TIME = {"S1": 3.0, "S2": 2.0, "S3": 1.5, "S4": 1.0}
"""Seconds of film that should be made in a second: of simple and medium films, 20 clips with 5 nested, 10 deep."""
MOST_MB = 500
"""Of memory, unless decoders and encoder alone take more."""


@dataclass(frozen=True, slots=True)
class Film:
    """A finished film, and how it compares with ffmpeg's."""

    size_bytes: int
    frames: int
    psnr: float | None
    """dB; None for ffmpeg's own, or where there is none."""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that is aimed at."""

    what: str
    value: float
    limit: float
    at_least: bool = False
    """Whether the limit is the least, not the most."""

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(slots=True)
class Result:
    """A scene's runs."""

    key: str
    title: str
    frames: int
    seconds: float
    least_psnr: float
    why_less: str
    limits: dict[str, float]
    """By "ffmpeg", "one-input", "floor": the most that reelmill's time over theirs may be."""
    runs: dict[str, list[Usage]] = field(default_factory=dict)
    """By contender."""
    films: dict[str, Film] = field(default_factory=dict)
    floors: list[float] = field(default_factory=list)
    """Seconds, one a round."""
    floor_peaks: list[int] = field(default_factory=list)
    """Bytes that the decoders and the encoder take by themselves, one a round."""
    failures: dict[str, str] = field(default_factory=dict)
    """What a contender said that could not make the film."""

    @classmethod
    def of(cls, scene: Scene) -> Result:
        limits = {
            "ffmpeg": scene.against_ffmpeg,
            "one-input": scene.against_one_input,
            "floor": scene.against_floor,
        }
        asked = {name: limit for name, limit in limits.items() if limit is not None}
        return cls(scene.key, scene.title, scene.frames, scene.seconds, scene.least_psnr, scene.why_less, asked)

    @property
    def ours(self) -> str:
        """The contender that stands for reelmill."""
        return "reelmill" if "reelmill" in self.runs else "v2"

    def wall(self, name: str) -> float:
        if name == "floor":
            return statistics.median(self.floors)
        return statistics.median(run.wall for run in self.runs[name])

    def cpu(self, name: str) -> float:
        return statistics.median(run.cpu for run in self.runs[name])

    def peak(self, name: str) -> float:
        if name == "floor":
            return statistics.median(self.floor_peaks)
        return statistics.median(run.peak_bytes for run in self.runs[name])

    def has(self, name: str) -> bool:
        return bool(self.floors) if name == "floor" else bool(self.runs.get(name))

    def against(self, name: str) -> float | None:
        """reelmill's time over another's (or the floor): the ratio of medians."""
        if not self.has(name) or not self.has(self.ours):
            return None
        return self.wall(self.ours) / self.wall(name)

    def times_real_time(self, name: str) -> float:
        """Seconds of film that a contender (or the floor) makes in a second."""
        return self.seconds / self.wall(name)

    def disagreements(self, name: str) -> list[str]:
        """Why a contender's film is not the one that was asked for."""
        if name in self.failures:
            return [f"made no film: {self.failures[name]}"]
        film, found = self.films.get(name), []
        if film is None:
            return []
        if film.frames != self.frames:
            found.append(f"{film.frames} frames, not {self.frames}")
        least = self.least_psnr if name in ("reelmill", "v1", "v2", "one-input") else min(PEER_PSNR, self.least_psnr)
        if film.psnr is not None and film.psnr < least:
            found.append(f"PSNR {film.psnr:.1f} dB, less than {least:g}")
        reference = self.films.get("ffmpeg")
        if reference is not None:
            ratio = film.size_bytes / reference.size_bytes
            if abs(ratio - 1) > SIZE_TOLERANCE:
                found.append(f"{ratio:.2f} times the size of ffmpeg's")
        return found

    def targets(self) -> list[Target]:
        found = []
        names = {"ffmpeg": "ffmpeg", "one-input": "ffmpeg with one input", "floor": "the floor"}
        for name, limit in self.limits.items():
            ratio = self.against(name)
            if ratio is not None:
                found.append(Target(f"{self.key} against {names[name]}", ratio, limit))
        if self.key in REAL_TIME and self.has(self.ours):
            speed = self.times_real_time(self.ours)
            found.append(Target(f"{self.key}, times real time", speed, REAL_TIME[self.key], at_least=True))
        if self.key in ("S2", "S3", "S4"):
            for name, limit in (("melt", 3.0), ("moviepy", 4.0), ("movis", 4.0)):
                ratio = self.against(name)
                if ratio is not None:
                    found.append(Target(f"{self.key}, times as fast as {name}", 1 / ratio, limit, at_least=True))
        if self.key == "S3":
            for name in ("melt", "moviepy", "movis"):
                if self.has(name) and self.has("reelmill"):
                    value = self.peak("reelmill") / self.peak(name)
                    found.append(Target(f"{self.key}, memory against {name}", value, 0.5))
        if self.key in ("S1", "S2", "S3", "S4", "S5", "S6", "S7") and self.has("reelmill"):
            alone = self.peak("floor") / 1e6 if self.floor_peaks else 0.0
            found.append(Target(f"{self.key}, peak memory in MB", self.peak("reelmill") / 1e6, max(MOST_MB, alone)))
        if self.key.startswith("L") and self.has("v1") and self.has("v2"):
            found.append(Target(f"{self.key}, V2 against V1", self.wall("v2") / self.wall("v1"), 1.05))
        return found


@dataclass(slots=True)
class Report:
    """A whole run of the benchmark."""

    machine: dict[str, str]
    """What it ran on, in words, by what."""
    absent: dict[str, str]
    """Peers that are not installed, and how to get them."""
    rounds: int
    results: list[Result] = field(default_factory=list)


def store(report: Report, path: Path) -> None:
    path.write_text(json.dumps(asdict(report), indent=1))


def load(path: Path) -> Report:
    data = json.loads(path.read_text())
    return Report(**{**data, "results": [_result(each) for each in data["results"]]})


def _result(data: dict[str, Any]) -> Result:
    runs = {name: [Usage(**run) for run in runs] for name, runs in data["runs"].items()}
    films = {name: Film(**film) for name, film in data["films"].items()}
    return Result(**{**data, "runs": runs, "films": films})
