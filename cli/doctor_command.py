"""`reelmill doctor`: what this machine offers, and what installs what is missing."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import click

from reelmill.cli.invocation import verbose_option
from reelmill.cli.talk import printable, show, show_json

if TYPE_CHECKING:
    from reelmill.export.telling.machine import MachineItem

NOT_READY = 2


@click.command(short_help="Tell what this machine offers, and what is missing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")
@verbose_option
def doctor(as_json: bool) -> int:
    """Tell what this machine offers; exit code 2 where something is missing that exports need."""
    from reelmill.export.telling.machine import inspect

    machine = inspect()
    if as_json:
        answer = {"ready": machine.ready, "items": [asdict(item) for item in machine.items]}
        show_json(answer)
        return 0 if machine.ready else NOT_READY
    width = max(len(item.name) for item in machine.items)
    for section, items in groupby(machine.items, attrgetter("section")):
        show(click.style(section, bold=True))
        listed = list(items)
        if section.startswith("hardware"):
            absent = [item.name for item in listed if not item.found]
            listed = [item for item in listed if item.found]
            if absent:
                show(f"  none     {', '.join(absent)}: not on this machine; --json tells why")
        for item in listed:
            show(f"  {_mark(item)}  {item.name:<{width}}  {printable(item.detail)}")
            if item.install is not None:
                show(f"  {'':<7}  {'':<{width}}  hint: {item.install}")
    essential = [item.name for item in machine.items if item.essential and not item.found]
    show("ready to export" if machine.ready else f"not ready: {', '.join(essential)} missing")
    return 0 if machine.ready else NOT_READY


def _mark(item: MachineItem) -> str:
    if item.found:
        return click.style("ok     ", fg="green")
    # What can't be installed by a command is a fact about the machine, and nothing that anyone misses.
    return click.style("missing", fg="red") if item.install else "none   "
