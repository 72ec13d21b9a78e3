"""Each example is exported and looked at.

What should be seen is worked out from the footage as ffmpeg decodes it, by the rules of time and place.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from examples import make_media
from tests.support.example_media import (
    EXAMPLES,
    MEDIA,
    ROOT,
    Picture,
    blocks,
    export,
    facts,
    make_footage,
    picture,
    rms,
    sound,
)

NAMES = ("hello", "picture_in_picture", "nested", "kinetic_text", "blend_modes")
HALF = (640, 360)
"""Size of the pictures of a draft."""
AURORA_FPS = Fraction(24000, 1001)


@pytest.fixture(scope="session", autouse=True)
def footage() -> None:
    make_footage()


def assert_alike(seen: Picture, expected: Picture, rows: int, columns: int, tolerance: float = 3) -> None:
    """Two areas have the same mean colours, block by block."""
    difference = np.abs(blocks(seen, rows, columns) - blocks(expected, rows, columns))
    assert difference.max() <= tolerance, f"{difference.max():.1f} of 255 off"


# The footage


@pytest.mark.parametrize(
    ("name", "codec", "sound_codec", "rate", "frames"),
    [
        ("sunset.mp4", "h264", "aac", "30/1", 300),
        ("aurora.mp4", "h264", "aac", "24000/1001", 239),
        ("city.mp4", "h264", "aac", "30/1", 300),
        ("planet.webm", "vp9", "opus", "30/1", 240),
        ("silk.mp4", "h264", "aac", "25/1", 200),
    ],
)
def test_footage_is_what_it_should_be(name: str, codec: str, sound_codec: str, rate: str, frames: int) -> None:
    found = facts(MEDIA / name)
    video, audio = found["video"], found["audio"]
    assert (video["codec_name"], video["width"], video["height"], video["pix_fmt"]) == (codec, 1280, 720, "yuv420p")
    assert (video["r_frame_rate"], int(video["nb_read_packets"])) == (rate, frames)
    tags = [video[key] for key in ("color_range", "color_space", "color_transfer", "color_primaries")]
    assert tags == ["tv", "bt709", "bt709", "bt709"]
    assert (audio["codec_name"], audio["sample_rate"], audio["channels"]) == (sound_codec, "48000", 2)
    assert float(found["format"]["duration"]) == pytest.approx(frames / Fraction(rate), abs=0.05)
    assert 0.01 < rms(sound(MEDIA / name)) < 0.2


@pytest.mark.parametrize("name", ["city.mp4", "planet.webm"])
def test_footage_shows_the_scene_and_is_the_same_each_time(name: str, tmp_path: Path) -> None:
    clip = replace(make_media.CLIPS[name], seconds=1, fps=Fraction(10))
    paths = [tmp_path / f"{turn}.{name}" for turn in range(2)]
    for path in paths:
        make_media.film(path, clip)
    first, second = (hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    assert first == second
    drawn = list(clip.scene(10, 10.0))[7].astype(np.float64)
    assert_alike(picture(paths[0], 7), drawn, 18, 32, tolerance=6)


def test_footage_that_is_there_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_media, "NAMES", ("logo.png", "fonts/LICENSE.txt"))
    said: list[str] = []
    make_media.make_all(tmp_path, say=said.append)
    made = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert made == [".made-by", "LICENSE.txt", "logo.png"]
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    make_media.make_all(tmp_path, say=said.append)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == stamps
    assert said[-1] == f"the footage is there: 2 files in {tmp_path}"
    (tmp_path / "logo.png").unlink()
    make_media.make_all(tmp_path, say=said.append)
    assert said[-2].startswith("making 1 files of footage")
    assert (tmp_path / "logo.png").is_file()


def test_only_what_a_project_shows_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hello = make_media.named_in(EXAMPLES / "hello/project.json")
    assert "sunset.mp4" in hello
    assert "silk.mp4" not in hello
    make_media.make_all(tmp_path, names=["logo.png"], say=lambda line: None)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [".made-by", "logo.png"]


# The films


def test_hello(tmp_path: Path) -> None:
    film = tmp_path / "hello.mp4"
    report = export(EXAMPLES / "hello/project.json", film)
    found = facts(film)
    assert report["status"] == "ok"
    assert report["frames"] == int(found["video"]["nb_read_packets"]) == 300
    assert (found["video"]["width"], found["video"]["height"]) == HALF
    assert found["video"]["r_frame_rate"] == "30/1"
    assert float(found["video"]["duration"]) == 10
    assert found["format"]["tags"]["title"] == "Hello"

    def source(name: str, frame: int) -> Picture:
        return picture(MEDIA / name, frame, HALF)

    below = slice(200, 360)
    sunset = source("sunset.mp4", 4 * 30 + 75)
    seen = picture(film, 75)
    assert_alike(seen[below], sunset[below], 10, 20)
    title = slice(55, 120), slice(40, 260)
    assert seen[title].mean() > sunset[title].mean() + 40
    assert_alike(picture(film, 150), source("aurora.mp4", int(Fraction(7, 2) * AURORA_FPS)), 18, 32)
    midway = (source("sunset.mp4", 4 * 30 + 105) + source("aurora.mp4", int(2 * AURORA_FPS))) / 2
    assert_alike(picture(film, 105)[below], midway[below], 10, 20)
    assert_alike(picture(film, 210), source("city.mp4", 90), 18, 32)
    assert picture(film, 0).max() < 3
    assert picture(film, 299).max() < 3

    assert len(sound(film)) == pytest.approx(480_000, abs=1100)  # the last AAC frame may be longer than the film


def test_sound_of_hello(tmp_path: Path) -> None:
    recording = tmp_path / "hello.wav"
    export(EXAMPLES / "hello/project.json", recording)
    heard = sound(recording)
    assert len(heard) == 480_000
    music, waves, aurora = (sound(MEDIA / name) for name in ("music.flac", "sunset.mp4", "aurora.mp4"))
    music_gain, shot_gain = 10 ** (-3 / 20), 10 ** (-8 / 20)
    second = slice(48_000, 96_000)
    mixed = music[second] * music_gain + waves[240_000:288_000] * shot_gain
    assert rms(heard[second] - mixed) < 0.005 * rms(mixed)
    sixth = slice(240_000, 288_000)
    mixed = music[sixth] * music_gain + aurora[168_000:216_000] * shot_gain
    assert rms(heard[sixth] - mixed) < 0.005 * rms(mixed)
    assert rms(heard[:1200]) < 0.2 * rms(heard[second])
    assert rms(heard[478_000:]) < 0.02 * rms(heard[second])


def test_picture_in_picture(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    export(EXAMPLES / "picture_in_picture/project.json", film, ("2.5", "2.6"))
    assert int(facts(film)["video"]["nb_read_packets"]) == 3
    seen = picture(film)
    base = picture(MEDIA / "sunset.mp4", 105, HALF)
    assert_alike(seen[200:, :440], base[200:, :440], 10, 20)
    insets = [("aurora.mp4", 134, int(Fraction("2.4") * AURORA_FPS)), ("city.mp4", 360, 60), ("planet.webm", 586, 48)]
    for name, y, frame in insets:
        # A card of 308 × 208 round (1086, y); its picture of 281.6 × 158.4 sits 11 pixels above the middle.
        left, top, right, bottom = 1086 - 140.8, y - 11 - 79.2, 1086 + 140.8, y - 11 + 79.2
        inside = seen[round(top / 2) : round(bottom / 2), round(left / 2) : round(right / 2)]
        expected = picture(MEDIA / name, frame, (inside.shape[1], inside.shape[0]))
        assert_alike(inside[4:-4, 4:-4], expected[4:-4, 4:-4], 4, 6, tolerance=8)


def test_nested(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    report = export(EXAMPLES / "nested/project.json", film, ("1.2", "1.3"), draft=False)
    assert report["compositor"]["nested_rendered"] > 0
    seen = picture(film)
    # At 1.2 s the screen stands still for a moment at 0.94. Each tile is 400 wide, on a wall at 0.84.
    scale = 0.94 * 0.84
    for x, frame in ((220, 18), (660, 66), (1100, 173)):
        middle_x = 640 + (x - 660) * scale
        middle_y = 360 + (390 - 360) * 0.94
        reach = 100 * scale
        inside = seen[
            round(middle_y - reach) : round(middle_y + reach), round(middle_x - reach) : round(middle_x + reach)
        ]
        # A tile shows the middle 720 × 720 of the planet's 1280 × 720; 200 of its 400 pixels are 360 of them.
        expected = picture(MEDIA / "planet.webm", frame, filters="crop=360:360,scale=158:158:flags=area")
        assert_alike(inside[:158, :158], expected, 4, 4, tolerance=4)
    backdrop = picture(MEDIA / "silk.mp4", 55)
    assert_alike(seen[:, :30], backdrop[:, :30], 10, 1)


def test_kinetic_text(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    export(EXAMPLES / "kinetic_text/project.json", film, ("6", "6.1"))
    seen = picture(film)
    progress = (6.0 - 4.8 - 0.4) / 2.2
    curves = [(0, 0, 1, 1), (0.42, 0, 1, 1), (0, 0, 0.58, 1), (0.42, 0, 0.58, 1), (0.3, 1.6, 0.5, 1)]
    colours = ["ffd166", "ff9f6b", "ff7b7b", "c792ff", "7be0c3"]
    for row, (curve, colour) in enumerate(zip(curves, colours, strict=True)):
        middle = (168 + 102 * row) / 2
        lane = seen[round(middle) - 4 : round(middle) + 4, 210:]
        near = np.abs(lane - np.array(list(bytes.fromhex(colour)))).max(axis=2) < 40
        ball = 210 + np.nonzero(near)[1].mean() + 0.5
        assert ball == pytest.approx((440 + 700 * bezier(curve, progress)) / 2, abs=1.5)


def bezier(curve: tuple[float, ...], progress: float) -> float:
    """CSS's cubic-bezier(x1, y1, x2, y2), by a fine table."""
    x1, y1, x2, y2 = curve
    t = np.linspace(0, 1, 100_001)
    x = 3 * x1 * t * (1 - t) ** 2 + 3 * x2 * t**2 * (1 - t) + t**3
    y = 3 * y1 * t * (1 - t) ** 2 + 3 * y2 * t**2 * (1 - t) + t**3
    return float(np.interp(progress, x, y))


