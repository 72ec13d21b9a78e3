"""Finished pictures as planes of every output format, against numpy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from reelmill.compositor.opengl.context import GLContext
from reelmill.planner.colour import SRGB, VIDEO, ChromaLocation, ColourTags, Matrix
from reelmill.planner.frame_plan import CompositionPlan
from reelmill.planner.pixel_format import PIXEL_FORMATS, PixelFormat
from tests.support import compositor_reference as reference
from tests.support.compositor_stage import (
    Floats,
    Stage,
    canvas,
    layer,
    make_frame,
    noise,
    rgb_frame,
    rgba_frame,
    straight,
)

WIDTH, HEIGHT = 36, 22
JPEG = ColourTags("bt601", "full", chroma_location="center")


@pytest.fixture(scope="module")
def gl() -> Iterator[GLContext]:
    with GLContext.create() as context:
        yield context


def scene(
    seed: int, *, alpha: bool = False, width: int = WIDTH, height: int = HEIGHT
) -> tuple[Floats, CompositionPlan]:
    pixels = noise(seed, height, width, alpha=alpha)
    return straight(pixels), canvas(width, height, layer("a", width, height, opaque=not alpha))


def encode(rgb: Floats, format_: PixelFormat, colour: ColourTags) -> list[Floats]:
    """R'G'B' → Y, U, V codes at full resolution, not rounded: the definitions of BT.601-7 and BT.709-6."""
    kr, kg, kb = {"bt601": (0.299, 0.587, 0.114), "bt709": (0.2126, 0.7152, 0.0722)}[str(colour.matrix)]
    y = rgb[..., 0] * kr + rgb[..., 1] * kg + rgb[..., 2] * kb
    cb, cr = (rgb[..., 2] - y) / (2 - 2 * kb), (rgb[..., 0] - y) / (2 - 2 * kr)
    step = 2.0 ** (format_.bits - 8)
    if colour.range == "limited":
        return [(y * 219 + 16) * step, (cb * 224 + 128) * step, (cr * 224 + 128) * step]
    top = 2**format_.bits - 1
    return [y * top, cb * top + 128 * step, cr * top + 128 * step]


def subsample(plane: Floats, format_: PixelFormat, location: ChromaLocation) -> Floats:
    """The weights around each chroma sample, spelled out."""

    def along(values: Floats, first: bool, last: bool) -> Floats:
        """Reduce axis 0 by two: samples on the first of a pair, on the last, or between."""
        size = len(values)
        even = np.arange(0, size, 2)

        def at(i: NDArray[np.intp]) -> Floats:
            return np.asarray(values[np.clip(i, 0, size - 1)])

        if first:
            return np.asarray((at(even - 1) + 2 * at(even) + at(even + 1)) / 4)
        if last:
            return np.asarray((at(even) + 2 * at(even + 1) + at(even + 2)) / 4)
        return np.asarray((at(even) + at(even + 1)) / 2)

    if format_.log2_chroma_w:
        plane = along(plane.T, "left" in location, False).T
    if format_.log2_chroma_h:
        plane = along(plane, location.startswith("top"), location.startswith("bottom"))
    return plane


@pytest.mark.parametrize("colour", [VIDEO, JPEG], ids=["video", "jpeg"])
@pytest.mark.parametrize("padding", [0, 12])
@pytest.mark.parametrize(
    "name",
    ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p12le", "yuv420p16le", "gray", "gray10le"],
)
def test_yuv(gl: GLContext, name: str, padding: int, colour: ColourTags) -> None:
    format_ = PIXEL_FORMATS[name]
    expected_rgb, plan = scene(1)
    stage = Stage(gl, {"a": rgb_frame(noise(1, HEIGHT, WIDTH))})
    planes = stage.read(plan, name, colour, (WIDTH, HEIGHT), padding)
    stage.close()
    expected = encode(expected_rgb, format_, colour)[: format_.plane_count]
    tolerance = max(1.0, 0.5 + 2 ** (format_.bits - 11))  # a target has eleven bits, and may cut off the rest
    for index, (got, plane) in enumerate(zip(planes, expected, strict=True)):
        wanted = subsample(plane, format_, colour.chroma_location) if index else plane
        assert np.abs(got - wanted).max() <= tolerance
        if format_.bits == 8:
            assert (got != np.round(wanted)).mean() < 0.1


@pytest.mark.parametrize("location", ["left", "center", "topleft", "top", "bottomleft", "bottom"])
@pytest.mark.parametrize("size", [(36, 22), (35, 21)])
def test_chroma_is_averaged_around_where_it_lies(
    gl: GLContext, location: ChromaLocation, size: tuple[int, int]
) -> None:
    format_ = PIXEL_FORMATS["yuv420p"]
    colour = ColourTags(chroma_location=location)
    expected_rgb, plan = scene(2, width=size[0], height=size[1])
    stage = Stage(gl, {"a": rgb_frame(noise(2, size[1], size[0]))})
    planes = stage.read(plan, "yuv420p", colour, size)
    stage.close()
    for got, plane in zip(planes[1:], encode(expected_rgb, format_, colour)[1:], strict=True):
        assert np.abs(got - subsample(plane, format_, location)).max() <= 0.75


