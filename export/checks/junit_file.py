"""The result of a check as a JUnit file, as CI systems read it: a suite for each project, a case for each frame.

In: a CheckResult. Out: XML that is valid by the schema of Jenkins' xUnit plugin and by that of Ant's JUnit task, which
is stricter. Plain functions.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

from reelmill.export.checks.check_result import BAD, CheckResult, ProjectResult
from reelmill.export.outputs.text_file import check_text_path, write_text_file
from reelmill.planner.clock import format_time
from reelmill.planner.errors import ProjectError, RenderError
from reelmill.planner.process.regular_files import open_for_reading
from reelmill.planner.shown_text import visible


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    bad: Literal["failure", "error"] | None = None
    kind: str = ""
    """Of what is wrong."""
    message: str = ""
    details: str = ""


def check_junit_path(path: Path, others: Iterable[Path]) -> None:
    """Find out beforehand whether the file can be written. Raises SetupError."""
    check_text_path(path, "junit", others=others, is_ours=_is_junit)


def _is_junit(path: Path) -> bool:
    with open_for_reading(path) as file:
        head = file.read(200)
    return not head or b"<testsuite" in head


def write_junit(path: Path, result: CheckResult) -> None:
    """Write the file, whole or not at all. Raises RenderError."""
    try:
        write_text_file(path, junit_text(result))
    except OSError as error:
        raise RenderError(
            f"the JUnit file can't be written: {error.strerror}",
            component="Check",
            file=str(path),
            suggestion="see whether the disk is full",
        ) from error


def junit_text(result: CheckResult) -> str:
    """The XML."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    root = ElementTree.Element("testsuites")
    for number, project in enumerate(result.projects):
        _add_suite(root, number, project, now)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_suite(root: ElementTree.Element, number: int, project: ProjectResult, now: str) -> None:
    cases = list(_cases(project))
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {
            "name": _token(project.project),
            "package": "reelmill.check",
            "id": str(number),
            "timestamp": now,
            "hostname": _token(socket.gethostname()),
            "tests": str(len(cases)),
            "failures": str(sum(case.bad == "failure" for case in cases)),
            "errors": str(sum(case.bad == "error" for case in cases)),
            "skipped": "0",
            "time": f"{project.seconds:.3f}",
        },
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _properties(project):
        ElementTree.SubElement(properties, "property", {"name": name, "value": _text(value)})
    for case in cases:
        _add_case(suite, project, case)
    ElementTree.SubElement(suite, "system-out").text = _text("\n".join(project.notes))
    ElementTree.SubElement(suite, "system-err").text = _text("\n".join(project.warnings))


def _add_case(suite: ElementTree.Element, project: ProjectResult, case: _Case) -> None:
    # A dot would part packages from classes.
    place = _token(project.project.replace(".", "_"))
    element = ElementTree.SubElement(
        suite, "testcase", {"name": _token(case.name), "classname": f"reelmill.{place}", "time": "0.000"}
    )
    if case.bad is not None:
        bad = ElementTree.SubElement(element, case.bad, {"type": case.kind, "message": _text(case.message)})
        bad.text = _text(case.details or case.message)


def _cases(project: ProjectResult) -> Iterator[_Case]:
    error = project.error
    if error is not None:
        problems = error.listed() if isinstance(error, ProjectError) else []
        hint = [f"hint: {error.suggestion}"] if error.suggestion else []
        details = "\n".join([error.summary, *problems, *hint])
        yield _Case("render", "error", type(error).__name__, error.summary, details)
        return
    facts = "\n".join(project.facts)
    yield _Case("film", "failure", "different", facts.partition("\n")[0], facts) if facts else _Case("film")
    for each in project.frames:
        name = f"frame {each.frame} ({format_time(each.time)})"
        name += f": {', '.join(each.reasons)}" if each.reasons else ""
        if each.status in BAD:
            details = "\n".join([each.message or each.status, *([f"golden: {each.golden}"] if each.golden else [])])
            yield _Case(name, "failure", each.status, each.message or each.status, details)
        else:
            yield _Case(name)
    sound = project.sound
    if sound is not None:
        if sound.status in BAD:
            yield _Case("sound", "failure", sound.status, sound.message or sound.status)
        else:
            yield _Case("sound")


def _properties(project: ProjectResult) -> Iterator[tuple[str, str]]:
    yield "golden", project.golden
    yield "tolerance", project.tolerance.name
    if project.system is not None:
        yield "system", project.system
    if project.renderer is not None:
        yield "renderer", project.renderer


def _text(text: str) -> str:
    """What XML can't hold has no shape either, and is written as code."""
    return visible(text, keep="\n\t")


def _token(text: str) -> str:
    """On one line, without spaces at its ends or two in a row; never empty."""
    return " ".join(_text(text).split()) or "-"
