"""The texels of one plane: in memory until they are drawn for the first time, a texture from then on. One-thread.

Most planes of frames never become textures: what is shown small is scaled in memory first where OpenGL is software,
and what is shown as it is can be written straight into a target.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from reelmill.compositor.opengl.surfaces import Dtype, Surface, SurfacePool
from reelmill.planner.source_frames import Plane

Samples = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""[height, width] of a plane in memory."""
PixelBox = tuple[int, int, int, int]
"""Left, top, width, height; whole pixels."""


class PlaneScaler(Protocol):
    """Makes planes in memory smaller, by area averaging."""

    def __call__(
        self, plane: Plane, box: PixelBox, size: tuple[int, int], *, components: int, sample_bytes: int
    ) -> Plane | None:
        """The pixels of `box`, averaged to `size`; None for a kind of plane that it does not take."""


class Texels:
    """One plane. Owned by a picture."""

    def __init__(
        self, pool: SurfacePool, components: int, dtype: Dtype, *, memory: Plane | None = None, what: str = "a picture"
    ) -> None:
        """`what` names the picture in the error for one that is too large."""
        self.components, self.dtype = components, dtype
        self._memory = memory
        self._readable = False
        self.width = self.height = 0
        """Of the texture: at least the plane's."""
        if memory is not None:
            texel_bytes = components * self.sample_bytes
            whole = memory.stride_bytes % texel_bytes == 0
            self.width, self.height = memory.stride_bytes // texel_bytes if whole else memory.width, memory.height
        self._pool, self._what = pool, what
        self._surface: Surface | None = None

    @classmethod
    def of(cls, surface: Surface, pool: SurfacePool, *, readable: bool = False) -> Texels:
        """Those of a surface, which belongs to them from now on.

        `readable`: they are read back where somebody asks for their memory, which is cheap on a software renderer.
        """
        texels = cls(pool, surface.key[2], surface.key[3])
        texels.width, texels.height, texels._surface = surface.width, surface.height, surface
        texels._readable = readable
        return texels

    @property
    def memory(self) -> Plane | None:
        """The plane, where it can be had in memory."""
        if self._memory is None and self._readable:
            assert self._surface is not None
            data = memoryview(self._surface.texture.read(alignment=1))
            stride = self.width * self.components * self.sample_bytes
            self._memory = Plane(data, stride, self.width, self.height)
        return self._memory

    @property
    def in_memory(self) -> bool:
        """Whether `memory` is or can be had."""
        return self._memory is not None or self._readable

    @property
    def sample_bytes(self) -> int:
        """Of one component."""
        return 1 if self.dtype == "f1" else 2

    @property
    def surface(self) -> Surface:
        """The texture; uploaded if it was not yet, as wide as the plane's stride where that is whole texels."""
        if self._surface is None:
            assert self.memory is not None
            plane = self.memory
            if plane.stride_bytes == self.width * self.components * self.sample_bytes:
                data = plane.data[: plane.stride_bytes * plane.height]
            else:
                data = np.ascontiguousarray(self.rows((0, 0, plane.width, plane.height))).data.cast("B")
            self._surface = self._pool.take(self.width, self.height, self.components, self.dtype, what=self._what)
            self._surface.write(data)
        return self._surface

    def rows(self, box: PixelBox) -> npt.NDArray[np.uint8]:
        """The bytes of some pixels in memory, shape [height, width × bytes of a pixel]."""
        assert self.memory is not None
        return box_rows(self.memory, box, self.components * self.sample_bytes)

    def samples(self, size: tuple[int, int]) -> Samples:
        """The first samples of a plane of one component that is in memory. `size`: width, height."""
        rows = self.rows((0, 0, *size))
        return rows if self.sample_bytes == 1 else rows.view(np.uint16)

    def give_back(self) -> None:
        """Hand the texture back, if there is one."""
        if self._surface is not None:
            self._pool.give(self._surface)
            self._surface = None


def box_rows(plane: Plane, box: PixelBox, pixel_bytes: int) -> npt.NDArray[np.uint8]:
    """The bytes of a box of a plane, shape [height, width × pixel_bytes], without a copy."""
    left, top, width, height = box
    rows = np.frombuffer(plane.data, np.uint8, plane.stride_bytes * plane.height)
    whole = rows.reshape(plane.height, plane.stride_bytes)
    return whole[top : top + height, left * pixel_bytes : (left + width) * pixel_bytes]
