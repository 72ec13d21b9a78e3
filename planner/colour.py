"""Words for colour that cross rooms: colours, and how samples of a picture are coded. Pure data.

Code points follow ITU-T H.273; the rules for untagged material are those of docs/reference/colour.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Matrix = Literal["rgb", "bt601", "bt709", "bt2020", "fcc", "smpte240m", "ycgco"]
Range = Literal["limited", "full"]
Transfer = Literal["sdr", "linear", "pq", "hlg"]
Primaries = Literal["bt709", "bt2020"]
ChromaLocation = Literal["left", "center", "topleft", "top", "bottomleft", "bottom"]


Colour = tuple[float, float, float, float]
"""Red, green, blue, alpha, each 0…1, gamma-encoded, straight alpha."""
BLACK: Colour = (0.0, 0.0, 0.0, 1.0)
TRANSPARENT: Colour = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class ColourTags:
    """How code values become light. Every field is decided; nothing is "unknown" past the decoder."""

    matrix: Matrix = "bt709"
    """`rgb` where there is no luma: planes or components are G, B, R or R, G, B."""
    range: Range = "limited"
    transfer: Transfer = "sdr"
    """All SDR transfers count as one (contract of colour, rule 1)."""
    primaries: Primaries = "bt709"
    """BT.601's primaries count as BT.709's."""
    chroma_location: ChromaLocation = "left"
    peak_nits: float = 1000.0
    """Peak luminance of the mastering display, for PQ; 1000 where the file does not say."""


VIDEO = ColourTags()
"""What video outputs are: BT.709, limited range."""
SRGB = ColourTags(matrix="rgb", range="full")
"""What RGB pictures are."""

KR_KB: dict[Matrix, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
    "fcc": (0.30, 0.11),
    "smpte240m": (0.212, 0.087),
}
"""Luma coefficients (Kr, Kb) of each matrix: ITU-R BT.601-7, BT.709-6, BT.2020-2, H.273 table 4."""
