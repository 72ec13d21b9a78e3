"""Streams whose pictures change their size or the shape of their pixels: calls, broadcasts, joined files."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmill.decoders.probe import probe
from reelmill.planner.media import VideoFacts
from reelmill.planner.timeline import Media
from tests.support.clips import ffmpeg
from tests.support.films import Pixels, film, read_planes

FRAMES = 3
Part = tuple[str, str]
"""Size and sample aspect ratio."""
SIZES: tuple[Part, ...] = (("64x36", "1"), ("128x72", "1"), ("32x64", "1"))
RATIOS: tuple[Part, ...] = (("64x48", "1"), ("64x48", "2"), ("96x48", "1"))
TS = ("-muxrate", "1M")
"""Tiny transport streams are not known as such."""


def joined(folder: Path, suffix: str, parts: tuple[Part, ...], *codec: str) -> Path:
    """Parts of FRAMES frames each at 25 frames a second, one behind the other in one stream."""
    names = [f"{index}.{suffix}" for index in range(len(parts))]
    sources: list[str] = []
    outputs: list[str] = []
    for index, (size, ratio) in enumerate(parts):
        gray = ("80", "ff", "c0")[index] * 3
        sources += ["-f", "lavfi", "-i", f"color=0x{gray}:s={size}:r=25:d={FRAMES / 25},setsar={ratio}"]
        outputs += ["-map", str(index), *codec, "-pix_fmt", "yuv420p", str(folder / names[index])]
    ffmpeg(*sources, *outputs)
    (folder / "list.txt").write_text("".join(f"file {name}\nduration {FRAMES / 25}\n" for name in names))
    path = folder / f"joined.{suffix}"
    ffmpeg("-f", "concat", "-i", folder / "list.txt", "-c", "copy", path)
    return path


def shown_sizes(path: Path) -> list[tuple[Fraction, Fraction]]:
    """Width and height of every frame in square pixels, as ffprobe tells of the frames that it decodes."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-of", "json"]
    command += ["-show_entries", "frame=width,height,sample_aspect_ratio", str(path)]
    frames = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["frames"]
    found = []
    for frame in frames:
        across, down = (int(each) for each in frame.get("sample_aspect_ratio", "1:1").split(":"))
        found.append((Fraction(frame["width"] * across, down), Fraction(frame["height"])))
    return found


def video_of(path: Path) -> VideoFacts:
    video = probe(Media("m", str(path))).video
    assert video is not None
    return video


@pytest.mark.parametrize(
    ("suffix", "codec", "parts"),
    [
        ("webm", ("-c:v", "libvpx-vp9"), SIZES),
        ("ts", ("-c:v", "libx264", *TS), RATIOS),
        ("ts", ("-c:v", "libx265", "-x265-params", "log-level=none", *TS), RATIOS),
        ("mkv", ("-c:v", "libx264", "-bsf:v", "h264_mp4toannexb"), SIZES),
        ("mkv", ("-c:v", "mjpeg"), SIZES),
    ],
)
def test_facts_tell_of_every_change(
    tmp_path: Path, suffix: str, codec: tuple[str, ...], parts: tuple[Part, ...]
) -> None:
    path = joined(tmp_path, suffix, parts, *codec)
    video = video_of(path)
    assert video.table is not None
    assert len(video.size_changes) == 2
    assert [video.display_size_at(pts) for pts in video.table.pts] == shown_sizes(path)
    assert video.largest == ((96, 48) if parts is RATIOS else (128, 72))


def test_a_stream_of_one_size_changes_nothing(tmp_path: Path) -> None:
    path = joined(tmp_path, "ts", (SIZES[0], SIZES[0]), "-c:v", "libx264", *TS)
    assert video_of(path).size_changes == ()


def exported(folder: Path, path: Path, fit: str, **options: Any) -> Pixels:
    """Luma of a film of 64×36 that shows a file."""
    project = {
        "canvas": {"width": 64, "height": 36, "fps": 25},
        "media": {"r": {"path": str(path)}},
        "tracks": [{"clips": [{"media": "r", "fit": fit}]}],
        "export": {"video": {"codec": "ffv1", "pix_fmt": "yuv420p"}},
    }
    output, report = film(folder, project, **options)
    assert report["frames"] == 3 * FRAMES
    planes = read_planes(output, "yuv420p", 64, 36, Fraction(3, 2))
    return planes[:, : 64 * 36].reshape(-1, 36, 64)


def boxes(frames: Pixels) -> list[tuple[int, int, int, int]]:
    """Left, top, right and bottom of what is brighter than the black around it, of the middle frame of each part."""
    found = []
    for frame in frames[1::FRAMES]:
        rows, columns = np.nonzero(frame > 30)
        found.append((int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1))
    return found


@pytest.fixture
def call(tmp_path: Path) -> Path:
    return joined(tmp_path, "webm", SIZES, "-c:v", "libvpx", "-crf", "4", "-b:v", "2M")


@pytest.mark.parametrize(
    ("fit", "expected"),
    [
        # 32×64 becomes 18×36, in the middle.
        ("contain", [(0, 0, 64, 36), (0, 0, 64, 36), (23, 0, 41, 36)]),
        ("none", [(0, 0, 64, 36), (0, 0, 64, 36), (16, 0, 48, 36)]),
    ],
)
def test_each_part_is_fitted_by_itself(tmp_path: Path, call: Path, fit: str, expected: list[tuple[int, ...]]) -> None:
    frames = exported(tmp_path, call, fit)
    assert boxes(frames) == expected
    if fit == "contain":
        assert np.array_equal(frames, exported(tmp_path, call, fit, system="v2"))
        as_rgb = exported(tmp_path, call, fit, fast_paths=False)
        assert np.abs(frames.astype(int) - as_rgb).max() <= 1


@pytest.mark.parametrize("parts", [SIZES, (("64x36", "1"), ("64x36", "3/4"), ("64x36", "1"))])
def test_every_frame_of_mpeg2_is_there(tmp_path: Path, parts: tuple[Part, ...]) -> None:
    """libav's decoder loses the picture before a change."""
    path = joined(tmp_path, "ts", parts, "-c:v", "mpeg2video", *TS)
    assert len(video_of(path).size_changes) == 2
    frames = exported(tmp_path, path, "fill")
    middle = frames[:, 18, 32].reshape(3, FRAMES).astype(int)
    assert np.ptp(middle, axis=1).max() <= 2
    assert middle[1].min() > middle[0].max() + 50


def test_a_stream_that_changes_its_size_is_not_copied(tmp_path: Path) -> None:
    path = joined(tmp_path, "ts", (SIZES[0], SIZES[0], SIZES[1]), "-c:v", "libx264", *TS)
    project = {
        "canvas": {"width": 64, "height": 36, "fps": 25},
        "media": {"r": {"path": str(path)}},
        "tracks": [{"clips": [{"media": "r"}]}],
    }
    _, report = film(tmp_path, project, "out.mp4", copy="auto")
    assert "changes its picture size on the way" in json.dumps(report["outputs"])
