"""The rows of a job list: a JSON, TOML, CSV or JSON Lines file as plain data, each row with a name for messages.

In: a path. Out: rows of JSON data (planner.variable_values). What a row means is `job_list`'s to know. A cell that
is empty, and a null, count as left out. Plain functions.
"""

from __future__ import annotations

import csv
import datetime
import io
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelmill.planner.errors import ProjectError, SetupError
from reelmill.planner.limits import MAX_FILE_BYTES
from reelmill.planner.process.regular_files import open_for_reading
from reelmill.planner.templates.syntax import parse_json, read_decimal

COMPONENT = "Batch"
MAX_JOBS = 100_000
MOST_DOTS = 10_000
"""In one line of TOML. The time to read a key such as `a.b.c` grows with the square of its parts."""
NEEDED = ("project", "output")
"""Columns that every list of jobs has."""
SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclass(frozen=True, slots=True)
class Row:
    """One job as it was written."""

    label: str
    """Where it stands: `row 2`, as spreadsheets count, `line 3`, `jobs[0]`."""
    values: dict[str, Any]
    empty: tuple[str, ...] = ()
    """Columns whose cell holds nothing."""


def list_fault(path: Path, message: str, hint: str | None = None) -> SetupError:
    """What is wrong with a job list."""
    return SetupError(message, component=COMPONENT, file=str(path), suggestion=hint)


def read_rows(path: Path) -> list[Row]:
    """All rows of a job list, by its extension. Raises SetupError."""
    if path.suffix.lower() in SPREADSHEETS:
        raise list_fault(path, f"{path.name} is a spreadsheet", "save it as CSV UTF-8, and give that file")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        hint = f"use {', '.join(READERS)}; --out-dir DIR renders project files as they are"
        raise list_fault(path, f'"{path.name}" is no list of jobs by its extension', hint)
    rows = []
    for row in reader(path, _read(path)):
        rows.append(row)
        if len(rows) > MAX_JOBS:
            raise list_fault(path, f"more than {MAX_JOBS:,} jobs, which is the limit", "make several lists of it")
    return rows


def _read(path: Path) -> str:
    try:
        with open_for_reading(path, stream=True) as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise list_fault(path, f"the list of jobs can't be read: {error.strerror}", "check the path") from error
    if len(content) > MAX_FILE_BYTES:
        raise list_fault(path, f"the list of jobs has more than {MAX_FILE_BYTES // 2**20} MiB, which is the limit")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8; spreadsheets call that “CSV UTF-8”"
        raise list_fault(path, f"the list of jobs is not UTF-8 text (byte {error.start + 1})", hint) from error


def _csv_rows(path: Path, text: str) -> Iterator[Row]:
    """The first row names the columns; commas, semicolons or tabs part them, whichever make those that are needed."""
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        header = [name.strip() for name in _records(path, reader, "row 1")[0] or []]
        if set(NEEDED) <= set(header):
            break
    else:
        first = text.partition("\n")[0].strip()[:100]
        hint = f"the first row names the columns: {', '.join(NEEDED)}, and the variables"
        raise list_fault(path, f'the first row has no columns "{NEEDED[0]}" and "{NEEDED[1]}": {first}', hint)
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise list_fault(path, f'two columns are called "{twice}"', "give each column a name of its own")
    number = 1
    while (record := _records(path, reader, f"row {number + 1}")[0]) is not None:
        number += 1
        if not any(cell.strip() for cell in record):
            continue
        if len(record) != len(header):
            hint = f"a cell that holds {_DELIMITERS[delimiter]}, quotes or line breaks stands in quotes"
            message = f"row {number} has {len(record)} cells, and the first row {len(header)}"
            raise list_fault(path, message, hint)
        cells = [(name, cell) for name, cell in zip(header, record, strict=True) if name]
        empty = tuple(name for name, cell in cells if not cell)
        yield Row(f"row {number}", {name: cell for name, cell in cells if cell}, empty)


def _records(path: Path, reader: Any, where: str) -> tuple[list[str] | None]:
    try:
        return (next(reader, None),)
    except csv.Error as error:
        hint = 'inside of a quoted cell, a quote is written twice: "a ""good"" one"'
        raise list_fault(path, f"{where} can't be read: {error} (line {reader.line_num})", hint) from error


def _json_rows(path: Path, text: str) -> Iterator[Row]:
    yield from _listed(path, _json(path, text))


def _toml_rows(path: Path, text: str) -> Iterator[Row]:
    if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
        raise list_fault(path, f"the list of jobs has a line with more than {MOST_DOTS:,} dots, which is the limit")
    try:
        data = _without_dates(tomllib.loads(text, parse_float=read_decimal))
    except RecursionError as error:
        raise list_fault(path, "the list of jobs has far too many tables and arrays inside one another") from error
    except ValueError as error:  # a number of thousands of digits raises a plain one
        raise list_fault(path, f"the list of jobs is not TOML: {error}") from error
    yield from _listed(path, data)


def _json_line_rows(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _row(path, f"line {number}", _json(path, line, line=number))


def _json(path: Path, text: str, line: int | None = None) -> Any:
    try:
        return parse_json(text)
    except ProjectError as error:
        problem = error.problems[0]
        at = line or problem.line
        where = f"line {at}, column {problem.column}: " if at and problem.column else ""
        raise list_fault(path, f"the list of jobs is not JSON: {where}{problem.message}", problem.hint) from error


def _listed(path: Path, data: Any) -> Iterator[Row]:
    """A list of rows, or an object with `jobs`, whose other keys count for the rows that don't have them."""
    common: dict[str, Any] = {}
    if isinstance(data, dict) and "jobs" in data:
        common = {key: value for key, value in data.items() if key != "jobs" and value is not None}
        data = data["jobs"]
    if not isinstance(data, list):
        hint = 'write a list of objects with "project", "output" and variables, or such a list under "jobs"'
        if isinstance(data, dict) and "tracks" in data:
            hint = "this is a project, not a list of jobs; --out-dir DIR renders projects as they are"
        raise list_fault(path, "no list of jobs", hint)
    for number, item in enumerate(data):
        row = _row(path, f"jobs[{number}]", item)
        yield Row(row.label, {**common, **row.values})


def _row(path: Path, label: str, item: Any) -> Row:
    if not isinstance(item, dict):
        raise list_fault(path, f"{label} is not an object", 'write {"project": …, "output": …, and variables}')
    return Row(label, {key: value for key, value in item.items() if value is not None})


def _without_dates(value: Any) -> Any:
    """TOML's dates and times as text; JSON has none."""
    if isinstance(value, dict):
        return {key: _without_dates(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_without_dates(child) for child in value]
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else value


READERS: dict[str, Callable[[Path, str], Iterator[Row]]] = {
    ".csv": _csv_rows,
    ".tsv": _csv_rows,
    ".json": _json_rows,
    ".jsonl": _json_line_rows,
    ".ndjson": _json_line_rows,
    ".toml": _toml_rows,
}
"""By extension."""
