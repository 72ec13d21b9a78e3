"""Temporary names beside a target, and the locks by which the work of a living run is told from a dead one's.

Plain functions over names and descriptors; whoever opens a descriptor closes it, and with it gives up its lock.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

MARK = ".reelmill-part"
_LONGEST_NAME_BYTES = 180


def part_prefix(target: Path) -> str:
    """Beginning of the temporary names for a target; of a long name only a hash, since systems limit their length."""
    name = target.name
    if len(os.fsencode(name)) > _LONGEST_NAME_BYTES:
        name = hashlib.blake2b(os.fsencode(name), digest_size=16).hexdigest()
    return f".{name}."


def lock(descriptor: int, *, wait: bool = False) -> bool:
    """Lock an open file or folder for this run; False where another has it (without `wait`) or there are no locks."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True