def test_kinetic_words_come_and_go(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    export(EXAMPLES / "kinetic_text/project.json", film, ("0", "2.4"))
    yellow = [_share(picture(film, frame), "ffd166") for frame in (0, 22, 37)]
    red = [_share(picture(film, frame), "ff7b7b") for frame in (22, 58)]
    assert yellow[0] == 0
    assert yellow[1] > 0.04
    assert yellow[2] == 0
    assert red[0] == 0
    assert red[1] > 0.04


def _share(frame: Picture, colour: str) -> float:
    """The share of the pixels that have a colour."""
    return float((np.abs(frame - np.array(list(bytes.fromhex(colour)))).max(axis=2) < 24).mean())


def test_blend_modes(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    export(EXAMPLES / "blend_modes/project.json", film, ("2", "2.1"), draft=False)
    seen = picture(film)
    below = picture(MEDIA / "landscape.jpg", scale=(240, 160), filters="crop=190:160") / 255
    above = picture(MEDIA / "silk.mp4", 50, scale=(284, 160), filters="crop=190:160") / 255
    modes = [
        "normal", "multiply", "screen", "overlay", "darken", "lighten", "color_dodge", "color_burn", "hard_light",
        "soft_light", "difference", "exclusion", "hue", "saturation", "color", "luminosity", "add",
    ]  # fmt: skip
    for number, mode in enumerate(modes):
        left, top = 30 + 206 * (number % 6), 42 + 20 - 20 + 218 * (number // 6)
        cell = seen[top : top + 160, left : left + 190]
        difference = np.abs(blocks(cell, 10, 10) - blocks(blend(mode, below, above) * 255, 10, 10))
        assert difference.mean() < 3, mode
        assert difference.max() < 24, mode  # where a mode is steep, the two ways of scaling show


def blend(mode: str, b: Picture, s: Picture) -> Picture:
    """The source `s` over the opaque backdrop `b`, both 0…1: Compositing and Blending Level 1, chapter 10."""
    if mode in ("hue", "saturation", "color", "luminosity"):
        return _blend_whole(mode, b, s)
    root = np.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, np.sqrt(b))
    with np.errstate(divide="ignore", invalid="ignore"):
        dodge = np.where(b == 0, 0, np.where(s == 1, 1, np.minimum(1, b / (1 - s))))
        burn = np.where(b == 1, 1, np.where(s == 0, 0, 1 - np.minimum(1, (1 - b) / s)))
    results: dict[str, Picture] = {
        "normal": s,
        "multiply": b * s,
        "screen": b + s - b * s,
        "overlay": _hard_light(s, b),
        "darken": np.minimum(b, s),
        "lighten": np.maximum(b, s),
        "color_dodge": dodge,
        "color_burn": burn,
        "hard_light": _hard_light(b, s),
        "soft_light": np.where(s <= 0.5, b - (1 - 2 * s) * b * (1 - b), b + (2 * s - 1) * (root - b)),
        "difference": np.abs(b - s),
        "exclusion": b + s - 2 * b * s,
        "add": np.minimum(1, b + s),
    }
    return results[mode]


def _hard_light(b: Picture, s: Picture) -> Picture:
    return np.where(s <= 0.5, b * 2 * s, b + (2 * s - 1) - b * (2 * s - 1))


def _blend_whole(mode: str, b: Picture, s: Picture) -> Picture:
    if mode == "hue":
        return _set_lum(_set_sat(s, _sat(b)), _lum(b))
    if mode == "saturation":
        return _set_lum(_set_sat(b, _sat(s)), _lum(b))
    return _set_lum(s, _lum(b)) if mode == "color" else _set_lum(b, _lum(s))


def _lum(c: Picture) -> NDArray[np.float64]:
    lum: NDArray[np.float64] = (c @ np.array([0.3, 0.59, 0.11]))[..., None]
    return lum


def _sat(c: Picture) -> NDArray[np.float64]:
    sat: NDArray[np.float64] = c.max(axis=2, keepdims=True) - c.min(axis=2, keepdims=True)
    return sat


def _set_sat(c: Picture, sat: NDArray[np.float64]) -> Picture:
    least = c.min(axis=2, keepdims=True)
    return np.where(_sat(c) > 0, (c - least) * sat / np.maximum(_sat(c), 1e-9), 0)


def _set_lum(c: Picture, lum: NDArray[np.float64]) -> Picture:
    c = c + lum - _lum(c)
    middle, least, most = _lum(c), c.min(axis=2, keepdims=True), c.max(axis=2, keepdims=True)
    c = np.where(least < 0, middle + (c - middle) * middle / np.maximum(middle - least, 1e-9), c)
    return np.where(most > 1, middle + (c - middle) * (1 - middle) / np.maximum(most - middle, 1e-9), c)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "frames"), list(zip(NAMES, (300, 210, 150, 240, 120), strict=True)))
