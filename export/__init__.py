"""From a project to finished files: sessions, encoders, sound, outputs, the report. `export.session` reads first.

The names below are the Python interface (docs/python.md). Each is loaded when it is first asked for, so that looking at
the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from export.api import Rendered, batch, check, frame, plan, probe, render, validate
    from export.api_options import RenderOptions
    from export.batches.batch_summary import BatchSummary, JobResult
    from export.batches.job_list import BatchJob
    from export.checks.check_result import CheckResult
    from export.job import ExportOptions, Progress
    from export.plan_description import PlanDescription
    from export.shared_resources import SharedResources
    from export.validation import Validation
    from planner.errors import ExportError, Interrupted, Problem, ProjectError, RenderError, SetupError
    from planner.media import MediaFacts
    from planner.outputs import Output

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
    **dict.fromkeys(("Rendered", "batch", "check", "frame", "plan", "probe", "render", "validate"), "export.api"),
    **dict.fromkeys(("BatchSummary", "JobResult"), "export.batches.batch_summary"),
    **dict.fromkeys(("ExportOptions", "Progress"), "export.job"),
    **dict.fromkeys(
        ("ExportError", "Interrupted", "Problem", "ProjectError", "RenderError", "SetupError"), "planner.errors"
    ),
    "BatchJob": "export.batches.job_list",
    "CheckResult": "export.checks.check_result",
    "MediaFacts": "planner.media",
    "Output": "planner.outputs",
    "PlanDescription": "export.plan_description",
    "RenderOptions": "export.api_options",
    "SharedResources": "export.shared_resources",
    "Validation": "export.validation",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found
