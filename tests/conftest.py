"""What every test must leave behind: no thread of its own, and no open file."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")  # no property depends on how fast the machine is

GRACE_SECONDS = 2.0
"""For threads that have been told to end."""
_OPEN_FILES = Path("/proc/self/fd")
_KEPT_OPEN = (".otf", ".ttf", ".ttc")
"""Fonts stay open for the life of the process."""
_NOT_OURS = ("mesa_shader_cache",)
"""Parts of paths that OpenGL opens for itself."""


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    """Fail a test that leaves a thread running or a file open: a container that nobody closed holds its file.

    Collecting garbage first would hide what only a finalizer closes, so that is not done.
    """
    threads, files = set(threading.enumerate()), _open_files()
    yield
    limit = time.monotonic() + GRACE_SECONDS
    while (running := set(threading.enumerate()) - threads) and time.monotonic() < limit:
        time.sleep(0.01)
    assert not running, f"the test left threads running: {sorted(thread.name for thread in running)}"
    opened = _open_files() - files
    assert not opened, f"the test left files open: {sorted(opened)}"


def _open_files() -> set[str]:
    """Paths of the regular files that this process holds open. Empty where the system does not list them."""
    paths = set()
    for link in _OPEN_FILES.iterdir() if _OPEN_FILES.is_dir() else ():
        try:
            path = str(link.readlink())
            if not stat.S_ISREG(link.stat().st_mode):
                continue
        except FileNotFoundError:
            continue  # the descriptor that lists the folder
        if Path(path).is_file() and not path.endswith(_KEPT_OPEN) and not any(part in path for part in _NOT_OURS):
            paths.add(path)
    return paths
