"""Short cuts against the plain way: films and single pixels (docs/reference/compositing.md).

And what fails in compositions.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmill.cli.main import main
from reelmill.compositor.opengl.surfaces import Surface, SurfacePool
from reelmill.export.opening.job import ExportOptions
from reelmill.export.rendering.session import export_film
from reelmill.export.telling.report import ExportRecord
from reelmill.planner.outputs import VideoSettings
from tests.support.films import ffmpeg, film, read_planes
from tests.support.random_projects import pictures, written

WIDTH, HEIGHT, FRAMES = 64, 48, 20
LOSSLESS = VideoSettings(codec="ffv1", pix_fmt="yuv420p")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films of the canvas' size, soft enough for chroma to survive the way through RGB and back."""
    made = tmp_path_factory.mktemp("fast")
    bt709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
    x264 = ("-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv420p", *bt709)
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=20:d=1", "-vf", "gblur=4", *x264, made / "bars.mp4")
    ffmpeg("-f", "lavfi", "-i", "mandelbrot=s=64x48:r=20", "-t", "1", "-vf", "gblur=4", *x264, made / "swirl.mp4")
    return made


def project(*tracks: Any, compositions: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "version": 1,
        "canvas": {"width": WIDTH, "height": HEIGHT, "fps": 20},
        "media": {"bars": {"path": "bars.mp4"}, "swirl": {"path": "swirl.mp4"}},
        "compositions": compositions or {},
        "tracks": [{"id": f"t{n}", "clips": clips} for n, clips in enumerate(tracks)],
    }


def scene(*tracks: Any, **more: Any) -> dict[str, Any]:
    return {"width": WIDTH, "height": HEIGHT, "tracks": [{"clips": clips} for clips in tracks], **more}


