"""Scaling of finished pictures, held against the exact box filter and linear interpolation in numpy."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame

from reelmill.export.outputs.picture_fitter import PictureFitter, scales
from reelmill.export.outputs.picture_sink import PictureFormat
from reelmill.export.outputs.views import choose_views, new_picture
from reelmill.planner.colour import SRGB, VIDEO, ColourTags
from reelmill.planner.pixel_format import PIXEL_FORMATS

LEFT = replace(VIDEO, chroma_location="left")
Plane = npt.NDArray[np.float64]


def format_of(name: str, width: int, height: int) -> PictureFormat:
    pix_fmt = PIXEL_FORMATS[name]
    colour: ColourTags = SRGB if pix_fmt.model == "rgb" else LEFT
    return PictureFormat(width, height, pix_fmt, colour)


def weights(source: int, target: int, step: float, first: float) -> Plane:
    """Row j: what each source sample counts in target sample j, whose centre is at first + j × step.

    A box of the step's width where that is more than a sample, else linear between the two nearest; the outermost
    samples go on beyond the edge.
    """
    found = np.zeros((target, source))
    for j in range(target):
        centre = first + j * step
        if step > 1:
            low, high = centre - step / 2 + 0.5, centre + step / 2 + 0.5
            for i in range(int(np.floor(low)), int(np.ceil(high))):
                found[j, min(max(i, 0), source - 1)] += max(min(i + 1, high) - max(i, low), 0)
        else:
            i = int(np.floor(centre))
            for at, share in ((i, 1 - (centre - i)), (i + 1, centre - i)):
                found[j, min(max(at, 0), source - 1)] += share
    shares: Plane = found / found.sum(axis=1, keepdims=True)
    return shares


def noise(format_: PictureFormat, seed: int = 1) -> tuple[VideoFrame, list[Plane]]:
    """A picture of smooth noise, and its planes."""
    frame, _ = new_picture(format_)
    random = np.random.default_rng(seed)
    planes = []
    sample = np.uint8 if format_.pix_fmt.bits == 8 else np.uint16
    unit = 1 << format_.pix_fmt.bits - 8
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane).cast("B"), sample).reshape(plane.height, -1)
        y, x = np.mgrid[: plane.height, : plane.width]
        wave = 128 + 50 * np.sin(x / 9 + seed) + 40 * np.sin(y / 7) + random.integers(-20, 20, x.shape)
        rows[:, : plane.width] = (wave * unit).astype(sample)
        planes.append(rows[:, : plane.width].astype(float))
    return frame, planes


def planes_of(frame: VideoFrame, format_: PictureFormat) -> list[Plane]:
    sample = np.uint8 if format_.pix_fmt.bits == 8 else np.uint16
    found = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane).cast("B"), sample).reshape(plane.height, -1)
        found.append(rows[:, : plane.width].astype(float))
    return found


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuv444p", "gbrp", "gbrp16le", "gray"])
@pytest.mark.parametrize(
    ("source", "target"), [((320, 180), (160, 90)), ((192, 108), (128, 72)), ((96, 64), (192, 128))]
)
def test_scaled_as_the_definition_says(pix_fmt: str, source: tuple[int, int], target: tuple[int, int]) -> None:
    view, wanted = format_of(pix_fmt, *source), format_of(pix_fmt, *target)
    frame, planes = noise(view)
    fitted = PictureFitter(view, wanted, shared=True).fit(frame)
    assert (fitted.width, fitted.height, fitted.format.name) == (*target, pix_fmt)
    layout = view.pix_fmt
    step_x, step_y = source[0] / target[0], source[1] / target[1]
    for index, got in enumerate(planes_of(fitted, wanted)):
        chroma = layout.model == "yuv" and index > 0
        # Chroma is sited left: the first sample of either picture lies a quarter of its pitch from the edge.
        first_x = 0.25 * step_x - 0.25 if chroma and layout.log2_chroma_w else step_x / 2 - 0.5
        columns = weights(planes[index].shape[1], got.shape[1], step_x, first_x)
        rows = weights(planes[index].shape[0], got.shape[0], step_y, step_y / 2 - 0.5)
        off = np.abs(got - rows @ planes[index] @ columns.T)
        # At the left edge of sited chroma libswscale goes on in its own way.
        inner = off[:, 1:] if chroma else off
        assert inner.max() <= (0.6 if layout.bits <= 10 else 10), index


@pytest.mark.parametrize(
    ("pix_fmt", "picture", "bars"),
    [
        ("yuv420p", (slice(14, 104), slice(0, 160)), (16, 128, 128)),
        ("gbrp", (slice(15, 105), slice(0, 160)), (0, 0, 0)),
    ],
)
def test_bars_are_black_and_lie_on_whole_samples(
    pix_fmt: str, picture: tuple[slice, slice], bars: tuple[int, ...]
) -> None:
    view, wanted = format_of(pix_fmt, 320, 180), format_of(pix_fmt, 160, 120)
    fitted = PictureFitter(view, wanted, shared=False).fit(noise(view)[0])
    for index, (plane, value) in enumerate(zip(planes_of(fitted, wanted), bars, strict=True)):
        outside = np.ones(plane.shape, bool)
        halved = 2 if pix_fmt == "yuv420p" and index else 1
        outside[tuple(slice(part.start // halved, part.stop // halved) for part in picture)] = False
        assert set(plane[outside]) == {value}
        assert plane[~outside].std() > 10


def test_what_others_share_is_neither_changed_nor_handed_on() -> None:
    """An encoder writes times into its frame, so each output needs one of its own; the samples are the same memory."""
    view = format_of("yuv420p", 64, 48)
    frame, planes = noise(view)
    tags = (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range)
    alone = PictureFitter(view, view, shared=False)
    assert alone.fit(frame) is frame
    shared = PictureFitter(view, view, shared=True)
    fitted = shared.fit(frame)
    assert fitted is not frame
    assert shared.fit(frame) is fitted
    fitted.pts = 7
    assert frame.pts != 7
    for got, plane in zip(planes_of(fitted, view), planes, strict=True):
        assert np.array_equal(got, plane)
    assert (fitted.color_primaries, fitted.color_trc, fitted.colorspace, fitted.color_range) == tags
    address = [np.frombuffer(memoryview(each.planes[0]), np.uint8).ctypes.data for each in (frame, fitted)]
    assert address[0] == address[1]


def test_one_picture_in_many_threads() -> None:
    """libswscale through VideoReformatter changes the tags of what it reads for a moment; filters do not."""
    view, wanted = format_of("yuv420p", 640, 360), format_of("yuv420p", 320, 180)
    frame, _ = noise(view)
    tags = (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range)
    expected = planes_of(PictureFitter(view, wanted, shared=True).fit(frame), wanted)
    wrong: list[object] = []

    def run() -> None:
        for _ in range(20):
            fitted = PictureFitter(view, wanted, shared=True).fit(frame)
            if (fitted.color_primaries, fitted.color_trc, fitted.colorspace, fitted.color_range) != tags:
                wrong.append(fitted.color_trc)
            if not all(map(np.array_equal, planes_of(fitted, wanted), expected)):
                wrong.append("samples")

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("pix_fmt", ["rgb24", "bgr0", "gbrp"])
def test_the_order_of_samples_is_changed_without_loss(pix_fmt: str) -> None:
    view, wanted = format_of("gbrp", 50, 30), format_of(pix_fmt, 50, 30)
    frame, (green, blue, red) = noise(view)
    fitted = PictureFitter(view, wanted, shared=True).fit(frame)
    rgb = fitted.to_ndarray(format="rgb24")
    assert np.array_equal(rgb, np.stack([red, green, blue], axis=-1).astype(np.uint8))


def test_what_libswscale_can_not_scale_is_left_to_opengl() -> None:
    def able(name: str, source: tuple[int, int], target: tuple[int, int]) -> bool:
        return scales(format_of(name, *source), format_of(name, *target))

    assert able("yuv420p", (320, 180), (160, 90))
    assert not able("yuva444p", (320, 180), (160, 90)), "straight alpha"
    assert not able("rgb24", (320, 180), (160, 90)), "packed"
    assert not able("yuv420p", (320, 180), (40, 22)), "chroma of 11 rows"
    assert not able("yuv420p", (321, 180), (160, 90)), "half a chroma sample"
    assert not able("yuv422p10le", (320, 180), (160, 180)) or able("yuv422p10le", (320, 180), (160, 90))


def test_views_are_shared_where_they_can_be() -> None:
    canvas = (320, 180)
    film, small = format_of("yuv420p", 320, 180), format_of("yuv420p", 160, 90)
    assert choose_views([film, small], canvas) == [film, film]
    png, gif, webp = format_of("rgb24", 320, 180), format_of("bgr0", 80, 45), format_of("bgr0", 320, 180)
    planes = format_of("gbrp", 320, 180)
    assert choose_views([png], canvas) == [png]
    assert choose_views([png, webp], canvas) == [png, png]
    assert choose_views([film, png, gif], canvas) == [film, planes, planes]
    alpha, small_alpha = format_of("rgba", 320, 180), format_of("bgra", 160, 90)
    assert choose_views([png, alpha, small_alpha], canvas) == [png, alpha, small_alpha]
    deep, deep_small = format_of("gbrp16le", 320, 180), format_of("gbrp16le", 160, 90)
    assert choose_views([deep, deep_small, png], canvas) == [deep, deep, png]
