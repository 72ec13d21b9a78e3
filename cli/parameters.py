"""Types of options and arguments: text from the command line → values, or a message that says what would be one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from reelmill.export.opening.option_texts import parse_bitrate, parse_bytes, parse_range, parse_size
from reelmill.planner.clock import parse_time
from reelmill.planner.outputs import Output
from reelmill.planner.templates.variables import NAME

Value = TypeVar("Value")


class Parsed(click.ParamType[Value]):
    """A type whose values are made by a function that raises ValueError."""

    def __init__(self, name: str, parse: Callable[[str], Value]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value  # click converts what it has converted once more
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def parse_variable(text: str) -> tuple[str, str]:
    """`NAME=VALUE`; the value may be empty."""
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(NAME, name):
        raise ValueError(f'"{text}" is not NAME=VALUE')
    return name, value


def output_argument(text: str) -> Output:
    """`[KIND=]PATH`."""
    from reelmill.export.outputs.output_names import parse_output  # loads media libraries, which `--help` does not need

    return parse_output(text)


RANGE = Parsed("range", parse_range)
SIZE = Parsed("size", parse_size)
BYTES = Parsed("bytes", parse_bytes)
BITRATE = Parsed("bitrate", parse_bitrate)
VARIABLE = Parsed("variable", parse_variable)
TIME = Parsed("time", parse_time)
OUTPUT = Parsed("output", output_argument)
PATH: click.Path = click.Path(path_type=Path)
