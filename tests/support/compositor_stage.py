"""What the compositor's tests share: frames made from arrays, plans of a few layers, and pictures read back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelmill.compositor.nested import NestedCompRenderer
from reelmill.compositor.opengl.context import GLContext
from reelmill.compositor.opengl.surfaces import Target
from reelmill.compositor.opengl.texels import PlaneScaler
from reelmill.compositor.output import PixelReader
from reelmill.compositor.plane_canvas import PlaneFormat
from reelmill.planner.colour import SRGB, TRANSPARENT, Colour, ColourTags
from reelmill.planner.frame_plan import WHOLE, Affine, CompositionPlan, Layer, PictureSource, Rect, TransitionLayer
from reelmill.planner.media import Orientation
from reelmill.planner.pixel_format import PIXEL_FORMATS
from reelmill.planner.source_frames import Frame, FrameRequest, Plane, WritablePlane
from reelmill.planner.timeline import Blend

Floats = NDArray[np.float64]
Codes = NDArray[Any]

UPRIGHT = Orientation()
IDENTITY = Affine()


def make_frame(
    format_name: str,
    planes: Sequence[Codes],
    colour: ColourTags = SRGB,
    *,
    width: int,
    height: int,
    padding: int = 0,
    orientation: Orientation = UPRIGHT,
) -> Frame:
    """A frame of planes (2-D arrays of codes; packed ones [height, width, components]), rows padded with noise."""
    format_ = PIXEL_FORMATS[format_name]
    stored = []
    for codes in planes:
        rows = codes.reshape(codes.shape[0], -1).astype("<u1" if format_.bytes_per_sample == 1 else "<u2")
        samples = rows.view(np.uint8)
        noise = np.full((samples.shape[0], padding), 255, np.uint8)
        data = np.hstack([samples, noise])
        stored.append(Plane(memoryview(data.tobytes()).toreadonly(), data.shape[1], codes.shape[1], codes.shape[0]))
    return Frame(0, width, height, format_, tuple(stored), colour, orientation)


def rgba_frame(pixels: Codes, **how: Any) -> Frame:
    """A frame of straight 8-bit RGBA [height, width, 4]."""
    return make_frame("rgba", [pixels], width=pixels.shape[1], height=pixels.shape[0], **how)


def rgb_frame(pixels: Codes, **how: Any) -> Frame:
    """An opaque frame of 8-bit RGB [height, width, 3]."""
    return make_frame("rgb24", [pixels], width=pixels.shape[1], height=pixels.shape[0], **how)


def noise(seed: int, height: int, width: int, *, alpha: bool = False) -> Codes:
    """Random 8-bit pixels; alpha is 0 or at least a quarter."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (height, width, 4 if alpha else 3)).astype(np.uint8)
    if alpha:
        drawn = random.integers(0, 5, (height, width))
        pixels[..., 3] = np.where(drawn == 0, 0, np.where(drawn == 1, 255, random.integers(64, 256, (height, width))))
    return pixels


def straight(pixels: Codes) -> Floats:
    """8-bit RGB or RGBA → straight RGBA, 0…1."""
    values = pixels.astype(np.float64) / 255
    if values.shape[2] == 3:
        values = np.dstack([values, np.ones(values.shape[:2])])
    return values


def premultiplied(values: Floats) -> Floats:
    return np.dstack([values[..., :3] * values[..., 3:], values[..., 3:]])


def layer(
    name: str,
    width: float,
    height: float,
    matrix: Affine = IDENTITY,
    *,
    opaque: bool = True,
    opacity: float = 1.0,
    blend: Blend = "normal",
    part: Rect = WHOLE,
    pts: int = 0,
) -> Layer:
    """A layer that shows the frame of that name."""
    source = PictureSource(FrameRequest(name, f"hash-{name}", pts, (name,)), opaque)
    return Layer((name,), source, part, width, height, matrix, opacity, blend)


def canvas(
    width: int, height: int, *layers: Layer | TransitionLayer, background: Colour = TRANSPARENT, name: str | None = None
) -> CompositionPlan:
    return CompositionPlan(name, width, height, background, layers)


@dataclass
class Stage:
    """A renderer over a dictionary of frames."""

    context: GLContext
    frames: dict[str, Frame] = field(default_factory=dict)
    scale: Fraction = Fraction(1)
    asked: list[FrameRequest] = field(default_factory=list)
    scaler: PlaneScaler | None = None

    def __post_init__(self) -> None:
        self.renderer = NestedCompRenderer(self.context, scale=self.scale, scaler=self.scaler)
        self.reader = PixelReader(self.context)

    def frame(self, request: FrameRequest) -> Frame:
        self.asked.append(request)
        return self.frames[request.media]

    def render(self, plan: CompositionPlan) -> Target:
        return self.renderer.render(plan, self.frame)

    def picture(self, plan: CompositionPlan) -> Floats:
        """The premultiplied target as floats [height, width, 4]."""
        target = self.render(plan)
        dtype = {"f2": np.float16, "f4": np.float32}[target.texture.dtype]
        values = np.frombuffer(target.texture.read(), dtype).reshape(target.height, target.width, 4)
        return values.astype(np.float64)

    def read(
        self, plan: CompositionPlan, format_name: str, colour: ColourTags, size: tuple[int, int], padding: int = 0
    ) -> list[Codes]:
        """The planes of an output format; packed ones [height, width, components]."""
        planes, found = _output(format_name, size, padding)
        self.reader.read(self.render(plan), PIXEL_FORMATS[format_name], colour, *size, planes)
        return found()

    def read_planes(
        self, plan: CompositionPlan, format_name: str, colour: ColourTags, padding: int = 0
    ) -> list[Codes] | None:
        """The same, composited on the planes; None where the renderer says that it can't be."""
        size = (math.ceil(plan.width * self.scale), math.ceil(plan.height * self.scale))
        planes, found = _output(format_name, size, padding)
        format_ = PlaneFormat(PIXEL_FORMATS[format_name], colour)
        return found() if self.renderer.draw_planes(plan, self.frame, format_, planes) else None

    def close(self) -> None:
        self.renderer.close()
        self.reader.close()


def _output(
    format_name: str, size: tuple[int, int], padding: int
) -> tuple[list[WritablePlane], Callable[[], list[Codes]]]:
    """Memory for a picture, and what gives its samples once it is filled."""
    format_ = PIXEL_FORMATS[format_name]
    dtype = np.dtype("<u1" if format_.bytes_per_sample == 1 else "<u2")
    components = len(format_.components) or 1
    planes, arrays = [], []
    for index in range(format_.plane_count):
        width, height = format_.plane_size(index, *size)
        stride = width * components * dtype.itemsize + padding
        data = bytearray(stride * height)
        planes.append(WritablePlane(memoryview(data), stride, width, height))
        rows = np.frombuffer(data, np.uint8).reshape(height, stride)[:, : stride - padding]
        arrays.append((rows, width, height))

    def found() -> list[Codes]:
        codes = [np.ascontiguousarray(rows).view(dtype).reshape(h, w, components) for rows, w, h in arrays]
        return [plane if components > 1 else plane[..., 0] for plane in codes]

    return planes, found
