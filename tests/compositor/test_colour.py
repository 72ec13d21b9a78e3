"""Frames of every kind of colour, read as RGB, against plain numpy and ffmpeg."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from reelmill.compositor.opengl.context import GLContext
from reelmill.planner.colour import SRGB, VIDEO, ChromaLocation, ColourTags, Matrix, Range
from reelmill.planner.frame_plan import Affine
from reelmill.planner.pixel_format import PIXEL_FORMATS
from tests.support import compositor_reference as reference
from tests.support.compositor_stage import Codes, Floats, Stage, canvas, layer, make_frame, noise

LUMA: dict[Matrix, tuple[float, float, float]] = {
    "bt601": (0.299, 0.587, 0.114),
    "bt709": (0.2126, 0.7152, 0.0722),
    "bt2020": (0.2627, 0.6780, 0.0593),
}
"""Luma coefficients: BT.601-7 2.5.1, BT.709-6 3.2, BT.2020-2 table 4."""


@pytest.fixture(scope="module")
def gl() -> Iterator[GLContext]:
    with GLContext.create() as context:
        yield context


def decode(y: Floats, u: Floats, v: Floats, matrix: Matrix, range_: Range, bits: int) -> Floats:
    """Codes → R'G'B', solved from the definitions of Y', Cb and Cr."""
    step = 2.0 ** (bits - 8)
    if range_ == "limited":
        luma, cb, cr = (y / step - 16) / 219, (u / step - 128) / 224, (v / step - 128) / 224
    else:
        top, half = 2.0**bits - 1, 2.0 ** (bits - 1)
        luma, cb, cr = y / top, (u - half) / top, (v - half) / top
    kr, kg, kb = LUMA[matrix]
    red = luma + 2 * (1 - kr) * cr
    blue = luma + 2 * (1 - kb) * cb
    return np.stack([red, (luma - kr * red - kb * blue) / kg, blue], axis=-1)


def gamut(bits: int) -> list[Codes]:
    """Codes of Y, U and V from end to end in all combinations: 2197 patches, beyond the nominal range and the gamut."""
    step = 2 ** (bits - 8)
    codes = np.arange(0, 256, 21) * step + step // 3
    y, u, v = np.meshgrid(codes, codes, codes, indexing="ij")
    return [plane.reshape(13, 169).astype(np.uint16) for plane in (y, u, v)]


@pytest.mark.parametrize("matrix", LUMA)
@pytest.mark.parametrize("range_", ["limited", "full"])
@pytest.mark.parametrize(
    "name",
    ["yuv420p", "yuv422p", "yuv444p", "yuv411p", "yuv440p", "yuv410p", "yuv420p10le", "yuv422p12le", "yuv444p16le"],
)
def test_flat_patches_over_the_whole_gamut(gl: GLContext, name: str, range_: Range, matrix: Matrix) -> None:
    format_ = PIXEL_FORMATS[name]
    patches = gamut(format_.bits)
    across, down = 2**format_.log2_chroma_w, 2**format_.log2_chroma_h
    size = 12  # of a patch: more than the reach of the chroma filter
    planes = []
    for index, patch in enumerate(patches):
        x, y = (size // across, size // down) if index else (size, size)
        planes.append(np.kron(patch, np.ones((y, x), patch.dtype)))
    width, height = 169 * size, 13 * size
    frame = make_frame(name, planes, ColourTags(matrix, range_), width=width, height=height)
    stage = Stage(gl, {"a": frame})
    got = stage.read(canvas(width, height, layer("a", width, height)), "rgba", SRGB, (width, height))[0]
    stage.close()
    middle = got[size // 2 :: size, size // 2 :: size, :3].astype(int)
    y, u, v = (patch.astype(float) for patch in patches)
    expected = np.round(np.clip(decode(y, u, v, matrix, range_, format_.bits), 0, 1) * 255)
    assert np.abs(middle - expected).max() <= 1
    assert (middle != expected).mean() < 0.05  # where rounding meets a half


@pytest.mark.parametrize("location", ["left", "center", "topleft", "top", "bottomleft", "bottom"])
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p"])
@pytest.mark.parametrize("padding", [0, 7])
def test_chroma_is_filtered_from_where_it_lies(
    gl: GLContext, name: str, location: ChromaLocation, padding: int
) -> None:
    random = np.random.default_rng(3)
    width, height = 21, 13
    format_ = PIXEL_FORMATS[name]
    chroma_size = format_.plane_size(1, width, height)
    y = random.integers(0, 256, (height, width))
    u, v = (random.integers(0, 256, chroma_size[::-1]) for _ in range(2))
    colour = replace(VIDEO, chroma_location=location)
    frame = make_frame(name, [y, u, v], colour, width=width, height=height, padding=padding)
    stage = Stage(gl, {"a": frame})
    got = stage.picture(canvas(width, height, layer("a", width, height)))
    stage.close()
    ys, xs = np.mgrid[0:height, 0:width] + 0.5
    x0 = 0.5 if "left" in location else 1.0
    y0 = 0.5 if location.startswith("top") else 1.5 if location.startswith("bottom") else 1.0
    chroma_x = (xs - x0) / 2 + 0.5
    chroma_y = (ys - y0) / 2 + 0.5 if name == "yuv420p" else ys
    full = [reference.bilinear(plane[..., None].astype(float), chroma_x, chroma_y)[..., 0] for plane in (u, v)]
    expected = decode(y.astype(float), full[0], full[1], "bt709", "limited", 8)
    assert np.abs(got[..., :3] - expected).max() <= 0.5 / 255


@pytest.mark.parametrize(
    "name",
    ["gbrp", "gbrp10le", "gbrp16le", "gbrap", "gbrap12le", "rgba", "bgra", "rgb0", "bgr0", "rgb24", "rgba64le"],
)
@pytest.mark.parametrize("padding", [0, 4])
def test_rgb_formats(gl: GLContext, name: str, padding: int) -> None:
    format_ = PIXEL_FORMATS[name]
    top = 2**format_.bits - 1
    random = np.random.default_rng(4)
    rgba = random.integers(0, top + 1, (9, 11, 4))
    if not format_.alpha:
        rgba[..., 3] = top
    order = format_.components or "gbra"[: format_.plane_count]
    stacked = np.dstack([rgba[..., "rgba".index(c)] if c != "0" else rgba[..., 0] for c in order])
    planes = [stacked] if format_.components else [stacked[..., i] for i in range(len(order))]
    stage = Stage(gl, {"a": make_frame(name, planes, SRGB, width=11, height=9, padding=padding)})
    got = stage.picture(canvas(11, 9, layer("a", 11, 9, opaque=not format_.alpha)))
    stage.close()
    values = rgba / top
    expected = np.dstack([values[..., :3] * values[..., 3:], values[..., 3:]])
    assert np.abs(got - expected).max() <= 0.25 / 255


@pytest.mark.parametrize(("name", "range_"), [("gray", "full"), ("gray", "limited"), ("gray10le", "full")])
def test_gray(gl: GLContext, name: str, range_: Range) -> None:
    bits = PIXEL_FORMATS[name].bits
    codes = np.arange(2**bits).reshape(16, -1)
    frame = make_frame(name, [codes], ColourTags("bt709", range_), width=codes.shape[1], height=16)
    stage = Stage(gl, {"a": frame})
    got = stage.picture(canvas(codes.shape[1], 16, layer("a", codes.shape[1], 16)))
    stage.close()
    expected = (codes - 16) / 219 if range_ == "limited" else codes / (2**bits - 1)
    assert np.abs(got[..., :3] - expected[..., None]).max() <= 0.25 / 255


def test_alpha_planes_of_yuv(gl: GLContext) -> None:
    random = np.random.default_rng(5)
    y, u, v, a = (random.integers(16, 236, (8, 8)) for _ in range(4))
    stage = Stage(gl, {"a": make_frame("yuva444p", [y, u, v, a], VIDEO, width=8, height=8)})
    got = stage.picture(canvas(8, 8, layer("a", 8, 8, opaque=False)))
    stage.close()
    rgb = decode(y.astype(float), u.astype(float), v.astype(float), "bt709", "limited", 8)
    alpha = a[..., None] / 255
    assert np.abs(got - np.dstack([rgb * alpha, alpha])).max() <= 0.25 / 255


def test_ycgco(gl: GLContext) -> None:
    rgb = noise(6, 8, 8).astype(float)
    y = rgb @ [0.25, 0.5, 0.25]
    cg, co = rgb @ [-0.25, 0.5, -0.25], rgb @ [0.5, 0.0, -0.5]
    planes = [np.round(y * 257), np.round(cg * 257) + 32768, np.round(co * 257) + 32768]
    frame = make_frame("yuv444p16le", planes, ColourTags("ycgco", "full"), width=8, height=8)
    stage = Stage(gl, {"a": frame})
    got = stage.picture(canvas(8, 8, layer("a", 8, 8)))
    stage.close()
    assert np.abs(got[..., :3] * 255 - rgb).max() <= 1


# --- HDR and wide gamut: the formulas of docs/reference/colour.md, from the specifications ---


def pq_eotf(e: Floats) -> Floats:
    """SMPTE ST 2084, cd/m²."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    p = e ** (1 / m2)
    return 10000 * (np.maximum(p - c1, 0) / (c2 - c3 * p)) ** (1 / m1)


