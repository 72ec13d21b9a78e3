"""What a mixer and the workers of an audio decode pool say to each other. Pure data.

A cue is begun with `DecodeStart`, is given room with `BufferRequest`s, which are its credit, and comes back as
`DecodedChunk`s, one for each request that has frames, in their order, in the very memory that was given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reelmill.decoders.sound.sound_playback import PlayedPart
from reelmill.planner.media import MediaFacts
from reelmill.planner.timeline import Media

Room = npt.NDArray[np.float64]
"""Shape [channels of the file, frames]; full scale is −1…1."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodeStart:
    """A cue will be wanted. Nothing is opened for it before it has credit."""

    cue: int
    """The sender's number of it."""
    media: Media
    facts: MediaFacts
    """Of a file with sound."""
    part: PlayedPart
    """What of the file sounds, and when."""
    skipped: int = 0
    """Frames at the beginning of the part that are not wanted."""
    strand: int = 0
    """Cues of one strand follow one another in one recording, and are begun and decoded in that order: each goes on
    with the open file of the one before."""
    strand_goes_on: int | None = None
    """The frame of the output at which the next cue of the strand begins; None for the last one."""


@dataclass(frozen=True, slots=True, eq=False)
class BufferRequest:
    """Credit: room for frames that follow those asked for so far."""

    cue: int
    room: Room | None = None
    """None has the cue made ready: its file is opened, and what lies before its first frame is decoded."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodedChunk:
    """Frames of a cue, in the room that was given for them. It is the receiver's again."""

    cue: int
    first: int
    """Number of its first frame, since the beginning of the part."""
    samples: Room
