"""Small clips made for tests: every frame carries its number in the picture, readable by code.

Clips are made by the ffmpeg command line, once a session, and shared by the workers of pytest-xdist. What is right is
told by ffmpeg's own programs too: `frame_times` by ffprobe, `decoded_numbers` by ffmpeg.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.planner.source_frames import Frame

Luma = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 64, 48
_COLUMNS, _ROWS = 4, 4
_BITS = _COLUMNS * _ROWS
_DARK, _BRIGHT = 40, 216


@dataclass(frozen=True)
class ClipRecipe:
    """How a clip is made. Equal recipes are one file."""

    name: str
    """File name; its extension chooses the container."""
    video: tuple[str, ...] = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    """Options of the encoder and the muxer."""
    fps: Fraction = Fraction(25)
    frames: int = 50
    audio: tuple[str, ...] = ()
    """Options of the sound's encoder; none for a clip without sound."""
    cut: tuple[str, ...] = ()
    """Options of a second run that copies the packets, before its input; none for no second run."""


def number_picture(number: int) -> Luma:
    """The luma plane that carries a number of up to 12 bits and a check sum."""
    word = number << 4 | _check(number)
    bits = np.array([word >> bit & 1 for bit in range(_BITS)], bool).reshape(_ROWS, _COLUMNS)
    cells = np.where(bits, _BRIGHT, _DARK).astype(np.uint8)
    return np.kron(cells, np.ones((HEIGHT // _ROWS, WIDTH // _COLUMNS), np.uint8))


def read_number(luma: npt.NDArray[np.generic], *, middle: float = 128) -> int:
    """The number in a luma plane. Fails where the check sum is wrong."""
    cells = luma.astype(float).reshape(_ROWS, HEIGHT // _ROWS, _COLUMNS, WIDTH // _COLUMNS)
    bits = cells[:, 3:-3, :, 4:-4].mean(axis=(1, 3)) > middle
    word = sum(int(bit) << index for index, bit in enumerate(bits.ravel()))
    number, check = word >> 4, word & 15
    assert check == _check(number), f"unreadable picture: {bits.astype(int).tolist()}"
    return number


def frame_number(frame: Frame) -> int:
    """The number in a decoded frame."""
    plane = frame.planes[0]
    sample = np.dtype("<u2" if frame.format.bytes_per_sample == 2 else "u1")
    rows = np.frombuffer(plane.data, sample).reshape(plane.height, -1)[:, : plane.width]
    return read_number(rows, middle=128 << (frame.format.bits - 8))


def make_clip(factory: pytest.TempPathFactory, recipe: ClipRecipe) -> Path:
    """The file of a recipe, made unless another test or another worker made it already."""
    folder = shared_folder(factory)
    digest = hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]
    path = folder / f"{digest}-{recipe.name}"
    if not path.exists():
        made = folder / f"{os.getpid()}-{digest}-{recipe.name}"
        _encode(recipe, made)
        if recipe.cut:
            whole = made.rename(made.with_stem(f"{made.stem}-whole"))
            ffmpeg(*recipe.cut, "-i", whole, "-c", "copy", made)
            whole.unlink()
        made.replace(path)
    return path


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder for the session, one for all workers of pytest-xdist."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "clips"
    folder.mkdir(exist_ok=True)
    return folder


def ffmpeg(*arguments: str | Path, data: bytes | None = None) -> bytes:
    """Run ffmpeg; its standard output."""
    command = ["ffmpeg", "-v", "error", "-y", *(str(argument) for argument in arguments)]
    if data is None:
        command.insert(1, "-nostdin")
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def frame_times(path: Path) -> tuple[Fraction, list[int]]:
    """Time base and pts of the frames of the first video stream, as ffprobe tells them.

    Of the last frame of a program stream ffprobe tells no time; it follows the one before at the same distance.
    """
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-of", "json"]
    command += ["-show_entries", "stream=time_base:frame=best_effort_timestamp", str(path)]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    times = [frame.get("best_effort_timestamp") for frame in told["frames"]]
    if times[-1] is None:
        times[-1] = 2 * times[-2] - times[-3]
    return Fraction(told["streams"][0]["time_base"]), times


def decoded_numbers(path: Path) -> list[int]:
    """The numbers in the frames that ffmpeg decodes, in order."""
    raw = ffmpeg("-i", path, "-map", "0:v:0", "-vsync", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", "-")
    frames = np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH)
    return [read_number(frame) for frame in frames]


def _check(number: int) -> int:
    return (number ^ number >> 4 ^ number >> 8 ^ 9) & 15


def _encode(recipe: ClipRecipe, path: Path) -> None:
    gray = bytes([128]) * (WIDTH * HEIGHT // 2)
    data = b"".join(number_picture(number).tobytes() + gray for number in range(recipe.frames))
    source = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(recipe.fps), "-i", "-"]
    sound: list[str] = []
    if recipe.audio:
        seconds = float(recipe.frames / recipe.fps)
        source += ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds:.6f}"]
        sound = list(recipe.audio)
    ffmpeg(*source, "-map_metadata", "-1", *recipe.video, *sound, path, data=data)