def pq_inverse(nits: Floats) -> Floats:
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    y = (nits / 10000) ** m1
    return ((c1 + c2 * y) / (1 + c3 * y)) ** m2


def eetf(e: Floats, peak: float) -> Floats:
    """BT.2390-10, 5.4.1, to 203 cd/m², blacks at 0."""
    white, black = float(pq_inverse(np.array(peak))), 0.0
    e1 = np.minimum((e - black) / (white - black), 1)
    most = float(pq_inverse(np.array(203.0))) / white
    knee = 1.5 * most - 0.5
    t = (e1 - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    return np.asarray(np.where(e1 < knee, e1, spline) * white) if most < 1 else e


TO_BT709 = np.array(
    [[1.6604910, -0.5876411, -0.0728499], [-0.1245505, 1.1328999, -0.0083494], [-0.0181508, -0.1005789, 1.1187297]]
)
"""BT.2020 → BT.709 in linear light: ITU-R BT.2087-0's matrix inverted."""


def tone_mapped(nits: Floats, peak: float) -> Floats:
    brightest = nits.max(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(brightest > 0, pq_eotf(eetf(pq_inverse(brightest), peak)) / brightest, 0)
    return np.asarray(nits * ratio / 203)


def to_sdr(light: Floats) -> Floats:
    return np.asarray(np.clip(light, 0, 1) ** (1 / 2.4))


def hlg_nits(e: Floats) -> Floats:
    """BT.2100-2 table 5: inverse OETF, then the OOTF at 1000 cd/m²."""
    a, b, c = 0.17883277, 1 - 4 * 0.17883277, 0.5 - 0.17883277 * np.log(4 * 0.17883277)
    scene = np.where(e <= 0.5, e**2 / 3, (np.exp((e - c) / a) + b) / 12)
    luminance = scene @ [0.2627, 0.6780, 0.0593]
    return np.asarray(1000 * luminance[..., None] ** 0.2 * scene)


def hdr_case(gl: GLContext, colour: ColourTags) -> tuple[Floats, Floats]:
    """What the compositor makes of a 16-bit gamut of R'G'B', and those values."""
    axis = np.linspace(0, 1, 12)
    values = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(36, 48, 3)
    codes = np.round(values * 65535)
    frame = make_frame("gbrp16le", [codes[..., i] for i in (1, 2, 0)], colour, width=48, height=36)
    stage = Stage(gl, {"a": frame})
    got = stage.picture(canvas(48, 36, layer("a", 48, 36)))[..., :3]
    stage.close()
    return got, codes / 65535


@pytest.mark.parametrize("peak", [150.0, 400.0, 1000.0, 4000.0, 10000.0])
def test_pq(gl: GLContext, peak: float) -> None:
    got, e = hdr_case(gl, ColourTags("rgb", "full", "pq", "bt2020", peak_nits=peak))
    expected = to_sdr(tone_mapped(pq_eotf(e), peak) @ TO_BT709.T)
    assert np.abs(got - expected).max() <= 0.5 / 255


def test_hlg(gl: GLContext) -> None:
    got, e = hdr_case(gl, ColourTags("rgb", "full", "hlg", "bt2020"))
    expected = to_sdr(tone_mapped(hlg_nits(e), 1000) @ TO_BT709.T)
    assert np.abs(got - expected).max() <= 0.5 / 255


def test_bt2020_sdr(gl: GLContext) -> None:
    got, e = hdr_case(gl, ColourTags("rgb", "full", "sdr", "bt2020"))
    assert np.abs(got - to_sdr(e**2.4 @ TO_BT709.T)).max() <= 0.5 / 255


def test_linear(gl: GLContext) -> None:
    got, e = hdr_case(gl, ColourTags("rgb", "full", "linear", "bt709"))
    assert np.abs(got - to_sdr(e)).max() <= 0.5 / 255


def test_reference_white_is_white(gl: GLContext) -> None:
    """203 cd/m² is PQ code 0.5807 (BT.2408): untouched by a display that ends there."""
    assert float(pq_inverse(np.array(203.0))) == pytest.approx(0.5807, abs=1e-4)
    frame = make_frame(
        "gbrp16le",
        [np.full((4, 4), round(0.5807 * 65535))] * 3,
        ColourTags("rgb", "full", "pq", "bt2020", peak_nits=203.0),
        width=4,
        height=4,
    )
    stage = Stage(gl, {"a": frame})
    got = stage.picture(canvas(4, 4, layer("a", 4, 4)))
    stage.close()
    assert np.abs(got - 1).max() < 0.002


# --- against ffmpeg ---


@pytest.mark.parametrize(
    ("name", "siting"),
    [("yuv420p", ":in_h_chr_pos=0:in_v_chr_pos=128"), ("yuv422p", ":in_h_chr_pos=0"), ("yuv444p", "")],
)
def test_pictures_come_out_as_ffmpeg_converts_them(gl: GLContext, name: str, siting: str) -> None:
    width, height = 320, 180
    source = _ffmpeg(["-f", "lavfi", "-i", f"testsrc2=s={width}x{height}", "-frames:v", "1"], name)
    flags = "flags=accurate_rnd+full_chroma_int+bilinear"
    convert = f"scale=in_color_matrix=bt709:in_range=limited:{flags}{siting}"
    raw = ["-f", "rawvideo", "-pix_fmt", name, "-s", f"{width}x{height}", "-i", "-"]
    expected = np.frombuffer(_ffmpeg([*raw, "-vf", convert], "rgb24", source), np.uint8).reshape(height, width, 3)
    format_, planes, at = PIXEL_FORMATS[name], [], 0
    for index in range(3):
        w, h = format_.plane_size(index, width, height)
        planes.append(np.frombuffer(source, np.uint8, w * h, at).reshape(h, w))
        at += w * h
    stage = Stage(gl, {"a": make_frame(name, planes, VIDEO, width=width, height=height)})
    got = stage.read(canvas(width, height, layer("a", width, height)), "rgb24", SRGB, (width, height))[0]
    stage.close()
    difference = np.abs(got.astype(int) - expected)
    assert difference.mean() <= 1
    if name == "yuv444p":  # the filters of chroma differ at sharp edges
        assert difference.max() <= 1


def _ffmpeg(arguments: list[str], pix_fmt: str, data: bytes = b"") -> bytes:
    command = ["ffmpeg", "-v", "error", *arguments, "-f", "rawvideo", "-pix_fmt", pix_fmt, "-"]
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def test_a_layer_changes_no_pixel_beside_it(gl: GLContext) -> None:
    """Codes beyond the nominal range and colours out of gamut survive, so an overlay can come and go unnoticed."""
    random = np.random.default_rng(8)
    luma = random.integers(1, 255, (64, 96))
    chroma = [np.kron(random.integers(16, 241, (4, 6)), np.ones((8, 8))).astype(int) for _ in range(2)]
    frame = make_frame("yuv420p", [luma, *chroma], VIDEO, width=96, height=64)
    stage = Stage(gl, {"a": frame, "pip": make_frame("rgb24", [noise(9, 8, 8)], SRGB, width=8, height=8)})
    plan = canvas(96, 64, layer("a", 96, 64), layer("pip", 8, 8, Affine(e=80, f=50)))
    got = stage.read(plan, "yuv420p", VIDEO, (96, 64))
    stage.close()
    assert np.abs(got[0].astype(int) - luma)[:48].max() <= 1
