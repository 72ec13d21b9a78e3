"""Projects for the fuzzer: those of the examples, random ones by Hypothesis, and what the mutations make of them.

In: a case. Out: the bytes of a project file, most of them wrong in one to four places. The JSON Schema tells which keys
may stand where, so that mutations reach deep into the format. Pure functions of the case.
"""

from __future__ import annotations

import copy
import functools
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from reelmill.planner.project_file.schema import json_schema
from reelmill.planner.project_file.starter import starter_project
from tests.fuzz.cases import Case
from tests.fuzz.seed_media import media_names, named_by_examples
from tests.support.random_projects import SOURCES, projects

Json = Any
Place = tuple[Any, Any]
"""A dict or list, and the key or index of a value in it."""
ROOT = Path(__file__).resolve().parent.parent.parent
RANDOM_PROJECTS = 120
ODD_NUMBERS: tuple[Json, ...] = (
    *(
        0,
        -0.0,
        -1,
        1,
        2,
        1e-320,
        1e-9,
        1e308,
        -1e308,
        2**31,
        2**31 - 1,
        2**32,
        2**53 + 1,
        2**63,
        -(2**63),
        10**30,
        10**400,
    ),
    *(0.1, 1 / 3, 16384, 16385, 99999999, 1e6, 999999.999999, float("nan"), float("inf"), float("-inf")),
)
ODD_TEXTS = (
    *(
        "",
        " ",
        "0",
        "-1",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "1e999",
        "1/0",
        "0/0",
        "-1/3",
        "1e-999",
        "1/99999999999999999999",
    ),
    *("99999999999f", "-1f", "00:00:00:00", "99:99:99;99", "00:00:59;29", "٣", "1_000", "0x10", "1,5", "½", "\u00b2"),
    *("#", "#ggg", "#12345", "rgb(0,0,0)", "transparent", "currentcolor"),
    *("${", "${}", "${title}", "$${title}", "${title:int}", "${a=${b}}", "${x:rational=1/0}", "${" * 50, "${missing=}"),
    *(
        "\0",
        "a\0b",
        "\x1b[2J",
        "\u202e",
        "\ufeff",
        "\u200d",
        "e\u0301" * 40,
        "👩‍👩‍👧‍👦",
        "\U0010ffff",
        "\ud800",
        "\udfff\ud800",
        "\udc80",
    ),
    *("\r\n", "\n" * 50, "\t", "\u2028", "a" * 1001, "W" * 3000, "שלום עולם", "مرحبا", "ก็็็็", "\U000e0041"),
    *(".", "..", "/", "/dev/null", "/dev/zero", "/dev/stdin", "/proc/self/mem", "/proc/self/environ", "../media", "~"),
    *("../media/pipe", "../media/loop", "../media/empty.mp4", "../media/noise.mp4", "../media/odd-\udcff.mp4"),
    *(
        "../media/secret.png",
        "file:../media/gop.mp4",
        "http://localhost:1/x.mp4",
        "concat:a|b",
        "pipe:0",
        "data:video/mp4;base64,",
    ),
    *(
        "%d.png",
        "../media/%d.png",
        "%0999999999d.png",
        "%%.png",
        "%s",
        "%n",
        "../media/still.png\0.mp4",
        "a" * 300 + ".png",
    ),
    *("-", "--help", "-y", "*", "[", "a\\b", "C:\\x", "'\"<>&", "volume=2", "volume=1/0", "aresample", "atempo=nan"),
    *("movie=/etc/passwd", "volume=volume=nan", "highpass=f=-1", "aecho=1:1:1e9:1", "equalizer=f=1:g=1e9"),
)
NUMBER_TEXTS = ("1/3", "7f", "00:00:01:00", "1.25", "3/2", "12f")
COLOURS = ("#fff", "#12345678", "red", "transparent", "#00000000")


