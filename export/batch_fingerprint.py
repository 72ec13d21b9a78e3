"""What goes into a film, as one hash: if it is the same, so is the film.

In: a job, its loaded project, the options. Out: a hash of the project's text, the variables, what decides the result
among the options, reelmill's version, and size and time of every file that the film is made of. Reads no media.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

from export.batch_state import signature
from export.job import ExportOptions
from export.job_list import BatchJob
from planner.loader import LoadedProject, list_media_used
from planner.number_pattern import is_sequence, split_pattern
from planner.timeline import Text, Timeline
from planner.walk import reachable_clips

_NOT_IN_THE_FILM = frozenset(("variables", "force", "cache_bytes", "memory_limit_bytes", "audio_workers", "system"))
"""Options that change how a film is made, or whether; variables come from the job."""


class Fingerprints:
    """Makes them for the jobs of one batch: a project that many jobs share is read once."""

    def __init__(self, options: ExportOptions) -> None:
        told = {
            field.name: _plain(getattr(options, field.name))
            for field in dataclasses.fields(options)
            if field.name not in _NOT_IN_THE_FILM
        }
        self._common = {"reelmill": version("reelmill"), "options": told}
        self._projects: dict[Path, str] = {}

    def of(self, job: BatchJob, variables: Mapping[str, object], loaded: LoadedProject) -> str:
        """64 hexadecimal digits. Raises OSError where the project is gone."""
        if job.project not in self._projects:
            self._projects[job.project] = hashlib.sha256(job.project.read_bytes()).hexdigest()
        facts = {
            **self._common,
            "project": self._projects[job.project],
            "variables": _plain(dict(variables)),
            "files": [[str(path), signature(path)] for path in files_of(loaded.timeline)],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def files_of(timeline: Timeline) -> Iterator[Path]:
    """The media, subtitles and fonts that a film is made of; of an image sequence every file that there is."""
    for name in sorted(list_media_used(timeline)):
        path = Path(timeline.media[name].path)
        if is_sequence(str(path)) and not path.is_file():
            yield from _numbered(path)
        else:
            yield path
    for subtitles in timeline.subtitles:
        yield from map(Path, (subtitles.path, *subtitles.fonts))
    for _, _, clip in reachable_clips(timeline):
        if isinstance(clip.content, Text):
            yield from map(Path, clip.content.fonts)


def _numbered(pattern: Path) -> Iterator[Path]:
    texts, _ = split_pattern(pattern.name)
    name = re.compile("[0-9]+".join(map(re.escape, texts)))
    if pattern.parent.is_dir():
        yield from sorted(path for path in pattern.parent.iterdir() if name.fullmatch(path.name))


def _plain(value: Any) -> Any:
    """A value that json can write, the same for equal values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(child) for child in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    return str(Fraction(value)) if isinstance(value, Fraction) else str(value)
