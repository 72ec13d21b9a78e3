"""Make the examples' footage: python examples/make_media.py [--force]

Everything is computed, so nothing is downloaded, and the same on every run. It goes to examples/media/: film
clips with sound, stills, a piece of music, and the fonts of the titles. Files that are there are kept, unless
the programs that make them have changed. Each file is written under a temporary name first, so that what
stands under the right name is complete.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from font_source_sans_pro import font_directory
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from examples.footage import scenes, sounds, stills
from examples.footage.drawing import HEIGHT, WIDTH, Floats

HERE = Path(__file__).resolve().parent
MEDIA = HERE / "media"
RECIPE = ".made-by"
"""Holds a hash of the programs that made the files beside it."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A film clip to be made."""

    scene: scenes.Scene
    sound: sounds.Sound
    seconds: int
    fps: Fraction = Fraction(30)


CLIPS = {
    "sunset.mp4": Clip(scenes.sunset, sounds.waves, 10),
    "aurora.mp4": Clip(scenes.aurora, sounds.wind, 10, Fraction(24000, 1001)),
    "city.mp4": Clip(scenes.city, sounds.traffic, 10),
    "planet.webm": Clip(scenes.planet, sounds.drone, 8),
    "silk.mp4": Clip(scenes.silk, sounds.chimes, 8, Fraction(25)),
}
STILLS = {"landscape.jpg": stills.landscape, "logo.png": stills.logo}
MUSIC = "music.flac"
MUSIC_SECONDS = 24.0
FONTS = tuple(f"fonts/SourceSansPro-{weight}.ttf" for weight in ("Light", "Semibold", "Black"))
NAMES = (*CLIPS, MUSIC, *STILLS, *FONTS, "fonts/LICENSE.txt")

H264 = {"preset": "veryfast", "crf": "18", "x264-params": "mbtree=0"}
"""Macroblock trees differ from run to run on some processors."""
VP9 = {"deadline": "realtime", "cpu-used": "7", "crf": "24", "b": "0"}
"""Rows are not coded in parallel, which would differ from run to run."""


def film(path: Path, clip: Clip) -> None:
    """Encode a clip: H.264 and AAC in mp4, VP9 and Opus in webm; BT.709, limited range, and tagged so."""
    webm = ".webm" in path.suffixes
    options = {"fflags": "+bitexact"} if webm else {"movflags": "+faststart"}
    frames = int(clip.seconds * clip.fps)
    samples = clip.sound(float(frames / clip.fps))
    with av.open(path, "w", format="webm" if webm else "mp4", options=options) as container:
        video = container.add_stream("libvpx-vp9" if webm else "libx264", clip.fps, options=VP9 if webm else H264)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.thread_count = 2
        video.codec_context.gop_size = 60
        video.codec_context.color_primaries = ColorPrimaries.BT709
        video.codec_context.color_trc = ColorTrc.BT709
        video.codec_context.colorspace = Colorspace.ITU709
        video.codec_context.color_range = ColorRange.MPEG
        audio = container.add_stream("libopus" if webm else "aac", sounds.RATE, layout="stereo")
        audio.codec_context.bit_rate = 128_000
        done = 0
        for number, picture in enumerate(clip.scene(frames, float(clip.fps))):
            rgb = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = rgb.reformat(
                format="yuv420p",
                src_color_range=ColorRange.JPEG,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            frame.pts, frame.time_base = number, 1 / clip.fps
            container.mux(video.encode(frame))
            until = round((number + 1) / clip.fps * sounds.RATE)
            container.mux(audio.encode(_sound_frame(samples[:, done:until], done, "flt" if webm else "fltp")))
            done = until
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def _sound_frame(samples: Floats, start: int, sample_format: str) -> av.AudioFrame:
    """Samples of shape (2, n) as libav wants them; `start` is the place of the first one."""
    packed = sample_format in ("flt", "s16")
    block = samples.T.reshape(1, -1) if packed else samples
    if sample_format == "s16":
        block = np.round(np.clip(block, -1, 1) * 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format=sample_format, layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = sounds.RATE, start, Fraction(1, sounds.RATE)
    return frame


def music(path: Path) -> None:
    """Encode the piece of music as FLAC, 16 bit."""
    samples = sounds.music(MUSIC_SECONDS)
    with av.open(path, "w", format="flac", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", sounds.RATE, layout="stereo", format="s16")
        for start in range(0, samples.shape[1], 4096):
            container.mux(stream.encode(_sound_frame(samples[:, start : start + 4096], start, "s16")))
        container.mux(stream.encode(None))


def still(path: Path, draw: Callable[[], Image.Image]) -> None:
    """Save a still: JPEG, or PNG with alpha."""
    if ".png" in path.suffixes:
        draw().save(path, format="PNG", optimize=True)
    else:
        draw().save(path, format="JPEG", quality=90)


def make(name: str, folder: Path) -> None:
    """Make one file. Runs in a process of its own."""
    path = folder / name
    part = folder / f"{name}.{os.getpid()}.part"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if name in CLIPS:
            film(part, CLIPS[name])
        elif name in STILLS:
            still(part, STILLS[name])
        elif name == MUSIC:
            music(part)
        else:
            shutil.copyfile(Path(font_directory) / path.name, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def make_all(
    folder: Path = MEDIA,
    *,
    names: Sequence[str] | None = None,
    force: bool = False,
    say: Callable[[str], object] = print,
) -> None:
    """Make every file that is missing or out of date, several at a time; `say` is told what happens.

    `names`: the files that are wanted; None for all.
    """
    names = NAMES if names is None else names
    recipe = _recipe()
    stamp = folder / RECIPE
    current = not force and stamp.is_file() and stamp.read_text() == recipe
    missing = [name for name in names if not (current and (folder / name).is_file())]
    if not missing:
        say(f"the footage is there: {len(names)} files in {folder}")
        return
    say(f"making {len(missing)} files of footage, which takes a minute")
    stamp.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    if not current:
        for name in NAMES:
            (folder / name).unlink(missing_ok=True)
    began = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(make, name, folder) for name in missing]):
            done.result()
    stamp.write_text(recipe)
    say(f"made the footage in {time.monotonic() - began:.0f} s: {folder}")


def named_in(project: Path) -> list[str]:
    """The files of the footage that a project names."""
    text = project.read_text(encoding="utf-8")
    return [name for name in NAMES if f"media/{name}" in text]


def _recipe() -> str:
    """A hash of the programs that the footage comes from."""
    programs = [Path(__file__), *sorted((HERE / "footage").glob("*.py"))]
    return hashlib.sha256(b"".join(program.read_bytes() for program in programs)).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the examples' footage in examples/media/.")
    parser.add_argument("--force", action="store_true", help="make all of it again")
    parser.add_argument("--of", type=Path, metavar="PROJECT", help="only what this project shows")
    asked = parser.parse_args()
    make_all(names=named_in(asked.of) if asked.of else None, force=asked.force)


if __name__ == "__main__":
    main()
