"""Faults of JSON itself, with line and column; and numbers and depths that no program should choke on."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelmill.planner.errors import ProjectError
from reelmill.planner.templates.syntax import parse_json
from tests.support.project_files import problems_in, project, solid, syntax_problems


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("", (1, 1), "the file is empty"),
        (" \n ", (2, 2), "the file is empty"),
        ('{"a": 1,}', (1, 8), "a comma behind the last member"),
        ('{"a": [1, 2,\n]}', (1, 12), "a comma behind the last item"),
        ('{"a": 1\n "b": 2}', (1, 8), "a comma is missing between two members"),
        ('{"a": [1 , 2\n\n 3]}', (1, 13), "a comma is missing between two items"),
        ('{"a": 1 ; "b": 2}', (1, 9), 'unexpected ";" where , or } was expected'),
        ("{a: 1}", (1, 2), 'unexpected "a" where a key was expected'),
        ('{"a" 1}', (1, 6), 'unexpected "1" where : was expected behind the key "a"'),
        ('{"a": True}', (1, 7), 'unexpected "True" where a value was expected'),
        ("{\"a\": 'x'}", (1, 7), 'unexpected "\'" where a value was expected'),
        ('{"a": 012}', (1, 7), 'unexpected "012" where a value was expected'),
        ('{"a": +1}', (1, 7), 'unexpected "+1" where a value was expected'),
        ('{"a": "x\ny"}', (1, 7), "a string without its closing quote"),
        ('{"a": "x', (1, 7), "a string without its closing quote"),
        ('{"a": "C:\\users"}', (1, 10), "\\u is no escape that JSON knows"),
        ('{"a": "\t"}', (1, 8), "a control character inside a string"),
        ('{"a": 1} x', (1, 10), 'unexpected "x" behind the end of the project'),
        ('{"a": [1, {"b": 2}', (1, 19), "unexpected end of the file where , or ] was expected"),
        ("// hi\n{}", (1, 1), 'unexpected "/" where a value was expected'),
        ('{"a": 1, // no\n "b": 2}', (1, 10), 'unexpected "/" where a key was expected'),
    ],
)
def test_faults_of_syntax(text: str, where: tuple[int, int], message: str) -> None:
    (problem,) = syntax_problems(text)
    assert ((problem.line, problem.column), problem.message) == (where, message)


def test_duplicate_keys_and_what_is_no_number_are_found_together() -> None:
    text = '{"a": 1,\n "b": {"x": NaN, "x": -Infinity},\n "a": [Infinity]}'
    assert [str(p) for p in syntax_problems(text)] == [
        "line 2, column 13: NaN is not a number",
        'line 2, column 18: the key "x" stands twice, first in line 2',
        "line 2, column 23: -Infinity is not a number",
        'line 3, column 2: the key "a" stands twice, first in line 1',
        "line 3, column 8: Infinity is not a number",
    ]
    assert [p.path for p in syntax_problems(text)] == ["$.b.x", "$.b", "$.b.x", "$", "$.a[0]"]


def test_half_a_character_is_found() -> None:
    message = "an escape that is half of a pair of surrogates, and no character"
    text = r'{"name": "\ud83d", "x": "\ud83d\ude00", "\udc00": "\\ud800"}'
    problems = syntax_problems(text)
    assert [(p.line, p.column, p.message) for p in problems] == [(1, 10, message), (1, 41, message)]
    assert parse_json(r'["\ud83d\ude00", "\\ud800"]') == ["😀", r"\ud800"]
    assert "is not UTF-8 text" in problems_in(project(solid(id="${x}")), x="\udcff")[0]


@pytest.mark.parametrize("depth", [65, 1000, 100_000])
def test_deep_json(depth: int) -> None:
    for opened in ("[", '{"a":'):
        (problem,) = syntax_problems(opened * depth)
        column = 64 * len(opened) + 1
        assert problem.message == "more than 64 objects and lists inside one another"
        assert (problem.line, problem.column) == (1, column)


@pytest.mark.parametrize(
    "number", ["1e999999", "1e99999999999999999999", "-" + "9" * 100_000, "1e-999999", "0." + "1" * 9999]
)
def test_huge_numbers_are_refused_at_once(number: str) -> None:
    data = json.dumps(project(solid(start="START", transform={"rotation": "TURN"}, speed="SPEED")))
    for word in ("START", "TURN", "SPEED"):
        data = data.replace(f'"{word}"', number)
    problems = problems_in(data)
    assert problems
    assert max(map(len, problems)) < 300


@pytest.mark.parametrize("text", ["[]", "5", '"x"', "null", "true"])
def test_a_project_is_an_object(text: str) -> None:
    assert problems_in(text) == ["$: a project is an object: { … }"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON, st.data())
def test_damaged_json_is_located_wherever_the_standard_library_fails(value: object, data: st.DataObject) -> None:
    text = json.dumps(value, indent=data.draw(st.sampled_from([None, 1])))
    at = data.draw(st.integers(0, len(text)))
    text = text[:at] + data.draw(st.sampled_from(["", ",", "]", "}", '"', "x", "\\", "0", "-", ":"])) + text[at + 1 :]

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(items)) < len(items):
            raise ValueError("duplicate")
        return dict(items)

    try:
        read = json.loads(text, object_pairs_hook=pairs, parse_constant=int)
        json.dumps(read, ensure_ascii=False).encode()  # fails for half a pair of surrogates
    except ValueError:
        with pytest.raises(ProjectError) as caught:
            parse_json(text)
        assert all(p.line is not None and p.column is not None for p in caught.value.problems)
    else:
        parse_json(text)
