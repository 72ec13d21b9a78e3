"""What a command takes: wall time, CPU time and memory. In, a command; out, its Usage. Also: do two films agree?"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SAMPLE_SECONDS = 0.2
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class Usage:
    """What one run of a command took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of user and system time, of the command and the programs that it ran."""
    peak_bytes: int
    """Resident memory at most, of the command and the programs that it ran, together."""


class CommandFailedError(Exception):
    """A measured command ended with an error; its message is what the command said last."""


def run(command: list[str]) -> Usage:
    """Run a command in the project's folder. Raises CommandFailedError."""
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        with _Memory(process.pid) as memory:
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            text = said.read().decode(errors="replace").strip()
            raise CommandFailedError(f"{command[0]} ended with {process.returncode}: {text[-2000:]}")
    return Usage(wall, used.ru_utime + used.ru_stime, max(used.ru_maxrss * 1024, memory.peak_bytes))


class _Memory:
    """Looks now and then, on a thread of its own, at how much memory a process and its descendants hold together.

    The kernel's own peak is of one process: it would leave out the ffmpegs that MoviePy and movis read through.
    """

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, _resident_bytes(self._pid))


def _resident_bytes(pid: int) -> int:
    """Of a process and its descendants; 0 for one that has ended."""
    process = Path(f"/proc/{pid}")
    try:
        pages = int((process / "statm").read_text().split()[1])
        children = {child for task in process.glob("task/*/children") for child in task.read_text().split()}
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(_resident_bytes(int(child)) for child in children)


def psnr(film: Path, reference: Path) -> float:
    """dB over all frames and planes; infinity where both are the same."""
    command = ["ffmpeg", "-nostdin", "-v", "info", "-nostats", "-i", str(film), "-i", str(reference)]
    command += ["-lavfi", "[0:v]setpts=N[a];[1:v]setpts=N[b];[a][b]psnr=shortest=1", "-f", "null", "-"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    found = re.search(r"PSNR .*average:(\S+)", said)
    assert found, said
    return float(found[1])


def count_frames(film: Path) -> int:
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-count_packets"]
    command += ["-show_entries", "stream=nb_read_packets", "-of", "json", str(film)]
    streams = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["streams"]
    return int(streams[0]["nb_read_packets"])
