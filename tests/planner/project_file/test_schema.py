"""The JSON Schema: what the loader takes it takes, what the loader refuses by structure it refuses, and it explains."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.planner import limits, timeline
from reelmill.planner.effects.catalogue import EFFECTS
from reelmill.planner.errors import ProjectError
from reelmill.planner.fields.base import object_name
from reelmill.planner.project_file.loader import load_document
from reelmill.planner.project_file.schema import json_schema
from reelmill.planner.project_file.starter import starter_project
from tests.planner.test_problems import ONE_PROBLEM
from tests.support.project_files import BASE, CONTRACT, Json, load_data, project, solid

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
DOCS = Path(__file__).parents[3] / "docs" / "reference"
PAGE = DOCS / "project-file.md"


def test_it_is_a_schema_that_json_can_hold() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(json.dumps(SCHEMA)))
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["title"] == "reelmill project"
    assert SCHEMA["$id"]


def objects() -> dict[str, Json]:
    """Every kind of object of the project file, by its title."""
    return {"Project": SCHEMA, **SCHEMA["$defs"]}


def test_every_object_is_closed_and_every_key_described() -> None:
    for title, schema in objects().items():
        assert schema["additionalProperties"] is False, title
        assert schema["description"], title
        assert "metadata" in schema["properties"], title
        for key, value in schema["properties"].items():
            target = objects()[value["$ref"].rsplit("/", 1)[1]] if "$ref" in value else value
            assert value.get("description") or target.get("description"), f"{title}.{key}"
            assert "\n" not in value.get("description", "")


def test_words_to_choose_from_are_those_of_the_timeline() -> None:
    def words(title: str, key: str) -> tuple[str, ...]:
        return tuple(objects()[title]["properties"][key]["anyOf"][0]["enum"])

    assert words("Clip", "blend") == timeline.Blend.__args__  # type: ignore[attr-defined]  # of a Literal
    assert len(words("Clip", "blend")) == 17
    assert words("Clip", "fit") == ("contain", "cover", "fill", "none")
    assert words("Clip", "after_end") == ("error", "hold", "loop", "blank")
    assert words("Transition", "type") == ("dissolve", "fade", "wipe", "push", "iris")
    assert words("Track", "kind") == ("video", "audio")


@pytest.mark.parametrize("text", [CONTRACT, starter_project()])
def test_good_projects_are_valid(text: str) -> None:
    VALIDATOR.validate(json.loads(text))


BEYOND_STRUCTURE = ("is not one of the", "is not later", "no end of its own", "cut off", "has no fill", "no colour",
                    '"radius"', "a list of 3 or more", "not a timecode at", "beyond the limit of 1000000 seconds",
                    "is not a colour (did")  # fmt: skip
"""Problems that take more than structure to see."""


@pytest.mark.parametrize(("clip", "problem"), ONE_PROBLEM)
def test_what_the_loader_refuses_by_structure_the_schema_refuses(clip: Json, problem: str) -> None:
    structural = not any(words in problem for words in BEYOND_STRUCTURE) or "must be" in problem
    if structural:
        assert not VALIDATOR.is_valid(project(clip)), problem


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"trakcs": []},
        {"canvas": {"width": 10, "height": 10}},
        {"canvas": {"width": 20000, "height": 10, "fps": 25}},
        {"canvas": {"width": 10, "height": 10, "fps": "fast"}},
        {"media": {"a": {}}},
        {"media": {"a": {"path": "x", "on_error": "ignore"}}},
        {"audio": {"channels": 0}},
        {"tracks": {}},
        {"export": {"video": {"crf": 99}}},
        {"compositions": {"a": {"tracks": [{"kind": "sound"}]}}},
        {"variables": {"a": None}},
    ],
)
def test_wrong_sections_are_refused(change: Json) -> None:
    data = {**project(solid()), **change}
    assert not VALIDATOR.is_valid(data)
    with pytest.raises(ProjectError):
        load_data(data)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in JSON data."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


_WRONG = [None, True, -1, 0, 1, 1e9, 0.3, "x", "1/2", "12f", "red", "linear", "${title}", [], [1], [1, 2], {}, {"x": 1}]


@given(st.data())
def test_one_changed_value_is_judged_alike(data: st.DataObject) -> None:
    """What the loader takes is always valid: the schema must not mark good files as bad."""
    changed = copy.deepcopy(json.loads(CONTRACT))
    place = data.draw(st.sampled_from([p for p in places(changed) if p]))
    target = changed
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = data.draw(st.sampled_from(_WRONG))
    try:
        load_document(json.dumps(changed), BASE, {})
    except ProjectError:
        return
    VALIDATOR.validate(changed)


# --- the page that describes the file ---


def documented() -> dict[str, set[str]]:
    """The keys in the tables of the pages, by the object that the heading above names in backquotes."""
    found: dict[str, set[str]] = {}
    title = ""
    pages = (PAGE, DOCS / "effects.md")
    for line in "\n".join(page.read_text(encoding="utf-8") for page in pages).splitlines():
        if heading := re.match(r"#+ .*\(`(\w+)`\)$", line):
            title = heading[1]
        elif line.startswith("#"):
            title = ""
        elif title and (row := re.match(r"\| `([^`]+)`", line)):
            found.setdefault(title, set()).add(row[1])
    common = found.pop("Effect")
    for model in EFFECTS.values():
        found[object_name(model)] |= common
    return found


def test_the_page_covers_every_key_and_no_other() -> None:
    page = documented()
    everywhere = {"metadata", "repeat"}
    expected = {title: set(schema["properties"]) - everywhere for title, schema in objects().items()}
    assert page == expected


def examples() -> list[str]:
    return re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_examples_of_the_page_load() -> None:
    """Whole projects as they are; parts as clips, tracks or sections of one."""
    whole = 0
    for example in examples():
        data = json.loads(example)
        if "canvas" in data:
            whole += 1
        elif "clips" in data:
            data = project(tracks=[data])
        elif set(data) & {"media", "composition", "text", "solid", "shape"} and not isinstance(data.get("media"), dict):
            data = project(data)
        else:
            data = {**project(solid()), **data}
        data.setdefault("compositions", {}).setdefault("card", {"duration": 6})
        load_data(data)
        VALIDATOR.validate(data)
    assert whole >= 1
    assert len(examples()) >= 6


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    section = " ".join(PAGE.read_text(encoding="utf-8").split("## Limits")[1].split())
    assert limits.MAX_TRACKS == limits.MAX_MEDIA == limits.MAX_COMPOSITIONS == 100_000
    for words in (
        f"a file of {limits.MAX_FILE_BYTES // 2**20} MiB",
        f"{limits.MAX_JSON_DEPTH} objects and lists",
        f"{limits.MAX_CLIPS:,} clips",
        f"{limits.MAX_TRACKS:,} tracks, media entries and compositions",
        f"{limits.MAX_INSTANCES:,} clips after nesting",
        f"{limits.MAX_KEYFRAMES:,} keyframes",
        f"{limits.MAX_TEXT_LENGTH:,} characters",
        f"{limits.MAX_POINTS:,} points",
        f"{limits.MAX_CANVAS_PX} × {limits.MAX_CANVAS_PX}",
        f"{limits.MAX_ROUNDS:,} rounds of a repeat",
        f"{limits.MAX_REPEATED_VALUES:,} values and {limits.MAX_INSERTED_CHARACTERS:,} characters",
    ):
        assert words in section
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert (
        f"deeper than {limits.WARN_NESTING} gives a warning; nesting deeper than {limits.MAX_NESTING} is an error"
        in page
    )
