"""What was found out about media files, kept for the next project that shows them: facts with their pts tables.

In: media entries. Out: `MediaFacts`, from the file or as they were kept. A file that was changed is looked at again;
image sequences and addresses always are. Bounded by the size of the tables. Passive; thread-safe.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

from reelmill.decoders.files.container import is_address
from reelmill.decoders.probe import probe
from reelmill.planner.media import MediaFacts
from reelmill.planner.timeline import Media

DEFAULT_BYTES = 64 * 10**6
_FACTS_BYTES = 2000
"""Of an entry without its tables, about."""


class ProbeStore:
    """The facts."""

    def __init__(self, limit_bytes: int = DEFAULT_BYTES) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[Hashable, MediaFacts] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = 0
        self.hits = 0
        """Files that were not read again."""

    def probe(self, media: Media, *, allow_network: bool = False) -> MediaFacts:
        """The facts of a media entry. Raises SetupError."""
        key = _key(media)
        if key is None:
            return probe(media, allow_network=allow_network)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                self.hits += 1
                return replace(found, media=media.name, path=media.path)
        facts = probe(media, allow_network=allow_network)
        # The file may have changed meanwhile: what is kept is only what was there before and after.
        if _key(media) == key:
            self._keep(key, facts)
        return facts

    def _keep(self, key: Hashable, facts: MediaFacts) -> None:
        size = _size(facts)
        with self._lock:
            if size > self._limit or key in self._kept:
                return
            self._kept[key] = facts
            self._bytes += size
            while self._bytes > self._limit:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= _size(oldest)


def _key(media: Media) -> Hashable | None:
    """The file as it is, and all that decides what is found out about it; None for what is no single file."""
    if is_address(media.path) or not Path(media.path).is_file():
        return None
    try:
        state = Path(media.path).stat()
    except OSError:
        return None
    file = (os.path.realpath(media.path), state.st_ino, state.st_size, state.st_mtime_ns)
    return file, replace(media, name="", path="")


def _size(facts: MediaFacts) -> int:
    table = facts.video.table if facts.video is not None else None
    if table is None:
        return _FACTS_BYTES
    arrays = (table.pts, table.keyframes, table.seek_targets)
    return _FACTS_BYTES + sum(len(each) * each.itemsize for each in arrays if each is not None)
