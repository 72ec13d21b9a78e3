"""The sound engine: mixing in batches, decoding in a pool, and ffmpeg beside it. `make bench-sound` prints tables.

Every comparison is run several rounds in turn; of times the least is taken, of which others' work takes nothing.
Sound files are made once, by the ffmpeg command line.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from multiprocessing import SimpleQueue, get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reelmill.decoders.probe import probe
from reelmill.decoders.sound.audio_decode_pool import AudioDecodePool
from reelmill.decoders.sound.audio_messages import BufferRequest, DecodeStart
from reelmill.decoders.sound.sound import FileSoundReader
from reelmill.decoders.sound.sound_playback import PlayedPart
from reelmill.export.sound import mixer as mixer_module
from reelmill.export.sound.mixer import BATCH, DEPTH, Lane, Mixer
from reelmill.export.sound.sound_gain import Window
from reelmill.export.sound.voice_gain import VoiceGain
from reelmill.export.telling.report import peak_memory_bytes
from reelmill.planner.animation import Animated
from reelmill.planner.sound.sound_plan import GainStage, TimeLine
from reelmill.planner.timeline import Media

RATE = 48000
VOICES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
VOICE_CASES = (
    *(("m4a", 44100, "1"), ("m4a", 48000, "1"), ("mp3", 44100, "1"), ("wav", 44100, "1"), ("flac", 96000, "1")),
    ("m4a", 44100, "5/4"),
)
"""Kind of file, its sample rate, speed."""
BLOCKS = (512, 1024, 2048, 4096, 8192, 16384, 48000)


def least_seconds(*runs: Callable[[], object], rounds: int, seconds: float = 0.05) -> list[float]:
    """The least time of one call of each, in rounds that take turns."""
    least = [float("inf")] * len(runs)
    for _ in range(rounds):
        for number, run in enumerate(runs):
            stop = time.perf_counter() + seconds / rounds
            while True:
                started = time.perf_counter()
                run()
                ended = time.perf_counter()
                least[number] = min(least[number], ended - started)
                if ended > stop:
                    break
    return least


class MixCase:
    """So many stereo voices of one block, each with a level and a pan of its own."""

    def __init__(self, voices: int, samples: int) -> None:
        random = np.random.default_rng(voices)
        self.lanes = [Lane(2, *divmod(number, BATCH)) for number in range(voices)]
        stages = [
            GainStage(
                TimeLine(),
                Fraction(3600),
                gain_db=Animated.constant(float(random.uniform(-20, 0))),
                pan=Animated.constant(float(random.uniform(-1, 1))),
            )
            for _ in range(voices)
        ]
        self.gains = [VoiceGain((stage,), "stereo", "stereo", RATE) for stage in stages]
        self.blocks = [random.normal(0, 0.1, (2, samples)).astype(np.float32) for _ in range(voices)]
        self.samples = samples

    def voice_by_voice(self) -> npt.NDArray[np.float64]:
        """One voice after the other: levelled, panned, added."""
        bus = np.zeros((2, self.samples))
        window = Window(0, 0, self.samples, RATE)
        for block, gain in zip(self.blocks, self.gains, strict=True):
            bus += gain.moved(block.astype(np.float64), window)
        return bus

    def matrix_by_matrix(self) -> npt.NDArray[np.float64]:
        """The shortest that numpy allows: a product with a matrix that is known already, for each voice."""
        bus = np.zeros((2, self.samples))
        for block, gain in zip(self.blocks, self.gains, strict=True):
            bus += gain.matrix(steady=True).T @ block.astype(np.float64)
        return bus

    def batched(self, threads: int) -> tuple[Mixer, Callable[[], npt.NDArray[np.float64]]]:
        """A mixer, and one block of it. Workers have written the samples: that is not a part of mixing."""
        mixer = Mixer(2, block_samples=self.samples, threads=threads)
        for lane, block, gain in zip(self.lanes, self.blocks, self.gains, strict=True):
            mixer.sound(lane, 0, gain.matrix(steady=True))
            for number in range(DEPTH):
                mixer.room(lane, number, 0, self.samples)[:] = block
        blocks = iter(range(1 << 62))
        return mixer, lambda: mixer.mix(next(blocks))[0]


def mixing_table(rounds: int) -> None:
    """Voices × block sizes: microseconds of one mixed block, and how many times faster it is than voice by voice."""
    print("| voices | " + " | ".join(str(samples) for samples in BLOCKS) + " |")
    print("| --- " * (len(BLOCKS) + 1) + "|")
    threshold = mixer_module.PARALLEL_SAMPLES
    for voices in VOICES:
        cells = []
        for samples in BLOCKS:
            case = MixCase(voices, samples)
            one, mix_one = case.batched(1)
            two, mix_two = case.batched(2)
            assert np.abs(mix_one() - case.voice_by_voice()).max() < 1e-9
            mixer_module.PARALLEL_SAMPLES = 0
            runs = (case.voice_by_voice, case.matrix_by_matrix, mix_one, mix_two)
            plain, matrix, alone, shared = least_seconds(*runs, rounds=rounds)
            mixer_module.PARALLEL_SAMPLES = threshold
            one.close()
            two.close()
            cells.append(f"{alone * 1e6:.0f} µs: {plain / alone:.1f}, {matrix / alone:.1f}, {alone / shared:.1f}")
        print(f"| {voices} | " + " | ".join(cells) + " |", flush=True)


def sound_files(folder: Path, count: int, seconds: int, suffix: str = "m4a", rate: int = RATE) -> list[Path]:
    """Stereo noise, each file another one, made unless it is there."""
    paths = []
    for number in range(count):
        path = folder / f"noise{number}-{seconds}s-{rate}.{suffix}"
        if not path.exists():
            made = path.with_name(f"part-{path.name}")
            source = f"anoisesrc=r={rate}:a=0.05:d={seconds}:seed={number},aformat=channel_layouts=stereo"
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, str(made)], check=True)
            made.replace(path)
        paths.append(path)
    return paths


def decode_all(paths: Sequence[Path], seconds: int, *, workers: int, speed: Fraction = Fraction(1)) -> float:
    """Decode, resample, stretch and mix every file from its start; the seconds that it took."""
    facts = [probe(Media(str(path), str(path))) for path in paths]
    started = time.perf_counter()
    pool = AudioDecodePool(RATE, workers=workers)
    mixer = Mixer(2)
    size = mixer.block_samples
    lanes = [Lane(2, *divmod(number, BATCH)) for number in range(len(paths))]
    blocks = int(seconds / speed) * RATE // size
    for number, path in enumerate(paths):
        part = PlayedPart(0, blocks * size, speed, Fraction(0), None, RATE)
        pool.send(DecodeStart(number, Media(str(path), str(path)), facts[number], part, strand=number))
        for block in range(DEPTH):
            pool.send(BufferRequest(number, mixer.room(lanes[number], block, 0, size)))
    for lane in lanes:
        mixer.sound(lane, 0, np.eye(2) / len(paths))
    for block in range(blocks):
        for number in range(len(lanes)):
            pool.receive(number)
        mixer.mix(block)
        if block + DEPTH < blocks:
            for number, lane in enumerate(lanes):
                pool.send(BufferRequest(number, mixer.room(lane, block + DEPTH, 0, size)))
    pool.close()
    mixer.close()
    return time.perf_counter() - started


def queue_all(paths: Sequence[Path], seconds: int, *, waiting: int) -> int:
    """The same with 20 cues at once while `waiting` others are known and have no credit."""
    pool = AudioDecodePool(RATE, workers=2)
    rooms = [np.zeros((2, 4096)) for _ in range(20)]
    media = [Media(str(path), str(path)) for path in paths]
    facts = [probe(each) for each in media]
    part = PlayedPart(0, seconds * RATE, Fraction(1), Fraction(0), None, RATE)
    for number in range(20 + waiting):
        source = number % len(paths)
        pool.send(DecodeStart(number, media[source], facts[source], part, strand=number))
    for _ in range(seconds * RATE // 4096):
        for number in range(20):
            pool.send(BufferRequest(number, rooms[number]))
        for number in range(20):
            pool.receive(number)
    pool.close()
    return peak_memory_bytes() or 0


def decode_one(path: Path, together: Barrier, told: SimpleQueue[int]) -> None:
    """The baseline: a process that decodes one cue. Tells its memory, shared pages in proportion, bytes."""
    media = Media(str(path), str(path))
    reader = FileSoundReader(media, probe(media), RATE)
    for first in range(0, 10 * RATE, 4096):
        reader.read_at(first, 4096)
    together.wait()
    rollup = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    kibibytes = {line.split(":")[0]: int(line.split()[1]) for line in rollup.splitlines()[1:]}
    told.put(kibibytes["Pss"] * 1024)
    together.wait()
    reader.close()


def measure(case: str, *arguments: object) -> float:
    """What one case measures, in a fresh process."""
    command = [sys.executable, "-m", "tests.benchmarks.sound", *sys.argv[1:], "--case", case, *map(str, arguments)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run_case(folder: Path, case: str, arguments: Sequence[str]) -> float:
    """What `measure` runs: seconds of the way of some voices, or bytes of memory."""
    match case:
        case "pool":
            count, seconds, workers, rate = (int(arguments[place]) for place in (0, 1, 2, 5))
            files = sound_files(folder, count, seconds, arguments[4], rate)
            return decode_all(files, seconds, workers=workers, speed=Fraction(arguments[3]))
        case "queue":
            return queue_all(sound_files(folder, 20, 60), 30, waiting=int(arguments[0]))
        case "processes":
            context = get_context("spawn")
            paths = sound_files(folder, 20, 60)
            together, told = context.Barrier(len(paths)), context.SimpleQueue()
            processes = [context.Process(target=decode_one, args=(path, together, told)) for path in paths]
            for process in processes:
                process.start()
            total: int = sum(told.get() for _ in processes)
            for process in processes:
                process.join()
            return total
    raise SystemExit(f"no case {case}")


def memory_table() -> None:
    """20 cues at once, with and without others that wait, against one process for each cue."""
    print("| 20 cues at once | MB |\n| --- | --- |")
    for name, case in (
        ("the pool", ("queue", 0)),
        ("the pool, and 980 more cues that wait", ("queue", 980)),
        ("one process per cue (proportional share)", ("processes",)),
    ):
        print(f"| {name} | {measure(*case) / 1e6:.0f} |", flush=True)


def threads_table(rounds: int) -> None:
    """The whole way of a voice with one worker and with two."""
    print("| 8 voices of a minute: decode, resample, stretch, mix | one worker, s | two workers, s | times faster |")
    print("| --- | --- | --- | --- |")
    for suffix, rate, speed in VOICE_CASES:
        runs = [[measure("pool", 8, 60, workers, speed, suffix, rate) for workers in (1, 2)] for _ in range(rounds)]
        one, two = (min(each) for each in zip(*runs, strict=True))
        name = f"{suffix}, {rate} Hz, speed {speed}"
        print(f"| {name} | {one:.2f} | {two:.2f} | {one / two:.2f} |", flush=True)


def against_ffmpeg(folder: Path, rounds: int) -> None:
    """64 tracks: the command against ffmpeg's amix, both to a WAV file."""
    paths = sound_files(folder, 64, 60)
    project = {
        "version": 1,
        "canvas": {"width": 64, "height": 36, "fps": 25},
        "media": {path.name: {"path": path.name} for path in paths},
        "tracks": [{"kind": "audio", "clips": [{"media": path.name, "duration": 60}]} for path in paths],
    }
    (folder / "tracks.json").write_text(json.dumps(project))
    ours = [
        sys.executable,
        "-m",
        "reelmill",
        "export",
        str(folder / "tracks.json"),
        str(folder / "ours.wav"),
        "--force",
    ]
    inputs = [argument for path in paths for argument in ("-i", str(path))]
    graph = f"amix=inputs={len(paths)}:normalize=0"
    theirs = ["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", graph, str(folder / "theirs.wav")]
    print("| 64 tracks of a minute, AAC to WAV | wall s | CPU s |\n| --- | --- | --- |")
    found: dict[str, list[tuple[float, float]]] = {"reelmill": [], "ffmpeg, amix": []}
    for _ in range(rounds):
        for (_, times), command in zip(found.items(), ([*ours, "-q"], theirs), strict=True):
            before, started = os.times(), time.perf_counter()
            subprocess.run(command, check=True)
            after = os.times()
            cpu = after.children_user + after.children_system - before.children_user - before.children_system
            times.append((time.perf_counter() - started, cpu))
    for name, times in found.items():
        print(f"| {name} | {min(wall for wall, _ in times):.2f} | {min(cpu for _, cpu in times):.2f} |", flush=True)


def main() -> None:
    """Run the benchmarks and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("out/bench-sound"), help="for sound files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("mixing", "memory", "threads", "ffmpeg"))
    parser.add_argument("--case", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    if options.case:
        print(run_case(folder, options.case[0], options.case[1:]))
        return
    tables: dict[str, Callable[[], None]] = {
        "mixing": lambda: mixing_table(options.rounds),
        "memory": memory_table,
        "threads": lambda: threads_table(options.rounds),
        "ffmpeg": lambda: against_ffmpeg(folder, options.rounds),
    }
    for name, table in tables.items():
        if options.only in (None, name):
            table()
            print()


if __name__ == "__main__":
    main()
