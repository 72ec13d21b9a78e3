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

from compositor.colour_matrices import BT2020_TO_BT709, codes_to_rgb
from compositor.drawn_picture import DrawnPicture
from compositor.geometry import Box
from compositor.shader_library import ShaderLibrary, Value
from compositor.surfaces import Dtype, Surface, SurfacePool
from planner.colour import ChromaLocation
from planner.frames import Frame, Plane
from planner.media import Orientation
from planner.timeline import Colour

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
    """Textures and how to read them. Owned by a PictureStore, or by whoever made it."""

    layout: Literal["planes", "packed", "finished", "solid"]
    """`finished`: one texture of premultiplied RGBA; `solid`: no texture."""
    width: float
    """Source pixels, before orientation."""
    height: float
    surfaces: tuple[Surface, ...] = ()
    grids: tuple[Grid, ...] = ()
    """Of the first plane, and of planes 1 and 2 where they differ."""
    opaque: bool = True
    orientation: Orientation = Orientation()
    extent: Box | None = None
    """What of the source plane has pixels, where that is more than the nominal picture."""
    defines: dict[str, str | int] = field(default_factory=dict)
    """That select the variant of sampling.glsl."""
    uniforms: dict[str, Value] = field(default_factory=dict)
    reductions: dict[object, tuple[int, Picture]] = field(default_factory=dict)
    """Area-averaged versions, with the number of the render that used them last."""

    def give_back(self, pool: SurfacePool) -> None:
        """Hand all surfaces back."""
        for surface in self.surfaces:
            pool.give(surface)
        self.give_back_reductions(pool, keep=None)

    def give_back_reductions(self, pool: SurfacePool, *, keep: int | None) -> None:
        """Hand back the reductions that were not used in render `keep`."""
        for key, (used, reduction) in list(self.reductions.items()):
            if used != keep:
                own = set(self.surfaces)
                for surface in reduction.surfaces:
                    if surface not in own:
                        pool.give(surface)
                del self.reductions[key]


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


def finished_picture(surface: Surface, width: float, height: float, *, opaque: bool, scale: float = 1.0) -> Picture:
    """A surface of premultiplied RGBA, `scale` texels to a source pixel."""
    grid = Grid((scale, scale), (0.0, 0.0), (surface.width, surface.height))
    return Picture("finished", width, height, (surface,), (grid,), opaque=opaque, defines={"LAYOUT_FINISHED": 1})


def upload_drawn(drawn: DrawnPicture, scale: int, pool: SurfacePool) -> Picture:
    """A picture drawn `scale` times as large as it is, with all that reaches outside of its nominal size."""
    height, width = drawn.pixels.shape[:2]
    surface = pool.take(max(width, 1), max(height, 1), 4, "f1", what="the drawn picture")
    surface.texture.write(np.ascontiguousarray(drawn.pixels).data.cast("B"))
    left, top = drawn.origin
    grid = Grid((scale, scale), (-left, -top), (width, height))
    extent = Box(left / scale, top / scale, (left + width) / scale, (top + height) / scale)
    picture = finished_picture(surface, drawn.size[0] / scale, drawn.size[1] / scale, opaque=False)
    return replace(picture, grids=(grid,), extent=extent)


def upload_frame(frame: Frame, pool: SurfacePool, shaders: ShaderLibrary, *, wide: bool) -> Picture:
    """A frame's planes as textures, without a copy on the way where their strides allow it.

    Sources with alpha are converted to premultiplied RGBA at once, since filters need that, and so are those that
    must go through linear light; the others keep their planes and are converted where they are drawn.
    """
    format_ = frame.format
    dtype: Dtype = "f1" if format_.bytes_per_sample == 1 else "nu2"
    components = len(format_.components) or 1
    surfaces = tuple(_upload_plane(plane, components, dtype, pool) for plane in frame.planes)
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
        surfaces,
        tuple(grids),
        opaque=not format_.alpha,
        orientation=frame.orientation,
        defines=_frame_defines(frame, subsampled),
        uniforms=_frame_uniforms(frame, dtype),
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


def _upload_plane(plane: Plane, components: int, dtype: Dtype, pool: SurfacePool) -> Surface:
    """A texture as wide as the stride, so that the plane goes over in one piece; else of the plane's width."""
    texel_bytes = components * (1 if dtype == "f1" else 2)
    if plane.stride_bytes % texel_bytes == 0:
        width, data = plane.stride_bytes // texel_bytes, plane.data[: plane.stride_bytes * plane.height]
    else:
        rows = np.frombuffer(plane.data, np.uint8, plane.stride_bytes * plane.height)
        rows = rows.reshape(plane.height, plane.stride_bytes)[:, : plane.width * texel_bytes]
        width, data = plane.width, np.ascontiguousarray(rows).data.cast("B")
    surface = pool.take(width, plane.height, components, dtype, what=f"a picture of {plane.width}×{plane.height}")
    surface.texture.write(data)
    return surface


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
        texture = picture.surfaces[index].texture
        uniforms[f"size{index}"] = (1 / texture.width, 1 / texture.height)
    corners = Box(0, 0, width, height).corners
    textures = {f"plane{index}": plane.texture for index, plane in enumerate(picture.surfaces)}
    shader.draw(surface.framebuffer, corners, uniforms, textures)
    picture.give_back(pool)
    finished = finished_picture(surface, width, height, opaque=picture.opaque)
    return replace(finished, orientation=picture.orientation)


def _columns(matrix: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Sequence[float]:
    """A 3 × 3 matrix as OpenGL takes it: column by column."""
    return [float(v) for v in matrix.T.ravel()]


def _numbers(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Sequence[float]:
    return [float(v) for v in values]
