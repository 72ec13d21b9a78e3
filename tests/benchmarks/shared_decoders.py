"""V2 against V1: speed, decoding work, memory and growth. `make bench-decoders` runs it and prints Markdown tables.

Every case is a project made here, exported by both systems in turn as whole processes, several rounds interleaved;
the figures are medians, or ratios of them. Footage is made once, by the ffmpeg command line.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.footage import X264, pattern
from tests.benchmarks.tables import write_between_markers


@dataclass
class Case:
    """A project, and what ffmpeg would be told for the same picture, if it can be told."""

    name: str
    project: dict[str, Any]
    graph: list[str] = field(default_factory=list)
    systems: tuple[str, ...] = ("v1", "v2")


def project(width: int, height: int, media: Iterable[str], **more: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "canvas": {"width": width, "height": height, "fps": 30},
        "media": {name: {"path": name} for name in media},
        "export": {"video": {"preset": "veryfast", "crf": 23}},
        **more,
    }


def layers_of_one_file(folder: Path, count: int) -> Case:
    """One file in several layers, 7 s apart, as tiles."""
    name = pattern(folder, "long", size="1280x720", seconds=64, gop=250)
    columns = {1: 1, 2: 2, 4: 2, 8: 4}[count]
    scale = 1 / columns
    tracks, graph, inputs = [], ["color=black:s=1280x720:r=30:d=10[c0]"], []
    for index in range(count):
        x, y = index % columns, index // columns
        width, height = 1280 // columns, 720 // columns
        position = [width * (x + 0.5), height * (y + 0.5)]
        tracks.append(
            {
                "clips": [
                    {
                        "media": name,
                        "in": 7 * index,
                        "duration": 10,
                        "audio": {"mute": True},
                        "transform": {"scale": scale, "position": position},
                    }
                ]
            }
        )
        inputs += ["-ss", str(7 * index), "-t", "10", "-i", str(folder / name)]
        graph.append(f"[{index}:v]scale={width}:{height}:flags=area[s{index}]")
        graph.append(f"[c{index}][s{index}]overlay={width * x}:{height * y}:shortest=1[c{index + 1}]")
    command = [*inputs, "-filter_complex", ";".join(graph), "-map", f"[c{count}]"]
    return Case(f"one file in {count} layers, 7 s apart", project(1280, 720, [name], tracks=tracks), command)


def overlapping(folder: Path) -> Case:
    """20 clips of 4 files, 5 nested compositions; the clips of a file overlap in source time."""
    names = [pattern(folder, f"shot{n}", size="1920x1080", seconds=20, gop=60) for n in range(4)]
    compositions = {
        f"card{n}": {
            "width": 960,
            "height": 540,
            "tracks": [
                {"clips": [{"media": names[(n + k) % 4], "in": 2 + k / 4, "duration": 8}]}
                if k == 0
                else {
                    "clips": [
                        {
                            "media": names[(n + k) % 4],
                            "in": 2 + k / 4,
                            "duration": 8,
                            "transform": {"scale": 0.4, "position": [240 + 240 * k, 380]},
                        }
                    ]
                }
                for k in range(3)
            ],
        }
        for n in range(5)
    }
    tracks = [{"clips": [{"media": names[n % 4], "in": 2, "duration": 8, "fit": "fill"}]} for n in range(5)]
    tracks += [
        {
            "clips": [
                {
                    "composition": f"card{n}",
                    "duration": 8,
                    "transform": {"scale": 0.35, "position": [220 + 370 * n, 800]},
                }
            ]
        }
        for n in range(5)
    ]
    for number, track in enumerate(tracks[:5]):
        track["clips"][0]["transform"] = {"scale": 0.5, "position": [480 + 240 * number, 300]}
    return Case(
        "20 clips of 4 files, 5 nested compositions",
        project(1920, 1080, names, compositions=compositions, tracks=tracks),
    )


def simple(folder: Path) -> Case:
    """Three clips, one after the other."""
    names = [pattern(folder, f"shot{n}", size="1920x1080", seconds=20, gop=60) for n in range(3)]
    clips = [{"media": name, "in": 1, "duration": 4} for name in names]
    return Case("3 clips of 3 files", project(1920, 1080, names, tracks=[{"clips": clips}]))


def hard(folder: Path) -> Case:
    """12 files with long GOPs, 5 nested compositions, one file at 8 distant positions at once."""
    names = [pattern(folder, f"hard{n}", size="640x360", seconds=70, gop=250) for n in range(12)]
    compositions = {
        f"pair{n}": {
            "tracks": [
                {"clips": [{"media": names[1 + 2 * n], "in": 3 + 5 * n, "duration": 6}]},
                {"clips": [{"media": names[2 + 2 * n], "in": 11 + 7 * n, "duration": 6, "transform": {"scale": 0.4}}]},
            ]
        }
        for n in range(5)
    }
    tracks: list[dict[str, Any]] = [{"clips": [{"media": names[11], "in": 9, "duration": 6}]}]
    tracks += [
        {"clips": [{"media": names[0], "in": 8 * n + 1, "duration": 6, "transform": tile(n % 4, n // 4, 4)}]}
        for n in range(8)
    ]
    tracks += [
        {"clips": [{"composition": f"pair{n}", "duration": 6, "transform": tile(n % 4, 2 + n // 4, 4)}]}
        for n in range(5)
    ]
    return Case(
        "12 files, GOP 250, one at 8 positions", project(640, 360, names, compositions=compositions, tracks=tracks)
    )


def tile(x: int, y: int, columns: int) -> dict[str, Any]:
    return {"scale": 1 / columns, "position": [640 / columns * (x + 0.5), 360 / columns * (y + 0.5)]}


def many_clips(folder: Path, count: int) -> Case:
    """So many clips of half a second, of up to 50 files, each fifth in one of 10 nested compositions."""
    names = [pattern(folder, f"many{n}", size="320x180", seconds=12, gop=30) for n in range(min(50, count))]
    clips: list[dict[str, Any]] = []
    compositions: dict[str, Any] = {}
    for n in range(count):
        clip = {"media": names[n % len(names)], "in": n * 7 % 10, "duration": 0.5}
        if n % 5 == 0:
            key = f"nest{n // 5 % 10}-{n}" if count <= 50 else f"nest{n // 5 % 10}"
            compositions.setdefault(key, {"tracks": [{"clips": [clip]}]})
            clip = {"composition": key, "duration": 0.5}
        clips.append(clip)
    return Case(f"{count} clips", project(320, 180, names, compositions=compositions, tracks=[{"clips": clips}]))


def nested(folder: Path, depth: int) -> Case:
    """Each level shows the one below it twice, and adds nothing else."""
    name = pattern(folder, "shot0", size="1920x1080", seconds=20, gop=60)
    compositions: dict[str, Any] = {"level1": {"tracks": [{"clips": [{"media": name, "duration": 4}]}]}}
    for level in range(2, depth + 1):
        compositions[f"level{level}"] = {
            "tracks": [
                {"clips": [{"composition": f"level{level - 1}"}]},
                {"clips": [{"composition": f"level{level - 1}", "transform": {"scale": 0.5, "opacity": 0.5}}]},
            ]
        }
    tracks = [{"clips": [{"composition": f"level{depth}", "transform": {"opacity": 0.99}}]}]
    return Case(f"nested {depth} deep", project(640, 360, [name], compositions=compositions, tracks=tracks))


def scale(folder: Path) -> Case:
    """50 files of 1080p, 200 clips on four tracks, 10 nested compositions, each in the one before. V2 alone."""
    names = [pattern(folder, f"scale{n}", size="1920x1080", seconds=3, gop=60) for n in range(50)]

    def clips(first: int, count: int, tile: int) -> dict[str, Any]:
        transform = {"scale": 0.45, "position": [480 + 960 * (tile % 2), 270 + 540 * (tile // 2)]}
        return {
            "clips": [
                {"media": names[n * 7 % 50], "in": n % 5 / 2, "duration": 0.2, "transform": transform}
                for n in range(first, first + count)
            ]
        }

    compositions: dict[str, Any] = {}
    for level in range(10, 0, -1):
        tracks = [clips(10 * (level - 1), 10, level % 4)]
        if level < 10:
            below = {"composition": f"level{level + 1}", "duration": 2, "transform": {"scale": 0.95}}
            tracks.append({"clips": [below]})
        compositions[f"level{level}"] = {"width": 1920, "height": 1080, "duration": 2, "tracks": tracks}
    tracks = [clips(100 + 25 * tile, 25, tile) for tile in range(4)]
    tracks.append({"clips": [{"composition": "level1", "duration": 2, "transform": {"scale": 0.5}}]})
    case = project(1920, 1080, names, compositions=compositions, tracks=tracks)
    return Case("50 files of 1080p, 200 clips, nested 10 deep", case, systems=("v2",))


@dataclass
class Run:
    """One export."""

    wall: float
    report: dict[str, Any]


def export(folder: Path, case: Case, system: str) -> Run:
    source, report = folder / "project.json", folder / "report.json"
    source.write_text(json.dumps(case.project))
    command = [sys.executable, "-m", "reelmill", "export", str(source), str(folder / "out.mp4"), "--force", "-q"]
    started = time.perf_counter()
    subprocess.run([*command, "--system", system, "--report", str(report)], check=True)
    return Run(time.perf_counter() - started, json.loads(report.read_text()))


def ffmpeg(folder: Path, case: Case) -> float:
    command = ["ffmpeg", "-v", "error", "-y", *case.graph, *X264, "-t", "10", str(folder / "ffmpeg.mp4")]
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started


def compare(folder: Path, case: Case, rounds: int) -> dict[str, Any]:
    """Both systems, and ffmpeg where it can make the picture, in turn."""
    runs: dict[str, list[Run]] = {system: [] for system in case.systems}
    peer = []
    for _ in range(rounds):
        for system, found in runs.items():
            found.append(export(folder, case, system))
        if case.graph:
            peer.append(ffmpeg(folder, case))
    digests = {run.report["outputs"][0]["sha256"] for found in runs.values() for run in found}
    assert len(digests) == 1, f"{case.name}: V1 and V2 gave different films"

    def median(system: str, *keys: str) -> float:
        values: list[float] = []
        for run in runs[system]:
            value: Any = run.report
            for key in keys:
                value = value[key]
            values.append(float(value))
        return statistics.median(values)

    walls = {system: statistics.median(run.wall for run in found) for system, found in runs.items()}
    speeds = {system: runs[system][0].report["frames"] / wall for system, wall in walls.items()}
    if peer:
        speeds["ffmpeg"] = runs["v2"][0].report["frames"] / statistics.median(peer)
    both = len(runs) == 2
    return {
        "case": case.name,
        "wall": walls["v2"] / walls["v1"] if both else None,
        "decode": median("v2", "stages", "decode", "seconds") / median("v1", "stages", "decode", "seconds")
        if both
        else None,
        "frames": [median(system, "decoders", "frames_decoded") for system in runs],
        "seeks": [median(system, "decoders", "seeks") for system in runs],
        "memory": [median(system, "peak_memory_bytes") / 1e6 for system in runs],
        "fps": speeds,
    }


def row(found: dict[str, Any]) -> str:
    ratios = ["—" if found[key] is None else f"{found[key]:.2f}" for key in ("wall", "decode")]
    counts = [" → ".join(f"{value:.0f}" for value in found[key]) for key in ("frames", "seeks", "memory")]
    speeds = ", ".join(f"{name} {fps:.1f}" for name, fps in found["fps"].items())
    return f"| {' | '.join([found['case'], *ratios, *counts, speeds])} |"


def main() -> None:
    """Run the cases and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("out/bench"), help="for footage and films")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--docs", type=Path, help="a Markdown page between whose markers the table goes")
    options = parser.parse_args()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    makers: list[Callable[[Path], Case]] = [partial(layers_of_one_file, count=n) for n in (1, 2, 4, 8)]
    makers += [overlapping, simple, hard]
    makers += [partial(many_clips, count=n) for n in (10, 50, 100, 200)]
    makers += [partial(nested, depth=n) for n in (1, 2, 4, 6, 8, 10)]
    makers.append(scale)
    lines = [
        "| case | wall V2/V1 | decode busy V2/V1 | frames decoded V1 → V2 | seeks | peak MB | frames/s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    print("\n".join(lines))
    for make in makers:
        case = make(folder)
        if options.only in case.name:
            lines.append(row(compare(folder, case, options.rounds)))
            print(lines[-1], flush=True)
    if options.docs:
        rounds = f"{options.rounds} rounds" if options.rounds > 1 else "**one round**"
        cores = len(os.sched_getaffinity(0))
        text = "\n".join([f"{cores} cores, medians of {rounds}.", "", *lines])
        write_between_markers(options.docs, "bench-decoders", text)


if __name__ == "__main__":
    main()
