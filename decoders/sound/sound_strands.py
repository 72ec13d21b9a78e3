"""Which cues can go on with the open file of another one: strands.

In: the parts that are played, in the order in which they begin. Out: strands. Pure.

The sound of a file is decoded from its beginning, so a reader that has come far is worth keeping: the clips of a
recording that is cut into many are one strand, and the file is decoded once for all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from reelmill.decoders.sound.sound import KEPT_SECONDS
from reelmill.decoders.sound.sound_playback import PlayedPart
from reelmill.planner.clock import sample_at

CANDIDATES = 16
"""Strands of one recording that are looked at, those that were used last. Cues that leap to and fro in one recording
would otherwise be compared with all that came before."""


@dataclass(frozen=True, slots=True)
class StrandPlace:
    """Where a cue is in its strand."""

    strand: int
    goes_on: int | None
    """The output sample at which the next cue of the strand begins; None for the last one."""


@dataclass(slots=True)
class _Strand:
    number: int
    last: int
    """Place in the sequence of its last cue so far."""
    free_at: int
    """The output sample from which on that cue does not sound any more."""
    highest_index: int


def plan_strands(parts: Iterable[tuple[Hashable, PlayedPart]]) -> Sequence[StrandPlace]:
    """The place of each part: `parts` has the recording of each, equal for files with the same samples.

    Parts come in the order of their first samples. A part follows the one that ended nearest before it, of those that
    have ended when it begins.
    """
    strands: defaultdict[Hashable, list[_Strand]] = defaultdict(list)
    number_of: list[int] = []
    next_begin: list[int | None] = []
    count = 0
    for place, (recording, part) in enumerate(parts):
        # Readers are ahead of what was read by a frame or more.
        kept = sample_at(KEPT_SECONDS / 2, part.sample_rate)
        lowest, known = part.lowest_index, strands[recording]
        fitting = [s for s in known if s.free_at <= part.first and s.highest_index - kept <= lowest]
        if fitting:
            strand = max(fitting, key=lambda s: s.highest_index)
            next_begin[strand.last] = part.first
            known.remove(strand)
        else:
            strand = _Strand(count, 0, 0, 0)
            count += 1
        strand.last, strand.free_at, strand.highest_index = place, part.first + part.count, part.highest_index
        known.append(strand)
        if len(known) > CANDIDATES:
            del known[0]
        number_of.append(strand.number)
        next_begin.append(None)
    return [StrandPlace(strand, goes_on) for strand, goes_on in zip(number_of, next_begin, strict=True)]
