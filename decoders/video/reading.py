"""How the files of an export are read: the same for every one of them. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

from reelmill.decoders.stills.still_store import StillStore
from reelmill.planner.hardware import SOFTWARE_DECODING, HardwareDecoding
from reelmill.planner.tracing import NO_TRACE, Tracer


@dataclass(frozen=True, slots=True)
class Reading:
    """What everything that reads pictures must know."""

    allow_network: bool = False
    """Addresses may be opened, and playlists may name other files."""
    hardware: HardwareDecoding = SOFTWARE_DECODING
    """Which media a device decodes."""
    stills: StillStore | None = None
    """Pictures that are kept from other renders; None keeps none."""
    tracer: Tracer = NO_TRACE


PLAIN_READING = Reading()
