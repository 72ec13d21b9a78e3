"""Alpha that is kept: half-transparent shapes, exported, decoded by ffmpeg, and put over another colour.

What comes out is compared with the shapes put over that colour at once. Straight alpha that lost the colour at its
edges would show dark or light fringes there.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from reelmill.cli.main import main
from tests.support.films import ffmpeg, probe

Pixels = npt.NDArray[np.uint8]
WIDTH, HEIGHT, FRAMES = 192, 128, 3
BACKDROPS = ((0, 160, 255), (255, 255, 255), (0, 0, 0))
VIDEOS: dict[str, dict[str, Any]] = {
    "prores.mov": {"codec": "prores", "profile": "4444"},
    "default.mov": {},
    "prores.mkv": {"codec": "prores"},
    "qtrle.mov": {"codec": "qtrle"},
    "default.webm": {},
    "default.mkv": {},
    "ffv1.mkv": {"codec": "ffv1"},
    "ffv1_420.mkv": {"codec": "ffv1", "pix_fmt": "yuva420p"},
    "ffv1_422.mkv": {"codec": "ffv1", "pix_fmt": "yuva422p10le"},
}
VP9 = ("default.webm", "default.mkv")
EXACT = ("qtrle.mov", "ffv1.mkv")


def shapes() -> Pixels:
    """A disc with soft edges and a square with hard ones, half transparent, over nothing: straight RGBA."""
    down, across = np.mgrid[:HEIGHT, :WIDTH]
    disc = np.clip(40.5 - np.hypot(across - 95.3, down - 63.7), 0, 1) * 0.5
    square = ((across > 20) & (across < 49) & (down > 10) & (down < 50)) * 0.5
    pixels = np.zeros((HEIGHT, WIDTH, 4))
    pixels[disc > 0] = (230, 40, 60, 0)
    pixels[square > 0] = (255, 230, 20, 0)
    pixels[..., 3] = np.maximum(disc, square) * 255
    return np.round(pixels).astype(np.uint8)


def over(straight: Pixels, backdrop: tuple[int, ...]) -> npt.NDArray[np.float64]:
    alpha = straight[..., 3:].astype(float) / 255
    return np.asarray(straight[..., :3] * alpha + np.array(backdrop) * (1 - alpha))


def export(folder: Path, background: str, outputs: list[dict[str, Any]]) -> None:
    raw = folder / "shapes.raw"
    raw.write_bytes(shapes().tobytes())
    layout = ("-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{WIDTH}x{HEIGHT}")
    ffmpeg(*layout, "-i", raw, "-frames:v", "1", folder / "shapes.png")
    project = {
        "version": 1,
        "canvas": {"width": WIDTH, "height": HEIGHT, "fps": 25, "background": background},
        "media": {"shapes": {"path": "shapes.png"}},
        "tracks": [{"id": "v", "clips": [{"media": "shapes", "start": 0, "duration": FRAMES / 25}]}],
        "outputs": outputs,
    }
    (folder / "p.json").write_text(json.dumps(project))
    assert main(["export", str(folder / "p.json"), "-q", "--force"]) == 0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all outputs of one pass."""
    folder = tmp_path_factory.mktemp("alpha")
    export(folder, "transparent", [{"path": n, "alpha": "keep", "video": v} for n, v in VIDEOS.items()])
    return folder


