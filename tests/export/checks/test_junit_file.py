"""The JUnit file of a check: valid by the schema, and what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema

from reelmill.export.checks.check_result import CheckResult
from reelmill.export.checks.junit_file import check_junit_path, junit_text, write_junit
from reelmill.planner.errors import SetupError
from tests.support.check_results import every_kind

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))


def test_it_is_valid_whatever_a_project_is_called(tmp_path: Path) -> None:
    path = tmp_path / "made" / "junit.xml"
    write_junit(path, every_kind())
    SCHEMA.validate(path)
    SCHEMA.validate(junit_text(CheckResult((), encoded=True)))
    stored = replace(every_kind().projects[3], updated=True, frames=(), sound=None)
    SCHEMA.validate(junit_text(CheckResult((stored,), encoded=False)))


def test_the_schema_would_notice() -> None:
    text = junit_text(every_kind())
    for wrong in (
        text.replace("<properties>", "<properties/><properties>", 1),
        text.replace(' type="different"', "", 1),
        text.replace('tests="', 'tests="x', 1),
        text.replace("testcase", "testcas"),
        text.replace("<system-out />", "", 1).replace("<system-out>another renderer</system-out>", "", 1),
    ):
        assert wrong != text
        assert not SCHEMA.is_valid(wrong)


def test_what_it_says() -> None:
    root = ElementTree.fromstring(junit_text(every_kind()))
    suites = root.findall("testsuite")
    counts = [[suite.get(name) for name in ("tests", "failures", "errors")] for suite in suites]
    assert counts == [["7", "5", "0"], ["1", "0", "1"], ["1", "0", "1"], ["3", "0", "0"]]
    assert suites[0].get("name") == "films/one.json"
    cases = {case.get("name"): case for case in suites[0].findall("testcase")}
    assert next(iter(cases)) == "film"
    assert {name for name, case in cases.items() if case.find("failure") is None} == {
        "frame 0 (0 s): first frame",
        "frame 12 (0.48 s): middle of opening",
    }
    late = cases["sound"].find("failure")
    assert late is not None
    assert late.get("message") == "10.0 ms late"
    different = next(case for name, case in cases.items() if name and name.startswith("frame 7 ")).find("failure")
    assert different is not None
    assert (different.get("type"), different.text) == ("different", "384 pixels differ\ngolden: golden/000007.png")
    broken = suites[1].find("testcase/error")
    assert broken is not None
    assert "take it out" in (broken.text or "")
    properties = {each.get("name"): each.get("value") for each in suites[0].findall("properties/property")}
    assert properties == {"golden": "golden/one-1", "tolerance": "exact", "system": "v1", "renderer": "llvmpipe"}
    assert suites[0].findtext("system-out") == "another renderer"


def test_where_it_may_be_written(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    check_junit_path(path, [])
    write_junit(path, every_kind())
    check_junit_path(path, [])  # one of ours is replaced
    other = tmp_path / "notes.xml"
    other.write_text("<notes/>", encoding="utf-8")
    with pytest.raises(SetupError, match="would replace a file that is no junit"):
        check_junit_path(other, [])
    with pytest.raises(SetupError, match="reads or writes"):
        check_junit_path(path, [path])
