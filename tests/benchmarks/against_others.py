"""reelmill against ffmpeg, melt, MoviePy and movis: `make bench` runs it.

Every scene is made in turn by each tool that is installed, several rounds; what is compared are medians. The films
must agree, so that nobody wins by doing less. Results go to FOLDER/results.json and results.md, and with --docs
into docs/internals/performance.md and its chart. A run needs up to 8 GB below FOLDER.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
from pathlib import Path

from tests.benchmarks import chart, floor, measure, peer_reelmill, peers, tables
from tests.benchmarks.results import Film, Report, Result, store
from tests.benchmarks.scene import Scene
from tests.benchmarks.scenes import SCENES


def play(folder: Path, scene: Scene, present: dict[str, str], rounds: int) -> Result:
    """All rounds of a scene. A contender that fails is left out from then on."""
    result = Result.of(scene)
    names = peers.contenders(scene, present)
    commands = {name: peers.command(name, folder, scene) for name in names}
    raw = folder / "frames.yuv"
    needs_floor = "ffmpeg" in present and not scene.key.startswith("L")
    try:
        if needs_floor:
            floor.write_raw(scene, raw)
        for turn in range(rounds):
            for name in [name for name in names if name not in result.failures]:
                try:
                    run = measure.run(commands[name])
                except measure.CommandFailedError as error:
                    if name not in peers.PEERS:
                        raise
                    result.failures[name] = str(error)
                    print(f"{scene.key} {peers.LABELS[name]}: {error}", flush=True)
                    continue
                result.runs.setdefault(name, []).append(run)
                figures = f"{run.wall:7.2f} s, CPU {run.cpu:7.2f} s, {run.peak_bytes / 1e6:5.0f} MB"
                print(f"{scene.key} round {turn + 1}: {figures}  {peers.LABELS[name]}", flush=True)
            if needs_floor:
                decode = measure.run(floor.decode_command(scene.stage))
                encode = measure.run(floor.encode_command(scene, raw, folder / "encoded.mp4"))
                result.floors.append(floor.floor_seconds(decode.cpu, encode.cpu, cores()))
                result.floor_peaks.append(decode.peak_bytes + encode.peak_bytes)
                figures = f"{result.floors[-1]:7.2f} s, {result.floor_peaks[-1] / 1e6:5.0f} MB"
                print(f"{scene.key} round {turn + 1}: {figures}  floor", flush=True)
    finally:
        raw.unlink(missing_ok=True)
    for name in result.runs:
        result.films[name] = film(folder, scene, name, has_reference="ffmpeg" in result.runs)
        for reason in result.disagreements(name):
            print(f"{scene.key} {peers.LABELS[name]}: {reason}", flush=True)
    return result


def film(folder: Path, scene: Scene, name: str, *, has_reference: bool) -> Film:
    path = peers.film_path(folder, scene, name)
    psnr = None
    if has_reference and name != "ffmpeg":
        psnr = measure.psnr(path, peers.film_path(folder, scene, "ffmpeg"))
        psnr = min(psnr, 99.0) if math.isinf(psnr) else psnr
    return Film(path.stat().st_size, measure.count_frames(path), psnr)


def cores() -> int:
    return len(os.sched_getaffinity(0))


def machine(folder: Path, result: Result, scene: Scene, present: dict[str, str]) -> dict[str, str]:
    """The machine and the tools."""
    report = json.loads(peers.report_path(folder, scene, result.ours).read_text())
    info = Path("/proc/cpuinfo")
    models = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    model = models[0].partition(":")[2].strip() if models else platform.processor()
    tools = [f"{peers.LABELS[name]} {version}" for name, version in present.items()]
    return {
        "CPU": f"{model}, {cores()} cores",
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "OpenGL": str(report["renderer"]),
        "tools": ", ".join([f"reelmill {report['reelmill']}", *tools]),
    }


def main() -> None:
    """Run the scenes; print, store and write down what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("out/bench"), help="for footage and films")
    parser.add_argument("--seconds", type=float, default=20, help="length of a scene; S6 is twice as long, L half")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scene", action="append", choices=[*SCENES], help="may be repeated; default: all")
    parser.add_argument("--peers", default=",".join(peers.PEERS), help="comma-separated; reelmill always runs")
    parser.add_argument("--docs", type=Path, help="a Markdown page between whose markers the tables go")
    options = parser.parse_args()
    folder: Path = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [name for name in options.peers.split(",") if name]
    for name in wanted:
        if name not in peers.PEERS:
            parser.error(f"no peer {name!r}; there are {', '.join(peers.PEERS)}")
    found = peers.versions(folder)
    if "ffmpeg" not in found:
        parser.error("ffmpeg makes the footage and must be installed: apt-get install ffmpeg")
    present = {name: version for name, version in found.items() if name in wanted}
    absent = {name: peers.HOW_TO_GET[name] for name in wanted if name not in found}
    for name, how in absent.items():
        print(f"{peers.LABELS[name]} is not installed and left out: {how}", flush=True)
    report = Report({}, absent, options.rounds)
    for key in options.scene or SCENES:
        scene = SCENES[key](folder, options.seconds)
        peer_reelmill.draw_letterings(scene)
        result = play(folder, scene, present, options.rounds)
        report.results.append(result)
        report.machine = report.machine or machine(folder, result, scene, present)
        store(report, folder / "results.json")
    page = tables.page(report)
    print("\n" + page)
    (folder / "results.md").write_text(page)
    (folder / "results.svg").write_text(chart.svg(report))
    if options.docs:
        tables.write_between_markers(options.docs, "bench", page)
        picture = options.docs.parents[1] / "pictures/performance.svg"
        picture.write_text(chart.svg(report))


if __name__ == "__main__":
    main()
