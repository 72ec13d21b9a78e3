"""Pictures as the painter samples them: planes of frames, drawn pictures and finished compositions, as textures.

A picture has source coordinates: pixels of the stored picture, (0, 0) its top-left corner. Each `Grid` says where a
source position lies in the texels of a plane, so that subsampled chroma with its siting, reduced planes, targets of
a draft and margins of drawn pictures are all the same thing to the shader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from reelmill.compositor.colour_matrices import BT2020_TO_BT709, codes_to_rgb
from reelmill.compositor.drawing.drawn_picture import DrawnPicture
from reelmill.compositor.geometry import Box
from reelmill.compositor.opengl.shader_library import ShaderLibrary, Value
from reelmill.compositor.opengl.surfaces import Dtype, SurfacePool
from reelmill.compositor.opengl.texels import Texels
from reelmill.planner.colour import ChromaLocation, Colour, ColourTags
from reelmill.planner.media import Orientation
from reelmill.planner.pixel_format import PixelFormat
from reelmill.planner.source_frames import Frame, Plane

COMPOSITION_DTYPE: dict[bool, Dtype] = {False: "f2", True: "f4"}
"""Of targets and converted pictures: 16-bit float, or 32-bit where `wide`."""
TEXTURE_TOP = {"f1": 255.0, "nu2": 65535.0}
"""The code value that a texture of this kind returns as 1.0."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Texel position = source position × scale + offset, on each axis; texel centres lie at halves."""

    scale: tuple[float, float]
    offset: tuple[float, float]
    size: tuple[int, int]
    """Texels that belong to the picture; the texture may be larger."""

    def texel(self, axis: int, source: float) -> float:
        return source * self.scale[axis] + self.offset[axis]


@dataclass(slots=True, eq=False)
class Picture:
    """Planes of texels and how to read them. Owned by a PictureStore, or by whoever made it."""

    layout: Literal["planes", "packed", "finished", "solid"]
    """`finished`: one texture of premultiplied RGBA; `solid`: no texture."""
    width: float
    """Source pixels, before orientation."""
    height: float
    planes: tuple[Texels, ...] = ()
    grids: tuple[Grid, ...] = ()
    """Of the first plane, and of planes 1 and 2 where they differ."""
    opaque: bool = True
    orientation: Orientation = Orientation()
    extent: Box | None = None
    """What of the source plane has pixels, where that is more than the nominal picture."""
    defines: dict[str, str | int] = field(default_factory=dict)
    """That select the variant of sampling.glsl."""
    uniforms: dict[str, Value] = field(default_factory=dict)
    colour: CodedColour | None = None
    """Of planes that hold Y, U, V codes as they were stored."""
    error: float = 0.0
    """Code values by which samples may be off, by the rounding of what was blended."""
    reductions: dict[object, tuple[int, Picture]] = field(default_factory=dict)
    """Area-averaged versions, with the number of the render that used them last."""
    views: dict[tuple[int, ...], Picture] = field(default_factory=dict)
    """Some of the planes as pictures of their own."""

    def view(self, indices: tuple[int, ...]) -> Picture:
        """Some planes that lie on one grid; their texels stay this picture's."""
        if indices not in self.views:
            chroma = len(self.grids) > 1 and indices[0] in (1, 2)
            planes, grids = tuple(self.planes[index] for index in indices), (self.grids[1 if chroma else 0],)
            self.views[indices] = replace(
                self, planes=planes, grids=grids, defines={}, uniforms={}, reductions={}, views={}
            )
        return self.views[indices]

    def give_back(self) -> None:
        """Hand all textures back."""
        for texels in self.planes:
            texels.give_back()
        self.give_back_reductions(keep=None)

    def give_back_reductions(self, *, keep: int | None) -> None:
        """Hand back the reductions that were not used in render `keep`."""
        for key, (used, reduction) in list(self.reductions.items()):
            if used != keep:
                for texels in reduction.planes:
                    if texels not in self.planes:
                        texels.give_back()
                del self.reductions[key]
        for view in self.views.values():
            view.give_back_reductions(keep=keep)


