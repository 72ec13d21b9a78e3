"""The open sound files of a mix: handed to cues as they begin, taken back as they end.

A file's sound is decoded from its beginning, so a reader that has come far is worth keeping: the next clip of the same
recording goes on from there. Passive; one thread; owns every reader that it made.
"""

from __future__ import annotations

from collections.abc import Callable

from decoders.sound import SoundReader
from planner.media import MediaFacts
from planner.timeline import Media

MAX_PARKED = 8
"""Readers that are kept open without sounding; beyond it the one that was parked first is closed."""

SoundKey = tuple[str, int, str]
"""Path, index of the audio stream, what happens to damage: equal for media entries with the same samples."""


def sound_key(media: Media, facts: MediaFacts) -> SoundKey:
    assert facts.audio is not None
    return (facts.path, facts.audio.stream, media.on_error)


class SoundPool:
    """Readers in use and parked."""

    def __init__(self, sample_rate: int, *, allow_network: bool) -> None:
        self._rate = sample_rate
        self._allow_network = allow_network
        self._used: list[tuple[SoundKey, SoundReader]] = []
        self._parked: list[tuple[SoundKey, SoundReader]] = []

    def take(self, media: Media, facts: MediaFacts, lowest_index: int) -> SoundReader:
        """A reader that has not gone past `lowest_index`: the one that has come nearest to it, else a new one."""
        key = sound_key(media, facts)
        fitting = [entry for entry in self._parked if entry[0] == key and entry[1].position <= lowest_index]
        if fitting:
            entry = max(fitting, key=lambda e: e[1].position)
            self._parked.remove(entry)
        else:
            entry = (key, SoundReader(media, facts, self._rate, allow_network=self._allow_network))
        self._used.append(entry)
        return entry[1]

    def give_back(self, reader: SoundReader, still_wanted: Callable[[SoundKey, int], bool]) -> None:
        """Park a reader if a later cue may want it (asked with its key and position), else close it."""
        entry = next(e for e in self._used if e[1] is reader)
        self._used.remove(entry)
        if still_wanted(entry[0], reader.position):
            self._parked.append(entry)
        else:
            reader.close()
        while len(self._parked) > MAX_PARKED:
            self._parked.pop(0)[1].close()

    def close(self) -> None:
        """Closes every file; a second call does nothing."""
        for _, reader in self._used + self._parked:
            reader.close()
        self._used, self._parked = [], []
