"""Sound through the command line of ffmpeg: what its filters and its meters make of samples in memory."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tests.support.clips import ffmpeg

Floats = npt.NDArray[np.float64]
"""Shape [channels, samples]."""

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


class Levels(NamedTuple):
    """By EBU R128, with the decimals that ffmpeg prints."""

    loudness: float
    true_peak: float


def filtered(samples: Floats, chain: str, rate: int) -> Floats:
    """What `-af` puts out."""
    given = np.ascontiguousarray(samples.T, np.float64).tobytes()
    form = ["-f", "f64le", "-ar", str(rate), "-ac", str(len(samples))]
    return np.frombuffer(ffmpeg(*form, "-i", "-", "-af", chain, *form, "-", data=given)).reshape(-1, len(samples)).T


def levels(samples: Floats, rate: int) -> Levels:
    """What the filter ebur128 measures."""
    given = np.ascontiguousarray(samples.T, np.float64).tobytes()
    layout = LAYOUTS[len(samples)]
    form = ["-f", "f64le", "-ar", str(rate), "-ac", str(len(samples)), "-channel_layout", layout]
    return _measure([*form, "-i", "-"], given)


def file_levels(path: Path) -> Levels:
    """The same of a file."""
    return _measure(["-nostdin", "-i", str(path)], None)


def _measure(source: list[str], data: bytes | None) -> Levels:
    command = ["ffmpeg", "-nostats", *source, "-af", "ebur128=peak=true", "-f", "null", "-"]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    summary = done.stderr.decode().split("Summary:")[1]
    loudness, peak = (re.findall(rf"{name}: +(-?[\d.]+|-inf)", summary)[-1] for name in ("I", "Peak"))
    return Levels(float(loudness), float(peak))
