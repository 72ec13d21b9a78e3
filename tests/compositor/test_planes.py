"""Compositing on the output's planes: against numpy, and against the same picture composited as R'G'B'."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from reelmill.compositor.opengl.context import GLContext
from reelmill.export.rendering.plane_scaler import AreaScaler
from reelmill.planner.colour import BLACK, TRANSPARENT, VIDEO, ChromaLocation, Colour, ColourTags
from reelmill.planner.contents.solid import Solid
from reelmill.planner.frame_plan import WHOLE, Affine, CompositionPlan, Layer, TransitionLayer
from reelmill.planner.source_frames import Frame
from reelmill.planner.timeline import TransitionType
from tests.support.compositor_stage import Codes, Floats, Stage, canvas, layer, make_frame, noise, rgb_frame, rgba_frame

GREY: Colour = (0.5, 0.5, 0.5, 1.0)
BT601 = replace(VIDEO, matrix="bt601")
FULL = replace(VIDEO, range="full")


BOTH_WAYS = pytest.mark.parametrize("scaler", [None, AreaScaler()], ids=["OpenGL", "memory"])


@pytest.fixture(scope="module")
def gl() -> Iterator[GLContext]:
    with GLContext.create() as context:
        yield context


def codes(seed: int, height: int, width: int, top: int = 255) -> Codes:
    dtype = np.uint8 if top == 255 else np.uint16
    return np.random.default_rng(seed).integers(0, top + 1, (height, width)).astype(dtype)


def smooth(seed: int, height: int, width: int, top: int = 255) -> Codes:
    """Waves: something that filters of different kinds agree on."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    wave = np.sin(x * random.uniform(0.05, 0.12) + random.uniform(0, 6)) * np.cos(y * random.uniform(0.05, 0.12))
    return np.asarray(np.rint((0.5 + 0.35 * wave) * top).astype(np.uint8 if top == 255 else np.uint16))