TURNED = {"transform": {"position": [20, 15], "rotation": 10}}
TITLE = {"text": {"content": "Title", "size": 12, "color": "#f0f0f0"}, "duration": 1}
LATER = {"media": "swirl", "in": "5f", "duration": 1, "after_end": "hold", "blend": "difference"}
HIDDEN = {
    "under a film": project([{"media": "swirl"}], [{"media": "bars", **TURNED}], [{"media": "bars"}]),
    "under a dissolve": project(
        [{"media": "swirl"}],
        [{"media": "bars", "duration": "15f"}, {"media": "swirl", "start": "5f", "duration": "15f"}],
        [TITLE],
    ),
    "under a solid": project(
        [{"media": "swirl"}], [{"solid": "#204060", "duration": 1}], [{"media": "bars", **TURNED}]
    ),
    "under a composition": project(
        [{"media": "swirl"}],
        [{"composition": "card", "fit": "fill"}],
        compositions={"card": {"width": 32, "height": 24, "background": "#406080", "tracks": [{"clips": [TITLE]}]}},
    ),
    "in a composition": project(
        [{"media": "swirl"}],
        [{"composition": "card", "transform": {"scale": 0.5, "opacity": 0.5}}],
        compositions={"card": scene([LATER], [{"media": "bars"}], [TITLE])},
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_hidden_is_not_decoded_and_changes_no_pixel(name: str, folder: Path) -> None:
    path = written(HIDDEN[name], folder)
    fast, less = pictures(path)
    plain, more = pictures(path, options=ExportOptions(fast_paths=False))
    assert less.decoders.frames_decoded < more.decoders.frames_decoded
    # What was drawn below is drawn over: not even rounding differs.
    assert np.array_equal(fast, plain)


FLAT = {
    "a cut in a composition": project(
        [{"composition": "one"}],
        compositions={"one": scene([{"media": "bars", "duration": "8f"}, {"media": "swirl", "duration": "12f"}])},
    ),
    "layers in layers": project(
        [{"media": "swirl"}],
        [{"composition": "three"}],
        compositions={
            "one": scene([{"media": "bars", **TURNED}], [TITLE]),
            "two": scene([{"composition": "one"}], [{"media": "bars", "transform": {"position": [50, 40]}}]),
            "three": scene([{"composition": "two"}], [{"media": "swirl", "transform": {"opacity": 0.3}}]),
        },
    ),
    "one layer, faded and blended": project(
        [{"media": "swirl"}],
        [{"composition": "one", "transform": {"opacity": 0.4}, "blend": "screen"}],
        compositions={"one": scene([{"media": "bars", "transform": {"opacity": 0.7, "rotation": 30}}])},
    ),
    "blended over a background": project(
        [{"media": "swirl"}],
        [{"composition": "one"}],
        compositions={"one": scene([{"media": "bars", "blend": "multiply"}], background="#80a0c0")},
    ),
    "moved by whole pixels": project(
        [{"media": "swirl"}],
        [{"composition": "one", "transform": {"position": [20, 30]}}],
        compositions={
            "one": {**scene([{"media": "bars", "fit": "contain"}], background="#80a0c0"), "width": 32, "height": 48}
        },
    ),
    "scenes that dissolve": project(
        [{"composition": "one", "duration": "12f"}, {"composition": "two", "start": "8f", "duration": "12f"}],
        compositions={"one": scene([{"media": "bars"}]), "two": scene([{"media": "swirl"}])},
    ),
}


@pytest.mark.parametrize("name", FLAT)
def test_flattened_compositions_look_the_same(name: str, folder: Path) -> None:
    path = written(FLAT[name], folder)
    fast, flat = pictures(path)
    plain, nested = pictures(path, options=ExportOptions(fast_paths=False))
    assert flat.compositor is not None
    assert flat.compositor.nested_rendered == 0
    assert nested.compositor is not None
    assert nested.compositor.nested_rendered > 0
    assert len(fast) == FRAMES
    assert np.abs(fast.astype(int) - plain).max() <= 1


@pytest.mark.parametrize("name", [*HIDDEN, *FLAT])
def test_films_of_luma_and_chroma_look_the_same(name: str, folder: Path) -> None:
    """Pass-through, and layers composited on planes: 1 code of luma, and of chroma on average."""
    what = {**HIDDEN, **FLAT}[name]
    fast, _ = film(folder, what, "fast.mkv", video=LOSSLESS)
    plain, report = film(folder, what, "plain.mkv", video=LOSSLESS, fast_paths=False)
    assert report["compositor"]["frames_composited"] == FRAMES
    assert report["compositor"]["frames_passed_through"] == report["compositor"]["frames_reused"] == 0
    pixels = WIDTH * HEIGHT
    before, after = (read_planes(path, "yuv420p", WIDTH, HEIGHT, Fraction(3, 2)).astype(int) for path in (plain, fast))
    differences = np.abs(after - before)
    assert differences[:, :pixels].max() <= 1
    assert differences[:, pixels:].mean(axis=1).max() <= 1


def test_a_composition_that_is_one_file_goes_through_untouched(folder: Path) -> None:
    output, report = film(folder, FLAT["a cut in a composition"], "through.mkv", video=LOSSLESS)
    assert report["compositor"]["frames_passed_through"] == FRAMES
    expected = [
        read_planes(folder / f"{name}.mp4", "yuv420p", WIDTH, HEIGHT, Fraction(3, 2)) for name in ("bars", "swirl")
    ]
    assert np.array_equal(
        read_planes(output, "yuv420p", WIDTH, HEIGHT, Fraction(3, 2)), [*expected[0][:8], *expected[1][:12]]
    )


def test_the_flag_reaches_frame_and_export(folder: Path, tmp_path: Path) -> None:
    path = written(HIDDEN["under a film"], folder)
    for flags, decoded in (([], FRAMES), (["--no-fast-paths"], 2 * FRAMES)):
        report = tmp_path / "report.json"
        command = ["export", str(path), str(tmp_path / "out.mkv"), "--force", "--system", "v1", "-q"]
        assert main([*command, "--report", str(report), *flags]) == 0
        assert json.loads(report.read_text())["decoders"]["frames_decoded"] == decoded
    pixels = []
    for number, flags in enumerate(([], ["--no-fast-paths"])):
        picture = tmp_path / f"{number}.png"
        assert main(["frame", str(path), str(picture), "--at", "10f", *flags]) == 0
        pixels.append(ffmpeg("-i", picture, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"))
    assert pixels[0] == pixels[1]


@pytest.mark.parametrize("blend", ["normal", "screen"])
def test_an_opengl_error_in_a_composition_ends_the_export(
    blend: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With shared decoders at work. Threads and files that are left fail any test (conftest.py)."""
    take = SurfacePool.take
    count = 0

    def failing(self: SurfacePool, *arguments: Any, what: str, **more: Any) -> Surface:
        nonlocal count
        count += what == "composition card"
        if count == 5:
            self._context.gl.viewport = (0, 0, -1, -1)  # OpenGL flags GL_INVALID_VALUE
        return take(self, *arguments, what=what, **more)

    monkeypatch.setattr(SurfacePool, "take", failing)
    what = project(
        [{"media": "swirl"}],
        [{"id": "pip", "composition": "card", "blend": blend, "transform": {"scale": 0.5, "opacity": 0.5}}],
        compositions={"card": scene([{"media": "bars"}], [TITLE])},
    )
    output, report = tmp_path / "out.mp4", tmp_path / "report.json"
    code = main(["export", str(written(what, folder)), str(output), "--system", "v2", "--report", str(report)])
    assert code == 1
    said = capsys.readouterr().err
    assert "GL_INVALID_VALUE" in said
    assert "card" in said
    assert "pip" in said
    error = json.loads(report.read_text())["error"]
    assert (error["component"], error["composition"], error["clip"]) == ("NestedRenderer", "card", "pip")
    assert error["output_frame"] is not None
    assert {path.name for path in tmp_path.iterdir()} == {"report.json"}


@pytest.mark.parametrize("system", ["v1", "v2"])
def test_handing_frames_over_is_a_warning_where_it_takes_long(
    folder: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    """Each way is timed: to the cache of V2, to the encoder as they are, and to OpenGL."""
    monkeypatch.setattr("reelmill.export.rendering.session.LEAST_HAND_OVER_SECONDS", 0)
    for what, options in (("a cut in a composition", {}), ("one layer, faded and blended", {"fast_paths": False})):
        for limit, expected in ((100.0, 0), (0.0, 1)):
            monkeypatch.setattr("reelmill.export.rendering.session.MAX_HAND_OVER_SHARE", limit)
            _, report = film(folder, FLAT[what], "handed.mkv", video=LOSSLESS, system=system, **options)
            told = [each for each in report["warnings"] if "copying frames to the cache, to OpenGL and" in each]
            assert len(told) == expected


def test_the_copies_of_the_cache_are_timed(folder: Path) -> None:
    record = ExportRecord()
    path = written(FLAT["a cut in a composition"], folder)
    export_film(path, folder / "copied.mkv", ExportOptions(system="v2", force=True), record=record)
    assert 0 < record.decoders.copy_seconds < record.decoders.busy_seconds
