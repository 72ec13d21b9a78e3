"""What belongs to one run of the command line: carried by click as `obj`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import click

from reelmill.cli.interruption import Interruption
from reelmill.cli.log_lines import LogLines

HELP_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110, "show_default": True}
"""Of the help pages; commands inherit them from the group."""


@dataclass(slots=True)
class Invocation:
    """One run. Main thread."""

    interruption: Interruption = field(default_factory=Interruption)
    verbose: bool = False
    """Show tracebacks, and everything that is logged."""
    log: LogLines = field(default_factory=LogLines)


def _note(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        invocation = context.ensure_object(Invocation)
        invocation.verbose = True
        invocation.log.show_all()


def verbose_option(command: Any) -> Any:
    """`-v`, noted before anything else on the command line can fail."""
    return click.option(
        *("-v", "--verbose"),
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_note,
        help="Show what goes on inside, and where an error comes from (a traceback).",
    )(command)
