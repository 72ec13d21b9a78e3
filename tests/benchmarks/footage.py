"""Footage of the benchmarks, made once by the ffmpeg command line: in, what a file should be; out, the file.

A file's name says all that decides its content, so what is there is right; it is written under another name first.
Keyframes stand every `gop` frames and nowhere else, so that what must be decoded to show a frame is known.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from zlib import crc32

from reelmill.export.films.video_encoding import DEFAULT_THREADS
from tests.benchmarks.scene import FPS, File

TAGS = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p", "-threads", str(DEFAULT_THREADS))
"""What every film of a benchmark is encoded with. Threads as in reelmill: x264's speed and size depend on them."""
SOURCE_X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p")
SHOT_SIZE = (1920, 1080)
PIECE_FRAMES = 1500
"""The 10-minute file is a minute's work: pieces of this length, joined without encoding them again."""


def pattern(folder: Path, name: str, *, size: str, seconds: int, gop: int) -> str:
    """A test pattern with grain, whose every frame differs from all others; its name. Hard to encode, quick to make."""
    seed = crc32(name.encode()) % 10000
    path = folder / f"{name}-{seed}-{size}-{seconds}s-g{gop}.mp4"
    source = f"testsrc2=s={size}:r=30:d={seconds},hue=h={seed * 37 % 360},noise=alls=8:allf=t:all_seed={seed}"
    _make(path, ["-f", "lavfi", "-i", source, *X264, "-g", str(gop), *TAGS])
    return path.name


def shot(folder: Path, number: int, seconds: int, *, size: tuple[int, int] = SHOT_SIZE, gop: int = 60) -> File:
    """What a camera might give: it pans over a textured ground, two things move before it, and there is film grain.

    At 1080p30 about 8 Mbit/s.
    """
    width, height = size
    path = folder / f"shot{number}-{width}x{height}-{seconds}s-g{gop}.mp4"
    frames = seconds * FPS
    _make(path, ["-filter_complex", _camera(number, width, height, frames), "-frames:v", str(frames), *_source(gop)])
    return File(path, width, height, frames, gop)


def long_take(folder: Path, seconds: int, *, gop: int = 250) -> File:
    """A long 1080p file: pieces joined packet by packet."""
    pieces = -(-seconds * FPS // PIECE_FRAMES)
    piece = shot(folder, 90, PIECE_FRAMES // FPS, gop=gop)
    path = folder / f"take-1920x1080-{seconds}s-g{gop}.mp4"
    listing = folder / "pieces.txt"
    listing.write_text(f"file '{piece.path.name}'\n" * pieces)
    _make(path, ["-f", "concat", "-i", str(listing), "-c", "copy", "-t", str(seconds)])
    return File(path, 1920, 1080, seconds * FPS, gop)


def still(folder: Path, number: int) -> File:
    """A photo: JPEG, 2880×1620."""
    path = folder / f"photo{number}.jpg"
    source = f"{_ground(100 + 7 * number, 2880, 1620)},scale=out_color_matrix=bt601:out_range=full,format=yuvj420p"
    _make(path, ["-filter_complex", source, "-frames:v", "1", "-q:v", "3"])
    return File(path, 2880, 1620, 1, 1)


def lettering(path: Path, drawn: Path, box: tuple[int, int, int, int]) -> File:
    """White letters on transparency, cut from a picture of white on black at `box` (x, y, width, height)."""
    x, y, width, height = box
    cut = f"[0:v]crop={width}:{height}:{x}:{y},format=gray[letters];color=white:s={width}x{height}:d=1,format=rgba"
    _make(path, ["-i", str(drawn), "-filter_complex", f"{cut}[white];[white][letters]alphamerge", "-frames:v", "1"])
    return File(path, width, height, 1, 1)


def _source(gop: int) -> list[str]:
    return [*SOURCE_X264, "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", *TAGS]


def _noise(size: str, colour: int, seed: int, width: int, height: int) -> str:
    strengths = f"c0s=100:c0f=u:c1s={colour}:c1f=u:c2s={colour}:c2f=u"
    return (
        f"color=gray:s={size}:r={FPS},format=yuv444p,noise={strengths}:all_seed={seed},scale={width}:{height},setsar=1"
    )


def _ground(seed: int, width: int, height: int) -> str:
    """One picture: noise of three sizes of grain laid over one another."""
    coarse = _noise("20x12", 60, seed, width, height)
    middle = _noise("90x50", 30, seed + 1, width, height)
    fine = _noise("640x360", 20, seed + 2, width, height)
    return (
        f"{coarse}[coarse];{middle}[middle];{fine}[fine];[coarse][middle]mix=weights=3 1[both];"
        "[both][fine]mix=weights=4 1,eq=contrast=1.6:saturation=1.2,format=yuv420p"
    )


def _camera(number: int, width: int, height: int, frames: int) -> str:
    seed = 10 * number
    side = height * 2 // 5 // 2 * 2
    pan_x, pan_y = width // 6, height // 6
    ball = f"{_noise('16x16', 60, seed + 5, side, side)},trim=end_frame=1,format=yuva444p"
    disc = f"clip(1530*(1-hypot(X-{side // 2}\\,Y-{side // 2})/{side // 2})\\,0\\,255)"
    return (
        f"{_ground(seed, width + 2 * pan_x, height + 2 * pan_y)},trim=end_frame=1,loop=-1:1,setpts=N/{FPS}/TB,"
        f"trim=end_frame={frames},crop={width}:{height}:"
        f"'{pan_x}+{pan_x}*sin(t*0.9+{number})':'{pan_y}+{pan_y}*sin(t*0.7+{number})'[ground];"
        f"{ball},geq=lum='lum(X\\,Y)':cb='cb(X\\,Y)':cr='cr(X\\,Y)':a='{disc}',format=yuva420p,split[one][other];"
        f"[ground][one]overlay='{width * 2 // 5}*(1+sin(t*1.1+{number}))':'{height * 3 // 10}*(1+cos(t*1.7))'[first];"
        f"[first][other]overlay='{width * 2 // 5}*(1+cos(t*0.8))':'{height * 3 // 10}*(1+sin(t*1.3+{number}))',"
        f"noise=alls=5:allf=t:all_seed={seed}"
    )


def _make(path: Path, arguments: list[str]) -> None:
    if path.exists():
        return
    part = path.with_name(f"part-{path.name}")
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments, str(part)], check=True)
    part.replace(path)