@functools.cache
def base_projects() -> tuple[Json, ...]:
    """Projects that are right: the examples, the starter, and random ones."""
    found = [json.loads(path.read_text()) for path in sorted((ROOT / "examples").glob("*/project.json"))]
    found.append(json.loads(starter_project()))
    for blocks in sorted((ROOT / "docs").rglob("*.md")):
        for block in blocks.read_text().split("```json")[1:]:
            try:
                data = json.loads(block.partition("```")[0])
            except ValueError:
                continue
            if isinstance(data, dict) and "tracks" in data:
                found.append(data)

    @seed(14)
    @settings(
        max_examples=RANDOM_PROJECTS,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(projects())
    def collect(project: Json) -> None:
        found.append(project)

    collect()
    return tuple(map(_beside_the_media, found))


def _beside_the_media(project: Json) -> Json:
    """The project with a small canvas, and with paths into the folder of media; examples of the docs made whole."""
    project = copy.deepcopy(project)
    project.setdefault("canvas", {"fps": 30}).update(width=128, height=72)
    project.setdefault("version", 1)
    if "photo" in str(project):
        project.setdefault("variables", {}).update(
            photo="../media/still.png", title="Hello", photos=["../media/logo.png"]
        )
    known = (*media_names(), *SOURCES, *named_by_examples())
    for holder, key in list(places(project)):
        value = holder[key]
        if key == "path" and isinstance(value, str) and value != "-" and "$" not in value:
            name = value.rpartition("/")[2]
            holder[key] = f"../media/{name if name in known else 'city.mp4'}"
        if key == "media" and isinstance(value, str) and "$" not in value:
            project.setdefault("media", {}).setdefault(value, {"path": "../media/city.mp4"})
        if key == "font" and isinstance(value, str):
            holder[key] = "../media/font.ttf"
    project.pop("outputs", None)
    return project


def project_bytes(case: Case) -> bytes:
    """The project file of a case."""
    dice = case.dice()
    project = copy.deepcopy(dice.choice(base_projects()))
    for _ in range(dice.choice((0, 1, 1, 1, 2, 2, 3, 4))):
        found = list(places(project))
        if not found:
            break
        dice.choice(MUTATIONS)(project, found, dice)
    text = written(project, dice)
    data = text.encode("utf-8", "surrogatepass")
    return broken(data, dice) if dice.random() < 0.12 else data


def places(value: Json) -> Iterator[Place]:
    """Every value inside a project by its holder and key, depth first, without recursion."""
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        keys: Any = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            yield holder, key
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])


