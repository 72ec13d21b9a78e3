"""The picture pipeline beside Pillow and libswscale. `make bench-pictures` runs it and writes a table.

Each way makes the same of the same pictures, batch by batch in one process: 640×360 BGR of 32-bit floats to 8 bits,
resized to 320×320, JPEG of quality 75. All ways, numbers of workers and sizes of batches take turns, several rounds;
figures are medians. Where others use the machine, wall time tells of them, too: the processor time of a picture, and
what two cores would give if nothing else took of it, stand beside it.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av.codec.context import CodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from PIL import Image

from reelmill.export.pictures.picture_encoding import Jpeg
from reelmill.export.pictures.picture_pipeline import PicturePipeline
from tests.benchmarks.tables import write_between_markers

Picture = npt.NDArray[np.float32]
Way = Callable[[Sequence[Picture]], list[bytes]]

WORKERS = (1, 2, 4, 8)
BATCHES = (1, 8, 25, 32)
WAYS = ("reelmill", "Pillow", "swscale", "swscale, no RGBA")
SIZE = (320, 320)
QUALITY = 75
AIM, LEAST, SPREAD = 1000, 600, 1.7
"""Pictures a second on two cores; from one worker to two."""


@dataclass(frozen=True, slots=True)
class Time:
    """Of one measurement."""

    wall: float
    """Seconds a picture."""
    cpu: float
    """Seconds a picture, of all threads together."""


def footage(count: int) -> list[Picture]:
    """Pictures with shades, waves and a little noise."""
    y, x = np.mgrid[0:360, 0:640]
    random = np.random.default_rng(0)
    pictures = []
    for number in range(count):
        waves = 0.5 + 0.4 * np.sin(x / 7 + number) * np.cos(y / 9)
        shades = np.dstack([x / 640, y / 360, waves]) + random.normal(0, 0.015, (360, 640, 3))
        pictures.append(shades.astype(np.float32))
    return pictures


def codes(picture: Picture) -> npt.NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(picture * 255, 0, 255)), np.uint8)


def by_pillow(picture: Picture) -> bytes:
    image = Image.fromarray(np.ascontiguousarray(codes(picture)[..., ::-1])).convert("RGBA")
    file = io.BytesIO()
    image.resize(SIZE, Image.Resampling.BILINEAR).convert("RGB").save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


class Libav(threading.local):
    """libswscale and the mjpeg encoder, one of each for every thread. Files of about the same size as the others'."""

    def __init__(self) -> None:
        self.scalers = VideoReformatter(), VideoReformatter()
        self.encoder = CodecContext.create("mjpeg", "w")
        self.encoder.width, self.encoder.height = SIZE
        self.encoder.pix_fmt, self.encoder.time_base = "yuvj420p", Fraction(1, 25)
        self.encoder.qmin = self.encoder.qmax = 3
        self.encoder.thread_count = 1

    def by_rgba(self, picture: Picture) -> bytes:
        """The task as it is set."""
        return self._encoded(_scaled(self.scalers[0], _frame(picture), "rgba"))

    def straight(self, picture: Picture) -> bytes:
        """From BGR to the encoder's planes at once: no RGBA of the finished size."""
        return self._encoded(_frame(picture))

    def _encoded(self, frame: VideoFrame) -> bytes:
        planes = _scaled(self.scalers[1], frame, "yuvj420p")
        planes.pts = None
        return b"".join(bytes(packet) for packet in self.encoder.encode(planes))


def _scaled(scaler: VideoReformatter, frame: VideoFrame, pix_fmt: str) -> VideoFrame:
    """On this thread alone: there are as many as workers."""
    return scaler.reformat(frame, *SIZE, pix_fmt, interpolation="BILINEAR", threads=1)


def _frame(picture: Picture) -> VideoFrame:
    return VideoFrame.from_ndarray(codes(picture), format="bgr24")


