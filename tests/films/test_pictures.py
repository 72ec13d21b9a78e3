"""Whole exports to pictures: every format at once from one project, alpha to the edges, failures that leave nothing."""

from __future__ import annotations

import errno
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.export.opening.job import ExportOptions
from reelmill.export.rendering.session import export_film
from reelmill.planner.errors import RenderError, SetupError
from tests.support.films import ffmpeg, probe
from tests.support.sinks import ffmpeg_frames, pillow_frames, psnr

WIDTH, HEIGHT, FRAMES = 96, 54, 10
SHAPES = [
    {
        "id": "moving",
        "clips": [
            {
                "id": "disc",
                "shape": {"type": "ellipse", "size": [40, 40], "fill": "#ffe0c0"},
                "start": 0,
                "duration": "10f",
                "transform": {
                    "opacity": 0.8,
                    "position": {"keyframes": [{"time": 0, "value": [25.3, 27]}, {"time": 0.4, "value": [60.7, 27]}]},
                },
            }
        ],
    }
]


def export(folder: Path, outputs: list[dict[str, Any]], background: str = "transparent", **options: Any) -> Any:
    canvas = {"width": WIDTH, "height": HEIGHT, "fps": 25, "background": background}
    path = folder / "project.json"
    path.write_text(json.dumps({"version": 1, "canvas": canvas, "tracks": SHAPES, "outputs": outputs}))
    return export_film(path, [], ExportOptions(**options))


def straight(path: Path, pix_fmt: str = "rgba") -> npt.NDArray[np.float64]:
    """One picture, 0…1, as ffmpeg reads it."""
    raw = ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", pix_fmt, "-")
    return np.frombuffer(raw, np.uint8).reshape(HEIGHT, WIDTH, 4) / 255


def test_every_format_from_one_pass(tmp_path: Path) -> None:
    keep = {"alpha": "keep"}
    outputs: list[dict[str, Any]] = [
        *({"path": f"{suffix}/%03d.{suffix}", **keep} for suffix in ("png", "webp", "tif", "exr")),
        {"path": "jpg/%03d.jpg"},
        {"path": "deep/%03d.png", "pictures": {"depth": 16}, **keep},
        {"path": "code/{timecode}.png", "fps_divisor": 2, "range": ["2f", "8f"]},
        *({"path": f"moves{suffix}", "kind": "animation", **keep} for suffix in (".gif", ".png", ".webp", ".apng")),
        {"path": "poster.png", "pictures": {"at": "7f"}, **keep},
        {"path": "sheet.png", "kind": "sheet", "pictures": {"columns": 2, "rows": 2}},
    ]
    report = export(tmp_path, outputs)
    assert [Path(each["path"]).name for each in report["outputs"]] == [Path(each["path"]).name for each in outputs]
    for suffix in ("png", "webp", "tif", "exr", "jpg", "deep"):
        assert len(list((tmp_path / suffix).iterdir())) == FRAMES
    names = sorted(path.name for path in (tmp_path / "code").iterdir())
    assert names == ["00-00-00-02.png", "00-00-00-04.png", "00-00-00-06.png"]

    pictures = np.stack([ffmpeg_frames(tmp_path / "png" / f"{n:03}.png", WIDTH, HEIGHT)[0] for n in range(FRAMES)])
    assert len(np.unique(pictures[..., 3])) > 20  # soft edges
    for suffix in ("webp", "tif"):
        for number in range(FRAMES):
            found = ffmpeg_frames(tmp_path / suffix / f"{number:03}.{suffix}", WIDTH, HEIGHT)[0]
            seen = pictures[number, ..., 3] > 0
            assert np.array_equal(found[..., 3], pictures[number, ..., 3])
            assert np.array_equal(found[seen], pictures[number][seen])
    for name in ("moves.png", "moves.apng", "moves.webp"):
        found, durations = pillow_frames(tmp_path / name)
        assert durations == [40] * FRAMES
        seen = pictures[..., 3] > 0
        assert np.array_equal(found[seen], pictures[seen])
        assert np.array_equal(found[..., 3], pictures[..., 3])
    found, durations = pillow_frames(tmp_path / "moves.gif")
    assert durations == [40] * FRAMES
    assert np.array_equal(found[..., 3] == 255, pictures[..., 3] >= 128)
    assert np.array_equal(ffmpeg_frames(tmp_path / "poster.png", WIDTH, HEIGHT)[0], pictures[7])
    stream = probe(tmp_path / "deep" / "003.png")["streams"][0]
    assert stream["pix_fmt"] == "rgba64be"
    over_black = pictures[3, ..., :3] * (pictures[3, ..., 3:] / 255)
    assert psnr(ffmpeg_frames(tmp_path / "jpg" / "003.jpg", WIDTH, HEIGHT)[0], np.rint(over_black)) > 35
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("background", ["#ff0000", "#000000", "#ffffff", "#2080c0"])
def test_edges_over_another_colour_show_no_fringe(tmp_path: Path, background: str) -> None:
    """A picture kept transparent, laid over a colour with numpy, is the picture composited over that colour."""
    kept = [{"path": "a/%d.png", "alpha": "keep"}, {"path": "b/%d.webp", "alpha": "keep"}]
    export(tmp_path, [*kept, {"path": "c/%d.tif", "alpha": "keep"}])
    export(tmp_path, [{"path": "direct/%d.png"}], background)
    ground = np.array([int(background[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    for number in (0, 4, 9):
        direct = straight(tmp_path / "direct" / f"{number}.png")[..., :3]
        for name in (f"a/{number}.png", f"b/{number}.webp", f"c/{number}.tif"):
            pixels = straight(tmp_path / name)
            over = pixels[..., :3] * pixels[..., 3:] + (1 - pixels[..., 3:]) * ground
            assert np.abs(over - direct).max() <= 1.5 / 255


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == "000006.png":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RenderError, match="no space left") as failed:
        export(tmp_path, [{"path": "new/a.gif"}, {"path": "new/f/%06d.png"}, {"path": "new/p.jpg"}])
    assert failed.value.output_frame == 6
    assert failed.value.timeline_time == Fraction(6, 25)
    assert {path.name for path in tmp_path.iterdir()} == {"project.json"}


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ([{"path": "f/a.png", "kind": "pictures"}], "no number in its name"),
        ([{"path": "f/%d.jpg", "alpha": "keep"}], "no transparency"),
        ([{"path": "s.png", "kind": "sheet", "alpha": "keep"}], '"alpha" is not for that'),
        ([{"path": "a.gif", "animation": {"quality": 3}}], "GIF has no quality"),
        ([{"path": "a.jpg", "kind": "animation"}], "animations are written as"),
        ([{"path": "p.png", "pictures": {"at": 3}}], "no picture at 3 s"),
        ([{"path": "f/%d.png"}, {"path": "f/sub/a.gif"}], "needs a folder of its own"),
        ([{"path": "taken/%d.png"}], "isn't empty"),
    ],
)
def test_what_can_not_be_is_refused_before_anything_is_written(
    tmp_path: Path, outputs: list[dict[str, Any]], message: str
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    with pytest.raises(SetupError, match=message) as refused:
        export(tmp_path, outputs)
    assert refused.value.suggestion
    assert {path.name for path in tmp_path.iterdir()} == {"project.json", "taken"}


def test_force_replaces_a_folder_of_such_pictures(tmp_path: Path) -> None:
    export(tmp_path, [{"path": "f/%d.png"}])
    export(tmp_path, [{"path": "f/%d.png", "fps_divisor": 5}], force=True)
    assert {path.name for path in (tmp_path / "f").iterdir()} == {"0.png", "1.png"}
