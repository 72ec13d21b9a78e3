"""Effects in whole projects, against plain sums over pixels in numpy."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from reelmill.cli.main import main
from reelmill.export.opening.job import ExportOptions
from reelmill.planner.errors import ProjectError
from reelmill.planner.project_file.loader import load
from tests.support.effect_reference import blurred, saturated
from tests.support.films import ffmpeg, read_planes
from tests.support.random_projects import pictures, written

Pixels = npt.NDArray[np.float64]
WIDTH, HEIGHT = 75, 48
"""An odd width: planes of chroma have half a sample too many."""
FPS = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of noise and edges, one with alpha, and a film with soft colours."""
    made = tmp_path_factory.mktemp("effects")
    generator = np.random.default_rng(3)
    rgb = generator.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    rgb[10:30, 20:50] = (250, 30, 90)
    Image.fromarray(rgb).save(made / "noise.png")
    alpha = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    alpha[12:36, 15:60] = generator.integers(128, 256, (24, 45, 1))
    Image.fromarray(np.concatenate([rgb, alpha], axis=2)).save(made / "cutout.png")
    bt709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
    x264 = ("-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv420p", *bt709)
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=76x48:r=10:d=1", "-vf", "gblur=3", *x264, made / "soft.mp4")
    return made


def project(*tracks: Any, width: int = WIDTH, height: int = HEIGHT, **more: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "canvas": {"width": width, "height": height, "fps": FPS},
        "media": {name: {"path": file} for name, file in MEDIA.items()},
        "tracks": [track if isinstance(track, dict) and "clips" in track else {"clips": [track]} for track in tracks],
        **more,
    }


MEDIA = {"noise": "noise.png", "cutout": "cutout.png", "soft": "soft.mp4"}


def clip(media: str, *effects: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"media": media, "duration": 1, "fit": "none", "effects": list(effects), **more}


def picture(folder: Path, data: dict[str, Any], *options: str, at: str = "0") -> Pixels:
    """R'G'B' of one frame, as `reelmill frame` writes it."""
    source = written(data, folder)
    target = folder / "frame.png"
    assert main(["frame", str(source), str(target), "--at", at, "--force", *options]) == 0
    return np.asarray(Image.open(target).convert("RGB"), np.float64)


def pixels(folder: Path, name: str) -> Pixels:
    return np.asarray(Image.open(folder / name), np.float64)


def over_black(rgba: Pixels) -> Pixels:
    """Premultiplied."""
    return rgba[..., :3] * rgba[..., 3:] / 255


@pytest.mark.parametrize("radius", [0.7, 2, [5, 1.5], [0, 9], 30])
def test_blur_is_a_gaussian_whose_edges_repeat(folder: Path, radius: Any) -> None:
    found = picture(folder, project(clip("noise", {"type": "blur", "radius": radius})))
    spread = (radius, radius) if isinstance(radius, int | float) else tuple(radius)
    assert np.abs(found - blurred(pixels(folder, "noise.png"), spread)).max() <= 1


@pytest.mark.parametrize("position", [[37.5, 24], [20, 8]])
def test_a_blur_with_transparent_edges_fades_beyond_the_picture(folder: Path, position: list[float]) -> None:
    size = (20, 16)
    solid = {"shape": {"type": "rectangle", "size": list(size), "fill": "#40c080"}, "duration": 1}
    effect = {"type": "blur", "radius": 4, "edges": "transparent"}
    found = picture(folder, project({**solid, "transform": {"position": position}, "effects": [effect]}))
    left, top = round(position[0] - size[0] / 2), round(position[1] - size[1] / 2)
    margin = 40
    canvas = np.zeros((HEIGHT + 2 * margin, WIDTH + 2 * margin, 3))
    canvas[top + margin : top + margin + size[1], left + margin : left + margin + size[0]] = (0x40, 0xC0, 0x80)
    if (2 * position[0] - size[0]) % 2:
        pytest.skip("the picture lies between pixels")
    expected = blurred(canvas, (4, 4))[margin:-margin, margin:-margin]
    assert np.abs(found - expected).max() <= 1


def test_alpha_is_blurred_with_the_colours_that_it_weighs(folder: Path) -> None:
    found = picture(folder, project(clip("cutout", {"type": "blur", "radius": 3})))
    cutout = pixels(folder, "cutout.png")
    assert np.abs(found - blurred(over_black(cutout), (3, 3))).max() <= 1.5


@pytest.mark.parametrize("amount", [0, 0.4, 1, 1.7, 5])
def test_saturation_multiplies_the_distance_from_gray(folder: Path, amount: float) -> None:
    found = picture(folder, project(clip("noise", {"type": "saturation", "amount": amount})))
    expected = np.clip(saturated(pixels(folder, "noise.png"), amount), 0, 255)
    assert np.abs(found - expected).max() <= 1


def test_effects_are_applied_in_order(folder: Path) -> None:
    many = [{"type": "blur", "radius": 2}, {"type": "saturation", "amount": 3}, {"type": "blur", "radius": 3}]
    found = picture(folder, project(clip("noise", *many)))
    expected = blurred(saturated(blurred(pixels(folder, "noise.png"), (2, 2)), 3), (3, 3))
    assert np.abs(found - np.clip(expected, 0, 255)).max() <= 1


