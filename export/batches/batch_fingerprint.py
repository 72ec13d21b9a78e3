"""What goes into a film, as one hash: if it is the same, so is the film.

In: a job, its loaded project, the options. Out: a hash of the project's text, the variables, what decides the result
among the options, reelmill's version, and size and time of every file that the film is made of. Reads no media.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

from reelmill.export.batches.batch_state import signature
from reelmill.export.batches.job_list import BatchJob
from reelmill.export.opening.job import ExportOptions
from reelmill.export.outputs.input_files import files_of
from reelmill.planner.process.regular_files import read_whole
from reelmill.planner.project_file.loader import LoadedProject

_NOT_IN_THE_FILM = frozenset(
    (
        *("variables", "force", "cache_bytes", "memory_limit_bytes"),
        *("processes", "audio_workers", "system"),
    )
)
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
            self._projects[job.project] = hashlib.sha256(read_whole(job.project, stream=True)).hexdigest()
        facts = {
            **self._common,
            "project": self._projects[job.project],
            "variables": _plain(dict(variables)),
            "files": [[str(path), signature(path)] for path in files_of(loaded.timeline)],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


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
