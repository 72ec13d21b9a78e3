"""Frames of another colour matrix on the output's planes against docs/reference/colour.md's equations, in float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from reelmill.compositor import plane_compositor
from reelmill.compositor.matrix_planes import matrix_planes
from reelmill.compositor.opengl.context import GLContext
from reelmill.compositor.opengl.surfaces import SurfacePool
from reelmill.compositor.pictures import Picture
from reelmill.compositor.plane_canvas import PlaneFormat
from reelmill.export.rendering.plane_scaler import AreaScaler
from reelmill.planner.colour import BLACK, VIDEO, ChromaLocation, ColourTags, Matrix, Range
from reelmill.planner.frame_plan import WHOLE, Affine, Layer
from reelmill.planner.pixel_format import PIXEL_FORMATS
from reelmill.planner.source_frames import Frame
from tests.support.compositor_stage import Codes, Floats, Stage, canvas, layer, make_frame

KR_KB = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
    "fcc": (0.30, 0.11),
    "smpte240m": (0.212, 0.087),
}
SIZE = {"420": (2, 2), "422": (2, 1), "440": (1, 2), "444": (1, 1), "411": (4, 1), "410": (4, 4)}
BT601 = replace(VIDEO, matrix="bt601")


@pytest.fixture(scope="module")
def gl() -> Iterator[GLContext]:
    with GLContext.create() as context:
        yield context


def frame(name: str, colour: ColourTags, width: int = 70, height: int = 45, seed: int = 3) -> Frame:
    """Noise of codes that mean colours, so that nothing is cut off on the way."""
    format_ = PIXEL_FORMATS[name]
    random, unit = np.random.default_rng(seed), 2 ** (format_.bits - 8)
    planes = []
    for index in range(3):
        columns, rows = format_.plane_size(index, width, height)
        low, high = (80, 180) if index == 0 else (100, 156)
        planes.append(random.integers(low * unit, high * unit, (rows, columns)).astype(f"<u{format_.bytes_per_sample}"))
    return make_frame(name, planes, colour, width=width, height=height, padding=0 if seed % 2 else 10)


def samples(picture: Frame) -> list[Floats]:
    dtype = f"<u{picture.format.bytes_per_sample}"
    found = []
    for plane in picture.planes:
        rows = np.frombuffer(plane.data, np.uint8).reshape(plane.height, plane.stride_bytes)
        found.append(np.ascontiguousarray(rows).view(dtype)[:, : plane.width].astype(np.float64))
    return found


def at_luma(chroma: Floats, picture: Frame) -> Floats:
    """Chroma at the luma samples, linear between its own, which lie where the tag says (H.273, figure 1)."""
    across, down = SIZE[picture.format.name[3:6]]
    location = picture.colour.chroma_location
    x0 = 0 if location in ("left", "topleft", "bottomleft") else (across - 1) / 2
    y0 = {"t": 0, "b": down - 1}.get(location[0], (down - 1) / 2)
    x = (np.arange(picture.width) - x0) / across
    y = (np.arange(picture.height) - y0) / down
    wide = np.array([np.interp(x, np.arange(chroma.shape[1]), row) for row in chroma])
    return np.array([np.interp(y, np.arange(chroma.shape[0]), column) for column in wide.T]).T


def converted(picture: Frame, bits: int) -> list[Floats]:
    """Codes of BT.709, limited range, by way of R'G'B'; not rounded."""
    unit, y, blue, red = 2.0 ** (picture.format.bits - 8), *samples(picture)
    if picture.colour.range == "full":
        top = 2**picture.format.bits - 1
        y, blue, red = y / top, (blue - 128 * unit) / top, (red - 128 * unit) / top
    else:
        y, blue, red = (y - 16 * unit) / 219 / unit, (blue - 128 * unit) / 224 / unit, (red - 128 * unit) / 224 / unit

    def rgb(luma: Floats, cb: Floats, cr: Floats) -> tuple[Floats, Floats, Floats]:
        if picture.colour.matrix == "ycgco":
            return luma - cb + cr, luma + cb, luma - cb - cr
        kr, kb = KR_KB[picture.colour.matrix]
        r, b = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
        return r, (luma - kr * r - kb * b) / (1 - kr - kb), b

    def ycc(r: Floats, g: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
        luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
        return luma, (b - luma) / 1.8556, (r - luma) / 1.5748

    luma = ycc(*rgb(y, at_luma(blue, picture), at_luma(red, picture)))[0]
    _, cb, cr = ycc(*rgb(np.full_like(blue, 0.5), blue, red))
    own = 2.0 ** (bits - 8)
    return [(16 + 219 * luma) * own, (128 + 224 * cb) * own, (128 + 224 * cr) * own]


def shown(gl: GLContext, picture: Frame, name: str, location: ChromaLocation = "left") -> list[Codes]:
    """The frame alone on a canvas of its size."""
    stage = Stage(gl, {"film": picture}, scaler=AreaScaler())
    size = (picture.width, picture.height)
    colour = replace(VIDEO, chroma_location=location)
    found = stage.read_planes(canvas(*size, layer("film", *size), background=BLACK), name, colour, padding=6)
    stage.close()
    assert found is not None
    return found


@pytest.mark.parametrize("range_", get_args(Range))
@pytest.mark.parametrize("matrix", ["bt601", "bt2020", "fcc", "smpte240m", "ycgco"])
@pytest.mark.parametrize("depth", [("yuv420p", "yuv420p10le"), ("yuv420p10le", "yuv420p"), ("yuv420p", "yuv420p")])
def test_each_sample_is_what_the_equations_say_rounded_once(
    gl: GLContext, matrix: Matrix, range_: Range, depth: tuple[str, str]
) -> None:
    picture = frame(depth[0], ColourTags(matrix, range_))
    got = shown(gl, picture, depth[1])
    for plane, expected in zip(got, converted(picture, PIXEL_FORMATS[depth[1]].bits), strict=True):
        assert np.abs(plane - expected).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("location", get_args(ChromaLocation))
@pytest.mark.parametrize("kind", SIZE)
def test_luma_takes_chroma_from_where_it_lies(gl: GLContext, kind: str, location: ChromaLocation) -> None:
    picture = frame(f"yuv{kind}p", replace(BT601, chroma_location=location), seed=4)
    output = f"yuv{kind}p" if kind in ("420", "422", "444") else "yuv420p"
    got = shown(gl, picture, output, location)
    assert np.abs(got[0] - converted(picture, 8)[0]).max() <= 0.5 + 1e-3


def test_an_untouched_frame_has_the_samples_that_a_nested_one_has(gl: GLContext) -> None:
    picture = frame("yuv420p", BT601)
    size = (picture.width, picture.height)
    inner = canvas(*size, layer("film", *size), background=BLACK, name="inner")
    nested = Layer(("nested",), inner, WHOLE, 70, 45, Affine(), 1.0, "normal")
    stage = Stage(gl, {"film": picture}, scaler=AreaScaler())
    got = stage.read_planes(canvas(*size, nested, background=BLACK), "yuv420p", VIDEO)
    stage.close()
    assert got is not None
    for plane, alone in zip(got, shown(gl, picture, "yuv420p"), strict=True):
        np.testing.assert_array_equal(plane, alone)


def test_a_frame_is_converted_once_however_many_layers_show_it(gl: GLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Picture] = []

    def counting(picture: Picture, format_: PlaneFormat, pool: SurfacePool) -> Picture:
        made.append(picture)
        return matrix_planes(picture, format_, pool)

    monkeypatch.setattr(plane_compositor, "matrix_planes", counting)
    stage = Stage(gl, {"film": frame("yuv420p", BT601)}, scaler=AreaScaler())
    layers = [layer("film", 70, 45, Affine(a=0.4, d=0.4, e=30 * n, f=9)) for n in range(3)]
    for _ in range(2):
        assert stage.read_planes(canvas(90, 60, *layers, background=BLACK), "yuv420p", VIDEO) is not None
    stage.close()
    assert len(made) == 1