def test_neighbouring_matrices_are_one(folder: Path) -> None:
    many = [{"type": "saturation", "amount": 0.5}, {"type": "saturation", "amount": 0.5, "mix": 0.5}]
    found = picture(folder, project(clip("noise", *many)))
    assert np.abs(found - saturated(pixels(folder, "noise.png"), 0.5 * 0.75)).max() <= 1


@pytest.mark.parametrize("mix", [0, 0.3, 1])
def test_mix_is_some_of_the_effect(folder: Path, mix: float) -> None:
    found = picture(folder, project(clip("noise", {"type": "blur", "radius": 4, "mix": mix})))
    plain = pixels(folder, "noise.png")
    assert np.abs(found - (plain + mix * (blurred(plain, (4, 4)) - plain))).max() <= 1


@pytest.mark.parametrize(("at", "radius"), [("0.2", 0), ("0.3", 3), ("0.5", 5), ("0.6", 0)])
def test_an_effect_lasts_its_time_and_moves(folder: Path, at: str, radius: float) -> None:
    """Times count from the start of the clip, which begins at 0.1."""
    frames = [{"time": 0, "value": 1}, {"time": 1, "value": 11}]
    effect = {"type": "blur", "radius": {"keyframes": frames}, "start": 0.2, "duration": 0.3}
    shown = clip("noise", effect, start=0.1)
    found = picture(folder, project(shown), at=at)
    expected = blurred(pixels(folder, "noise.png"), (radius, radius))
    assert np.abs(found - expected).max() <= 1


def test_what_changes_nothing_leaves_frames_untouched(folder: Path) -> None:
    neutral = [
        {"type": "blur", "radius": 0},
        {"type": "saturation", "amount": 1},
        {"type": "blur", "radius": 9, "enabled": False},
        {"type": "blur", "radius": 9, "mix": 0},
    ]
    data = project(clip("soft", *neutral), width=76)
    source = written(data, folder)
    target = folder / "same.mkv"
    assert main(["export", str(source), str(target), "--force", "-q", "--video-codec", "ffv1"]) == 0
    found, original = (
        read_planes(path, "yuv420p", 76, HEIGHT, Fraction(3, 2)) for path in (target, folder / "soft.mp4")
    )
    assert np.array_equal(found, original)


def test_an_effect_on_a_track_takes_its_picture_whole(folder: Path) -> None:
    """A wide blur of two pictures side by side on one track: they meet before they are blurred."""
    halves = {"shape": {"type": "rectangle", "size": [30, 48], "fill": "#ff0000"}, "duration": 1}
    track = {
        "clips": [{**halves, "transform": {"position": [15, 24]}}],
        "effects": [{"type": "blur", "radius": [6, 0]}],
        "opacity": 0.5,
    }
    below = {"solid": "#0000ff", "duration": 1}
    found = picture(folder, project(below, track))
    alpha = np.zeros((HEIGHT, WIDTH))
    alpha[:, :30] = 1
    alpha = 0.5 * blurred(alpha, (6, 0))[..., None]
    expected = alpha * np.array([255, 0, 0]) + (1 - alpha) * np.array([0, 0, 255])
    assert np.abs(found - expected).max() <= 1


def test_an_effect_on_a_transition_of_a_track(folder: Path) -> None:
    first, second = {"solid": "#ff0000", "duration": 1}, {"solid": "#00ff00", "start": 0.5, "duration": 1}
    second["transition"] = {"type": "wipe", "direction": "left"}
    plain = picture(folder, project({"clips": [first, second]}), at="0.7")
    track = {"clips": [first, second], "effects": [{"type": "blur", "radius": [5, 0]}]}
    found = picture(folder, project(track), at="0.7")
    assert np.abs(found - blurred(plain, (5, 0))).max() <= 1


def test_an_effect_on_a_composition_stays_in_its_canvas(folder: Path) -> None:
    card = {
        "width": 30,
        "height": 20,
        "tracks": [{"clips": [{"solid": "#80ff40", "duration": 1}]}],
        "effects": [{"type": "blur", "radius": 3, "edges": "transparent"}],
    }
    shown = {"composition": "card", "duration": 1, "transform": {"position": [37, 24]}}
    found = picture(folder, project(shown, compositions={"card": card}))
    margin = 20
    inside = np.zeros((20 + 2 * margin, 30 + 2 * margin, 3))
    inside[margin:-margin, margin:-margin] = (0x80, 0xFF, 0x40)
    expected = np.zeros((HEIGHT, WIDTH, 3))
    expected[14:34, 22:52] = blurred(inside, (3, 3))[margin:-margin, margin:-margin]
    assert np.abs(found - expected).max() <= 1


