"""Mutated media for the fuzzer: bytes flipped, cut, swapped and zeroed, headers with impossible numbers.

In: a case, and the folder of seed media. Out: a file. A pure function of the case and the seed files.
"""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.cases import Case
from tests.fuzz.seed_media import TEXTS, media_names

HEAD_BYTES = 600
_INTEGERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_TOKENS = (
    *(
        "nan",
        "-nan",
        "inf",
        "1e999",
        "-1",
        "0",
        "99999999999",
        "-99:00:00,000",
        "00:00:00,000",
        "99:59:59.999",
        "٣",
        "",
    ),
    *(
        "{\\fs nan}",
        "{\\pos(nan,inf)}",
        "{\\t(0,",
        "{\\fs99999}",
        "{\\r}",
        "{\\p1}m 0 0 l 9 9{\\p0}",
        "{" * 50,
        "<" * 500,
    ),
    *(
        "<b><i><u>",
        "</v>",
        "&#x110000;",
        "&amp;" * 20,
        "\0",
        "\u202e",
        "W" * 2000,
        "-->",
        "-->" * 9,
        "\ufeff",
        "NOTE",
        "&H",
        "%n",
    ),
)


def mutated(case: Case, seeds: Path, folder: Path) -> Path:
    """Write the case's file into a folder."""
    dice = case.dice()
    name = dice.choice(media_names())
    data = (seeds / name).read_bytes()
    if name in TEXTS and dice.random() < 0.8:
        data = _changed_text(data.decode(), dice).encode("utf-8", "surrogatepass")
    else:
        for _ in range(dice.choice((0, 1, 1, 1, 2, 3)) if dice.random() < 0.98 else 20):
            data = dice.choice(_MUTATIONS)(data, dice)
        if dice.random() < 0.04:
            other = (seeds / dice.choice(media_names())).read_bytes()
            data = data[: dice.randrange(len(data) + 1)] + other[dice.randrange(len(other)) :]
    if dice.random() < 0.03:
        name = Path(name).stem + Path(dice.choice(media_names())).suffix
    path = folder / name
    path.write_bytes(data)
    return path


def _spot(data: bytes, dice: random.Random) -> int:
    """A place in the file; the header is as likely as all that follows."""
    return dice.randrange(max(min(len(data), HEAD_BYTES) if dice.random() < 0.5 else len(data), 1))


def _flip(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 4, 30))):
        if changed:
            changed[_spot(data, dice)] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _number(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 3))):
        form = dice.choice(("<H", ">H", "<I", ">I", ">Q", "B"))
        size = struct.calcsize(form)
        changed[(at := _spot(data, dice)) : at + size] = struct.pack(form, dice.choice(_INTEGERS) % 256**size)
    return bytes(changed)


def _truncate(data: bytes, dice: random.Random) -> bytes:
    return data[: _spot(data, dice)]


def _zero(data: bytes, dice: random.Random) -> bytes:
    at, length = _spot(data, dice), dice.choice((4, 16, 188, 512, 4000))
    return data[:at] + bytes(len(data[at : at + length])) + data[at + length :]


def _cut_out(data: bytes, dice: random.Random) -> bytes:
    at = _spot(data, dice)
    return data[:at] + data[at + dice.choice((1, 4, 100, 188, 2000)) :]


def _double(data: bytes, dice: random.Random) -> bytes:
    at = _spot(data, dice)
    return data[:at] + data[at : at + dice.choice((1, 8, 188, 3000))] * dice.choice((2, 3)) + data[at:]


def _swap(data: bytes, dice: random.Random) -> bytes:
    length = dice.choice((4, 16, 188, 1024))
    if len(data) < 2 * length:
        return data
    a = dice.randrange(len(data) - 2 * length + 1)
    b = dice.randrange(a + length, len(data) - length + 1)
    return data[:a] + data[b : b + length] + data[a + length : b] + data[a : a + length] + data[b + length :]


def _noise(data: bytes, dice: random.Random) -> bytes:
    at, length = _spot(data, dice), dice.choice((1, 8, 64, 600))
    return data[:at] + dice.randbytes(length) + data[at + (length if dice.random() < 0.7 else 0) :]


def _atom(data: bytes, dice: random.Random) -> bytes:
    """Change a number near the name of an atom or chunk."""
    names = [match.start() for match in re.finditer(rb"[a-zA-Z]{4}", data)]
    if not names:
        return data
    at = max(dice.choice(names) + dice.choice((-4, 4, 8, 12, 16)), 0)
    return data[:at] + struct.pack(">I", dice.choice(_INTEGERS)) + data[at + 4 :]


_MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(
        _flip,
        _flip,
        _flip,
        _number,
        _number,
        _truncate,
        _zero,
        _zero,
        _cut_out,
        _double,
        _swap,
        _noise,
        _noise,
        _atom,
        _atom,
    ),
)


def _changed_text(text: str, dice: random.Random) -> str:
    """Subtitles with other words and numbers in them."""
    for _ in range(dice.choice((1, 1, 2, 5))):
        found = list(re.finditer(r"[\w.]+|[^\w\s]|\n", text))
        token = dice.choice(found)
        start, end = token.span()
        match dice.randrange(5):
            case 0 | 1:
                text = text[:start] + dice.choice(_TOKENS) + text[end:]
            case 2:
                text = text[:start] + text[end:]
            case 3:
                text = text[:start] + text[start : end + 40] * dice.choice((2, 3, 40)) + text[end:]
            case 4:
                text = text[:start] + dice.choice(_TOKENS) + text[start:]
    return text
