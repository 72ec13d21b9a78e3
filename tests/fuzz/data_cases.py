"""Mutated files that reelmill reads beside projects and media: job lists, the state of batches, what goldens tell.

In: a case. Out: faults: whatever a reader raises that is not an error of reelmill's own. No command runs; a reader
takes milliseconds.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from reelmill.export.batches.batch_state import STATE_NAME, BatchState
from reelmill.export.batches.job_list import jobs_of, read_job_list
from reelmill.export.checks.golden_manifest import FilmFacts, Manifest, StoredFrame, StoredSound
from reelmill.export.checks.golden_store import MANIFEST, GoldenStore
from reelmill.export.checks.sound_fingerprint import FingerprintMaker
from reelmill.planner.errors import ExportError
from reelmill.planner.project_file.loader import load_document
from tests.fuzz.cases import Case, Fault
from tests.fuzz.project_cases import ODD_NUMBERS, ODD_TEXTS, broken, places

_ROWS = [
    {
        "project": "a.json",
        "output": "a.mp4",
        "title": "Été",
        "count": 3,
        "sizes": [1, 2.5],
        "on": True,
        "day": "2026-12-01",
    },
    {"project": "b.json", "output": "b.mp4", "title": "“Two”\nlines", "count": -1e3, "more": {"a": {"b": None}}},
]
_TOML = """title = "Été"
day = 2026-12-01
[[jobs]]
project = "a.json"
output = "a.mp4"
sizes = [1, 2.5, 0x10, 1e3, inf]
at = 07:32:00
deep = {a = {b.c.d = 1}}
[[jobs]]
project = 'b.json'
output = '''b.mp4'''
"""
_CSV = 'project,output,title,count\na.json,a.mp4,Été,3\nb.json,b.mp4,"“Two”\nlines, ""quoted""",-1\n'
_TOML_TOKENS = (
    *(
        "1" * 5000,
        "1e99999999999999999999",
        "nan",
        "-inf",
        "[" * 3000,
        "{a=" * 3000,
        "a." * 3000,
        '"""',
        "0000-00-00",
        "\\uD800",
    ),
    *("2026-12-01T25:00:00Z", "0b12", "1__0", '"\\q"', "[[jobs]]", "[jobs]", "\0", "=", "#"),
)
_TYPES = ("number", "int", "bool", "list", "lines", "object", "json", "path", "string")


def try_data(case: Case, folder: Path) -> list[Fault]:
    """Write the case's file, and let what reads such files read it."""
    dice = case.dice()
    name = dice.choice(tuple(_READERS))
    data = _READERS[name][0](dice)
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    for _ in range(dice.choice((0, 1, 1, 2))):
        data = broken(data, dice)
    path = folder / name
    path.write_bytes(data)
    try:
        _READERS[name][1](path)
    except ExportError:
        return []
    except Exception as error:
        return [Fault(f"reading {path}", f"{type(error).__name__}: {str(error)[:300]}")]
    return []


def _mutated(value: object, dice: random.Random) -> str:
    """JSON text of a value in which some others stand."""
    value = json.loads(json.dumps(value))
    for _ in range(dice.choice((0, 1, 1, 2))):
        holder, key = dice.choice(list(places([value])))
        odd: tuple[object, ...] = (*ODD_NUMBERS, *ODD_TEXTS, None, [], {}, [[]], {"a": 1}, True)
        holder[key] = dice.choice(odd)
        if key == 0 and holder and holder[0] is not value and not isinstance(value, dict | list):
            break
    text = json.dumps(value)
    if dice.random() < 0.05:
        deep = "[" * 100_000
        text = text.replace(": ", f": {deep}", 1) if dice.random() < 0.5 else deep
    return text


def _lines(values: list[object], dice: random.Random) -> str:
    return "\n".join(_mutated(value, dice) for value in values) + "\n"


def _toml(dice: random.Random) -> str:
    text = _TOML
    for _ in range(dice.choice((0, 1, 2))):
        at = dice.randrange(len(text))
        text = text[:at] + dice.choice(_TOML_TOKENS) + text[at + dice.choice((0, 1, 5)) :]
    if dice.random() < 0.3:
        text = text.replace("1e3", dice.choice(_TOML_TOKENS), 1)
    return text


