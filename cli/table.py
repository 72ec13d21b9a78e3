"""Tables for people, on stdout: drawn to fit a terminal, or else plain columns, never cut or wrapped.

In: texts. Out: lines. Main thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from reelmill.cli.talk import printable


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Print a table. The first `left` columns are texts, the others numbers, set to the right."""
    texts = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        _draw(heads, texts, left)
        return
    widths = [max(len(cell) for cell in column) for column in zip(heads, *texts, strict=True)]
    for row in (heads, *texts):
        cells = [
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def _draw(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for number, head in enumerate(heads):
        is_text = number < left
        table.add_column(Text(head), justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text)
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)
