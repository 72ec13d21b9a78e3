"""Smart copy of three shots of two minutes, and what a browser makes of spliced films."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.films.test_copy import (
    AAC,
    B_FRAMES,
    CUT,
    DEEP,
    MIXED,
    PLAIN,
    X264,
    Cuts,
    complaints,
    expected_numbers,
    packets,
    project,
)
from tests.support.browser import CHROMIUM, play
from tests.support.clips import ClipRecipe, decoded_numbers, ffmpeg, make_clip, read_number
from tests.support.films import film

SHOT_FRAMES = 120 * 25
SHOTS = {
    "one": ClipRecipe("one.mp4", (*X264, "-g", "50", "-bf", "3"), frames=SHOT_FRAMES + 80, audio=AAC),
    "two": ClipRecipe("two.mkv", (*X264, "-g", "48", "-bf", "2", "-refs", "4"), frames=SHOT_FRAMES + 80, audio=AAC),
    "three": ClipRecipe("three.mp4", (*X264, "-g", "25", "-bf", "0"), frames=SHOT_FRAMES + 80, audio=AAC),
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_three_shots_of_two_minutes(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    sources = {name: make_clip(tmp_path_factory, recipe) for name, recipe in SHOTS.items()}
    cuts: Cuts = [("one", 17, SHOT_FRAMES), ("two", 7, SHOT_FRAMES + 1), ("three", 33, SHOT_FRAMES - 1)]
    output, report = film(tmp_path, project(sources, cuts), "out.mp4", copy="auto")
    assert decoded_numbers(output) == expected_numbers(sources, cuts)
    assert complaints(output) == ""
    assert len(packets(output)) == 3 * SHOT_FRAMES
    encoded = report["frames"] - report["copied"]["frames"]
    assert encoded <= 3 * 50 + 3 * 3


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_copying_is_ten_times_faster(tmp_path: Path) -> None:
    """CPU seconds of the command, one shot of half a minute: start-up weighs more against copying, not less."""
    source = tmp_path / "source.mp4"
    picture = "testsrc2=s=1280x720:r=25:d=33,noise=alls=4:allf=t"
    ffmpeg("-f", "lavfi", "-i", picture, *X264, "-g", "50", "-preset", "superfast", source)
    (tmp_path / "project.json").write_text(
        '{"version": 1, "canvas": {"width": 1280, "height": 720, "fps": 25}, "media": {"m": {"path": "source.mp4"}},'
        '"tracks": [{"clips": [{"media": "m", "in": "17f", "duration": "771f"}]}]}',
        encoding="utf-8",
    )

    def seconds(mode: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "reelmill", "export", "project.json", f"{mode}.mp4", "--copy", mode, "-q"]
        subprocess.run([*command, "--no-audio"], cwd=tmp_path, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert seconds("off") > 10 * seconds("auto")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(CHROMIUM is None, reason="a check in a real browser needs Debian's chromium")
@pytest.mark.parametrize("name", ["out.mp4", "out.mov"])
def test_a_browser_shows_the_right_frames(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    recipes = {"b": B_FRAMES, "deep": DEEP, "plain": PLAIN, "cut": CUT}
    sources = {media: make_clip(tmp_path_factory, recipe) for media, recipe in recipes.items()}
    output, _ = film(tmp_path, project(sources, MIXED), name, copy="auto")
    numbers = expected_numbers(sources, MIXED)
    # Round the joins, and anywhere.
    ends = [sum(count for _, _, count in MIXED[: index + 1]) for index in range(len(MIXED) - 1)]
    shown = sorted({0, len(numbers) - 1, *(end + offset for end in ends for offset in (-1, 0, 1))})
    shown += random.Random(4).sample(range(len(numbers)), 12)
    played = play(output, [(n + 0.5) / 25 for n in shown], tmp_path / "profile")
    assert [read_number(picture) for picture in played.pictures] == [numbers[n] for n in shown]
    assert played.duration == pytest.approx(len(numbers) / 25, abs=0.005)
    assert played.ended == pytest.approx(played.duration, abs=0.05)
    assert played.corrupted == 0
