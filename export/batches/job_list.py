"""The jobs of a batch: which project becomes which film, with what in its variables.

In: a job list (`job_rows`), or project files and a folder for their films. Out: `BatchJob`s; all that is wrong
with the list as a whole is found here, before the first job. Plain functions.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelmill.export.batches.job_rows import COMPONENT, NEEDED, READERS, SPREADSHEETS, Row, list_fault, read_rows
from reelmill.export.opening.project_patterns import matching_projects
from reelmill.planner.errors import ProjectError, SetupError
from reelmill.planner.process.regular_files import read_whole
from reelmill.planner.suggestion import did_you_mean
from reelmill.planner.templates.syntax import parse_json
from reelmill.planner.templates.variables import NAME

_MOST_NAMED = 10
"""Outputs that one message lists."""


@dataclass(frozen=True, slots=True)
class BatchJob:
    """One film to make."""

    label: str
    """How messages call it: where it stands in its list."""
    project: Path
    output: Path
    variables: Mapping[str, Any] = field(default_factory=dict)
    """JSON data, by name."""
    variables_dir: Path | None = None
    """Where paths in them begin; None for the current folder."""
    empty: tuple[str, ...] = ()
    """Names of variables whose cell in the list holds nothing."""


def read_job_list(path: Path, out_dir: Path | None = None) -> list[BatchJob]:
    """The jobs of a list; paths in it are relative to it, outputs to `out_dir` where that is given.

    Raises SetupError.
    """
    folder = path.parent
    rows = read_rows(path)
    if not rows:
        raise list_fault(path, "the list has no jobs", "give it at least one row")
    jobs = [_job(path, row, folder, out_dir or folder) for row in rows]
    check_outputs(jobs)
    return jobs


def jobs_of(arguments: Sequence[str], out_dir: Path | None, extension: str = ".mp4") -> list[BatchJob]:
    """The jobs of a list, or of projects and patterns of such; the latter need an `out_dir`. Raises SetupError."""
    path = Path(arguments[0])
    if len(arguments) == 1 and path.exists() and not path.is_dir() and not _is_project(path):
        return read_job_list(path, out_dir)
    if out_dir is None:
        missing = len(arguments) == 1 and not path.exists() and not glob.has_magic(arguments[0])
        raise SetupError(
            f"{path} does not exist" if missing else f"{path}: projects, and no folder for their films",
            component=COMPONENT,
            suggestion="name a list of jobs" if missing else "--out-dir DIR names the folder",
        )
    return jobs_of_projects(arguments, out_dir, extension)


def _is_project(path: Path) -> bool:
    """Whether a file with the extension of both is a project: an object, and not one that holds jobs."""
    if path.suffix.lower() not in (*READERS, *SPREADSHEETS):
        return True
    if path.suffix.lower() != ".json":
        return False
    try:
        data = parse_json(read_whole(path).decode("utf-8-sig"))
    except (OSError, ValueError, ProjectError):
        return False
    return isinstance(data, dict) and "jobs" not in data and not {"tracks", "canvas"}.isdisjoint(data)


def _job(path: Path, row: Row, folder: Path, out_dir: Path) -> BatchJob:
    for key in NEEDED:
        value = row.values.get(key)
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            hint = did_you_mean(key, row.values) or f'give every row a "{key}": a path, relative to the list'
            raise list_fault(path, f"{row.label}: the {key} is {'missing' if value is None else 'not a path'}", hint)
    variables = {name: value for name, value in row.values.items() if name not in NEEDED}
    for name in variables:
        if not re.fullmatch(NAME, name):
            hint = "use letters, digits, _ . - and begin with a letter"
            raise list_fault(path, f'{row.label}: "{name[:100]}" can\'t be the name of a variable', hint)
    return BatchJob(
        row.label, folder / row.values["project"], out_dir / row.values["output"], variables, folder, row.empty
    )


def jobs_of_projects(patterns: Sequence[str], out_dir: Path, extension: str) -> list[BatchJob]:
    """One job for each project file that the names and patterns (`*`, `?`, `[…]`, `**`) stand for.

    What a pattern leaves open names the film: `ads/*/project.json` makes `OUT_DIR/spring/project.mp4` of
    `ads/spring/project.json`. Raises SetupError.
    """
    jobs: dict[str, BatchJob] = {}
    for pattern in patterns:
        root, paths = matching_projects(pattern)
        for path in paths:
            output = (out_dir / os.path.relpath(path, root)).with_suffix(extension)
            jobs.setdefault(os.path.realpath(path), BatchJob(str(path), path, output))
    found = list(jobs.values())
    check_outputs(found)
    return found


def batch_jobs(jobs: Path | str | Iterable[BatchJob | Mapping[str, Any]]) -> list[BatchJob]:
    """The jobs of a list's path, or those that a script made; objects are as the rows of a list. Raises SetupError."""
    if isinstance(jobs, Path | str):
        return read_job_list(Path(jobs))
    found = [job if isinstance(job, BatchJob) else _job_of(job, f"jobs[{number}]") for number, job in enumerate(jobs)]
    check_outputs(found)
    return found


def _job_of(row: Mapping[str, Any], label: str) -> BatchJob:
    missing = next((key for key in NEEDED if not isinstance(row.get(key), str | Path)), None)
    if missing is not None:
        raise SetupError(f"{label}: the {missing} is missing, or not a path", component=COMPONENT)
    variables = {name: value for name, value in row.items() if name not in NEEDED and value is not None}
    return BatchJob(label, Path(row["project"]), Path(row["output"]), variables)


def check_outputs(jobs: Iterable[BatchJob]) -> None:
    """Raises SetupError where two jobs write one file, or a job would replace a project of the batch."""
    jobs = list(jobs)
    projects = {os.path.realpath(job.project) for job in jobs}
    first: dict[str, BatchJob] = {}
    twice: list[str] = []
    for job in jobs:
        place = os.path.realpath(job.output)
        if str(job.output) == "-" or place in projects:
            why = "standard output" if str(job.output) == "-" else "a project of the batch"
            raise SetupError(
                f"{job.label} would write to {why}", component=COMPONENT, suggestion="name a film of its own"
            )
        other = first.setdefault(place, job)
        if other is not job:
            twice.append(f"{other.label} and {job.label} both write {job.output}")
    if twice:
        more = f", and {len(twice) - _MOST_NAMED} more" if len(twice) > _MOST_NAMED else ""
        raise SetupError(
            f"{'; '.join(twice[:_MOST_NAMED])}{more}",
            component=COMPONENT,
            suggestion="give each job an output of its own",
        )