def ways(workers: int, stack: ExitStack) -> dict[str, Way]:
    pipeline = stack.enter_context(PicturePipeline(workers))
    pool = stack.enter_context(ThreadPoolExecutor(workers))
    libav = Libav()
    return {
        "reelmill": lambda batch: pipeline.encode(batch, Jpeg(QUALITY), size=SIZE, order="bgr"),
        "Pillow": lambda batch: list(pool.map(by_pillow, batch)),
        "swscale": lambda batch: list(pool.map(libav.by_rgba, batch)),
        "swscale, no RGBA": lambda batch: list(pool.map(libav.straight, batch)),
    }


def measure(way: Way, batch: Sequence[Picture], pictures: int) -> Time:
    """Of batches one after the other, behind one that is not counted.

    Long enough for the kernel to spread threads over cores: for the first 60 ms after a pause those that hand Python's
    lock to one another were seen to share one.
    """
    way(batch)
    calls = max(1, pictures // len(batch))
    cpu, started = time.process_time(), time.perf_counter()
    for _ in range(calls):
        way(batch)
    count = calls * len(batch)
    return Time((time.perf_counter() - started) / count, (time.process_time() - cpu) / count)


class Measurements:
    """Of all ways, numbers of workers and sizes of batches."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, int, int], list[Time]] = {}

    def add(self, way: str, workers: int, batch: int, taken: Time) -> None:
        self._times.setdefault((way, workers, batch), []).append(taken)

    def cell(self, way: str, workers: int, batch: int) -> str:
        return f"{self.per_second(way, workers, batch):.0f} ({1000 * self.cpu(way, workers, batch):.2f})"

    def per_second(self, way: str, workers: int, batch: int) -> float:
        return 1 / statistics.median(each.wall for each in self._times[way, workers, batch])

    def cpu(self, way: str, workers: int, batch: int) -> float:
        """Seconds a picture."""
        return statistics.median(each.cpu for each in self._times[way, workers, batch])

    def spread(self, batch: int) -> float:
        """How many times as fast two workers are as one, in the same round."""
        alone, both = (self._times["reelmill", workers, batch] for workers in (1, 2))
        return statistics.median(one.wall / two.wall for one, two in zip(alone, both, strict=True))


def page(found: Measurements, rounds: int, load: float) -> str:
    """The section between the markers. `load`: how many threads of others wanted to run when it began."""
    cores = os.cpu_count()
    lines = [
        f"{cores} cores, load by others {load:.1f} (1 is a core), medians of {rounds} rounds. Pictures a second, and "
        "in brackets the milliseconds of processor time that one takes.",
        "",
        f"| workers | batch | {' | '.join(WAYS)} |",
        "| --- | --- |" + " --- |" * len(WAYS),
    ]
    for workers in WORKERS:
        for batch in BATCHES:
            cells = (found.cell(way, workers, batch) for way in WAYS)
            lines.append(f"| {workers} | {batch} | {' | '.join(cells)} |")
    per_second, cpu = found.per_second("reelmill", 2, 25), found.cpu("reelmill", 2, 25)
    lines += [
        "",
        f"Batches of 25 with two workers: {per_second:.0f} pictures/s (aim {AIM}, at least {LEAST}). Two cores that do "
        f"nothing else would give {2 / cpu:.0f} by its processor time. From one worker to two: {found.spread(25):.2f} "
        f"times as fast (at least {SPREAD}).",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run all ways and print or store the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=600, help="at least so many for one measurement")
    parser.add_argument("--docs", type=Path, help="a page to write the table into, between its markers")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    pictures = footage(max(BATCHES))
    found = Measurements()
    with ExitStack() as stack:
        made = {workers: ways(workers, stack) for workers in WORKERS}
        for number in range(options.rounds + 1):
            for batch in BATCHES:
                for workers, each in made.items():
                    for name, way in each.items():
                        taken = measure(way, pictures[:batch], options.pictures)
                        if number:  # the first round opens and fills what is used again
                            found.add(name, workers, batch, taken)
            print(f"round {number} of {options.rounds}", file=sys.stderr, flush=True)
    text = page(found, options.rounds, load)
    print(text)
    if options.docs is not None:
        write_between_markers(options.docs, "bench-pictures", text)


if __name__ == "__main__":
    main()
