"""Paints layers on the planes of a canvas. One-thread (the render thread).

In: layers whose pictures are planes of the output's kind, or premultiplied R'G'B'A; where they lie in each pass. Out:
code values. Where the canvas has a mirror in memory, layers are painted there (`cpu_plane_painter`) up to the first one
that lies askew or has to be converted; OpenGL paints the rest over that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reelmill.compositor.blend_modes import BLEND_MODES
from reelmill.compositor.colour_matrices import code_range, rgb_to_codes
from reelmill.compositor.cpu_plane_painter import MemoryPainter, SourcePlane
from reelmill.compositor.geometry import Box, compose, pixel_exact
from reelmill.compositor.opengl.shader_library import ShaderLibrary, Value
from reelmill.compositor.opengl.texels import PixelBox
from reelmill.compositor.pictures import TEXTURE_TOP, CodedColour, Picture
from reelmill.compositor.placement import sampling
from reelmill.compositor.plane_canvas import PlaneCanvas, PlaneFormat, PlanePass
from reelmill.compositor.rgb_painter import PlacedLayer
from reelmill.planner.colour import Colour
from reelmill.planner.frame_plan import Affine, Layer
from reelmill.planner.source_frames import WritablePlane

_NORMAL = BLEND_MODES["normal"].factors
_ROUNDING = 0.5


@dataclass(frozen=True, slots=True)
class _Samples:
    """Where samples are taken from, and where they go to."""

    box: PixelBox
    """On the plane that is painted."""
    texels: PixelBox
    """On the picture's plane."""


@dataclass(frozen=True, slots=True)
class ShownLayer:
    """A layer that is painted, with its own opacity or that of a dissolve."""

    layer: Layer
    picture: Picture
    """Whole: each pass takes its own planes of it."""
    opacity: float
    passes: tuple[PlacedLayer | None, ...]
    """Where it lies in each pass."""
    direct: bool
    """The picture's planes are planes of the output's kind."""

    @property
    def opaque(self) -> bool:
        return self.picture.opaque and self.opacity >= 1

    @property
    def error(self) -> float:
        """Code values by which its samples may be off."""
        return max(placed.picture.error for placed in self.passes if placed is not None)

    @property
    def fills(self) -> bool:
        """Nothing of what lies below is seen."""
        return self.opaque and all(placed is not None and placed.placement.covers for placed in self.passes)


