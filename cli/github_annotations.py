"""Workflow commands of GitHub Actions: lines on stderr from which it makes annotations of files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from reelmill.planner.shown_text import visible

if TYPE_CHECKING:
    from reelmill.export.checks.check_result import CheckResult, ProjectResult

MAX_TOLD = 5
"""Differences that the annotation of a project names. GitHub shows ten annotations of a step, so a project has one."""


def in_github_actions() -> bool:
    """Whether this is a step of a workflow."""
    return bool(os.environ.get("GITHUB_ACTIONS"))


def annotation_lines(result: CheckResult) -> Iterator[str]:
    """A line for each project that differs or failed."""
    for project in result.projects:
        if project.status in ("different", "error"):
            yield f"::error file={_property(_from_workspace(project.project))},title={_property(_title(project))}::" + (
                _data(_message(project))
            )


def _title(project: ProjectResult) -> str:
    return "reelmill check: " + ("the render differs" if project.error is None else "the check failed")


def _message(project: ProjectResult) -> str:
    if project.error is not None:
        return project.error.message
    found = project.differences
    more = [f"{len(found) - MAX_TOLD} more"] if len(found) > MAX_TOLD else []
    return "\n".join([*found[:MAX_TOLD], *more])


def _from_workspace(path: str) -> str:
    """GitHub knows files by their path in the repository."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    if workspace:
        absolute = Path(path).resolve()
        if absolute.is_relative_to(Path(workspace).resolve()):
            return absolute.relative_to(Path(workspace).resolve()).as_posix()
    return path


def _data(text: str) -> str:
    return visible(text, keep="\r\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