def decoded(path: Path, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """Straight RGBA of the second frame. Where chroma is subsampled, a linear filter mixes it with its neighbours."""
    (stream,) = probe(path)["streams"]
    # ffmpeg's own VP9 decoder leaves the alpha out.
    decoder = ("-c:v", "libvpx-vp9") if stream["codec_name"] == "vp9" else ()
    scale = "scale=in_color_matrix=bt709:flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp,format=gbrap"
    if not stream["pix_fmt"].startswith("yuv"):
        scale = "null"
    raw = ffmpeg(*decoder, "-i", path, "-vf", scale, "-f", "rawvideo", "-pix_fmt", "rgba", "-")
    frames = np.frombuffer(raw, np.uint8).reshape(-1, height, width, 4)
    assert len(frames) == FRAMES
    return np.asarray(frames[1])


@pytest.mark.parametrize("name", VIDEOS)
def test_edges_show_no_fringe(made: Path, name: str) -> None:
    """Code values of 255: the most, and the mean of all pixels."""
    most, usual = 7.0, 0.06  # chroma is subsampled
    if name in EXACT:
        most, usual = 0, 0
    elif "prores" in name or name == "default.mov":
        most, usual = 1, 0.01
    elif name in VP9:  # and its quality blurs
        most, usual = 12, 0.15
    found, expected = decoded(made / name), shapes()
    assert np.abs(found[..., 3].astype(int) - expected[..., 3]).mean() <= usual
    for backdrop in BACKDROPS:
        difference = np.abs(over(found, backdrop) - over(expected, backdrop))
        assert difference.max() <= most
        assert difference.mean() <= usual


@pytest.mark.parametrize("name", VIDEOS)
def test_what_the_file_says(made: Path, name: str) -> None:
    (stream,) = probe(made / name, "-count_frames")["streams"]
    assert (stream["nb_read_frames"], stream["width"], stream["height"]) == (str(FRAMES), WIDTH, HEIGHT)
    match stream["codec_name"]:
        case "prores":
            assert (stream["profile"], stream["codec_tag_string"]) == ("4444", "ap4h")
            # libav reads ProRes 4444 as 12 bits; the alpha is coded with 16.
            assert stream["pix_fmt"] == "yuva444p12le"
        case "vp9":
            # The picture without alpha is the stream; alpha is another one, in BlockAdditional.
            assert (stream["pix_fmt"], stream["tags"]["alpha_mode"]) == ("yuv420p", "1")
        case "qtrle":
            assert stream["pix_fmt"] == "argb"
        case "ffv1":
            assert stream["pix_fmt"] == VIDEOS[name].get("pix_fmt", "bgra")


def test_the_same_bytes_each_time(made: Path, tmp_path: Path) -> None:
    names = ("prores.mov", "default.webm", "qtrle.mov", "ffv1.mkv")
    export(tmp_path, "transparent", [{"path": n, "alpha": "keep", "video": VIDEOS[n]} for n in names])
    for name in names:
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


@pytest.mark.parametrize(
    ("background", "below"),
    [("transparent", (0, 0, 0)), ("#336699", (51, 102, 153)), ("#33669980", (26, 51, 77))],
)
def test_without_alpha_the_background_lies_below(tmp_path: Path, background: str, below: tuple[int, int, int]) -> None:
    """Black, as far as there is none."""
    lossless = {"codec": "ffv1", "pix_fmt": "bgr0"}
    kept = {"path": "kept.mkv", "alpha": "keep", "video": {"codec": "ffv1"}}
    export(tmp_path, background, [{"path": "flat.mkv", "video": lossless}, kept])
    found = decoded(tmp_path / "flat.mkv")[..., :3].astype(int)
    assert np.abs(found - over(shapes(), below)).max() <= 1
    alpha = decoded(tmp_path / "kept.mkv")[0, 0, 3]
    assert alpha == {"transparent": 0, "#336699": 255}.get(background, 128)


def test_alpha_of_an_opaque_canvas_is_worth_a_warning(made: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    for background, expected in (("transparent", 0), ("#000", 1)):
        export(tmp_path, background, [{"path": "a.mov", "alpha": "keep"}])
        assert main(["export", str(tmp_path / "p.json"), "-q", "--force", "--report", str(report)]) == 0
        warnings = json.loads(report.read_text())["warnings"]
        assert len([each for each in warnings if "the canvas is opaque" in each]) == expected


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"path": "a.mp4"}, "no codec of .mp4 keeps alpha"),
        ({"path": "a.mov", "video": {"codec": "h264"}}, "h264 can't keep alpha"),
        ({"path": "a.m3u8"}, "no codec of .m3u8 keeps alpha"),
    ],
)
def test_what_can_not_keep_it_is_an_error(
    made: Path, tmp_path: Path, output: dict[str, Any], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    project = json.loads((made / "p.json").read_text())
    project["media"]["shapes"]["path"] = str(made / "shapes.png")
    (tmp_path / "p.json").write_text(json.dumps({**project, "outputs": [{"alpha": "keep", **output}]}))
    assert main(["export", str(tmp_path / "p.json")]) == 2
    said = capfd.readouterr().err
    assert message in said
    assert "prores (.mov, .mkv)" in said
    assert [each.name for each in tmp_path.iterdir()] == ["p.json"]


def test_a_smaller_one_is_averaged_by_alpha(tmp_path: Path) -> None:
    """Half the size, amid bars where there is nothing, against the mean of four pixels over each colour."""
    videos = {"rgb.mkv": {"codec": "ffv1"}, "yuv.mkv": {"codec": "ffv1", "pix_fmt": "yuva420p"}}
    outputs = [{"path": n, "alpha": "keep", "size": [96, 80], "video": video} for n, video in videos.items()]
    export(tmp_path, "transparent", outputs)
    # The two shapes are so near each other that they share samples of chroma.
    for name, most in (("rgb.mkv", 1), ("yuv.mkv", 10)):
        found = decoded(tmp_path / name, 96, 80)
        assert not found[:8, :, 3].any()
        assert not found[-8:, :, 3].any()
        for backdrop in BACKDROPS:
            whole = over(shapes(), backdrop)
            small = whole.reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).mean(axis=(1, 3))
            assert np.abs(over(found[8:-8], backdrop) - small).max() <= most


def test_numbered_pictures_of_the_same_pass(made: Path, tmp_path: Path) -> None:
    """PNG has straight alpha, too, and nothing is lost."""
    frames = tmp_path / "frames"
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", made / "ffv1.mkv", "-f", "framemd5", "-pix_fmt", "rgba", "-"],
        capture_output=True,
        check=True,
    )
    export(tmp_path, "transparent", [{"path": "frames/%03d.png", "alpha": "keep"}])
    pictures = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", frames / "%03d.png", "-f", "framemd5", "-pix_fmt", "rgba", "-"],
        capture_output=True,
        check=True,
    )
    digests = [
        [line.split(",")[-1] for line in each.stdout.decode().splitlines() if not line.startswith("#")]
        for each in (done, pictures)
    ]
    assert digests[0] == digests[1]
    assert len(digests[0]) == FRAMES
