"""Temporary names beside a target, and the locks by which the work of a living run is told from a dead one's.

Plain functions over names and descriptors; whoever opens a descriptor closes it, and with it gives up its lock.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import sys
from pathlib import Path

MARK = ".reelmill-part"
DIGITS = 12
"""Random hexadecimal digits in a temporary name: nobody can foresee it, and plant a link there."""
_LONGEST_NAME_BYTES = 180


def part_prefix(target: Path) -> str:
    """Beginning of the temporary names for a target; of a long name only a hash, since systems limit their length."""
    name = target.name
    if len(os.fsencode(name)) > _LONGEST_NAME_BYTES:
        name = hashlib.blake2b(os.fsencode(name), digest_size=16).hexdigest()
    return f".{name}."


def part_names(target: Path, suffix: str = "") -> re.Pattern[str]:
    """What the temporary names of a target match as a whole."""
    return re.compile(rf"{re.escape(part_prefix(target))}[0-9a-f]{{{DIGITS}}}{re.escape(MARK + suffix)}", re.DOTALL)


def open_regular(path: Path, flags: int) -> int:
    """A descriptor of a regular file that lies under this very name. The caller closes it.

    Raises OSError, also for links, pipes, devices and folders. Does not wait for a pipe's other end.
    """
    # Windows has neither of these flags; links need a privilege there.
    safe = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags | safe, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "it is a link", str(path)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is a device, a pipe or a folder", str(path))
    return descriptor


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