def _csv(dice: random.Random) -> str:
    text = _CSV.replace(",", dice.choice(",;\t"))
    for _ in range(dice.choice((0, 1, 2))):
        at = dice.randrange(len(text))
        text = text[:at] + dice.choice(('"', "\0", "\r", ",", "x" * 200_000, "\n\n", "\ufeff", "'")) + text[at:]
    return text


def _state(dice: random.Random) -> str:
    entries: list[object] = [
        {"film": "a.mp4", "state": "begun", "key": "k", "file": None, "sha256": None},
        {"film": "a.mp4", "state": "done", "key": "k", "file": [4, 5], "sha256": "0" * 64},
    ]
    return _lines(entries, dice)


def _manifest(dice: random.Random) -> str:
    manifest = Manifest(
        project="p.json",
        pictures="composited",
        film=FilmFacts(64, 48, Fraction(25), 10, 48000, 2, 19200),
        moments="auto",
        project_hash="0" * 32,
        variables={"a": "b"},
        media={"m": "0" * 32},
        versions={"av": "1"},
        renderer="llvmpipe",
        system="v1",
        frames=(StoredFrame(0, ("first",), "000000-0123456789abcdef.png", "0" * 32, None),),
        sound=StoredSound("sound-0123456789abcdef.npz", "0" * 32),
    )
    return _mutated(json.loads(manifest.text()), dice)


def _fingerprint(_dice: random.Random) -> bytes:
    maker = FingerprintMaker(8000, 2)
    maker.add(np.zeros((4000, 2), np.float32))
    return maker.finish().save()


def _variables(dice: random.Random) -> str:
    """A project whose variable is read as each type there is."""
    value = dice.choice((*ODD_NUMBERS, *ODD_TEXTS, "1e99999999999999999999", "[" * 5000, '{"a":' * 5000, "9" * 5000))
    clip = {"solid": "red", "duration": f"${{v:{dice.choice(_TYPES)}}}"}
    return json.dumps({"version": 1, "canvas": {"fps": 25}, "variables": {"v": value}, "tracks": [{"clips": [clip]}]})


def _read_state(path: Path) -> None:
    path.rename(path.with_name(STATE_NAME))
    film = path.with_name("a.mp4")
    film.write_bytes(b"film")
    state = BatchState()
    state.knows(film)
    state.is_complete(film, "k")
    state.finish(film, "k", None)


def _read_goldens(path: Path) -> None:
    store = GoldenStore(path.parent, path.parent / "p.json")
    store.folder.mkdir()
    path.rename(store.folder / MANIFEST)
    manifest = store.load()
    assert manifest is not None
    manifest.by_frame()
    manifest.text()
    for stored in manifest.frames:
        store.picture(stored)
    if manifest.sound is not None:
        store.sound(manifest.sound)
    store.others_of("p.json")


def _read_sound(path: Path) -> None:
    GoldenStore(path.parent, path.parent / "p.json").folder.mkdir()
    store = GoldenStore(path.parent, path.parent / "p.json")
    path.rename(store.folder / "s.npz")
    store.sound(StoredSound("s.npz", "0"))


def _read_variables(path: Path) -> None:
    load_document(path.read_text(encoding="utf-8", errors="replace"), path.parent, {})


def _read_jobs(path: Path) -> None:
    jobs_of([str(path)], path.parent)
    read_job_list(path)


_READERS: dict[str, tuple[Callable[[random.Random], str | bytes], Callable[[Path], object]]] = {
    "jobs.json": (lambda dice: _mutated(_ROWS, dice), _read_jobs),
    "jobs.jsonl": (lambda dice: _lines(list(_ROWS), dice), _read_jobs),
    "jobs.toml": (_toml, _read_jobs),
    "jobs.csv": (_csv, _read_jobs),
    "jobs.tsv": (_csv, _read_jobs),
    "state.jsonl": (_state, _read_state),
    "manifest.json": (_manifest, _read_goldens),
    "sound.npz": (_fingerprint, _read_sound),
    "variables.json": (_variables, _read_variables),
}