@pytest.mark.parametrize(
    "name", ["rgb24", "rgba", "bgra", "rgb0", "bgr0", "gbrp", "gbrap", "gbrp10le", "gbrap12le", "gbrp16le", "rgba64le"]
)
@pytest.mark.parametrize("padding", [0, 2, 12])
@pytest.mark.parametrize("width", [WIDTH, 35])
def test_rgb(gl: GLContext, name: str, padding: int, width: int) -> None:
    format_ = PIXEL_FORMATS[name]
    expected, plan = scene(3, alpha=format_.alpha, width=width)
    pixels = noise(3, HEIGHT, width, alpha=format_.alpha)
    stage = Stage(gl, {"a": rgba_frame(pixels) if format_.alpha else rgb_frame(pixels)})
    planes = stage.read(plan, name, SRGB, (width, HEIGHT), padding)
    stage.close()
    order = format_.components or "gbra"[: format_.plane_count]
    components = np.dstack(planes)
    seen = expected[..., 3] > 0
    for index, letter in enumerate(order):
        if letter != "0":
            wanted = expected[..., "rgba".index(letter)] * (2**format_.bits - 1)
            tolerance = max(1.0, 2 ** (format_.bits - 10))
            assert np.abs(components[..., index] - wanted)[seen].max() <= tolerance


def test_alpha_planes_of_yuv(gl: GLContext) -> None:
    expected, plan = scene(4, alpha=True)
    stage = Stage(gl, {"a": rgba_frame(noise(4, HEIGHT, WIDTH, alpha=True))})
    planes = stage.read(plan, "yuva420p", VIDEO, (WIDTH, HEIGHT))
    full = stage.read(plan, "yuva444p10le", VIDEO, (WIDTH, HEIGHT))
    stage.close()
    assert [plane.shape for plane in planes] == [(22, 36), (11, 18), (11, 18), (22, 36)]
    assert np.abs(planes[3] - expected[..., 3] * 255).max() <= 0.75
    assert np.abs(full[3] - expected[..., 3] * 1023).max() <= 1
    seen = expected[..., 3] > 0
    luma = encode(expected[..., :3], PIXEL_FORMATS["yuva420p"], VIDEO)[0]
    assert np.abs(planes[0] - luma)[seen].max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 2), (16, 16), (37, 21), (64, 64), (61, 3)])
@pytest.mark.parametrize("name", ["yuva444p", "yuva420p10le"])
def test_what_is_transparent_has_the_colour_beside_it(gl: GLContext, name: str, size: tuple[int, int]) -> None:
    """One pixel is seen: its colour is everywhere around. Where nothing is, it is black."""
    width, height = size
    format_ = PIXEL_FORMATS[name]
    for colour, alpha in (((204, 51, 102), 128), ((0, 0, 0), 0)):
        for place in ((0, 0), (height - 1, width - 1), (height // 2, width // 3)):
            pixels = np.zeros((height, width, 4), np.uint8)
            pixels[place] = (*colour, alpha)
            stage = Stage(gl, {"a": rgba_frame(pixels)})
            planes = stage.read(canvas(width, height, layer("a", width, height, opaque=False)), name, VIDEO, size)
            stage.close()
            expected = encode(np.array(colour).reshape(1, 1, 3) / 255, format_, VIDEO)
            for plane, value in zip(planes, expected, strict=False):
                assert np.abs(plane - value).max() <= 2 ** (format_.bits - 8) * 1.5


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "yuv444p"])
@pytest.mark.parametrize("matrix", ["bt709", "bt601"])
def test_luma_survives_the_way_through_rgb(gl: GLContext, name: str, matrix: Matrix) -> None:
    """The whole range of codes and colours that no R'G'B' in 0…1 has."""
    format_ = PIXEL_FORMATS[name]
    random = np.random.default_rng(6)
    step = 2 ** (format_.bits - 8)
    colour = ColourTags(matrix)
    planes = []
    for index in range(3):
        w, h = format_.plane_size(index, 64, 48)
        planes.append(random.integers(2 * step, 254 * step, (h, w)))
    frame = make_frame(name, planes, colour, width=64, height=48)
    stage = Stage(gl, {"a": frame})
    got = stage.read(canvas(64, 48, layer("a", 64, 48)), name, colour, (64, 48))
    stage.close()
    assert np.abs(got[0].astype(int) - planes[0]).max() <= 1
    if name == "yuv444p":
        assert max(np.abs(got[i].astype(int) - planes[i]).max() for i in (1, 2)) <= 1


@pytest.mark.parametrize(
    ("size", "inside"),
    [((72, 44), (0, 0, 72, 44)), ((72, 60), (0, 8, 72, 52)), ((60, 22), (12, 0, 48, 22)), ((18, 11), (0, 0, 18, 11))],
)
def test_another_size_has_bars_where_the_aspect_differs(
    gl: GLContext, size: tuple[int, int], inside: tuple[int, int, int, int]
) -> None:
    picture, plan = scene(7)
    stage = Stage(gl, {"a": rgb_frame(noise(7, HEIGHT, WIDTH))})
    got = stage.read(plan, "rgb24", SRGB, size)[0]
    luma = stage.read(plan, "yuv420p", VIDEO, (size[0] // 2 * 2, size[1] // 2 * 2))[0]
    stage.close()
    left, top, right, bottom = inside
    small = reference.area_average(picture, min(right - left, WIDTH), min(bottom - top, HEIGHT))
    matrix = (1.0, 0.0, 0.0, 1.0, float(left), float(top))
    expected = reference.draw(small, (right - left, bottom - top), matrix, size)[..., :3] * 255
    assert np.abs(got - expected).max() <= 1
    assert luma.min() >= 16
    if top:
        assert np.all(luma[0] == 16)
