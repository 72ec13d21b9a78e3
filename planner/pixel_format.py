"""Pixel formats that cross rooms: those that decoders hand over and encoders take. Pure data.

Names are libav's. Decoders turn whatever else a codec gives into one of these without loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """The layout of a picture's samples in memory."""

    name: str
    model: Literal["yuv", "rgb", "gray"]
    bits: int
    """Of a component; above 8 a sample is 16 bits, little-endian, right-aligned."""
    log2_chroma_w: int = 0
    log2_chroma_h: int = 0
    alpha: bool = False
    """Straight alpha, in the last plane or component."""
    components: str = ""
    """Empty for planar formats; else the order in one plane, such as `rgba` (`0` for an unused byte)."""

    @property
    def planar(self) -> bool:
        return not self.components

    @property
    def plane_count(self) -> int:
        if not self.planar:
            return 1
        return (1 if self.model == "gray" else 3) + self.alpha

    @property
    def bytes_per_sample(self) -> int:
        return 1 if self.bits == 8 else 2

    def plane_size(self, plane: int, width: int, height: int) -> tuple[int, int]:
        """Width and height of a plane in samples (in pixels for packed formats); subsampled sizes round up."""
        if self.model == "yuv" and plane in (1, 2):
            return -(-width >> self.log2_chroma_w), -(-height >> self.log2_chroma_h)
        return width, height


def _formats() -> dict[str, PixelFormat]:
    formats: list[PixelFormat] = []
    subsamplings = {"420": (1, 1), "422": (1, 0), "444": (0, 0), "440": (0, 1), "411": (2, 0), "410": (2, 2)}
    for name, (w, h) in subsamplings.items():
        for bits in (8, 9, 10, 12, 14, 16):
            suffix = "" if bits == 8 else f"{bits}le"
            formats.append(PixelFormat(f"yuv{name}p{suffix}", "yuv", bits, w, h))
            if name in ("420", "422", "444"):
                formats.append(PixelFormat(f"yuva{name}p{suffix}", "yuv", bits, w, h, alpha=True))
    for bits in (8, 9, 10, 12, 14, 16):
        suffix = "" if bits == 8 else f"{bits}le"
        formats.append(PixelFormat(f"gbrp{suffix}", "rgb", bits))
        formats.append(PixelFormat(f"gbrap{suffix}", "rgb", bits, alpha=True))
        formats.append(PixelFormat(f"gray{suffix}", "gray", bits))
    for name in ("rgba", "bgra"):
        formats.append(PixelFormat(name, "rgb", 8, alpha=True, components=name))
    for name in ("rgb0", "bgr0", "rgb24"):
        formats.append(PixelFormat(name, "rgb", 8, components=name.replace("24", "")))
    formats.append(PixelFormat("rgba64le", "rgb", 16, alpha=True, components="rgba"))
    return {f.name: f for f in formats}


PIXEL_FORMATS = _formats()
"""By libav's name. `yuv…p`, `gbrp…` planes are Y, U, V and G, B, R, as libav orders them."""