@dataclass(frozen=True, slots=True)
class CodedColour:
    """What the samples of planes mean."""

    format: PixelFormat
    tags: ColourTags


def solid_picture(colour: Colour, width: float, height: float) -> Picture:
    """One colour, straight alpha."""
    red, green, blue, alpha = colour
    return Picture(
        "solid",
        width,
        height,
        opaque=alpha >= 1,
        defines={"LAYOUT_SOLID": 1},
        uniforms={"solid": (red * alpha, green * alpha, blue * alpha, alpha)},
    )


def finished_picture(texels: Texels, width: float, height: float, *, opaque: bool, scale: float = 1.0) -> Picture:
    """Premultiplied RGBA, `scale` texels to a source pixel."""
    grid = Grid((scale, scale), (0.0, 0.0), (texels.width, texels.height))
    return Picture("finished", width, height, (texels,), (grid,), opaque=opaque, defines={"LAYOUT_FINISHED": 1})


def picture_of_drawing(drawn: DrawnPicture, scale: int, pool: SurfacePool) -> Picture:
    """A picture drawn `scale` times as large as it is, with all that reaches outside of its nominal size."""
    pixels = np.ascontiguousarray(drawn.pixels) if drawn.pixels.size else np.zeros((1, 1, 4), np.uint8)
    height, width = pixels.shape[:2]
    memory = Plane(pixels.data.cast("B"), 4 * width, width, height)
    left, top = drawn.origin
    grid = Grid((scale, scale), (-left, -top), (width, height))
    extent = Box(left / scale, top / scale, (left + width) / scale, (top + height) / scale)
    texels = Texels(pool, 4, "f1", memory=memory, what="the drawn picture")
    picture = finished_picture(texels, drawn.size[0] / scale, drawn.size[1] / scale, opaque=False)
    return replace(picture, grids=(grid,), extent=extent)


def frame_picture(frame: Frame, pool: SurfacePool, shaders: ShaderLibrary, *, wide: bool) -> Picture:
    """A frame's planes, in memory still.

    Sources with alpha are converted to premultiplied RGBA at once, since filters need that, and so are those that
    must go through linear light; the others keep their planes and are converted where they are drawn.
    """
    format_ = frame.format
    dtype: Dtype = "f1" if format_.bytes_per_sample == 1 else "nu2"
    components = len(format_.components) or 1
    what = f"a picture of {frame.width}×{frame.height}"
    planes = tuple(Texels(pool, components, dtype, memory=plane, what=what) for plane in frame.planes)
    size = (frame.width, frame.height)
    grids = [Grid((1.0, 1.0), (0.0, 0.0), size)]
    subsampled = bool(format_.log2_chroma_w or format_.log2_chroma_h)
    if subsampled:
        chroma_size = format_.plane_size(1, *size)
        grids.append(
            chroma_grid(format_.log2_chroma_w, format_.log2_chroma_h, frame.colour.chroma_location, chroma_size)
        )
    picture = Picture(
        "planes" if format_.planar else "packed",
        frame.width,
        frame.height,
        planes,
        tuple(grids),
        opaque=not format_.alpha,
        orientation=frame.orientation,
        defines=_frame_defines(frame, subsampled),
        uniforms=_frame_uniforms(frame, dtype),
        colour=CodedColour(format_, frame.colour),
    )
    if format_.alpha or "HDR" in picture.defines:
        return _finish(picture, pool, shaders, wide=wide)
    return picture


def chroma_grid(log2_w: int, log2_h: int, location: ChromaLocation, size: tuple[int, int]) -> Grid:
    """Where chroma samples lie (H.273, figure 1): `left` on the first luma sample of each group, `center` amid it."""
    across, down = 2**log2_w, 2**log2_h
    x = 0.5 if location in ("left", "topleft", "bottomleft") else across / 2
    y = down / 2
    if location.startswith("top"):
        y = 0.5
    elif location.startswith("bottom"):
        y = down - 0.5
    return Grid((1 / across, 1 / down), (0.5 - x / across, 0.5 - y / down), size)