def test_whole_films(name: str, frames: int, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    warnings = export(EXAMPLES / name / "project.json", film, draft=False)["warnings"]
    assert [each for each in warnings if "ms to render" not in each] == [], "machines may be slow"
    found = facts(film)
    assert int(found["video"]["nb_read_packets"]) == frames
    assert (found["video"]["width"], found["video"]["height"]) == (1280, 720)


# The documents


@pytest.mark.parametrize("name", NAMES)
def test_each_example_has_a_picture(name: str) -> None:
    path = ROOT / "docs/pictures" / f"{name}.jpg"
    assert path.stat().st_size < 150_000
    assert f"docs/pictures/{name}.jpg" in (ROOT / "README.md").read_text()


def readme_block(language: str, beginning: str = "") -> str:
    """The only code block of the README that is in a language and begins with a text."""
    text = (ROOT / "README.md").read_text()
    (block,) = re.findall(rf"```{language}\n({beginning}.*?)```", text, re.DOTALL)
    return str(block)


def test_first_project_of_the_readme(tmp_path: Path) -> None:
    project = tmp_path / "film.json"
    project.write_text(readme_block("json"))
    (tmp_path / "examples").symlink_to(EXAMPLES)
    film = tmp_path / "film.mp4"
    report = export(project, film)
    found = facts(film)
    assert report["frames"] == int(found["video"]["nb_read_packets"]) == 210
    assert report["warnings"] == []
    assert (found["video"]["codec_name"], found["audio"]["codec_name"]) == ("h264", "aac")
    assert_alike(picture(film, 15), picture(MEDIA / "sunset.mp4", 75, HALF), 18, 32)
    assert_alike(picture(film, 180), picture(MEDIA / "city.mp4", 90, HALF), 18, 32)


def test_mistake_of_the_readme(tmp_path: Path) -> None:
    (tmp_path / "film.json").write_text(readme_block("json").replace('"start": 3', '"star": 3'))
    (tmp_path / "examples").symlink_to(EXAMPLES)
    command = [sys.executable, "-m", "reelmill", "export", "film.json", "film.mp4"]
    ran = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True)
    assert ran.returncode == 2
    assert ran.stderr.decode() == readme_block("", "error:")
