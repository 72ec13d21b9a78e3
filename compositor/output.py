"""PictureReader: a finished composition → planes of an output's pixel format. One-thread (the render thread).

In: a target of premultiplied R'G'B'A. Out: samples in memory that the caller owns (an encoder's frame), rounded to
the nearest code value; one pass for planes of one size. Chroma is averaged around where its samples lie, weighted by
alpha. Y'CbCr is for codecs that blur, and for readers that interpolate: there, colour goes on beyond the edges of what
is seen, lest the black of nothing shows at them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import moderngl

from reelmill.compositor.colour_matrices import rgb_to_codes
from reelmill.compositor.geometry import Box
from reelmill.compositor.opengl.context import GLContext
from reelmill.compositor.opengl.shader_library import ShaderLibrary, Value
from reelmill.compositor.opengl.surfaces import Dtype, Surface, SurfacePool, Target
from reelmill.compositor.opengl.texels import Texels
from reelmill.compositor.pictures import finished_picture
from reelmill.compositor.placement import Raster
from reelmill.compositor.resample import Resampler
from reelmill.compositor.rgb_painter import Painter
from reelmill.planner.colour import BLACK, TRANSPARENT, ColourTags
from reelmill.planner.contents.solid import Solid
from reelmill.planner.errors import RenderError
from reelmill.planner.frame_plan import WHOLE, Affine, Layer
from reelmill.planner.pixel_format import PixelFormat
from reelmill.planner.source_frames import WritablePlane

_FILL_LEVELS = 6
"""Halvings: colour reaches 32 to 64 pixels into what is transparent, which is a block of the largest of transforms."""
_Rows = list[tuple[tuple[float, float, float, float], float]]
"""For each plane or component: weights of R', G', B', A, and an offset; code values."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Planes that are written in one pass."""

    planes: tuple[int, ...]
    rows: _Rows
    siting: tuple[int, int]
    """SITING_X and SITING_Y of output.glsl."""