def _frame_defines(frame: Frame, subsampled: bool) -> dict[str, str | int]:
    format_, colour = frame.format, frame.colour
    defines: dict[str, str | int] = {}
    if format_.planar:
        defines["LAYOUT_PLANES"] = format_.plane_count
    else:
        defines["LAYOUT_PACKED"] = 1
    if format_.alpha:
        defines["HAS_ALPHA"] = 1
    if subsampled:
        defines["CHROMA"] = 1
    if colour.transfer != "sdr" or colour.primaries != "bt709":
        defines["HDR"] = 1
        if colour.transfer != "sdr":
            defines[f"TRANSFER_{colour.transfer.upper()}"] = 1
        if colour.primaries == "bt2020":
            defines["WIDE_GAMUT"] = 1
    return defines


def _frame_uniforms(frame: Frame, dtype: Dtype) -> dict[str, Value]:
    format_, colour = frame.format, frame.colour
    top = TEXTURE_TOP[dtype]
    conversion = codes_to_rgb(format_, colour).after(top)
    matrix = conversion.matrix
    if format_.planar and format_.model == "rgb":
        matrix = matrix[:, [1, 2, 0]]  # planes come as G, B, R
    elif format_.components.startswith("bgr"):
        matrix = matrix[:, ::-1]
    peak = 1000.0 if colour.transfer == "hlg" else colour.peak_nits
    return {
        "to_rgb": _columns(matrix),
        "rgb_offset": _numbers(conversion.offset),
        "to_alpha": top / (2**format_.bits - 1),
        "to_bt709": _columns(BT2020_TO_BT709),
        "peak_pq": nits_to_pq(peak),
        "white_pq": nits_to_pq(203.0),
    }


def nits_to_pq(nits: float) -> float:
    """The PQ signal of a luminance in cd/m²: SMPTE ST 2084."""
    y = (nits / 10000) ** (2610 / 16384)
    return float(((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32))


def _finish(picture: Picture, pool: SurfacePool, shaders: ShaderLibrary, *, wide: bool) -> Picture:
    """Convert to premultiplied RGBA at source size; the planes go back to the pool."""
    width, height = picture.grids[0].size
    surface = pool.take(width, height, 4, COMPOSITION_DTYPE[wide], what=f"a picture of {width}×{height}")
    shader = shaders.shader("convert.glsl", {**picture.defines, "EXACT": 1, "CLAMPED": 1})
    uniforms: dict[str, Value] = {**picture.uniforms}
    for index, grid in enumerate(picture.grids):
        uniforms[f"texel_x{index}"] = (grid.scale[0], 0.0, grid.offset[0] - 0.5)
        uniforms[f"texel_y{index}"] = (0.0, grid.scale[1], grid.offset[1] - 0.5)
        uniforms[f"bounds{index}"] = (0.0, 0.0, grid.size[0] - 1, grid.size[1] - 1)
        texture = picture.planes[index].surface.texture
        uniforms[f"size{index}"] = (1 / texture.width, 1 / texture.height)
    corners = Box(0, 0, width, height).corners
    textures = {f"plane{index}": plane.surface.texture for index, plane in enumerate(picture.planes)}
    shader.draw(surface.framebuffer, corners, uniforms, textures)
    picture.give_back()
    finished = finished_picture(Texels.of(surface, pool), width, height, opaque=picture.opaque)
    return replace(finished, orientation=picture.orientation)


def _columns(matrix: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Sequence[float]:
    """A 3 × 3 matrix as OpenGL takes it: column by column."""
    return [float(v) for v in matrix.T.ravel()]


def _numbers(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Sequence[float]:
    return [float(v) for v in values]
