"""What is known of the packets of a video, for copying them: pure data, made in decoders/."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True, slots=True, eq=False)
class CodedVideo:
    """The coded pictures of one video stream."""

    problem: str | None
    """Why none of them can be copied, as the end of a sentence about the file; None where they can."""
    parameter_sets: tuple[bytes, ...] = ()
    """What a decoder has to know before the first picture: NAL units, each once."""
    frame_rate: Fraction | None = None
    """That the parameter sets tell; None where they don't."""
    order: array[int] = field(default_factory=lambda: array("q"))
    """For each packet, in decode order, the position of its picture in presentation order; -1 where it has none."""
    entries: array[int] = field(default_factory=lambda: array("q"))
    """Positions in `order` of the pictures that nothing after refers across (IDR), ascending in both orders."""
