"""The Python interface: what the commands do, for scripts. `from reelmill import render, check, plan`, and the like.

In: paths, keyword arguments by the names of the commands' flags (`RenderOptions`), callbacks. Out: frozen results. What
fails raises an `ExportError`, the same as the command prints. Light: the media libraries load with the first call that
needs them. The command line calls this, too. One thread a call; callbacks come on it, and what they raise ends it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from reelmill.export.batches.batch_job import BatchListener, BatchOptions, SilentBatchListener
from reelmill.export.opening.api_options import PathLike, RenderOptions, TimeLike, as_time, export_options
from reelmill.export.opening.job import ExportOptions, Listener, Progress, SilentListener
from reelmill.planner.errors import SetupError
from reelmill.planner.outputs import Output

if TYPE_CHECKING:
    from reelmill.export.batches.batch_summary import BatchSummary, JobResult
    from reelmill.export.batches.job_list import BatchJob
    from reelmill.export.checks.check_job import CheckListener, CheckOptions
    from reelmill.export.checks.check_result import CheckResult
    from reelmill.export.opening.shared_resources import SharedResources
    from reelmill.export.telling.plan_description import PlanDescription
    from reelmill.export.telling.profile import Profile
    from reelmill.export.telling.report import ExportRecord
    from reelmill.export.validation import Validation
    from reelmill.planner.media import MediaFacts

OutputLike = PathLike | Output
ProjectLike = PathLike | Mapping[str, Any]
"""The path of a project file, or what stands in one. Paths in a mapping begin in the current folder."""
_NO_FILE = "<project>"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a render has made."""

    report: dict[str, Any]
    """All that is known (docs/reference/report.md)."""

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The files, or patterns of files, in the order in which they were asked for."""
        return tuple(Path(output["path"]) for output in self.report["outputs"])

    @property
    def frames(self) -> int:
        """Of the timeline, that were shown."""
        return int(self.report["frames"])

    @property
    def duration_seconds(self) -> float:
        """Of the timeline."""
        return float(self.report["duration_seconds"])

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(self.report["warnings"])


def render(
    project: ProjectLike,
    outputs: OutputLike | Sequence[OutputLike] = (),
    *,
    on_progress: Callable[[Progress], None] | None = None,
    on_warning: Callable[[str], None] | None = None,
    listener: Listener | None = None,
    record: ExportRecord | None = None,
    profile: Profile | None = None,
    shared: SharedResources | None = None,
    options: ExportOptions | None = None,
    **keywords: Unpack[RenderOptions],
) -> Rendered:
    """Render a project to one output or several, in one pass; without any, to those that the project names.

    `on_progress` is called after frames were handed to the encoders, `on_warning` for each warning. `listener` hears
    all that there is to hear, instead of the two. `record` and `profile` are filled in on the way, also where it fails.
    `shared` keeps for the next call what both need. `options` are the base that keywords change.

    Raises SetupError before the first frame, RenderError after; then the outputs are the old ones, or none.
    """
    from reelmill.export.rendering.session import export_film

    several: Sequence[OutputLike] = [outputs] if isinstance(outputs, str | Path | Output) else outputs
    wanted = tuple(each if isinstance(each, Output) else Output(str(each)) for each in several)
    heard = listener or _Callbacks(on_progress, on_warning)
    chosen = export_options(options, keywords)
    path, chosen = _opened_from(project, chosen)
    return Rendered(export_film(path, wanted, chosen, heard, record, profile, shared))


def frame(
    project: ProjectLike,
    at: TimeLike,
    output: PathLike,
    *,
    listener: Listener | None = None,
    options: ExportOptions | None = None,
    **keywords: Unpack[RenderOptions],
) -> Path:
    """Write the picture that is on screen at a time. `listener` hears all that there is to hear.

    Raises SetupError or RenderError.
    """
    from reelmill.export.rendering.session import export_frame

    path, chosen = _opened_from(project, export_options(options, keywords))
    export_frame(path, as_time(at), Path(output), chosen, listener)
    return Path(output)


def plan(
    project: ProjectLike, *, options: ExportOptions | None = None, **keywords: Unpack[RenderOptions]
) -> PlanDescription:
    """What a render would do, without rendering: its `as_dict()` is `reelmill plan --json`. Raises SetupError."""
    from reelmill.export.telling.plan_description import describe_plan

    return describe_plan(*_opened_from(project, export_options(options, keywords)))


def validate(
    project: ProjectLike, *, options: ExportOptions | None = None, **keywords: Unpack[RenderOptions]
) -> Validation:
    """Look for every problem in a project and its media, without rendering.

    Raises ProjectError with all of them, SetupError where the file can't be read.
    """
    from reelmill.export.validation import validate_project

    return validate_project(*_opened_from(project, export_options(options, keywords)))


def _opened_from(project: ProjectLike, options: ExportOptions) -> tuple[Path, ExportOptions]:
    """The path of a project, and the options with what it says where it is no file. Raises SetupError."""
    if not isinstance(project, Mapping):
        return Path(project), options
    if options.depfile is not None:
        raise SetupError(
            "a project that is no file has no rule for make",
            component="Options",
            suggestion="write the project to a file, or leave out depfile",
        )
    try:
        text = json.dumps(project, default=_as_json, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SetupError(
            f"the project can't be read: {error}",
            component="Project",
            suggestion="a project holds texts, numbers, true and false, lists, objects, paths and fractions",
        ) from error
    return Path.cwd() / _NO_FILE, replace(options, project_text=text)


def _as_json(value: object) -> object:
    """What scripts have that JSON has not."""
    if isinstance(value, Path | Fraction):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Decimal):
        return float(value) if float(value) == value else str(Fraction(value))
    raise TypeError(f"{value!r} is no value of a project")


def probe(path: PathLike, *, allow_network: bool = False) -> MediaFacts:
    """The facts of a media file, an image sequence (a pattern such as `%04d.png`) or an address. Raises SetupError."""
    from reelmill.export.opening.project import probe_file

    return probe_file(str(path), allow_network=allow_network)


def check(
    projects: PathLike | Sequence[PathLike],
    golden: PathLike,
    *,
    update: bool = False,
    encoded: bool = False,
    trust_keys: bool = False,
    frames: str | None = None,
    tolerance: str | None = None,
    pictures: bool = False,
    listener: CheckListener | None = None,
    check_options: CheckOptions | None = None,
    options: ExportOptions | None = None,
    **keywords: Unpack[RenderOptions],
) -> CheckResult:
    """Render and compare with the golden frames and sound in a folder; with `update`, store them.

    `frames` and `tolerance` as `reelmill check` takes them. `check_options`: all of it at once, instead of the flags.
    A difference is in the result, and so is what one of the projects fails with. Raises SetupError for a request that
    makes no sense as a whole.
    """
    from reelmill.export.checks.check_job import CheckOptions
    from reelmill.export.checks.check_run import check_projects as check_projects
    from reelmill.planner.checks import parse_moments, parse_tolerance

    several = [projects] if isinstance(projects, str | Path) else projects
    if check_options is None:
        try:
            check_options = CheckOptions(
                frames=None if frames is None else parse_moments(frames),
                tolerance=None if tolerance is None else parse_tolerance(tolerance),
                encoded=encoded,
                update=update,
                trust_keys=trust_keys,
                pictures=pictures,
                export=export_options(options, keywords),
            )
        except ValueError as error:
            raise SetupError(str(error), component="Options") from error
    return check_projects([Path(each) for each in several], Path(golden), check_options, listener)


def batch(
    jobs: PathLike | Iterable[BatchJob | Mapping[str, Any]],
    *,
    processes: int = 1,
    resume: bool = False,
    fail_fast: bool = False,
    on_result: Callable[[JobResult], None] | None = None,
    listener: BatchListener | None = None,
    summary: BatchSummary | None = None,
    options: ExportOptions | None = None,
    **keywords: Unpack[RenderOptions],
) -> BatchSummary:
    """Make many films, in so many processes: of a job list's path, or of jobs, or of objects with the keys `project`,
    `output` and variables.

    `on_result` is called for each job that has ended; `listener` hears all that there is to hear, instead. `summary`
    is one that was begun before, to be looked at also where the call raises. A job that fails is in the summary. Raises
    SetupError before the first job for what is wrong with the batch as a whole. The processes load the script that
    calls this: it must stand under `if __name__ == "__main__":`.
    """
    from reelmill.export.batches.batch_run import run_batch
    from reelmill.export.batches.batch_summary import BatchSummary
    from reelmill.export.batches.job_list import batch_jobs

    summary = summary or BatchSummary(tuple(batch_jobs(jobs)))
    heard = listener or _ResultCallback(on_result)
    how = BatchOptions(processes, resume=resume, fail_fast=fail_fast)
    return run_batch(summary, export_options(options, keywords), how, heard)


class _ResultCallback(SilentBatchListener):
    """A listener of one function."""

    def __init__(self, on_result: Callable[[JobResult], None] | None) -> None:
        self._on_result = on_result

    def ended(self, result: JobResult) -> None:
        if self._on_result is not None:
            self._on_result(result)


class _Callbacks(SilentListener):
    """A listener of two functions."""

    def __init__(
        self, on_progress: Callable[[Progress], None] | None, on_warning: Callable[[str], None] | None
    ) -> None:
        self._on_progress = on_progress
        self._on_warning = on_warning

    def progressed(self, event: Progress) -> None:
        if self._on_progress is not None:
            self._on_progress(event)

    def warned(self, message: str) -> None:
        if self._on_warning is not None:
            self._on_warning(message)
