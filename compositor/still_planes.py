"""Stills of R'G'B' as planes of the output's code values, in memory. One-thread (the render thread).

In: the picture of an opaque still. Out: a picture of Y, U and V at full resolution. On a software renderer it is made
once, and then zooms and moves like a frame of video: its planes are averaged in memory, and luma is drawn alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compositor.context import GLContext
from compositor.painter import PlacedLayer
from compositor.pictures import CodedColour, Grid, Picture
from compositor.placement import place
from compositor.plane_canvas import PlaneCanvas, PlaneFormat, PlanePass
from compositor.plane_painter import PlanePainter, ShownLayer
from compositor.shader_library import ShaderLibrary
from compositor.surfaces import SurfacePool
from compositor.texels import Texels
from planner.frame_plan import WHOLE, Affine, Layer
from planner.frames import Plane
from planner.pixel_format import PIXEL_FORMATS
from planner.timeline import BLACK, Solid


class StillConverter:
    """Converts to one colour. Owns nothing that outlives a call."""

    def __init__(self, context: GLContext, pool: SurfacePool, shaders: ShaderLibrary, format_: PlaneFormat) -> None:
        depth = "" if format_.format.bits == 8 else f"{format_.format.bits}le"
        self._format = PlaneFormat(PIXEL_FORMATS[f"yuv444p{depth}"], format_.colour)
        self._context, self._pool = context, pool
        self._painter = PlanePainter(shaders, self._format)

    def convert(self, picture: Picture) -> Picture:
        """The still in code values; what was given is let go."""
        size = picture.grids[0].size
        raster = self._format.raster((0, 1, 2), size, 1.0)
        surfaces = tuple(
            self._pool.take(*size, 1, self._format.dtype("codes"), what=f"a picture of {size[0]}×{size[1]}")
            for _ in range(3)
        )
        framebuffer = self._context.gl.framebuffer([surface.texture for surface in surfaces])
        pass_ = PlanePass((0, 1, 2), raster, surfaces, framebuffer, (), ())
        upright = replace(picture, orientation=type(picture.orientation)(), reductions={}, views={})
        layer = Layer(("still",), Solid(BLACK), WHOLE, *size, Affine(), 1.0, "normal")
        placement = place(layer, upright, raster)
        assert placement is not None
        shown = ShownLayer(layer, upright, 1.0, (PlacedLayer(layer, upright, placement),), direct=False)
        self._painter.paint(PlaneCanvas(self._format, size, "codes", False, (pass_,)), BLACK, [shown])
        sample_bytes = self._format.format.bytes_per_sample
        planes = []
        for index, surface in enumerate(surfaces):
            samples = np.empty((size[1], size[0] * sample_bytes), np.uint8)
            framebuffer.read_into(samples.data, components=1, attachment=index, alignment=1, dtype=surface.key[3])
            memory = Plane(samples.data.cast("B"), samples.shape[1], *size)
            planes.append(Texels(self._pool, 1, surface.key[3], memory=memory))
        self._context.rest()
        framebuffer.release()
        for surface in surfaces:
            self._pool.give(surface)
        picture.give_back()
        return Picture(
            "planes",
            picture.width,
            picture.height,
            tuple(planes),
            (Grid((1.0, 1.0), (0.0, 0.0), size),),
            orientation=picture.orientation,
            colour=CodedColour(self._format.format, self._format.colour),
        )
