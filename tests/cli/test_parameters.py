"""Values on the command line: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

from fractions import Fraction

import pytest

from reelmill.cli.parameters import parse_variable
from reelmill.export.opening.option_texts import parse_bitrate, parse_bytes, parse_range, parse_size
from reelmill.planner.clock import MAX_SECONDS, Time


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500MB", 500_000_000),
        ("1GB", 1_000_000_000),
        ("1.5gb", 1_500_000_000),
        ("256MiB", 268_435_456),
        ("2GiB", 2_147_483_648),
        ("64 kB", 64_000),
        ("64KiB", 65_536),
        ("1T", 10**12),
        ("123456", 123_456),
        ("123456B", 123_456),
        ("0.3GB", 300_000_000),
    ],
)
def test_bytes(text: str, number: int) -> None:
    assert parse_bytes(text) == number


@pytest.mark.parametrize(
    "text", ["", "MB", "0", "-1MB", "1XB", "1 000MB", "nan", "1e9", "1iB", "0.1", "１MB", "9" * 40]
)
def test_no_bytes(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size: write bytes, or a number with a unit, such as 500MB"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("text", "number"), [("8M", 8_000_000), ("500k", 500_000), ("192000", 192_000), ("1.5m", 1_500_000)]
)
def test_bitrate(text: str, number: int) -> None:
    assert parse_bitrate(text) == number


@pytest.mark.parametrize("text", ["8MB", "fast", "0", "-8M"])
def test_no_bitrate(text: str) -> None:
    with pytest.raises(ValueError, match="is not a bitrate: write bits a second, such as 8M"):
        parse_bitrate(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1920x1080", (1920, 1080)), ("640X360", (640, 360)), ("1×1", (1, 1)), ("16384x16384", (16384, 16384))],
)
def test_size(text: str, size: tuple[int, int]) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["1920", "0x10", "10x0", "-1x5", "1920x1080p", "16385x1", "1.5x2", "x"])
def test_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size: write WIDTHxHEIGHT, such as 1280x720, 16384 at most"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2.5..10", Time(seconds=Fraction(5, 2)), Time(seconds=Fraction(10))),
        ("60f..120f", Time(frames=60), Time(frames=120)),
        ("1001/30000..00:00:12:15", Time(seconds=Fraction(1001, 30000)), Time(timecode="00:00:12:15")),
        ("..3", Time(seconds=Fraction(0)), Time(seconds=Fraction(3))),
        ("3..", Time(seconds=Fraction(3)), Time(seconds=Fraction(MAX_SECONDS))),
    ],
)
def test_range(text: str, start: Time, end: Time) -> None:
    assert parse_range(text) == (start, end)


@pytest.mark.parametrize(
    ("text", "message"), [("3", "is not a range"), ("1..2..3", "is not a time"), ("a..b", "is not a time")]
)
def test_no_range(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_range(text)


@pytest.mark.parametrize(
    ("text", "name", "value"), [("title=Hi there", "title", "Hi there"), ("a=", "a", ""), ("a=b=c", "a", "b=c")]
)
def test_variable(text: str, name: str, value: str) -> None:
    assert parse_variable(text) == (name, value)


@pytest.mark.parametrize("text", ["title", "=x", "1a=x", "a b=c"])
def test_no_variable(text: str) -> None:
    with pytest.raises(ValueError, match="is not NAME=VALUE"):
        parse_variable(text)
