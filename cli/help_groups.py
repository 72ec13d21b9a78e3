"""Options in the groups in which `--help` lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

_OTHERS = "Other options"


class GroupedCommand(click.Command):
    """A command with many options."""

    def __init__(self, *arguments: Any, groups: Mapping[str, Sequence[str]], **more: Any) -> None:
        """`groups`: titles, and the options under each as they are written, such as `--size`. Those that are named
        nowhere stand at the end."""
        super().__init__(*arguments, **more)
        self.groups = groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = {
            parameter.opts[-1]: record
            for parameter in self.get_params(ctx)
            if (record := parameter.get_help_record(ctx)) is not None
        }
        named = {option for options in self.groups.values() for option in options}
        others = {_OTHERS: [option for option in records if option not in named]}
        for title, options in {**self.groups, **others}.items():
            if listed := [records[option] for option in options if option in records]:
                with formatter.section(title):
                    formatter.write_dl(listed)
