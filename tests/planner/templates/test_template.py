"""Templates: typed variables, defaults, repeated objects; and problems that point into the file as it was written."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.planner import limits
from reelmill.planner.contents.media_content import MediaContent
from reelmill.planner.contents.text import Text
from reelmill.planner.errors import Problem, Problems, ProjectError
from reelmill.planner.project_file.loader import load_document
from reelmill.planner.project_file.schema import json_schema
from reelmill.planner.templates import template
from reelmill.planner.templates.origins import Origins
from reelmill.planner.templates.template import expand
from reelmill.planner.templates.variable_values import TYPES
from reelmill.planner.templates.variables import Bound
from reelmill.planner.timeline import Timeline
from tests.support.project_files import BASE, Json, project, solid

VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def filled(value: object, given: Mapping[str, object] | None = None, **declared: object) -> Any:
    """What a value of a file becomes. There must be no problem."""
    bound = {name: Bound(each, Path("/jobs")) for name, each in (given or {}).items()}
    found = expand({"x": value, "variables": declared}, bound, folder=BASE)
    assert not found.problems
    return found.data["x"]


def faults(value: object, given: Mapping[str, object] | None = None, **declared: object) -> list[str]:
    found = expand({"x": value, "variables": declared}, given or {})
    return [str(problem) for problem in found.origins.problems(found.problems)]


def timeline(data: Json, **given: object) -> Timeline:
    return load_document(json.dumps(data), BASE, given).timeline


def problems(data: Json, **given: object) -> list[str]:
    with pytest.raises(ProjectError) as caught:
        load_document(json.dumps(data), BASE, given)
    return [str(problem) for problem in caught.value.problems]


# --- types and defaults ---


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("int", "7", 7),
        ("int", " -12 ", -12),
        ("int", Decimal("3.0"), 3),
        ("number", "2.50", Decimal("2.50")),
        ("number", ".5e1", Decimal(5)),
        ("number", 4, Decimal(4)),
        ("bool", "TRUE", True),
        ("bool", False, False),
        ("string", 12, "12"),
        ("string", True, "true"),
        ("list", "[1, 2.5]", [1, Decimal("2.5")]),
        ("list", ["a"], ["a"]),
        ("lines", "a\n\n b \r\nc", ["a", "b", "c"]),
        ("object", '{"a": {"b": []}}', {"a": {"b": []}}),
        ("json", '"text"', "text"),
        ("json", "[[0, 1]]", [[0, 1]]),
        ("json", {"a": 1}, {"a": 1}),
        ("path", "a/b.png", "/jobs/a/b.png"),
        ("path", "/abs.png", "/abs.png"),
        ("path", "https://example.org/a.png", "https://example.org/a.png"),
    ],
)
def test_a_type_makes_a_value_of_its_kind(kind: str, value: object, expected: object) -> None:
    made = filled(f"${{v:{kind}}}", {"v": value})
    assert made == expected
    assert type(made) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("int", "2.5", 'is "2.5", not a whole number'),
        ("int", "", 'is "", not a whole number'),
        ("int", True, "is true, not a whole number"),
        ("int", "9" * 40, "not a whole number"),
        ("number", "1,5", 'is "1,5", not a number'),
        ("number", "NaN", 'is "NaN", not a number'),
        ("number", "1e9999", "not a number"),
        ("bool", "yes", 'is "yes", not true or false'),
        ("bool", 1, "is 1, not true or false"),
        ("string", [1], "is a list, not a text"),
        ("list", '{"a": 1}', 'is "{"a": 1}", not a list (one item a line makes a list with the type lines)'),
        ("list", "[1,", 'is "[1,", which is not JSON'),
        ("object", [], "is a list, not an object"),
        ("json", "[NaN]", "which is not JSON"),
        ("json", "null", "is null, which is not a value"),
        ("path", "", 'is "", not a path'),
    ],
)
def test_a_value_of_another_type_is_a_problem_with_its_name(kind: str, value: object, words: str) -> None:
    (fault,) = faults(f"${{v:{kind}}}", {"v": value})
    assert fault.startswith("$.x: the variable v is ")
    assert words in fault


def test_an_unknown_type_is_a_problem() -> None:
    (fault,) = faults("${v:integer}", {}, v=1)
    assert fault == f'$.x: "integer" is not a type of a variable: {", ".join(TYPES)} are (did you mean "int"?)'


def test_paths_are_relative_to_what_gave_them() -> None:
    references = ["${given:path}", "${declared:path}", "${none:path=d.png}"]
    assert filled(references, {"given": "g.png"}, declared="p.png") == [
        "/jobs/g.png",
        "/films/spring/p.png",
        "/films/spring/d.png",
    ]


def test_defaults_count_last() -> None:
    assert filled("${a=x}${b=y}${c=z}", {"a": "1"}, b=2) == "12z"
    assert filled("<${a=}>") == "<>"
    assert filled("${a:int=5}") == 5
    assert filled("${a= with spaces: and = signs }") == " with spaces: and = signs "
    assert filled("${o.b=none}", o={"a": 1}) == "none"
    assert faults("${a:int=x}") == ['$.x: the variable a is "x", not a whole number']


def test_a_typed_value_stands_inside_of_a_text_too() -> None:
    assert filled("${n:int} of ${m:number}, ${b:bool}", {"n": " 7", "m": "1.50", "b": "True"}) == "7 of 1.50, true"
    (fault,) = faults("all: ${l}", {}, l=[1])
    assert fault.startswith("$.x: the variable l is a list, which can't stand inside of a text")


def test_members_and_items_are_reached_with_dots() -> None:
    data = {"people": [{"name": "Zoë"}, {"name": "שלום"}], "a.b": "exact"}
    assert filled("${people.1.name}, ${people.0.name}, ${a.b}", data) == "שלום, Zoë, exact"
    assert faults("${people.2.name}", data)[0].endswith("has no value (people is a list of 2)")
    assert "has no value (p has name)" in faults("${p.title}", {"p": {"name": "x"}})[0]


def test_what_a_value_holds_is_never_searched() -> None:
    nasty = 'a "quoted" text\nwith ${other} and $${ and \\ and مرحبا'
    assert filled("<${v}>", {"v": nasty, "other": "x"}, other="y") == f"<{nasty}>"
    assert filled("${v}", {"v": [nasty]}) == [nasty]


def test_whole_lists_and_objects_from_variables() -> None:
    points = [[0, 0], [10, Decimal("2.5")]]
    data = project(solid(transform="${move}", duration="${d:number}"))
    clip = timeline(data, move={"position": [10, 20], "metadata": 1}, d=2.5).root.tracks[0].clips[0]
    assert clip.transform.position is not None
    assert [keyframe.value for keyframe in clip.transform.position.keyframes] == [(10.0, 20.0)]
    assert clip.duration == Fraction(5, 2)
    assert filled("${points}", {"points": points}) == points


def test_values_from_python_become_json() -> None:
    given = {"f": 0.1, "r": Fraction(1, 3), "p": Path("a/b"), "t": (1, {"k": 2.5})}
    assert filled(["${f:number}", "${r}", "${p}", "${t}"], given) == [
        Decimal("0.1"),
        "1/3",
        "a/b",
        [1, {"k": Decimal("2.5")}],
    ]
    for wrong, words in (
        (float("nan"), "is nan, which is not a number"),
        (b"x", "is of a kind that JSON does not have (bytes)"),
        (None, "is null, which is not a value (leave it out)"),
        ({1: 2}, "has a key that is no text"),
        ("\ud800", "is not UTF-8 text"),
    ):
        assert faults("${v}", {"v": wrong}) == [f'$.variables: the value given for "v" {words}']
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    assert "64 objects and lists inside one another" in faults("${v}", {"v": deep})[0]


def test_unknown_variables_are_problems_and_defaults_make_them_known() -> None:
    data = project(solid(id="${a.b=x}"))
    assert timeline(data, a={"b": "y"}).root.tracks[0].clips[0].id == "y"
    assert problems(data, aa=1)[0].startswith('$.variables: a value was given for "aa", but the project has no such')


# --- repeat ---


def test_a_repeated_clip_stands_once_for_each_item() -> None:
    repeated = {
        "repeat": {"for": "line", "in": "${lines}", "from": 1},
        "id": "line-${index}",
        "text": {"content": "${index}. ${line.text}", "size": "${line.size:int=20}"},
        "duration": "${line.seconds=1.5}",
    }
    data = project(solid(id="before"), repeated, solid(id="after"))
    lines = [{"text": "One"}, {"text": "Two", "size": 30, "seconds": "2f"}]
    clips = timeline(data, lines=lines).root.tracks[0].clips
    assert [clip.id for clip in clips] == ["before", "line-1", "line-2", "after"]
    texts = [clip.content for clip in clips[1:3]]
    assert [(t.content, t.size) for t in texts if isinstance(t, Text)] == [("1. One", 20.0), ("2. Two", 30.0)]
    assert [clip.duration for clip in clips] == [1, Fraction(3, 2), Fraction(2, 25), 1]
    assert [clip.id for clip in timeline(data, lines="[]").root.tracks[0].clips] == ["before", "after"]
    VALIDATOR.validate(data)


def test_repeats_nest_and_inner_names_hide_outer_ones() -> None:
    inner = {"repeat": {"for": "cell", "in": "${row.cells}", "index": "x"}, "v": "${index}/${x}:${cell}${item=}"}
    outer = [{"repeat": {"for": "row", "in": "${rows}"}, "items": [inner]}]
    rows = [{"cells": ["a", "b"]}, {"cells": []}, {"cells": [3]}]
    assert filled(outer, {"rows": rows}) == [
        {"items": [{"v": "0/0:a"}, {"v": "0/1:b"}]},
        {"items": []},
        {"items": [{"v": "2/0:3"}]},
    ]
    hiding = [{"repeat": {"in": [1, 2]}, "x": [{"repeat": {"in": ["a"]}, "v": "${item}${index}"}]}]
    assert filled(hiding) == [{"x": [{"v": "a0"}]}, {"x": [{"v": "a0"}]}]


def test_what_a_repeat_goes_through() -> None:
    body = {"v": "${item}"}
    for items, expected in (
        ("${n:int}", ["0", "1", "2"]),
        (2, ["0", "1"]),
        (["a", "${n}"], ["a", "3"]),
        ("${l:lines}", ["x", "y"]),
        ("${j}", ["p", "q"]),
        ("${none:list=[7]}", ["7"]),
    ):
        given = {"n": "3", "l": "x\ny", "j": '["p", "q"]'}
        declared = dict.fromkeys(given, "")
        made = expand({"x": [{"repeat": {"in": items}, **body}], "variables": declared}, given)
        assert not made.problems
        assert [each["v"] for each in made.data["x"]] == expected


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [
        (3, '$.x[1].repeat: must be an object (write {"for": "item", "in": "${items}"})'),
        ({"for": "a"}, '$.x[1].repeat: the key "in" is missing (write {"for": "item", "in": "${items}"})'),
        ({"indx": 1, "in": []}, '$.x[1].repeat: unknown key "indx" (did you mean "index"?)'),
        ({"for": "a.b", "in": []}, "$.x[1].repeat.for: must be the name of a variable, without dots"),
        ({"in": [], "from": 1.5}, "$.x[1].repeat.from: must be a whole number"),
        ({"for": "i", "index": "i", "in": []}, '$.x[1].repeat.index: "for" and "index" are both called "i" (give'),
        ({"in": -1}, "$.x[1].repeat.in: -1 is not a number of rounds"),
        ({"in": {}}, "$.x[1].repeat.in: is an object, not a list"),
        ({"in": "a,b"}, '$.x[1].repeat.in: must be a list, a number of rounds, or one variable (write "${items}")'),
        ({"in": "${text}"}, '$.x[1].repeat.in: is "a", not a list (a text has one item a line with "${name:lines}"'),
        ({"in": "${none}"}, "$.x[1].repeat.in: the variable ${none} has no value"),
        ({"in": 100_001}, "$.x[1].repeat.in: 100001 rounds; 100000 is the limit"),
    ],
)
def test_repeats_that_are_wrong(repeat: object, expected: str) -> None:
    before = {"repeat": {"in": 2}}
    (fault,) = faults([before, {"repeat": repeat}], {}, text="a")
    assert fault.startswith(expected)


def test_media_and_compositions_are_repeated_by_name() -> None:
    data = project(
        {"repeat": {"for": "photo", "in": "${photos}"}, "media": "photo-${index}", "duration": 1},
        {"repeat": {"for": "photo", "in": "${photos}"}, "composition": "card-${index}"},
    )
    data["media"]["photo-${index}"] = {"repeat": {"for": "photo", "in": "${photos}"}, "path": "${photo:path}"}
    data["compositions"] = {
        "card-${index}": {
            "repeat": {"for": "photo", "in": "${photos}"},
            "tracks": [{"clips": [{"media": "photo-${index}", "duration": 2}]}],
        }
    }
    VALIDATOR.validate(data)
    found = timeline(data, photos=Bound(["a.png", "b.png"], Path("/jobs")))
    assert [found.media[f"photo-{n}"].path for n in (0, 1)] == ["/jobs/a.png", "/jobs/b.png"]
    shown = [clip.content for clip in found.root.tracks[0].clips]
    assert [c.media for c in shown if isinstance(c, MediaContent)] == ["photo-0", "photo-1"]
    assert list(found.compositions) == ["card-0", "card-1"]


def test_a_name_that_does_not_change_is_a_problem() -> None:
    data = project(solid())
    data["media"]["photo"] = {"repeat": {"in": 3}, "path": "a.png"}
    assert problems(data) == [
        '$.media.photo: the name "photo" stands twice, in round 2 of the repeat '
        "(let the name hold a variable that differs from round to round, such as photo-${index})"
    ]


# --- where problems are ---


def test_problems_point_into_the_file_and_name_the_rounds() -> None:
    clip = {"repeat": {"in": "${rows}"}, "solid": "${item.color}", "duration": "${item.d}"}
    rows = [{"color": "red", "d": 1}, {"color": "rde", "d": 1}, {"color": "red", "d": -1}, {"d": 1}, {"d": 1}]
    data = project(solid(), clip, solid(duration=0))
    assert problems(data, rows=rows) == [
        '$.tracks[0].clips[1].solid: "rde" is not a colour, in round 2 of the repeat (did you mean "red"?)',
        '$.tracks[0].clips[1].duration: must not be negative, but is "-1", in round 3 of the repeat',
        "$.tracks[0].clips[1].solid: the variable ${item.color} has no value, in rounds 4, 5 of the repeat"
        " (item has d)",
        "$.tracks[0].clips[2].duration: must be greater than 0",
    ]


def test_rules_between_objects_point_into_the_file() -> None:
    data = project({**solid(), "repeat": {"in": 2}, "id": "same"})
    assert problems(data) == [
        '$.tracks[0].clips[0].id: "same" is already the id of the clip at $.tracks[0].clips[0], in round 2 of the '
        "repeat (give each clip of a composition an id of its own)"
    ]
    tracks = [{"repeat": {"in": 2}, "clips": [{"repeat": {"in": 8}, "text": {"content": "x", "size": 1}}]}]
    (problem,) = problems({**project(), "tracks": tracks})
    assert problem.startswith(
        "$.tracks[0].clips[0]: a text has no end of its own, in rounds 1.1, 1.2, 1.3, 1.4, 1.5 and 11 more of the"
    )


def test_warnings_point_into_the_file() -> None:
    clips = [{**solid(), "repeat": {"in": 3}, "transition": {"type": "dissolve", "color": "red"}, "start": "${index}"}]
    loaded = load_document(json.dumps({**project(), "tracks": [{"clips": clips}]}), BASE, {})
    assert {warning.partition(":")[0] for warning in loaded.warnings} == {"$.tracks[0].clips[0].transition.color"}


def test_repeat_works_in_lists_only() -> None:
    assert problems({**project(solid()), "repeat": {"in": 2}}) == ['$: unknown key "repeat"']


# --- limits ---


def test_explosions_are_refused_early(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits.MAX_REPEATED_VALUES == 2_000_000
    monkeypatch.setattr(template, "MAX_REPEATED_VALUES", 50_000)
    nested: Any = {"v": 1}
    for _ in range(6):
        nested = {"repeat": {"in": 1000}, "x": [nested]}
    with pytest.raises(ProjectError, match="1 problem") as caught:
        expand({"tracks": [nested]}, {})
    assert "50,000 values, which is the limit" in caught.value.problems[0].message


def test_texts_and_lists_that_multiply_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "MAX_INSERTED_CHARACTERS", 10_000)
    with pytest.raises(ProjectError) as caught:
        expand({"x": [{"repeat": {"in": 200}, "v": "${t}", "w": "a${t}"}]}, {"t": "x" * 100})
    assert "texts of more than 10,000 characters" in caught.value.problems[0].message
    monkeypatch.setattr(template, "MAX_REPEATED_VALUES", 1000)
    with pytest.raises(ProjectError) as caught:
        expand({"x": ["${l}"] * 20}, {"l": list(range(100))})
    assert "more than 1,000 values" in caught.value.problems[0].message


# --- properties ---

_JSON = st.recursive(
    st.booleans() | st.integers(-100, 100) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(_JSON)
def test_json_comes_back_whole(value: Any) -> None:
    value = json.loads(json.dumps(value))

    def without_metadata(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: without_metadata(child) for key, child in part.items() if key != "metadata"}
        return [without_metadata(child) for child in part] if isinstance(part, list) else part

    assert filled("${v:json}", {"v": json.dumps(value)}) == without_metadata(value)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=6), st.data())
def test_every_expanded_place_leads_back(shape: list[tuple[bool, int]], data: st.DataObject) -> None:
    """Against plain counting: item `at` of the expanded list was made of item `origin`, in round `number`."""
    items = [{"repeat": {"in": count}, "n": 1} if repeated else {"n": 1} for repeated, count in shape]
    expected = [
        (origin, number if repeated else None)
        for origin, (repeated, count) in enumerate(shape)
        for number in range(1, count + 1 if repeated else 2)
    ]
    found = expand({"x": copy.deepcopy(items)}, {})
    assert len(found.data["x"]) == len(expected)
    if expected:
        at = data.draw(st.integers(0, len(expected) - 1))
        origin, number = expected[at]
        assert found.origins.text(f"see $.x[{at}].n and $.x") == f"see $.x[{origin}].n and $.x"
        assert number is None or items[origin]["repeat"]


def test_what_only_looks_like_a_path_in_a_message_is_left_alone() -> None:
    origins = Origins()
    origins.add((), "tracks", "tracks", None)
    odd = '$["\\x"] $[007] $[' + "9" * 5000 + '] $["a\tb"] $'
    assert origins.text(odd) == odd
    problem = Problem('$.tracks[0]["a b"].x[""]', "m")
    assert list(origins.problems(Problems([problem]))) == [problem]