class PixelReader:
    """Converts and reads targets. Owns its textures, not the context and not the targets."""

    def __init__(self, context: GLContext, shaders: ShaderLibrary | None = None) -> None:
        """`shaders`: of this context, and the caller's; None for shaders of its own."""
        self._context = context
        self._owns_shaders = shaders is None
        self._shaders = shaders or ShaderLibrary(context)
        self._pool = SurfacePool(context)
        self._painter = Painter(self._pool, self._shaders, Resampler(self._pool, self._shaders, None))
        self._outputs: dict[tuple[int, int, Dtype, int, int], moderngl.Framebuffer] = {}
        self._closed = False

    def read(
        self,
        target: Target,
        format: PixelFormat,  # noqa: A002 the field's word
        colour: ColourTags,
        width: int,
        height: int,
        planes: Sequence[WritablePlane],
    ) -> None:
        """Write the target to `planes` of a `width` × `height` picture in that format and colour.

        A target of another size is scaled to fit, with bars. Formats with alpha get straight alpha, and transparent
        bars; for the others the picture counts as painted over black. Raises RenderError.
        """
        scaled = None
        source = target.surface
        if (target.width, target.height) != (width, height):
            scaled = source = self._scaled(target, width, height, keeps_alpha=format.alpha)
        reduced = None
        try:
            if format.alpha and format.model == "yuv":
                reduced = self._reduced(source)
            textures = {"picture": source.texture} | ({} if reduced is None else {"reduced": reduced.texture})
            for group in _groups(format, colour):
                self._read_group(textures, group, format, width, height, [planes[index] for index in group.planes])
        except moderngl.Error as error:
            raise RenderError(f"OpenGL failed while a picture was read: {error}", component="Compositor") from error
        if reduced is not None:
            reduced.texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
            self._pool.give(reduced)
        if scaled is not None:
            self._pool.give(scaled)
        self._context.check("reading a picture")

    def close(self) -> None:
        """Release every OpenGL object; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._context.rest()
            for framebuffer in self._outputs.values():
                framebuffer.release()
            self._outputs.clear()
            self._pool.release()
            if self._owns_shaders:
                self._shaders.release()

    def _scaled(self, target: Target, width: int, height: int, *, keeps_alpha: bool) -> Surface:
        """The target fitted into another size, amid black or nothing."""
        scale = min(width / target.width, height / target.height)
        fitted = (max(round(target.width * scale), 1), max(round(target.height * scale), 1))
        matrix = Affine(e=(width - fitted[0]) // 2, f=(height - fitted[1]) // 2)
        layer = Layer(("output",), Solid(BLACK), WHOLE, *fitted, matrix, 1.0, "normal")
        texels = Texels.of(target.surface, self._pool)  # which stays the target's: it is not given back here
        picture = finished_picture(texels, target.width, target.height, opaque=not keeps_alpha)
        placed = self._painter.place(layer, picture, Raster.scaled((width, height), 1.0), render=0)
        surface = self._pool.take(width, height, 4, target.surface.key[3], what="the output")
        self._painter.paint(surface, TRANSPARENT if keeps_alpha else BLACK, [] if placed is None else [placed])
        picture.give_back_reductions(keep=None)
        return surface

    def _reduced(self, source: Surface) -> Surface:
        """A copy with its reductions. It is padded with nothing, so that every pixel counts in each of them."""
        unit = 1 << _FILL_LEVELS
        width, height = (-(-side // unit) * unit for side in (source.width, source.height))
        copy = self._pool.take(width, height, 4, source.key[3], what="the output")
        copy.framebuffer.clear()
        self._context.gl.copy_framebuffer(copy.framebuffer, source.framebuffer)
        copy.texture.build_mipmaps(0, _FILL_LEVELS)
        copy.texture.filter = (moderngl.NEAREST_MIPMAP_NEAREST, moderngl.NEAREST)
        return copy

    def _read_group(
        self,
        textures: Mapping[str, moderngl.Texture],
        group: _Group,
        format_: PixelFormat,
        width: int,
        height: int,
        planes: Sequence[WritablePlane],
    ) -> None:
        if len({(plane.stride_bytes, plane.height) for plane in planes}) > 1:  # one target can't hold them: one by one
            for index, plane in enumerate(planes):
                alone = _Group((group.planes[index],), [group.rows[index]], group.siting)
                self._read_group(textures, alone, format_, width, height, [plane])
            return
        samples = planes[0].stride_bytes // format_.bytes_per_sample
        pack = 4 if samples % 4 == 0 else 1
        dtype: Dtype = "f1" if format_.bytes_per_sample == 1 else "nu2"
        framebuffer = self._output(samples // pack, planes[0].height, dtype, pack, len(planes))
        shader = self._shaders.shader(
            "output.glsl",
            {
                "PLANES": len(planes),
                "INTERLEAVED": len(format_.components),
                "PACK": pack,
                "SITING_X": group.siting[0],
                "SITING_Y": group.siting[1],
                **({"STRAIGHT": 1} if format_.alpha else {}),
                **({"FILL": _FILL_LEVELS} if "reduced" in textures else {}),
            },
        )
        filled = group.rows + [group.rows[-1]] * (4 - len(group.rows))
        uniforms: dict[str, Value] = {
            "weights": [weight for row, _ in filled for weight in row],
            "offsets": [offset for _, offset in filled],
            "top": float(2**format_.bits - 1),
            "unit": 1 / (255 if dtype == "f1" else 65535),
            "last": (width - 1, height - 1),
        }
        corners = Box(0, 0, samples // pack, planes[0].height).corners
        shader.draw(framebuffer, corners, uniforms, textures)
        for index, plane in enumerate(planes):
            framebuffer.read_into(
                plane.data[: plane.stride_bytes * plane.height],
                components=pack,
                attachment=index,
                alignment=1,
                dtype=dtype,
            )

    def _output(self, width: int, height: int, dtype: Dtype, components: int, count: int) -> moderngl.Framebuffer:
        """The target of a pass, kept: outputs don't change their size."""
        key = (width, height, dtype, components, count)
        if key not in self._outputs:
            surfaces = [self._pool.take(width, height, components, dtype, what="the output") for _ in range(count)]
            self._outputs[key] = self._context.gl.framebuffer([surface.texture for surface in surfaces])
        return self._outputs[key]


def _groups(format_: PixelFormat, colour: ColourTags) -> list[_Group]:
    """How a format's planes come about."""
    conversion = rgb_to_codes(format_, colour)
    rows: _Rows = [
        ((float(row[0]), float(row[1]), float(row[2]), 0.0), float(offset))
        for row, offset in zip(conversion.matrix, conversion.offset, strict=True)
    ]
    alpha = ((0.0, 0.0, 0.0, float(2**format_.bits - 1)), 0.0)
    if not format_.planar:
        order = {"r": rows[0], "g": rows[1], "b": rows[2], "a": alpha, "0": ((0.0, 0.0, 0.0, 0.0), 0.0)}
        return [_Group((0,), [order[letter] for letter in format_.components], (0, 0))]
    if format_.model == "rgb":
        rows = [rows[1], rows[2], rows[0]]
    elif format_.model == "gray":
        rows = rows[:1]
    if format_.alpha:
        rows.append(alpha)
    siting = _siting(format_, colour)
    if siting == (0, 0):
        return [_Group(tuple(range(len(rows))), rows, siting)]
    full = [index for index in range(len(rows)) if index not in (1, 2)]
    return [_Group(tuple(full), [rows[index] for index in full], (0, 0)), _Group((1, 2), rows[1:3], siting)]


def _siting(format_: PixelFormat, colour: ColourTags) -> tuple[int, int]:
    if max(format_.log2_chroma_w, format_.log2_chroma_h) > 1:
        raise RenderError(f"pictures can't be written as {format_.name}", component="Compositor")
    location = colour.chroma_location
    x = 1 if location in ("left", "topleft", "bottomleft") else 2
    y = 1 if location.startswith("top") else 3 if location.startswith("bottom") else 2
    return x if format_.log2_chroma_w else 0, y if format_.log2_chroma_h else 0
