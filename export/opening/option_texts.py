"""Values of options as texts, on the command line and in Python. Pure functions; each raises ValueError."""

from __future__ import annotations

import re
from fractions import Fraction

from reelmill.planner.clock import MAX_SECONDS, Time, parse_time
from reelmill.planner.limits import MAX_CANVAS_PX

_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_BITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def parse_range(text: str) -> tuple[Time, Time]:
    """`START..END`; an end that is left out is the film's."""
    start, dots, end = text.partition("..")
    if not dots:
        raise ValueError(f'"{text}" is not a range: write START..END, such as 2.5..10, 60f..300f or 10..')
    return (
        parse_time(start) if start else Time(seconds=Fraction(0)),
        parse_time(end) if end else Time(seconds=Fraction(MAX_SECONDS)),
    )


def parse_size(text: str) -> tuple[int, int]:
    """`WxH` in pixels."""
    match = re.fullmatch(r"([0-9]{1,6})[xX×]([0-9]{1,6})", text)
    width, height = (int(side) for side in match.groups()) if match else (0, 0)
    if not (1 <= width <= MAX_CANVAS_PX and 1 <= height <= MAX_CANVAS_PX):
        raise ValueError(f'"{text}" is not a size: write WIDTHxHEIGHT, such as 1280x720, {MAX_CANVAS_PX} at most')
    return width, height


def parse_bytes(text: str) -> int:
    """A number of bytes, with a unit of 1000 (kB, MB, GB, TB) or 1024 (KiB, MiB, GiB, TiB)."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([kmgt]?i?)b?", text.strip(), re.IGNORECASE)
    return _scaled(text, match, _BYTES, "size: write bytes, or a number with a unit, such as 500MB, 1.5GB or 256MiB")


def parse_bitrate(text: str) -> int:
    """Bits a second, with k, M or G of 1000."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([kmg]?)", text.strip(), re.IGNORECASE)
    return _scaled(text, match, _BITS, "bitrate: write bits a second, such as 8M, 500k or 192000")


def _scaled(text: str, match: re.Match[str] | None, units: dict[str, int], what: str) -> int:
    unit = units.get(match[2].lower()) if match else None
    number = int(Fraction(match[1]) * unit) if match and unit else 0
    if number < 1:
        raise ValueError(f'"{text}" is not a {what}')
    return number
