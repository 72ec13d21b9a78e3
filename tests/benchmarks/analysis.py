"""Analysis of sound in processes against one process. `make bench-analysis` runs it and prints a Markdown table.

Each run is the whole command as a user starts it, `reelmill probe` with three rates, loudness and pitch, so loading
librosa in every process is part of it. The variants are run in turn, several rounds; the figures are medians of the
rounds' ratios. Processor seconds are those of all processes together.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tests.support.sounds import encode, write_wav

RATE = 44100


def recordings(folder: Path, count: int, seconds: int) -> list[Path]:
    """Files of FLAC with a gliding tone, pauses and noise, made unless they are there."""
    paths = []
    for number in range(count):
        path = folder / f"voice{number}-{seconds}s.flac"
        if not path.exists():
            t = np.arange(seconds * RATE) / RATE
            phase = 2 * np.pi * np.cumsum((180 + 20 * number) * 2 ** (0.5 * np.sin(2 * np.pi * t / 5))) / RATE
            tone = sum(np.sin(k * phase) / k for k in range(1, 6)) * (np.sin(2 * np.pi * t / 2.3) > -0.5)
            noise = np.random.default_rng(number).normal(0, 0.01, (len(t), 2))
            wav = write_wav(folder / "part.wav", 0.2 * tone[:, np.newaxis] + noise, RATE)
            encode(wav, path)
            wav.unlink()
        paths.append(path)
    return paths


def run(folder: Path, files: list[Path], workers: int) -> tuple[float, float]:
    """Wall and processor seconds of the command."""
    command = [sys.executable, "-m", "reelmill", "probe", *map(str, files), "--analyze", "--json", "--force"]
    command += ["--conform", "48000,16000,22050", "--out-dir", str(folder / "conformed")]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([*command, "--analysis-workers", str(workers)], check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Run the variants and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("out/bench"), help="for recordings and conformed files")
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=120, help="of each file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 3])
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    files = recordings(options.folder, options.files, options.seconds)
    run(options.folder, files[:1], 0)  # Numba compiles at the first use ever
    times: dict[int, list[tuple[float, float]]] = {workers: [] for workers in (0, *options.workers)}
    for number in range(options.rounds):
        for workers, found in times.items():
            found.append(run(options.folder, files, workers))
            wall, busy = found[-1]
            told = f"round {number + 1}, {workers} workers: {wall:.1f} s, {busy:.1f} s of processors"
            print(told, file=sys.stderr, flush=True)
    print(f"{options.files} files of {options.seconds} s; {os.cpu_count()} cores\n")
    print("| processes | wall s | processor s | times as fast as in one process (each round) |")
    print("| --- | --- | --- | --- |")
    for workers, found in times.items():
        ratios = [alone / wall for (alone, _), (wall, _) in zip(times[0], found, strict=True)]
        wall, busy = (statistics.median(column) for column in zip(*found, strict=True))
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        name = "none (--analysis-workers 0)" if workers == 0 else str(workers)
        print(f"| {name} | {wall:.1f} | {busy:.1f} | {statistics.median(ratios):.2f} ({each}) |")


if __name__ == "__main__":
    main()
