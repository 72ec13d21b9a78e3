"""Devices that decode: what may be asked for, and what was chosen. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

DeviceKind = Literal["cuda", "videotoolbox", "d3d11va", "d3d12va", "dxva2", "vaapi", "vdpau", "qsv", "vulkan"]
"""libav's names."""
Hwaccel = Literal["none", "auto"] | DeviceKind
"""`none`: the processor. `auto`: the first kind of DEVICE_KINDS that works."""
DEVICE_KINDS: tuple[DeviceKind, ...] = get_args(DeviceKind)
HWACCELS: tuple[Hwaccel, ...] = ("none", "auto", *DEVICE_KINDS)


@dataclass(frozen=True, slots=True)
class HardwareDecoding:
    """Which media are decoded by a device; all others are by the processor."""

    device: DeviceKind | None
    """None: the processor decodes everything."""
    reason: str | None
    """Why, for people; None where nothing was asked for."""
    media: frozenset[str] = frozenset()
    """Names of the media entries whose pictures the device decodes."""

    @property
    def name(self) -> str:
        """The device, or `none`."""
        return self.device or "none"

    def device_of(self, media: str) -> DeviceKind | None:
        """What decodes the pictures of a media entry; None for the processor."""
        return self.device if media in self.media else None


SOFTWARE_DECODING = HardwareDecoding(None, None)
