"""Small batches for tests: films of 32 × 18 pixels whose one colour comes from their row, read back by ffmpeg."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from reelmill.export.batches.batch_job import SilentBatchListener
from reelmill.export.batches.batch_summary import BatchSummary, JobResult
from reelmill.export.batches.job_list import BatchJob
from tests.support.clips import ffmpeg

WIDTH, HEIGHT, FPS = 32, 18, 10
COMMAND = [sys.executable, "-m", "reelmill", "batch"]


def write_template(folder: Path, seconds: float = 0.5, **more: Any) -> Path:
    """A project of one solid of the variable `color`, lossless."""
    path = folder / "film.json"
    project = {
        "canvas": {"width": WIDTH, "height": HEIGHT, "fps": FPS},
        "tracks": [{"clips": [{"solid": "${color}", "duration": seconds}]}],
        "export": {"video": {"codec": "ffv1", "pix_fmt": "bgr0"}},
        **more,
    }
    path.write_text(json.dumps(project), encoding="utf-8")
    return path


def color_of(number: int) -> tuple[int, int, int]:
    """A colour of its own for each job."""
    return (number * 7 % 256, number * 31 % 256, number * 101 % 256)


def hexadecimal(number: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color_of(number))


def write_jobs(folder: Path, count: int, colors: dict[int, str] | None = None) -> Path:
    """A CSV with so many jobs of the template."""
    path = folder / "jobs.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["project", "output", "color"])
        for number in range(count):
            color = (colors or {}).get(number, hexadecimal(number))
            writer.writerow(["film.json", f"films/{number}.mkv", color])
    return path


def check_films(folder: Path, numbers: Iterable[int], frames: int = 5) -> None:
    """Every pixel of every frame has the colour of its job."""
    for number in numbers:
        path = folder / "films" / f"{number}.mkv"
        data = ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
        assert data == bytes(color_of(number)) * (WIDTH * HEIGHT * frames), path


class Recorder(SilentBatchListener):
    """Notes what a batch tells."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.results: list[JobResult] = []
        self.waiting = -1

    def planned(self, summary: BatchSummary) -> None:
        self.waiting = len(summary.jobs) - len(summary.results)

    def started(self, job: BatchJob) -> None:
        self.begun.append(job.output.name)

    def ended(self, result: JobResult) -> None:
        self.results.append(result)

    def states(self) -> dict[str, str]:
        """By name of the output."""
        return {result.job.output.name: result.state for result in self.results}


def events(text: str) -> list[dict[str, Any]]:
    """The JSON lines of a log; a line that was cut off by a kill is none."""
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
