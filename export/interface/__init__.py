"""reelmill renders a JSON timeline to a film. `import reelmill` is the Python interface (docs/guide/python.md).

This folder is the root of the installed package: `pyproject.toml` maps the top-level folders of the repository below
it, as `reelmill.planner`, `reelmill.export` and so on. Each name below is loaded when it is first used, so that the
import itself costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelmill.export.api import Rendered, batch, check, frame, plan, probe, render, validate
    from reelmill.export.batches.batch_summary import BatchSummary, JobResult
    from reelmill.export.batches.job_list import BatchJob
    from reelmill.export.checks.check_result import CheckResult
    from reelmill.export.opening.api_options import RenderOptions
    from reelmill.export.opening.job import ExportOptions, Progress
    from reelmill.export.opening.shared_resources import SharedResources
    from reelmill.export.telling.plan_description import PlanDescription
    from reelmill.export.validation import Validation
    from reelmill.planner.errors import ExportError, Interrupted, Problem, ProjectError, RenderError, SetupError
    from reelmill.planner.media import MediaFacts
    from reelmill.planner.outputs import Output

__all__ = [
    "BatchJob",
    "BatchSummary",
    "CheckResult",
    "ExportError",
    "ExportOptions",
    "Interrupted",
    "JobResult",
    "MediaFacts",
    "Output",
    "PlanDescription",
    "Problem",
    "Progress",
    "ProjectError",
    "RenderError",
    "RenderOptions",
    "Rendered",
    "SetupError",
    "SharedResources",
    "Validation",
    "batch",
    "check",
    "frame",
    "plan",
    "probe",
    "render",
    "validate",
]

_HOMES = {
    **dict.fromkeys(
        ("Rendered", "batch", "check", "frame", "plan", "probe", "render", "validate"), "reelmill.export.api"
    ),
    **dict.fromkeys(("BatchSummary", "JobResult"), "reelmill.export.batches.batch_summary"),
    **dict.fromkeys(("ExportOptions", "Progress"), "reelmill.export.opening.job"),
    **dict.fromkeys(
        ("ExportError", "Interrupted", "Problem", "ProjectError", "RenderError", "SetupError"),
        "reelmill.planner.errors",
    ),
    "BatchJob": "reelmill.export.batches.job_list",
    "CheckResult": "reelmill.export.checks.check_result",
    "MediaFacts": "reelmill.planner.media",
    "Output": "reelmill.planner.outputs",
    "PlanDescription": "reelmill.export.telling.plan_description",
    "RenderOptions": "reelmill.export.opening.api_options",
    "SharedResources": "reelmill.export.opening.shared_resources",
    "Validation": "reelmill.export.validation",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found