def test_radii_are_pixels_of_the_fitted_picture(folder: Path) -> None:
    """Twice as large a canvas with the picture fitted to it: a blur of 4 there is one of 2 here."""
    blur = {"type": "blur", "radius": 4}
    found = picture(folder, project(clip("noise", blur, fit="fill"), width=2 * WIDTH, height=2 * HEIGHT))
    plain = picture(folder, project(clip("noise", fit="fill"), width=2 * WIDTH, height=2 * HEIGHT))
    assert np.abs(found - blurred(plain, (4, 4))).max() <= 1.5


def test_a_draft_looks_like_the_film(folder: Path) -> None:
    source = written(project(clip("noise", {"type": "blur", "radius": 3}), width=76), folder)
    shown = []
    for options in ([], ["--draft"]):
        target = folder / f"poster{len(options)}.png"
        assert main(["export", str(source), str(target), "--force", "-q", *options]) == 0
        shown.append(np.asarray(Image.open(target).convert("RGB"), np.float64))
    small = shown[0].reshape(HEIGHT // 2, 2, 38, 2, 3).mean(axis=(1, 3))
    inside = (slice(6, -6), slice(6, -6))  # near the edges, what is repeated is another pixel
    off = np.abs(shown[1] - small)[inside]
    assert off.max() <= 6, "noise is smoothed before and after"
    assert off.mean() < 1


def test_a_title_that_is_scaled_up_stays_sharp(folder: Path) -> None:
    """A neutral blur of a small part of a pixel is drawn at the size at which it is shown."""
    text = {"text": {"content": "R", "size": 10}, "duration": 1, "transform": {"scale": 4}}
    plain = picture(folder, project(text))
    found = picture(folder, project({**text, "effects": [{"type": "blur", "radius": 0.06}]}))
    assert np.abs(found - plain).mean() < 3
    steepest = [np.abs(np.diff(each[..., 1], axis=1)).max() for each in (plain, found)]
    assert steepest[1] > 0.7 * steepest[0]


def test_turned_pictures_keep_their_effects(folder: Path) -> None:
    turned = {"rotation": 90}
    found = picture(
        folder, project(clip("noise", {"type": "blur", "radius": [6, 0]}, transform=turned), width=48, height=75)
    )
    expected = np.rot90(blurred(pixels(folder, "noise.png"), (6, 0)), -1)
    assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize(
    "effects",
    [
        [{"type": "blur", "radius": 3}],
        [{"type": "blur", "radius": [9, 0], "edges": "transparent"}],
        [{"type": "saturation", "amount": 0.3}],
        [{"type": "blur", "radius": 2, "mix": 0.5}, {"type": "saturation", "amount": 0.5}],
    ],
)
@pytest.mark.parametrize("transform", [{}, {"scale": 0.6, "position": [30, 20]}, {"opacity": 0.5}])
def test_planes_agree_with_pixels(folder: Path, effects: list[Any], transform: dict[str, Any]) -> None:
    """Short cuts work on luma and chroma, the plain way on R'G'B'."""
    data = project(
        clip("soft"),
        clip("soft", *effects, transform=transform),
        clip("cutout", *effects, transform=transform),
        width=76,
    )
    source = written(data, folder)
    short, plain = (
        pictures(source, "v1", ExportOptions(fast_paths=fast), pixel_format="yuv420p")[0] for fast in (True, False)
    )
    assert len(short) == len(plain) == FPS
    for one, other in zip(short, plain, strict=True):
        off = np.abs(one.astype(int) - other.astype(int))
        assert off.max() <= 3
        assert off.mean() < 0.4


def test_both_systems_show_the_same(folder: Path) -> None:
    effects = ({"type": "blur", "radius": 3}, {"type": "saturation", "amount": 2})
    data = project(clip("soft", effects[0]), clip("cutout", effects[1]), width=76)
    assert main(["compare", str(written(data, folder))]) == 0


@pytest.mark.parametrize(
    ("effect", "message", "hint"),
    [
        ({"type": "blurr", "radius": 1}, '"blurr" is no effect', 'did you mean "blur"?'),
        ({"radius": 1}, 'needs a "type"', "effects are blur, saturation"),
        ("blur", "must be an effect, not a string", '{"type": "blur", "radius": 12}'),
        ({"type": "blur"}, 'the key "radius" is missing', ""),
        ({"type": "blur", "radius": -1}, "out of range", ""),
        ({"type": "blur", "radius": 1, "egdes": "extend"}, 'unknown key "egdes"', 'did you mean "edges"?'),
        ({"type": "blur", "radius": 1, "edges": "extent"}, '"extent"', "extend"),
        ({"type": "saturation", "amount": 1, "duration": 0}, "must be greater than 0", ""),
        ({"type": "saturation", "amount": [1, 2]}, "must be a number, not a list", ""),
    ],
)
def test_mistakes_are_named(folder: Path, effect: Any, message: str, hint: str) -> None:
    source = folder / "wrong.json"
    source.write_text(json.dumps(project({"solid": "red", "duration": 1, "effects": [effect]})), encoding="utf-8")
    with pytest.raises(ProjectError) as caught:
        load(source, {})
    (problem,) = caught.value.problems
    assert problem.path.startswith("$.tracks[0].clips[0].effects[0]")
    assert message in problem.message
    assert hint in f"{problem.message} {problem.hint}"
