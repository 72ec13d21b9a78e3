"""What is said to people: lines on stderr, tables on stdout.

In: plain text. Out: text that can damage neither a terminal nor an export.

Never wraps: a terminal does that itself, and scripts want whole lines. Main thread.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import Any, TextIO

import click

from reelmill.planner.shown_text import shown_json, visible


def is_terminal() -> bool:
    """Whether stderr is a terminal that can move its cursor."""
    # There is no stderr where it was closed (`2>&-`).
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def wants_colour() -> bool:
    """Colour only on a terminal, and not where NO_COLOR (no-color.org) is set."""
    return is_terminal() and not os.environ.get("NO_COLOR")


def styled(text: str, *, colour: str | None = None, bold: bool = False, dim: bool = False) -> str:
    """The text in a colour, where colours are wanted."""
    return click.style(text, fg=colour, bold=bold, dim=dim) if wants_colour() else text


def talk(text: str) -> None:
    """Print a line (or several) to stderr. A reader of stderr who has gone away stops nobody's export."""
    if sys.stderr is None:
        return
    try:
        click.echo(text, err=True, color=wants_colour())
        sys.stderr.flush()
    except (OSError, ValueError):
        abandon(sys.stderr)


def abandon(stream: TextIO) -> None:
    """Whoever read a stream has gone: what is still buffered must not fail the process when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def show(text: str) -> None:
    """Print a line to stdout; styles are taken out where stdout is no terminal or NO_COLOR is set."""
    click.echo(text, color=False if os.environ.get("NO_COLOR") else None)


def printable(text: str) -> str:
    """The text on one line, as `planner.shown_text.visible`, without what GitHub Actions would take for a command.

    GitHub looks for `::` at the beginning of a line, and for `##[` anywhere in it.
    """
    text = visible(text).replace("##[", "#\\x23[")
    return re.sub(r"^(\s*):(?=:)", r"\1\\x3a", text)


def show_json(data: Any, *, indent: int | None = 2) -> None:
    """Print JSON to stdout."""
    click.echo(shown_json(data, indent=indent))


def warn(message: str) -> None:
    """Print a warning on stderr."""
    talk(f"{styled('warning:', colour='yellow', bold=True)} {printable(message)}")
