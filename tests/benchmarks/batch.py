"""A batch in two processes against one, its memory, and a kill in the middle. `make bench-batch` runs it.

In: a template of 3 seconds at 640 × 360 and a CSV with a row for each film. Each run is the whole command as a user
starts it, with one encoder thread and a preset beside which compositing counts little, so that one process leaves a
core free. The runs with one and with two processes are
made in turn; every film is read back with ffmpeg. At last a run is killed with SIGKILL in the middle and resumed: what
its two logs call done must be each film once.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WIDTH, HEIGHT, FPS, SECONDS = 640, 360, 30, 3
FRAMES = FPS * SECONDS
MARK = (40, 40, 120, 80)
"""Left, top, width, height of the rectangle that has the row's colour, pixels."""
MAX_ERROR = 6
"""Of its colour in a film, code values: 4:2:0 and an encoder lie between."""
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Run:
    """One batch."""

    wall: float
    processor: float
    memory: list[int]
    """Peak of the process that made it, bytes, by film in the order of the list."""


def color_of(number: int) -> tuple[int, int, int]:
    return (number * 53 % 200 + 28, number * 97 % 200 + 28, number * 29 % 200 + 28)


def make(folder: Path, films: int, preset: str) -> None:
    """The template, its footage and the rows."""
    folder.mkdir(parents=True, exist_ok=True)
    zoom = [
        "-f",
        "lavfi",
        "-i",
        f"mandelbrot=s={WIDTH}x{HEIGHT}:r={FPS}:end_scale=0.01:end_pts=200",
        "-t",
        str(SECONDS),
    ]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *zoom, "-pix_fmt", "yuv420p", folder / "zoom.mp4"], check=True)
    left, top, width, height = MARK
    mark = {"type": "rectangle", "size": [width, height], "fill": "${color}"}
    fade = {"keyframes": [{"time": 0, "value": 0}, {"time": 0.3, "value": 1}]}
    text = {"content": "${title}", "size": "${size:int=44}", "box_width": 560, "outline": {"width": 2}}
    place = {"position": [left + width / 2, top + height / 2]}
    project = {
        "canvas": {"width": WIDTH, "height": HEIGHT, "fps": FPS},
        "media": {"zoom": {"path": "zoom.mp4"}},
        "tracks": [
            {"clips": [{"media": "zoom", "duration": SECONDS}]},
            {"clips": [{"shape": mark, "duration": SECONDS, "transform": place}]},
            {"clips": [{"text": text, "duration": SECONDS, "transform": {"opacity": fade, "position": [320, 240]}}]},
        ],
        "export": {"video": {"preset": preset}},
    }
    (folder / "card.json").write_text(json.dumps(project), encoding="utf-8")
    with (folder / "jobs.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["project", "output", "title", "color"])
        for number in range(films):
            red, green, blue = color_of(number)
            title = f'Card "{number}"\nline two; {number * number}'
            writer.writerow(["card.json", f"films/{number:04}.mp4", title, f"#{red:02x}{green:02x}{blue:02x}"])


def command(folder: Path, jobs: int, *more: str) -> list[str]:
    flags = ["--jobs", str(jobs), "--threads", "1", "--progress", "json", "--summary", str(folder / "summary.json")]
    return [sys.executable, "-m", "reelmill", "batch", str(folder / "jobs.csv"), *flags, *more]


def run(folder: Path, jobs: int) -> Run:
    """One batch from nothing."""
    shutil.rmtree(folder / "films", ignore_errors=True)
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command(folder, jobs), check=True, cwd=ROOT, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    memory = [film["peak_memory_bytes"] for film in summary["films"]]
    return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, memory)


def check(folder: Path, films: int) -> None:
    """Every film is there, has every frame, and shows its row's colour in the first, a middle and the last one."""
    left, top, width, height = MARK
    for number in range(films):
        path = folder / "films" / f"{number:04}.mp4"
        inner = f"crop={width - 16}:{height - 16}:{left + 8}:{top + 8},scale=1:1:flags=area"
        data = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", path, "-vf", inner, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
            check=True,
            capture_output=True,
        ).stdout
        shown = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(int)
        assert len(shown) == FRAMES, f"{path}: {len(shown)} frames"
        error = np.abs(shown - np.array(color_of(number))).max()
        assert error <= MAX_ERROR, f"{path}: the colour is off by {error}"
    assert len(list((folder / "films").glob("*.mp4"))) == films


def events(log: Path) -> list[dict[str, str]]:
    found = []
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:  # the last one, cut off
            continue
    return found


def kill_and_resume(folder: Path, films: int, jobs: int = 2) -> str:
    """Kill a batch after half of its films, go on, and hold the logs against each other."""
    shutil.rmtree(folder / "films", ignore_errors=True)
    logs = [folder / "first.log", folder / "second.log"]
    with logs[0].open("w") as log:
        process = subprocess.Popen(command(folder, jobs), cwd=ROOT, stderr=log)
        while sum(event["event"] == "done" for event in events(logs[0])) < films // 2:
            assert process.poll() is None, "the batch ended before it was killed"
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    time.sleep(2.0)  # renders that had passed their last checkpoint end by themselves
    with logs[1].open("w") as log:
        subprocess.run(command(folder, jobs, "--resume"), check=True, cwd=ROOT, stderr=log)
    made = [event["output"] for log in logs for event in events(log) if event["event"] == "done"]
    skipped = [event["output"] for event in events(logs[1]) if event["event"] == "skipped"]
    assert len(set(made)) == len(made), "a film was made twice"
    assert len(skipped) + sum(event["event"] == "done" for event in events(logs[1])) == films
    return f"killed after {films // 2} films, resumed: {len(skipped)} left out, none made twice"


def main() -> None:
    """Run it all and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("out/bench/batch"))
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--preset", default="slow", help="of x264: what encoding takes against compositing")
    options = parser.parse_args()
    folder, films = options.folder.absolute(), options.films
    make(folder, films, options.preset)
    found: dict[int, list[Run]] = {1: [], 2: []}
    for number in range(options.rounds):
        for jobs, runs in found.items():
            runs.append(run(folder, jobs))
            told = (
                f"round {number + 1}, {jobs} processes: {runs[-1].wall:.1f} s, {runs[-1].processor:.1f} s of processors"
            )
            print(told, file=sys.stderr, flush=True)
            check(folder, films)
    encoder = f"x264 {options.preset} with one thread"
    print(f"{films} films of {SECONDS} s, {WIDTH} × {HEIGHT}, {encoder}; {os.cpu_count()} cores\n")
    print("| processes | wall s | processor s | films/s | times as fast as one (each round) | memory, film 10 → last |")
    print("| --- | --- | --- | --- | --- | --- |")
    for jobs, runs in found.items():
        ratios = [alone.wall / each.wall for alone, each in zip(found[1], runs, strict=True)]
        wall = statistics.median(each.wall for each in runs)
        busy = statistics.median(each.processor for each in runs)
        early, late = (max(each.memory[min(10, films - 1)] for each in runs), max(each.memory[-1] for each in runs))
        each_round = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        memory = f"{early / 1e6:.0f} → {late / 1e6:.0f} MB"
        median = statistics.median(ratios)
        print(f"| {jobs} | {wall:.1f} | {busy:.1f} | {films / wall:.2f} | {median:.2f} ({each_round}) | {memory} |")
    print(f"\n{kill_and_resume(folder, films)}")
    check(folder, films)


if __name__ == "__main__":
    main()
