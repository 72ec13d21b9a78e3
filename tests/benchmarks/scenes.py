"""The scenes S1 to S8 and the layers of one file: in, the folder of footage and a length; out, a Scene."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.benchmarks import footage
from tests.benchmarks.scene import FPS, Bar, Box, File, Layer, Lettering, Photo, Scene, Stage, Video

HD = (0, 0, 1920, 1080)
UHD = (0, 0, 3840, 2160)
MARGIN_SECONDS = 6
"""Shots are so much longer than a scene: clips begin inside of them."""


def tenth(seconds: float) -> int:
    """The nearest multiple of a tenth of a second that is not 0, in frames."""
    return 3 * max(1, round(seconds * 10))


def cuts(folder: Path, seconds: float) -> Scene:
    """S1."""
    part = tenth(seconds / 4)
    base = tuple(
        Layer(Video(_shot(folder, n % 3, seconds), 33 + 12 * n), n * part, part, HD) for n in range(4)
    )  # three cuts, four clips
    return Scene("S1", "three cuts", Stage("film", 1920, 1080, 4 * part, base), against_ffmpeg=1.05, against_floor=1.15)


def pictures_in_picture(folder: Path, seconds: float) -> Scene:
    """S2."""
    frames = tenth(seconds)
    base = Layer(Video(_shot(folder, 0, seconds), 12), 0, frames, HD)
    places = ((96, 54), (1056, 54), (1056, 594))
    over = tuple(
        Layer(Video(_shot(folder, n, seconds), 30 * n), 0, frames, (*place, 768, 432), 0.85)
        for n, place in enumerate(places, 1)
    )
    stage = Stage("film", 1920, 1080, frames, (base,), over)
    return Scene("S2", "base and three pictures in picture", stage, against_ffmpeg=0.7, against_floor=1.4)


def cards(folder: Path, seconds: float) -> Scene:
    """S3: five clips in a row, over them five cards of three clips each, two at a time; 20 clips of 10 files."""
    part = tenth(seconds / 5)
    frames, shown = 5 * part, 2 * part
    base = tuple(Layer(Video(_shot(folder, n, seconds), 9 * n), n * part, part, HD) for n in range(5))
    over = []
    for n in range(5):
        start = min(n * part, frames - shown)
        card = Stage(
            f"card{n}",
            960,
            540,
            shown,
            (Layer(Video(_shot(folder, 5 + n, seconds), 6), 0, shown, (0, 0, 960, 540)),),
            (
                Layer(Video(_shot(folder, (n + 1) % 10, seconds), 15), 0, shown, (32, 290, 384, 216)),
                Layer(Video(_shot(folder, (n + 7) % 10, seconds), 60), 0, shown, (544, 290, 384, 216), 0.9),
            ),
        )
        place: Box = (96 + 480 * (n % 3), 54 + 540 * (n % 2), 768, 432)
        over.append(Layer(card, start, shown, place, 0.9 if n % 2 else 1))
    stage = Stage("film", 1920, 1080, frames, base, tuple(over))
    title = "20 clips of 10 files, 5 nested compositions"
    return Scene("S3", title, stage, against_ffmpeg=0.6, against_floor=1.6)


def deep(folder: Path, seconds: float) -> Scene:
    """S4: each level shows the one below and a layer more. One frames it in grey, one lays it over another video."""
    frames = tenth(seconds)

    def full(name: str, below: Layer, layer: Layer, *, grey: int = 0) -> Stage:
        return Stage(name, 1920, 1080, frames, (), (below, layer), grey)

    def whole(stage: Stage, box: Box = HD, opacity: float = 1) -> Layer:
        return Layer(stage, 0, frames, box, opacity)

    def video(number: int, at: int, box: Box, opacity: float = 1) -> Layer:
        return Layer(Video(_shot(folder, number, seconds), at), 0, frames, box, opacity)

    def bar(grey: int, box: Box, opacity: float) -> Layer:
        return Layer(Bar(grey), 0, frames, box, opacity)

    def words(text: str, name: str, box: Box) -> Layer:
        return Layer(_lettering(folder, text, name, box), 0, frames, box)

    level = Stage("level1", 1920, 1080, frames, (video(0, 0, HD),))
    level = full("level2", whole(level), video(1, 9, (96, 54, 480, 270)))
    level = full("level3", whole(level), bar(32, (0, 800, 1920, 160), 0.6))
    level = full("level4", whole(level), words("Ten levels deep", "deep", (96, 820, 960, 120)))
    level = full("level5", whole(level, (96, 54, 1728, 972)), video(2, 18, (1344, 702, 480, 270)), grey=48)
    level = full("level6", whole(level), video(3, 27, (720, 54, 480, 270), 0.8))
    level = full("level7", whole(level), bar(224, (1600, 54, 160, 560), 0.4))
    level = full("level8", video(1, 90, HD), whole(level, HD, 0.85))
    level = full("level9", whole(level), video(0, 60, (1344, 54, 480, 270)))
    level = full("level10", whole(level), words("and one more", "more", (480, 480, 960, 120)))
    stage = Stage("film", 1920, 1080, frames, (), (whole(level),))
    return Scene("S4", "nested 10 deep", stage, against_ffmpeg=0.6, against_floor=1.6)


def mixed(folder: Path, seconds: float) -> Scene:
    """S5: a 2160p and a 1080p source in turn, dissolving into one another, and a title."""
    part, over = tenth(seconds / 4), tenth(seconds / 20)
    wide, shot = _wide(folder, seconds), _shot(folder, 0, seconds)
    base = [Layer(Video(wide, 0), 0, part + over, HD)]
    for n in range(1, 4):
        length = part if n == 3 else part + over
        base.append(Layer(Video((wide, shot)[n % 2], 30 * n), n * part, length, HD, dissolve=over))
    box = (480, 860, 960, 120)
    title = Layer(_lettering(folder, "Mixed sizes", "mixed", box), over, 4 * part - 2 * over, box)
    stage = Stage("film", 1920, 1080, 4 * part, tuple(base), (title,))
    return Scene("S5", "2160p and 1080p with dissolves and a title", stage, against_ffmpeg=0.9, against_floor=1.5)


def slideshow(folder: Path, seconds: float) -> Scene:
    """S6: 30 photos that grow slowly; twice as long."""
    part = tenth(2 * seconds / 30)
    base = tuple(Layer(Photo(footage.still(folder, n), 1.12), n * part, part, HD) for n in range(30))
    return Scene(
        "S6",
        "30 stills with slow zooms",
        Stage("film", 1920, 1080, 30 * part, base),
        least_psnr=30,
        why_less="zoompan crops at whole pixels",
        against_ffmpeg=0.7,
        against_floor=1.6,
    )


def long_file(folder: Path, seconds: float) -> Scene:
    """S7: 40 short clips from all over a file of 10 minutes, in no order."""
    part = tenth(seconds / 40)
    take = footage.long_take(folder, 600)
    stride = (take.frames - part) // 40 // 3 * 3
    base = tuple(Layer(Video(take, n * 17 % 40 * stride + 3 * n), n * part, part, HD) for n in range(40))
    return Scene(
        "S7",
        "40 short clips of one 10-minute file",
        Stage("film", 1920, 1080, 40 * part, base),
        one_input=True,
        against_ffmpeg=1.05,
        against_one_input=0.3,
        against_floor=1.2,
    )


def large(folder: Path, seconds: float) -> Scene:
    """S8: a 2160p canvas with two layers."""
    frames = tenth(seconds)
    base = Layer(Video(_wide(folder, seconds), 30), 0, frames, UHD)
    over = Layer(Video(_shot(folder, 1, seconds), 9), 0, frames, (2112, 1188, 1536, 864))
    stage = Stage("film", 3840, 2160, frames, (base,), (over,))
    return Scene("S8", "2160p, two layers", stage, against_ffmpeg=0.9, against_floor=1.5)


def layers_of_one_file(folder: Path, seconds: float, *, count: int) -> Scene:
    """L1 to L8: one 720p file, GOP 250, in so many tiles that are 7 s apart in it; half as long."""
    frames = tenth(seconds / 2)
    file = footage.shot(folder, 80, math.ceil(seconds / 2) + 50, size=(1280, 720), gop=250)
    columns = {1: 1, 2: 2, 4: 2, 8: 4}[count]
    width, height = 1280 // columns, 720 // columns
    over = tuple(
        Layer(Video(file, 7 * FPS * n), 0, frames, (width * (n % columns), height * (n // columns), width, height))
        for n in range(count)
    )
    title = f"one file in {count} layer{'s' if count > 1 else ''}, 7 s apart"
    return Scene(f"L{count}", title, Stage("film", 1280, 720, frames, (), over))


SCENES: dict[str, Callable[[Path, float], Scene]] = {
    "S1": cuts,
    "S2": pictures_in_picture,
    "S3": cards,
    "S4": deep,
    "S5": mixed,
    "S6": slideshow,
    "S7": long_file,
    "S8": large,
    **{f"L{count}": partial(layers_of_one_file, count=count) for count in (1, 2, 4, 8)},
}


def _shot(folder: Path, number: int, seconds: float) -> File:
    return footage.shot(folder, number, math.ceil(seconds) + MARGIN_SECONDS)


def _wide(folder: Path, seconds: float) -> File:
    return footage.shot(folder, 50, math.ceil(seconds) + MARGIN_SECONDS, size=(3840, 2160))


def _lettering(folder: Path, content: str, name: str, box: Box) -> Lettering:
    return Lettering(content, 80, File(folder / f"title-{name}.png", box[2], box[3], 1, 1))
