"""Whole films show the right frames: numbers in the picture are read back from the encoded film by ffmpeg."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelmill.planner.outputs import VideoSettings
from tests.support.clips import HEIGHT, WIDTH, ClipRecipe, decoded_numbers, frame_times, make_clip
from tests.support.films import film

LOSSLESS = VideoSettings(codec="ffv1", pix_fmt="yuv420p")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2")
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "400k")
AAC, OPUS = ("-c:a", "aac"), ("-c:a", "libopus")
RATES = [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60)]


def canvas(fps: Fraction) -> dict[str, Any]:
    return {"width": WIDTH, "height": HEIGHT, "fps": f"{fps.numerator}/{fps.denominator}"}


@pytest.mark.parametrize("fps", RATES, ids=str)
@pytest.mark.parametrize(
    ("name", "video", "audio"),
    [
        ("a.mp4", X264, AAC),
        ("a.mkv", X264, OPUS),
        ("a.mov", X264, ()),
        ("a.ts", X264, AAC),
        ("a.webm", VP8, OPUS),
    ],
)
def test_in_a_canvas_of_the_same_rate_frame_n_is_source_frame_n(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    fps: Fraction,
    name: str,
    video: tuple[str, ...],
    audio: tuple[str, ...],
) -> None:
    clip = make_clip(tmp_path_factory, ClipRecipe(name, video, fps, 40, audio))
    project = {
        "canvas": canvas(fps),
        "media": {"m": {"path": str(clip)}},
        "tracks": [{"clips": [{"media": "m", "duration": "40f"}]}],
    }
    output, _ = film(tmp_path, project, video=LOSSLESS, no_audio=True)
    assert decoded_numbers(output) == list(range(40))


def picked(times: list[Fraction], tick: Fraction, moment: Fraction, backwards: bool) -> int:
    """The rule, written plainly: which frame of a list of times is on screen at a source time."""
    zero = times[0]
    if backwards:
        before = [i for i, time in enumerate(times) if time - zero < moment - tick / 2]
    else:
        before = [i for i, time in enumerate(times) if time - zero <= moment + tick / 2]
    return max(before, default=0)


VARIABLE = ("-vf", "settb=1/90000,setpts=N*3000+mod(N*N\\,7)*400+floor(N/9)*5000", "-vsync", "passthrough")
SOURCES = [
    ClipRecipe("film.mp4", (*X264, "-g", "12"), Fraction(24000, 1001), 90),
    ClipRecipe("variable.mkv", (*X264, *VARIABLE, "-enc_time_base", "1/90000"), Fraction(30), 90),
    ClipRecipe("late.ts", (*X264, "-g", "30"), Fraction(25), 90, AAC),
    ClipRecipe("cut.mp4", (*X264, "-g", "40"), Fraction(60), 120, AAC, ("-ss", "0.3")),
]
SPEEDS = [Fraction(1), Fraction(0), Fraction(1, 2), Fraction(2), Fraction(-1), Fraction(-1, 2)]


@pytest.mark.parametrize("system", ["v1", "v2"])
@pytest.mark.parametrize("fps", [Fraction(30), Fraction(30000, 1001)], ids=str)
def test_cut_anywhere_at_any_speed_the_film_shows_what_the_rule_says(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, fps: Fraction, system: str
) -> None:
    random_numbers = random.Random(11)
    media: dict[str, Any] = {}
    clips: list[dict[str, Any]] = []
    expected: list[int] = []
    start = 0
    for recipe in SOURCES:
        path = make_clip(tmp_path_factory, recipe)
        time_base, pts = frame_times(path)
        times = [p * time_base for p in pts]
        numbers = decoded_numbers(path)
        assert len(numbers) == len(times)
        length = times[-1] - times[0]
        media[recipe.name] = {"path": str(path)}
        for speed in SPEEDS:
            count = random_numbers.randrange(7, 16)
            needed = abs(speed) * Fraction(count + 1) / fps
            cut = Fraction(random_numbers.randrange(0, 997), 997) * (length - needed)
            begin = cut + needed if speed < 0 else cut
            clips.append(
                {
                    "media": recipe.name,
                    "start": f"{start}f",
                    "duration": f"{count}f",
                    "in": f"{begin.numerator}/{begin.denominator}",
                    "speed": str(speed),
                }
            )
            for n in range(count):
                moment = begin + Fraction(n) / fps * speed
                expected.append(numbers[picked(times, time_base, moment, speed < 0)])
            start += count
    output, report = film(
        tmp_path,
        {"canvas": canvas(fps), "media": media, "tracks": [{"clips": clips}]},
        video=LOSSLESS,
        no_audio=True,
        system=system,
    )
    assert decoded_numbers(output) == expected
    assert report["system"] == system
    assert report["frames"] == len(expected)


def test_a_range_holds_the_frames_of_the_whole_film(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    from reelmill.planner.clock import parse_time

    clip = make_clip(tmp_path_factory, ClipRecipe("a.mp4", X264, Fraction(25), 40, AAC))
    project = {
        "canvas": canvas(Fraction(25)),
        "media": {"m": {"path": str(clip)}},
        "tracks": [{"clips": [{"media": "m", "duration": "40f"}]}],
    }
    output, report = film(tmp_path, project, video=LOSSLESS, range=(parse_time("0.41"), parse_time("20f")))
    # 0.41 × 25 = 10.25: the first frame at or after it is 11.
    assert decoded_numbers(output) == list(range(11, 20))
    assert report["duration_seconds"] == pytest.approx(9 / 25)


@pytest.mark.parametrize("fast_paths", [True, False], ids=["fast", "plain"])
@pytest.mark.parametrize("system", ["v1", "v2"])
@pytest.mark.parametrize("depth", [1, 4])
def test_nested_compositions_show_the_same_frames(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, depth: int, system: str, fast_paths: bool
) -> None:
    """A composition in a composition in …, each trimmed by a frame: source frames shift by the depth."""
    clip = make_clip(tmp_path_factory, ClipRecipe("a.mp4", X264, Fraction(25), 40, AAC))
    compositions: dict[str, Any] = {"c0": {"tracks": [{"clips": [{"media": "m", "duration": "40f"}]}]}}
    for level in range(1, depth):
        compositions[f"c{level}"] = {"tracks": [{"clips": [{"composition": f"c{level - 1}", "in": "1f"}]}]}
    project = {
        "canvas": canvas(Fraction(25)),
        "media": {"m": {"path": str(clip)}},
        "compositions": compositions,
        "tracks": [{"clips": [{"composition": f"c{depth - 1}", "in": "1f"}]}],
    }
    output, report = film(tmp_path, project, video=LOSSLESS, no_audio=True, system=system, fast_paths=fast_paths)
    assert decoded_numbers(output) == list(range(depth, 40))
    assert report["compositor"]["nested_rendered"] == (0 if fast_paths else (40 - depth) * depth)
