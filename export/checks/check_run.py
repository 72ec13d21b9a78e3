"""Render checks: projects rendered at chosen moments and held against what was stored of them, or stored anew.

In: project files, the folder of goldens, options. Out: a CheckResult; with `update`, a new state of the folder. One
project after the other on the caller's thread, each rendered in one pass. What fails in one project is its result, and
the others go on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from reelmill.export.checks.check_job import CheckListener, CheckOptions, SilentCheckListener
from reelmill.export.checks.check_project import PictureRoom, ProjectCheck
from reelmill.export.checks.check_result import CheckResult, ProjectResult
from reelmill.export.checks.golden_store import GoldenStore
from reelmill.planner.errors import ExportError, Interrupted, RenderError, SetupError

__all__ = ["CheckListener", "CheckOptions", "CheckResult", "SilentCheckListener", "check_projects"]


def check_projects(
    projects: Sequence[Path], golden: Path, options: CheckOptions | None = None, listener: CheckListener | None = None
) -> CheckResult:
    """Check projects against the goldens in a folder. Without `update` nothing is written there.

    An error of a project is in its result. Raises SetupError for a request that makes no sense as a whole.
    """
    options = options or CheckOptions()
    listener = listener or SilentCheckListener()
    _check_request(projects, golden, options)
    found, room = [], PictureRoom()
    for number, path in enumerate(projects, 1):
        listener.started(str(path), number, len(projects))
        found.append(_check_project(path, golden, options, listener, room))
        listener.finished(found[-1])
    return CheckResult(tuple(found), options.encoded)


def _check_request(projects: Sequence[Path], golden: Path, options: CheckOptions) -> None:
    def refused(message: str, suggestion: str) -> SetupError:
        return SetupError(message, component="Check", suggestion=suggestion)

    if options.trust_keys and (options.encoded or options.update):
        raise refused(
            f"--trust-keys saves rendering, and --{'encoded' if options.encoded else 'update'} needs it",
            "leave one of the two out",
        )
    if golden.exists() and not golden.is_dir():
        raise refused(f"{golden} is a file, and goldens are kept in a folder", "name a folder after --golden")
    places: dict[Path, Path] = {}
    for path in projects:
        other = places.setdefault(path.resolve(), path)
        if other is not path:
            raise refused(f"{path} is given twice", "give each project once")


def _check_project(
    path: Path, golden: Path, options: CheckOptions, listener: CheckListener, room: PictureRoom
) -> ProjectResult:
    started = time.perf_counter()
    store = GoldenStore(golden, path)
    try:
        with ExitStack() as stack:
            run = ProjectCheck(path, store, options, listener, room, stack)
            found = run.update() if options.update else run.compare()
    except Interrupted:
        raise
    except Exception as error:
        found = ProjectResult(str(path), str(store.folder), error=_told(error))
    return replace(found, seconds=time.perf_counter() - started)


def _told(error: Exception) -> ExportError:
    """Also what is a fault of this program must not hide the other projects."""
    if isinstance(error, ExportError):
        return error
    told = RenderError(
        f"internal error: {type(error).__name__}: {error}; this is a bug in reelmill",
        component="Check",
        suggestion="run the same command with -v for the traceback, and report it",
    )
    told.__cause__ = error
    return told