def written(project: Json, dice: random.Random) -> str:
    """JSON text; sometimes with a key that stands twice, sometimes in ASCII, sometimes nested beyond measure."""
    text = json.dumps(project, ensure_ascii=dice.random() < 0.5, indent=dice.choice((None, 1)))
    if dice.random() < 0.03:
        at = [index for index, character in enumerate(text) if character == "{"]
        spot = dice.choice(at) + 1
        text = f'{text[:spot]}"{dice.choice(("id", "start", "path", "x"))}": {json.dumps(_odd(dice))}, {text[spot:]}'
    if dice.random() < 0.02:
        depth = dice.choice((10, 63, 64, 65, 1000, 100_000))
        opening, closing = dice.choice((("[", "]"), ('{"a":', "}")))
        deep = opening * depth + "0" + closing * (depth if dice.random() < 0.7 else depth // 2)
        spot = dice.randrange(len(text))
        text = dice.choice((deep, text[:spot] + deep + text[spot:], text.replace(": ", f": {deep}, ", 1)))
    return text


def broken(text: bytes, dice: random.Random) -> bytes:
    """Bytes of a text, some of them others."""
    data = bytearray(text)
    for _ in range(dice.choice((1, 1, 2, 8))):
        at = dice.randrange(len(data) or 1)
        match dice.randrange(6):
            case 0:
                data[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del data[at : at + dice.choice((1, 2, 10, 1000))]
            case 2:
                data[at:at] = dice.choice(
                    (b"\xff", b"\xed\xa0\x80", b"\0", b"//", b"'", b",", b"}", b"[", b"NaN", b"\xef\xbb\xbf")
                )
            case 3:
                del data[at:]
            case 4:
                data[at:at] = data[at : at + 200] * dice.choice((1, 5))
            case 5:
                data[at:at] = dice.choice((b"\\u0000", b"\\ud834", b"\\x", b"1e5", b"-", b"00", b'"', b"\x7f", b"/*"))
    return bytes(data)


def _odd(dice: random.Random) -> Json:
    match dice.randrange(8):
        case 0 | 1:
            return dice.choice(ODD_NUMBERS)
        case 2 | 3 | 4:
            return dice.choice(ODD_TEXTS)
        case 5:
            return dice.choice((None, True, False, [], {}, [[]], {"": None}, [None] * 3, [0] * 200))
        case 6:
            return {
                "keyframes": [{"time": _odd_scalar(dice), "value": _odd_scalar(dice)} for _ in range(dice.randrange(4))]
            }
        case _:
            return [_odd_scalar(dice) for _ in range(dice.randrange(5))]


def _odd_scalar(dice: random.Random) -> Json:
    return dice.choice(ODD_NUMBERS if dice.random() < 0.6 else ODD_TEXTS)


def _replace(_project: Json, found: list[Place], dice: random.Random) -> None:
    holder, key = dice.choice(found)
    holder[key] = _odd(dice)


def _nudge(_project: Json, found: list[Place], dice: random.Random) -> None:
    """Another number near by or far away: most of these projects stay valid."""
    numbers = [(h, k) for h, k in found if isinstance(h[k], int | float) and not isinstance(h[k], bool)]
    if numbers:
        holder, key = dice.choice(numbers)
        value = holder[key]
        if abs(value) < 1e200:
            holder[key] = dice.choice(
                (-value, value + 1, value - 1, value / 2, value * 3, value / 1e6, value * 1e4, value + 0.1)
            )


def _retype(_project: Json, found: list[Place], dice: random.Random) -> None:
    holder, key = dice.choice(found)
    value = holder[key]
    holder[key] = dice.choice(
        ([value], {"value": value}, {"keyframes": [{"time": 0, "value": value}]}, str(value), [value, value])
    )


def _delete(_project: Json, found: list[Place], dice: random.Random) -> None:
    holder, key = dice.choice(found)
    del holder[key]


def _rename(_project: Json, found: list[Place], dice: random.Random) -> None:
    named = [(h, k) for h, k in found if isinstance(h, dict)]
    if named:
        holder, key = dice.choice(named)
        holder[dice.choice((key[:-1], key + "s", key.upper(), dice.choice(ODD_TEXTS)))] = holder.pop(key)


def _repeat(_project: Json, found: list[Place], dice: random.Random) -> None:
    lists = [h[k] for h, k in found if isinstance(h[k], list) and h[k]]
    if lists:
        items = dice.choice(lists)
        items.extend(copy.deepcopy(dice.choice(items)) for _ in range(dice.choice((1, 1, 2, 40))))


def _transplant(_project: Json, found: list[Place], dice: random.Random) -> None:
    """A value of this project in another place of it."""
    holder, key = dice.choice(found)
    other, name = dice.choice(found)
    holder[key] = copy.deepcopy(other[name])


def _grow(project: Json, found: list[Place], dice: random.Random) -> None:
    """A key that the schema knows for an object, with a value that is most likely right."""
    objects = [project, *(h[k] for h, k in found if isinstance(h[k], dict))]
    for _ in range(dice.choice((1, 1, 2, 3))):
        chosen = dice.choice(objects)
        definitions = [each for each in _definitions() if set(chosen) <= set(each)]
        if definitions:
            properties = dice.choice(definitions[:3])
            name = dice.choice(sorted(properties))
            chosen[name] = from_schema(properties[name], dice)


def _nest(_project: Json, found: list[Place], dice: random.Random) -> None:
    holder, key = dice.choice(found)
    value = holder[key]
    for _ in range(dice.choice((1, 5, 70, 150))):
        value = [value] if dice.random() < 0.5 else {"a": value}
    holder[key] = value


MUTATIONS: tuple[Callable[[Json, list[Place], random.Random], None], ...] = (
    *(
        _replace,
        _replace,
        _replace,
        _nudge,
        _nudge,
        _nudge,
        _nudge,
        _nudge,
        _nudge,
        _grow,
        _grow,
        _grow,
        _grow,
        _grow,
        _grow,
    ),
    *(_retype, _delete, _rename, _repeat, _transplant, _nest),
)


@functools.cache
def _schema() -> Json:
    return json_schema()


@functools.cache
def _definitions() -> tuple[dict[str, Json], ...]:
    """Properties of each kind of object, the smallest kinds first."""
    every = [_schema(), *_schema()["$defs"].values()]
    return tuple(sorted((each["properties"] for each in every if "properties" in each), key=len))


def from_schema(schema: Json, dice: random.Random, depth: int = 0) -> Json:
    """A value that a schema allows, or nearly: patterns are guessed, and one in ten is odd."""
    if dice.random() < 0.1 or depth > 6 or not isinstance(schema, dict):
        return _odd(dice)
    if "$ref" in schema:
        return from_schema(_schema()["$defs"][schema["$ref"].rpartition("/")[2]], dice, depth)
    for several in ("anyOf", "oneOf"):
        if several in schema and "properties" not in schema:
            return from_schema(dice.choice(schema[several]), dice, depth + 1)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    match schema.get("type"):
        case "object":
            return _object_from(schema, dice, depth)
        case "array":
            return _list_from(schema, dice, depth)
        case "boolean":
            return dice.random() < 0.5
        case "integer" | "number":
            return _number_from(schema, dice)
        case "null":
            return None
    pool = (
        *NUMBER_TEXTS,
        *COLOURS,
        "title",
        "a",
        "en",
        "gop",
        "../media/still.png",
        "../media/font.ttf",
        "../media/cues.srt",
    )
    return dice.choice(pool)


def _object_from(schema: Json, dice: random.Random, depth: int) -> Json:
    properties = schema.get("properties", {})
    wanted = [name for name in properties if name in schema.get("required", ()) or dice.random() < 0.25]
    if "oneOf" in schema:
        wanted += dice.choice(schema["oneOf"]).get("required", ())
    return {name: from_schema(properties[name], dice, depth + 1) for name in wanted if name in properties}


def _list_from(schema: Json, dice: random.Random, depth: int) -> Json:
    if "prefixItems" in schema:
        return [from_schema(each, dice, depth + 1) for each in schema["prefixItems"]]
    least = schema.get("minItems", 0)
    count = dice.randint(least, max(least, min(schema.get("maxItems", 3), 3)))
    return [from_schema(schema.get("items", {}), dice, depth + 1) for _ in range(count)]


def _number_from(schema: Json, dice: random.Random) -> Json:
    least, most = schema.get("minimum", schema.get("exclusiveMinimum", -100)), schema.get("maximum", 100)
    edge = dice.random()
    if edge < 0.1:
        return dice.choice((least, most, least - 1, most + 1))
    value = dice.uniform(max(least, -200), min(most, 200))
    return round(value) if schema.get("type") == "integer" or dice.random() < 0.5 else round(value, 3)