def video(
    seed: int,
    width: int,
    height: int,
    *,
    kind: str = "420",
    top: int = 255,
    colour: ColourTags = VIDEO,
    made: object = smooth,
    padding: int = 0,
) -> Frame:
    across, down = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}[kind]
    make = codes if made is codes else smooth
    size = (-(-height // down), -(-width // across))
    planes = [make(seed, height, width, top), make(seed + 1, *size, top), make(seed + 2, *size, top)]
    name = f"yuv{kind}p" if top == 255 else f"yuv{kind}p10le"
    return make_frame(name, planes, colour, width=width, height=height, padding=padding)


def samples(frame: Frame) -> list[Floats]:
    found = []
    for plane in frame.planes:
        dtype = "<u1" if frame.format.bytes_per_sample == 1 else "<u2"
        rows = np.frombuffer(plane.data, np.uint8).reshape(plane.height, plane.stride_bytes)
        found.append(np.ascontiguousarray(rows).view(dtype)[:, : plane.width].astype(np.float64))
    return found


def differences(got: Sequence[Codes], expected: Sequence[Codes] | Sequence[Floats]) -> list[Floats]:
    return [np.abs(a.astype(np.float64) - b) for a, b in zip(got, expected, strict=True)]


def on_planes(stage: Stage, plan: CompositionPlan, name: str = "yuv420p", colour: ColourTags = VIDEO) -> list[Codes]:
    found = stage.read_planes(plan, name, colour, padding=32)
    assert found is not None
    return found


@BOTH_WAYS
@pytest.mark.parametrize("top", [255, 1023])
@pytest.mark.parametrize("padding", [0, 6])
def test_whole_samples_go_through_as_they_are(gl: GLContext, top: int, padding: int, scaler: AreaScaler | None) -> None:
    frames = {
        "base": video(1, 64, 48, top=top, made=codes, padding=padding),
        "tile": video(9, 32, 24, top=top, made=codes, padding=padding),
    }
    stage = Stage(gl, dict(frames), scaler=scaler)
    plan = canvas(64, 48, layer("base", 64, 48), layer("tile", 32, 24, Affine(e=8, f=12)), background=BLACK)
    got = on_planes(stage, plan, "yuv420p" if top == 255 else "yuv420p10le")
    stage.close()
    expected = samples(frames["base"])
    expected[0][12:36, 8:40] = samples(frames["tile"])[0]
    # The tile's left edge lies between two chroma samples, which are sited left: a quarter of the backdrop is seen.
    assert differences(got[:1], expected[:1])[0].max() == 0
    for index in (1, 2):
        tile = samples(frames["tile"])[index]
        expected[index][6:18, 5:20] = tile[:, 1:]
        expected[index][6:18, 4] = 0.25 * expected[index][6:18, 4] + 0.75 * tile[:, 0]
        right = expected[index][6:18, 20]
        expected[index][6:18, 20] = 0.75 * right + 0.25 * tile[:, -1]
        assert differences([got[index]], [expected[index]])[0].max() <= 0.5 + 1e-3


@BOTH_WAYS
@pytest.mark.parametrize("opacities", [(0.8,), (0.3, 0.7), (0.1,) * 12], ids=str)
def test_translucent_layers_blend_as_code_values(
    gl: GLContext, opacities: tuple[float, ...], scaler: AreaScaler | None
) -> None:
    base = video(1, 40, 32, made=codes)
    stage = Stage(gl, {"base": base}, scaler=scaler)
    layers = [layer("base", 40, 32)]
    expected = samples(base)
    for number, opacity in enumerate(opacities):
        name = f"over{number}"
        stage.frames[name] = video(20 + 3 * number, 40, 32, made=codes)
        layers.append(layer(name, 40, 32, opacity=opacity))
        expected = [
            below + opacity * (above - below)
            for below, above in zip(expected, samples(stage.frames[name]), strict=True)
        ]
    got = on_planes(stage, canvas(40, 32, *layers, background=BLACK))
    stage.close()
    # One rounding, and not twelve of them, may differ: 0.5 + what two roundings leave of themselves.
    assert max(each.max() for each in differences(got, expected)) < 1.5


@BOTH_WAYS
def test_a_layer_changes_nothing_outside_of_it(gl: GLContext, scaler: AreaScaler | None) -> None:
    base = video(1, 64, 48, made=codes)
    stage = Stage(gl, {"base": base, "tile": video(7, 24, 20)}, scaler=scaler)
    turned = Affine(0.9, 0.4, -0.4, 0.9, 20, 10)
    got = on_planes(stage, canvas(64, 48, layer("base", 64, 48), layer("tile", 24, 20, turned), background=BLACK))
    stage.close()
    y, x = np.mgrid[0:48, 0:64] + 0.5
    inside_x = ((x - 20) * 0.9 + (y - 10) * 0.4) / 0.97
    inside_y = ((y - 10) * 0.9 - (x - 20) * 0.4) / 0.97
    far = (inside_x < -2) | (inside_x > 26) | (inside_y < -2) | (inside_y > 22)
    assert far.any()
    assert (got[0][far] == samples(base)[0][far]).all()


LOCATIONS: list[ChromaLocation] = ["left", "center", "topleft"]


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("kind", ["420", "422", "444"])
@BOTH_WAYS
def test_it_is_the_picture_that_rgb_gives(
    gl: GLContext, location: ChromaLocation, kind: str, scaler: AreaScaler | None
) -> None:
    colour = replace(VIDEO, chroma_location=location)
    frames = {
        "base": video(1, 160, 120, kind=kind, colour=colour),
        "small": video(4, 120, 90, kind=kind, colour=colour),
        "other": video(5, 100, 80, kind="420", colour=BT601),
        "wide": video(6, 100, 60, kind=kind, colour=FULL),
        "deep": video(7, 100, 60, kind=kind, colour=colour, top=1023),
        "rgb": rgb_frame(np.dstack([smooth(n, 60, 80) for n in (11, 12, 13)])),
        "rgba": rgba_frame(np.dstack([smooth(n, 60, 80) for n in (14, 15, 16, 17)])),
    }
    inner = canvas(
        100, 80, layer("small", 120, 90, Affine(a=0.5, d=0.5, e=20, f=10)), layer("rgba", 80, 60, opaque=False)
    )
    layers = [
        layer("base", 160, 120),
        layer("small", 120, 90, Affine(a=0.41, d=0.41, e=10.3, f=7.7), opacity=0.8),
        layer("other", 100, 80, Affine(a=0.5, d=0.5, e=90, f=6)),
        layer("wide", 100, 60, Affine(a=0.6, b=0.1, c=-0.1, d=0.6, e=20, f=60)),
        layer("deep", 100, 60, Affine(a=0.4, d=0.4, e=100, f=50)),
        layer("rgb", 80, 60, Affine(a=0.5, d=0.5, e=60.5, f=40.25), opacity=0.6),
        Layer(("solid",), Solid((0.8, 0.2, 0.1, 0.7)), WHOLE, 30, 20, Affine(e=120, f=90), 0.9, "normal"),
        Layer(("nested",), inner, WHOLE, 100, 80, Affine(0.5, 0.1, -0.1, 0.5, 90, 60), 0.7, "normal"),
    ]
    stage = Stage(gl, dict(frames), scaler=scaler)
    plan = canvas(160, 120, *layers, background=GREY)
    name = f"yuv{kind}p"
    got = on_planes(stage, plan, name, colour)
    expected = stage.read(plan, name, colour, (160, 120))
    stage.close()
    luma, *chroma = differences(got, expected)
    assert luma.max() <= 1 if scaler is None else luma.max() <= 2 and (luma > 1).mean() < 1e-3
    assert max(each.mean() for each in chroma) <= 1


@BOTH_WAYS
def test_a_background_and_nothing_else(gl: GLContext, scaler: AreaScaler | None) -> None:
    stage = Stage(gl, scaler=scaler)
    got = on_planes(stage, canvas(16, 16, background=(1.0, 1.0, 1.0, 1.0)))
    over_black = on_planes(stage, canvas(16, 16, background=TRANSPARENT))
    stage.close()
    assert [int(plane[0, 0]) for plane in got] == [235, 128, 128]  # BT.709, table 3.4
    assert [int(plane[0, 0]) for plane in over_black] == [16, 128, 128]


def test_luma_alone(gl: GLContext) -> None:
    frame = video(3, 32, 24)
    stage = Stage(gl, {"a": frame, "b": video(5, 20, 10)})
    plan = canvas(32, 24, layer("a", 32, 24), layer("b", 20, 10, Affine(e=2.5, f=3.5)), background=BLACK)
    got = on_planes(stage, plan, "gray")
    expected = stage.read(plan, "gray", VIDEO, (32, 24))
    stage.close()
    assert differences(got, expected)[0].max() <= 1


@BOTH_WAYS
@pytest.mark.parametrize("progress", [0.0, 0.25, 0.6, 1.0])
def test_a_dissolve_of_two_full_pictures(gl: GLContext, progress: float, scaler: AreaScaler | None) -> None:
    frames = {"a": video(1, 40, 32, made=codes), "b": video(5, 40, 32, made=codes)}
    stage = Stage(gl, dict(frames), scaler=scaler)
    sides = (layer("a", 40, 32), layer("b", 40, 32))
    item = TransitionLayer("dissolve", "left", BLACK, progress, *sides, 1.0, "normal")
    got = on_planes(stage, canvas(40, 32, item, background=BLACK))
    stage.close()
    mixed = [a + progress * (b - a) for a, b in zip(samples(frames["a"]), samples(frames["b"]), strict=True)]
    assert max(each.max() for each in differences(got, mixed)) <= 0.5 + 1e-3


OTHERS: list[TransitionType] = ["wipe", "push", "iris", "fade"]


@pytest.mark.parametrize("type_", OTHERS)
def test_other_transitions_need_rgb(gl: GLContext, type_: TransitionType) -> None:
    stage = Stage(gl, {"a": video(1, 40, 32), "b": video(5, 40, 32)})
    item = TransitionLayer(type_, "left", BLACK, 0.5, layer("a", 40, 32), layer("b", 40, 32), 1.0, "normal")
    assert stage.read_planes(canvas(40, 32, item, background=BLACK), "yuv420p", VIDEO) is None
    stage.close()


def test_a_dissolve_of_small_pictures_needs_rgb(gl: GLContext) -> None:
    stage = Stage(gl, {"a": video(1, 20, 16), "b": video(5, 20, 16)})
    sides = (layer("a", 20, 16, Affine(e=3)), layer("b", 20, 16))
    item = TransitionLayer("dissolve", "left", BLACK, 0.5, *sides, 1.0, "normal")
    plan = canvas(40, 32, item, background=BLACK)
    assert stage.read_planes(plan, "yuv420p", VIDEO) is None
    assert len(stage.read(plan, "yuv420p", VIDEO, (40, 32))) == 3
    stage.close()


def test_blend_modes_need_rgb_however_deep(gl: GLContext) -> None:
    stage = Stage(gl, {"a": video(1, 40, 32)})
    inner = canvas(40, 32, layer("a", 40, 32, blend="multiply"))
    plan = canvas(40, 32, Layer(("n",), inner, WHOLE, 40, 32, Affine(), 1.0, "normal"), background=BLACK)
    assert stage.read_planes(plan, "yuv420p", VIDEO) is None
    stage.close()


@BOTH_WAYS
def test_a_nested_picture_is_rendered_once_and_kept(gl: GLContext, scaler: AreaScaler | None) -> None:
    stage = Stage(gl, {"a": video(1, 40, 32)}, scaler=scaler)
    inner = canvas(40, 32, layer("a", 40, 32, Affine(e=4)), name="inner")
    outer = [
        Layer((name,), inner, WHOLE, 40, 32, Affine(a=0.5, d=0.5, e=x), 0.9, "normal")
        for name, x in (("p", 0), ("q", 30))
    ]
    for number in range(3):
        plan = canvas(80, 60, *outer, layer("a", 40, 32, Affine(e=number)), background=BLACK)
        on_planes(stage, plan)
    assert (stage.renderer.statistics.nested_rendered, stage.renderer.statistics.nested_reused) == (1, 5)
    on_planes(stage, canvas(80, 60, background=BLACK))
    on_planes(stage, canvas(80, 60, *outer, background=BLACK))
    assert stage.renderer.statistics.nested_rendered == 2
    stage.close()
    assert stage.renderer.surface_count == 0


def test_textures_do_not_pile_up(gl: GLContext) -> None:
    stage = Stage(gl, {"a": video(1, 80, 64)}, scaler=AreaScaler())
    counts = []
    for number in range(12):
        scale = 0.3 + 0.02 * number
        inner = canvas(80, 64, layer("a", 80, 64, Affine(a=scale, d=scale)), name="inner")
        plan = canvas(
            80,
            64,
            layer("a", 80, 64),
            Layer(("n",), inner, WHOLE, 80, 64, Affine(a=scale, d=scale), 0.5, "normal"),
            background=BLACK,
        )
        on_planes(stage, plan)
        counts.append(stage.renderer.surface_count)
    stage.close()
    assert max(counts[6:]) <= max(counts[:6])


def box_filter(values: Floats, height: int, width: int) -> Floats:
    """Area averages, written out."""

    def weights(texels: int, size: int) -> Floats:
        matrix = np.zeros((size, texels))
        for row in range(size):
            start, end = row * texels / size, (row + 1) * texels / size
            for column in range(math.floor(start), min(math.ceil(end), texels)):
                matrix[row, column] = min(end, column + 1) - max(start, column)
        return matrix * size / texels

    return np.asarray(weights(values.shape[0], height) @ values @ weights(values.shape[1], width).T)


@pytest.mark.parametrize("top", [255, 1023, 65535])
def test_the_area_scaler_is_a_box_filter(top: int) -> None:
    random = np.random.default_rng(top)
    sample_bytes = 1 if top == 255 else 2
    dtype = np.uint8 if top == 255 else np.uint16
    name = {255: "gray", 1023: "gray10le", 65535: "gray16le"}[top]
    made = 0
    for number in range(120):
        width, height = (int(n) for n in random.integers(20, 200, 2))
        plane = make_frame(name, [codes(number, height, width, top)], width=width, height=height, padding=32).planes[0]
        whole = np.frombuffer(plane.data, dtype).reshape(height, -1)[:, :width].astype(np.float64)
        left, top_row = int(random.integers(0, width // 2)), int(random.integers(0, height // 2))
        wide, high = width - left - int(random.integers(0, 4)), height - top_row - int(random.integers(0, 4))
        if min(wide, high) < 2:
            continue
        size = (int(random.integers(1, wide + 1)), high if number % 5 == 0 else int(random.integers(1, high + 1)))
        expected = box_filter(whole[top_row : top_row + high, left : left + wide], size[1], size[0])
        for _ in range(2):
            held = [np.full(int(n), 255, np.uint8) for n in random.integers(1, 300_000, 3)]
            del held  # so that memory which is not written to differs
            found = AreaScaler()(plane, (left, top_row, wide, high), size, components=1, sample_bytes=sample_bytes)
            if found is None:
                assert min(*size, wide, high) < 16 or (size[1] == high and sample_bytes == 2)
                break
            rows = np.frombuffer(found.data, dtype)[: found.stride_bytes // sample_bytes * size[1]]
            got = rows.reshape(size[1], -1)[:, : size[0]].astype(np.float64)
            assert np.abs(got - expected).max() <= max(2.0, top * 0.008)
            made += 1
    assert made > 60


def test_the_area_scaler_leaves_interleaved_samples_alone() -> None:
    frame = rgb_frame(noise(3, 20, 20))
    assert AreaScaler()(frame.planes[0], (0, 0, 20, 20), (10, 10), components=3, sample_bytes=1) is None
