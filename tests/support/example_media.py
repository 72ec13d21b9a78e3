"""The examples' footage and films for tests: made once, and read back with ffmpeg."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelmill.export.opening.job import ExportOptions, SilentListener
from reelmill.export.rendering.session import export_film
from reelmill.planner.clock import Time
from reelmill.planner.outputs import VideoSettings

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
MEDIA = EXAMPLES / "media"
Picture = NDArray[np.float64]
"""(height, width, 3), 0…255, RGB."""


def make_footage() -> None:
    """Make examples/media/ if it is not there. Several test processes may call it at once."""
    MEDIA.mkdir(exist_ok=True)
    with (MEDIA / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([sys.executable, str(EXAMPLES / "make_media.py")], check=True, capture_output=True)


def export(
    project: Path, output: Path, seconds: tuple[str, str] | None = None, *, draft: bool = True
) -> dict[str, Any]:
    """Export quickly; `seconds` is the range of the film that is rendered. Returns the report."""
    options = ExportOptions(
        range=None if seconds is None else (Time(Fraction(seconds[0])), Time(Fraction(seconds[1]))),
        video=VideoSettings() if output.suffix == ".wav" else VideoSettings(preset="ultrafast", crf=14),
        draft=draft and output.suffix != ".wav",
    )
    return export_film(project, output, options, SilentListener())


def facts(path: Path) -> dict[str, Any]:
    """What ffprobe says of a file: `format`, and the streams under `video` and `audio`; packets are counted."""
    command = ["ffprobe", "-v", "error", "-count_packets", "-show_format", "-show_streams", "-of", "json", str(path)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {"format": found["format"], **{stream["codec_type"]: stream for stream in found["streams"]}}


def picture(path: Path, frame: int = 0, scale: tuple[int, int] | None = None, filters: str = "") -> Picture:
    """A frame of a film by its number, or a still, as ffmpeg decodes, scales and filters it."""
    chain = [f"select=eq(n\\,{frame})"]
    if scale is not None:
        chain.append(f"scale={scale[0]}:{scale[1]}:flags=area+accurate_rnd+full_chroma_int")
    chain += [filters] if filters else []
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:v", "-vf", ",".join(chain), "-frames:v", "1"]
    command += ["-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-c:v", "ppm", "-f", "image2pipe", "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    _, size, _, pixels = data.split(b"\n", 3)
    width, height = map(int, size.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3).astype(np.float64)


def sound(path: Path, start: float = 0) -> NDArray[np.float64]:
    """The sound of a file from a time on, as ffmpeg decodes it: (samples, 2) at 48 kHz."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a", "-ac", "2", "-ar", "48000", "-f", "f32le", "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(data, "<f4").reshape(-1, 2)[round(start * 48000) :].astype(np.float64)


def blocks(area: Picture, rows: int, columns: int) -> Picture:
    """The mean colours of an area cut into rows × columns; what is left over at its end is not counted."""
    height, width = area.shape[0] // rows, area.shape[1] // columns
    cut = area[: height * rows, : width * columns].reshape(rows, height, columns, width, 3)
    means: Picture = cut.mean(axis=(1, 3))
    return means


def rms(samples: NDArray[np.float64]) -> float:
    """Root mean square of samples."""
    return float(np.sqrt(np.mean(samples**2)))