class PlanePainter:
    """Paints for one plane format. Owns scratch memory alone."""

    def __init__(self, shaders: ShaderLibrary, format_: PlaneFormat) -> None:
        self._shaders = shaders
        self._format = format_
        self._memory = MemoryPainter()
        conversion = rgb_to_codes(format_.format, format_.colour)
        self.codes = np.column_stack([conversion.matrix, conversion.offset])
        """Premultiplied R'G'B'A → code values; a row for each plane."""

    def paint(self, canvas: PlaneCanvas, background: Colour, shown: Sequence[ShownLayer]) -> list[bool]:
        """Paint the background and the layers; what was on the canvas is gone.

        Returns for each pass whether all was done in memory: then the mirror holds it, and the textures do not.
        """
        return [self._paint_pass(canvas, number, background, list(shown)) for number in range(len(canvas.passes))]

    def _paint_pass(self, canvas: PlaneCanvas, number: int, background: Colour, rest: list[ShownLayer]) -> bool:
        each = canvas.passes[number]
        filled = bool(rest) and rest[0].fills
        started = len(rest)
        if each.mirror:
            values = self._background(canvas, each, background)
            if not filled:
                for array, value in zip(each.mirror, values, strict=True):
                    array.fill(round(value * np.iinfo(array.dtype).max))
            while rest and self._paint_in_memory(canvas, each, rest[0], number):
                del rest[0]
            if not rest:
                return True
            if len(rest) < started:
                for index, array in enumerate(each.mirror):
                    each.write(index, array.view(np.uint8), (0, 0))
            elif not filled:
                each.clear(values)
        else:
            if not filled:
                each.clear(self._background(canvas, each, background))
            # What can be written is written first: OpenGL would wait for the drawing before.
            while rest and self._write(each, canvas, rest[0], number):
                del rest[0]
        drawn: list[Box] = []
        for layer in rest:
            if (placed := layer.passes[number]) is None:
                continue
            replaces = layer.opaque and placed.placement.edges is None
            box = placed.placement.visible.whole_pixels
            if not replaces and each.copies and any(_meet(box, other) for other in drawn):
                self._copy(each, box)
            self._draw(each, canvas, layer, placed, replaces=replaces)
            drawn.append(box)
        return False

    def _background(self, canvas: PlaneCanvas, pass_: PlanePass, background: Colour) -> list[float]:
        red, green, blue, alpha = background
        over = alpha if canvas.keeps_alpha else 1.0
        codes = self.codes @ np.array([red * alpha, green * alpha, blue * alpha, over])
        values = [float(codes[index]) * canvas.unit for index in pass_.planes]
        return [*values, alpha] if canvas.keeps_alpha else values

    def _paint_in_memory(self, canvas: PlaneCanvas, pass_: PlanePass, shown: ShownLayer, number: int) -> bool:
        """Paint a layer in the mirror, if it is of planes in memory, or of one colour, and lies upright."""
        placed = shown.passes[number]
        if placed is None:
            return True
        picture, placement = placed.picture, placed.placement
        if picture.layout == "solid":
            colour = np.array(picture.uniforms["solid"])
            values = [float(self.codes[index] @ colour) * canvas.step for index in pass_.planes]
            return self._memory.fill(pass_.mirror, placement, values, float(colour[3]), shown.opacity)
        if not shown.direct or not all(each.in_memory for each in picture.planes):
            return False
        arrays = [texels.samples(picture.grids[0].size) for texels in picture.planes]
        sources = [
            SourcePlane(array, *self._stored(picture.colour, index, canvas))
            for array, index in zip(arrays, pass_.planes, strict=False)
        ]
        alpha = SourcePlane(arrays[-1], 1 / 65535, 0.0, None) if len(arrays) > len(sources) else None
        return self._memory.paint(pass_.mirror, placement, picture, sources, alpha, shown.opacity)

    def _stored(self, coded: CodedColour | None, plane: int, canvas: PlaneCanvas) -> tuple[float, float, float | None]:
        """What a mirror stores for the samples of a plane: gain, lift, and the most there is room for."""
        if coded is None:  # a canvas of finer steps
            return canvas.step / canvas.format.step("fine"), 0.0, None
        zero, span = code_range(coded.format, coded.tags)
        own_zero, own_span = code_range(self._format.format, self._format.colour)
        ratio = float(own_span[plane] / span[plane])
        lift = float(own_zero[plane] - zero[plane] * ratio)
        beyond = lift != 0 or own_zero[plane] * 2 ** (coded.format.bits - self._format.format.bits) != zero[plane]
        top = (2**self._format.format.bits - 1) * canvas.step
        return ratio * canvas.step, lift * canvas.step, top if beyond else None

    def _write(self, pass_: PlanePass, canvas: PlaneCanvas, shown: ShownLayer, number: int) -> bool:
        """Write a layer's samples into the textures, where that is all there is to it."""
        placed = shown.passes[number]
        if placed is None:
            return True
        widened = _widened(canvas)
        source = self._samples(placed) if widened is not None and shown.direct and shown.opaque else None
        if source is None:
            return False
        for index, texels in enumerate(placed.picture.planes):
            rows = texels.rows(source.texels)
            if widened is not None and widened > 1:
                rows = np.multiply(rows, widened, dtype=np.uint16).view(np.uint8)
            pass_.write(index, rows, source.box[:2])
        if canvas.keeps_alpha:
            pass_.write(len(placed.picture.planes), np.full_like(rows, 255), source.box[:2])
        return True

    def _samples(self, placed: PlacedLayer) -> _Samples | None:
        """The samples in memory that are shown as they are; None where there is more to it."""
        placement, picture = placed.placement, placed.picture
        to_texel = self._exact_offset(placed)
        if placement.edges is not None or to_texel is None or not all(each.in_memory for each in picture.planes):
            return None
        box = placement.visible.whole_pixels
        left, top, width, height = int(box.left), int(box.top), int(box.width), int(box.height)
        x, y = left + to_texel[0], top + to_texel[1]
        grid = picture.grids[0]
        if x < 0 or y < 0 or x + width > grid.size[0] or y + height > grid.size[1]:
            return None
        return _Samples((left, top, width, height), (x, y, width, height))

    def rounding_error(self, shown: Sequence[ShownLayer]) -> float:
        """How far samples may be from what was meant, code values, if each layer is stored as whole ones."""
        errors: list[tuple[Box, float]] = []
        for each in shown:
            placed = each.passes[0]
            if placed is None:
                continue
            box, own = placed.placement.visible, each.error
            below = max((error for other, error in errors if _meet(box, other)), default=_ROUNDING)
            if each.opaque and placed.placement.edges is None:
                exact = each.direct and self._exact_offset(placed) is not None
                error = own if exact else own + _ROUNDING
            elif each.picture.opaque and placed.placement.edges is None:
                error = _ROUNDING + each.opacity * own + (1 - each.opacity) * below
            else:
                error = _ROUNDING + max(below, each.opacity * own + (1 - each.opacity) * below)
            errors.append((box, error))
        return max((error for _, error in errors), default=_ROUNDING)

    def _copy(self, pass_: PlanePass, box: Box) -> None:
        """Bring the copies of the planes up to date inside of a box."""
        shader = self._shaders.shader("copy.glsl", {})
        for surface, copy in zip(pass_.surfaces, pass_.copies, strict=True):
            shader.draw(copy.framebuffer, box.corners, {}, {"source": surface.texture})

    def _draw(
        self, pass_: PlanePass, canvas: PlaneCanvas, shown: ShownLayer, placed: PlacedLayer, *, replaces: bool
    ) -> None:
        picture, placement = placed.picture, placed.placement
        grids, selected = sampling(placement, picture)
        uniforms: dict[str, Value] = {**grids, "opacity": shown.opacity}
        defines: dict[str, str | int] = {
            **selected,
            "OUTPUTS": len(pass_.surfaces),
            "KEEPS_ALPHA": int(canvas.keeps_alpha),
        }
        if shown.direct:
            defines |= {"DIRECT": 1, "LAYOUT_PLANES": 1, "VALUES": len(pass_.planes)}
            if len(picture.planes) > len(pass_.planes):
                defines |= {"WITH_ALPHA": 1, "ALPHA_PLANE": f"plane{len(pass_.planes)}"}
            uniforms |= self._gain(picture, pass_.planes, canvas.unit)
        else:
            defines |= picture.defines
            uniforms |= picture.uniforms
            for number, index in enumerate(pass_.planes):
                uniforms[f"weights{number}"] = [float(weight) * canvas.unit for weight in self.codes[index]]
        if placement.edges is not None:
            defines["EDGES"] = 1
            uniforms |= placement.edges
        if shown.opacity < 1:
            defines["TRANSLUCENT"] = 1
        textures = {f"plane{index}": texels.surface.texture for index, texels in enumerate(picture.planes)}
        if pass_.copies and not replaces:
            defines["OVER"] = 1
            textures |= {f"below{index}": copy.texture for index, copy in enumerate(pass_.copies)}
        self._shaders.shader("planes.glsl", defines).draw(
            pass_.framebuffer,
            placement.corners,
            uniforms,
            textures,
            blending=None if replaces or pass_.copies else _NORMAL,
        )

    def _gain(self, picture: Picture, planes: tuple[int, ...], unit: float) -> dict[str, Value]:
        """From the picture's samples to the canvas': stored = sample × gain + lift."""
        if picture.colour is None:  # a canvas
            own = self._format.unit("fine")
            gain = [unit / own] * 3
            return {"gain": gain, "lift": [0.0] * 3}
        coded = picture.colour
        zero, span = code_range(coded.format, coded.tags)
        own_zero, own_span = code_range(self._format.format, self._format.colour)
        ratio = own_span / span
        lift = (own_zero - zero * ratio) * unit
        # Whatever they were reduced to, textures return codes as a fraction of what fits into a stored sample.
        gain_ = ratio * unit * TEXTURE_TOP["f1" if coded.format.bytes_per_sample == 1 else "nu2"]
        chosen = [*planes, *[planes[-1]] * (3 - len(planes))]
        return {"gain": [float(gain_[i]) for i in chosen], "lift": [float(lift[i]) for i in chosen]}

    def round(self, fine: PlaneCanvas, finished: PlaneCanvas, in_memory: Sequence[bool]) -> None:
        """Round the passes that OpenGL painted to whole codes."""
        for source, target, mirrored in zip(fine.passes, finished.passes, in_memory, strict=True):
            if mirrored:
                continue
            uniforms: dict[str, Value] = {
                "codes": 1 / fine.unit,
                "top": float(2**self._format.format.bits - 1),
                "unit": finished.unit,
            }
            textures = {f"plane{index}": surface.texture for index, surface in enumerate(source.surfaces)}
            corners = Box(0, 0, *target.raster.size).corners
            shader = self._shaders.shader("rounded.glsl", {"OUTPUTS": len(target.surfaces)})
            shader.draw(target.framebuffer, corners, uniforms, textures)

    def read(self, canvas: PlaneCanvas, planes: Sequence[WritablePlane], *, passes: Sequence[bool]) -> None:
        """Read whole codes that OpenGL painted, of the passes that are asked for."""
        for pass_, asked in zip(canvas.passes, passes, strict=True):
            if not asked:
                continue
            for position, index in enumerate(pass_.planes):
                plane = planes[index]
                data = plane.data[: plane.stride_bytes * plane.height]
                dtype = pass_.surfaces[position].key[3]
                pass_.framebuffer.read_into(data, components=1, attachment=position, alignment=1, dtype=dtype)

    def _exact_offset(self, placed: PlacedLayer) -> tuple[int, int] | None:
        """What leads from a pixel to the sample that it shows, if that is what is stored for the pixel."""
        picture, grid = placed.picture, placed.picture.grids[0]
        coded = picture.colour
        if (
            coded is None
            or coded.format.bits != self._format.format.bits
            or coded.tags.range != self._format.colour.range
        ):
            return None
        to_texel = Affine(grid.scale[0], 0, 0, grid.scale[1], *grid.offset)
        exact = pixel_exact(compose(to_texel, placed.placement.to_source))
        if exact is None or (exact.a, exact.b, exact.c, exact.d) != (1.0, 0.0, 0.0, 1.0):
            return None
        return round(exact.e), round(exact.f)


def _widened(canvas: PlaneCanvas) -> int | None:
    """What whole codes have to be multiplied by to be stored on a canvas; None where that is no whole number."""
    if canvas.depth == "codes":
        return 1
    stored = 65535 * canvas.unit if canvas.format.dtype("fine") == "nu2" else 0.0
    return round(stored) if canvas.format.format.bits == 8 and stored == round(stored) else None


def _meet(a: Box, b: Box) -> bool:
    both = a.within(b)
    return both.width > 0 and both.height > 0
