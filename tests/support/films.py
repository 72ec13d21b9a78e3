"""Whole exports in tests: write a project, render it, and read the result back with ffmpeg's programs."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reelmill.export.opening.job import ExportOptions
from reelmill.export.rendering.session import export_film
from tests.support.clips import ffmpeg

__all__ = ["Pixels", "ffmpeg", "film", "probe", "read_planes", "read_rgb", "read_sound"]

Pixels = npt.NDArray[np.uint8]


def film(folder: Path, project: dict[str, Any], name: str = "out.mkv", **options: Any) -> tuple[Path, dict[str, Any]]:
    """Write a project into a folder and export it. Returns the output and the report."""
    path = folder / "project.json"
    path.write_text(json.dumps({"version": 1, **project}), encoding="utf-8")
    output = folder / name
    report = export_film(path, output, ExportOptions(force=True, **options))
    return output, report


def read_planes(path: Path, pix_fmt: str, width: int, height: int, samples_per_pixel: Fraction | int) -> Pixels:
    """Every frame as ffmpeg decodes it in that format, no scaling: shape [frames, bytes of a frame]."""
    data = ffmpeg("-i", path, "-map", "0:v:0", "-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", pix_fmt, "-")
    return np.frombuffer(data, np.uint8).reshape(-1, int(width * height * samples_per_pixel))


def read_rgb(path: Path, width: int, height: int) -> Pixels:
    """Every frame of an RGB file: shape [frames, height, width, 3]."""
    planes = read_planes(path, "gbrp", width, height, 3).reshape(-1, 3, height, width)
    return np.stack([planes[:, 2], planes[:, 0], planes[:, 1]], axis=-1)


def read_sound(path: Path, channels: int) -> npt.NDArray[np.float32]:
    """The sound as ffmpeg decodes it: shape [samples, channels]."""
    data = ffmpeg("-i", path, "-map", "0:a:0", "-f", "f32le", "-")
    return np.frombuffer(data, np.float32).reshape(-1, channels)


def probe(path: Path, *entries: str) -> dict[str, Any]:
    """ffprobe's answer as JSON."""
    answer: dict[str, Any] = json.loads(
        subprocess.run(
            ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", *entries, path],
            capture_output=True,
            check=True,
        ).stdout
    )
    return answer
