"""Every kind of film and sound file from one project and one command, read back with ffmpeg's programs."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmill.cli.main import main
from tests.support.clips import ClipRecipe, decoded_numbers, make_clip
from tests.support.films import probe, read_sound
from tests.support.mp4_boxes import boxes

TAGS = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "12", *TAGS)
SOURCE = ClipRecipe("source.mp4", (*X264, "-bf", "2"), frames=60, audio=("-c:a", "aac"))
FRAMES, FPS, RATE = 50, 25, 48000
FILMS: dict[str, dict[str, Any]] = {
    "film.mp4": {},
    "fragmented.mp4": {"fragmented": True},
    "film.mov": {},
    "film.mkv": {},
    "film.webm": {},
    "film.ts": {},
    "film.m3u8": {},
    "unnamed": {"container": "mkv"},
    "prores.mov": {"video": {"codec": "prores", "profile": "4444"}},
    "half.mkv": {"size": [32, 24], "fps_divisor": 2, "video": {"codec": "ffv1"}},
}
SOUNDS = ("sound.wav", "sound.flac", "sound.mp3", "sound.m4a", "sound.opus", "sound.ogg")
CODECS = {
    "prores.mov": "prores",
    "film.webm": "vp9",
    "half.mkv": "ffv1",
}


def project(media: Path) -> dict[str, Any]:
    return {
        "version": 1,
        "tags": {"title": "All of them"},
        "canvas": {"width": 64, "height": 48, "fps": FPS},
        "media": {"m": {"path": str(media)}},
        "tracks": [{"id": "v", "clips": [{"media": "m", "start": 0, "duration": FRAMES / FPS}]}],
        "outputs": [{"path": name, **more} for name, more in FILMS.items()] + [{"path": name} for name in SOUNDS],
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all outputs of one pass."""
    folder = tmp_path_factory.mktemp("formats")
    (folder / "p.json").write_text(json.dumps(project(make_clip(tmp_path_factory, SOURCE))))
    assert main(["export", str(folder / "p.json"), "-q"]) == 0
    return folder


@pytest.mark.parametrize("name", [name for name in FILMS if name != "half.mkv"])
def test_films(made: Path, name: str) -> None:
    path = made / name
    told = probe(path, "-count_frames", "-show_programs")
    video = next(stream for stream in told["streams"] if stream["codec_type"] == "video")
    audio = next(stream for stream in told["streams"] if stream["codec_type"] == "audio")
    assert video["codec_name"] == CODECS.get(name, "h264")
    assert (video["width"], video["height"], video["nb_read_frames"]) == (64, 48, str(FRAMES))
    assert Fraction(video["avg_frame_rate"]) == FPS
    assert decoded_numbers(path) == list(range(FRAMES))
    assert float(told["format"]["duration"]) == pytest.approx(FRAMES / FPS, abs=0.03)
    assert abs(float(audio["start_time"]) - float(video["start_time"])) < 0.03
    tags = {**told["format"].get("tags", {}), **video.get("tags", {})}
    if name == "film.ts":
        tags = {"title": told["programs"][0]["tags"]["service_name"]}
    assert {key.lower(): value for key, value in tags.items()}["title"] == "All of them"


def test_a_smaller_film_of_every_second_frame(made: Path) -> None:
    (video, _) = probe(made / "half.mkv", "-count_frames")["streams"]
    assert (video["width"], video["height"], video["nb_read_frames"]) == (32, 24, str(FRAMES // 2))
    assert Fraction(video["avg_frame_rate"]) == Fraction(FPS, 2)


@pytest.mark.parametrize("name", SOUNDS)
def test_sounds(made: Path, name: str) -> None:
    expected = read_sound(made / "sound.wav", 2)
    assert len(expected) == FRAMES * RATE // FPS
    assert np.abs(expected).max() > 0.05
    found = read_sound(made / name, 2)
    assert 0 <= len(found) - len(expected) < (1024 if name.endswith("m4a") else 1)
    lossless = name.endswith(("wav", "flac"))
    assert np.abs(found[: len(expected)] - expected).mean() < (1e-9 if lossless else 0.02)
    (stream,) = probe(made / name)["streams"]
    assert stream["codec_type"] == "audio"


def test_structures(made: Path) -> None:
    for name in ("film.mp4", "film.mov", "sound.m4a"):
        order = boxes((made / name).read_bytes())
        assert order.index("moov") < order.index("mdat")
        assert "moof" not in order
    order = boxes((made / "fragmented.mp4").read_bytes())
    assert order[:4] == ["ftyp", "moov", "moof", "mdat"]
    assert (made / "film.m3u8").read_text().splitlines()[-1] == "#EXT-X-ENDLIST"
    # Nothing else is left lying about.
    (segments,) = (each for each in made.iterdir() if each.is_dir())
    assert sorted(each.name for each in segments.iterdir()) == ["00000.m4s", "init.mp4"]
    assert {each.name for each in made.iterdir()} == {"p.json", segments.name, *FILMS, *SOUNDS}


def test_the_same_bytes_in_another_run(made: Path, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text((made / "p.json").read_text())
    done = subprocess.run(
        [sys.executable, "-m", "reelmill", "export", str(tmp_path / "p.json"), "-q"], capture_output=True
    )
    assert done.returncode == 0, done.stderr
    digests = [
        {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        for folder in (made, tmp_path)
    ]
    assert digests[0] == digests[1]
    assert len(digests[0]) == 1 + len(FILMS) + len(SOUNDS) + 2


@pytest.mark.parametrize("word", ["ts", "fmp4"])
def test_a_pipe(made: Path, word: str) -> None:
    """`ts=-` and its kind on the command line, decoded at the other end."""
    exporting = subprocess.Popen(
        [sys.executable, "-m", "reelmill", "export", str(made / "p.json"), f"{word}=-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    reading = ["ffmpeg", "-v", "error", "-i", "-", "-map", "0:v", "-f", "framecrc", "-"]
    read = subprocess.run(reading, stdin=exporting.stdout, capture_output=True, text=True)
    said = exporting.communicate()[1].decode()
    assert exporting.returncode == 0, said
    assert read.stderr == ""
    assert len([line for line in read.stdout.splitlines() if not line.startswith("#")]) == FRAMES


def test_a_reader_that_goes_away(made: Path) -> None:
    command = [sys.executable, "-m", "reelmill", "export", str(made / "p.json"), "-"]
    exporting = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert exporting.stdout is not None
    exporting.stdout.close()
    assert exporting.stderr is not None
    said = exporting.stderr.read()
    assert exporting.wait() == 1
    assert "what reads the standard output has ended" in said
    assert "Traceback" not in said
    exporting.stderr.close()


@pytest.mark.parametrize("name", ["copied.ts", "copied.mkv", "fmp4=copied.mp4"])
def test_copied_packets_go_into_every_container(made: Path, tmp_path: Path, name: str) -> None:
    word, _, file = name.rpartition("=")
    path = tmp_path / file
    report = tmp_path / "report.json"
    target = f"{word}={path}" if word else str(path)
    assert main(["export", str(made / "p.json"), target, "--copy", "auto", "--report", str(report), "-q"]) == 0
    assert json.loads(report.read_text())["copied"]["frames"] > FRAMES // 2
    assert decoded_numbers(path) == list(range(FRAMES))
    said = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"], capture_output=True).stderr
    assert said == b""
