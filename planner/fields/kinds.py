"""The kinds of values in a project file: how each is read, checked and described to editors.

A field of planner.document is `Annotated[type, Kind(…)]`. A kind turns the JSON value (str, bool, int, Decimal, list,
dict) into the value that planner.timeline holds, or raises an error in words of its own. Kinds that must know more of
the project than the value are in planner.fields.places. Passive and stateless.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from reelmill.planner.animation import EASINGS, Easing
from reelmill.planner.clock import TimeError, parse_rate, parse_time
from reelmill.planner.colour import Colour
from reelmill.planner.fields.css_colour import ColourError, parse_colour
from reelmill.planner.foreign_words import native_word
from reelmill.planner.limits import MAX_NAME_LENGTH
from reelmill.planner.suggestion import did_you_mean
from reelmill.planner.templates.variables import REFERENCE, Substituted


def fault(message: str, hint: str | None = None) -> PydanticCustomError:
    """The error of a value, in words for people: `message` goes on where its JSON path ends."""
    return PydanticCustomError("reelmill", "{message}", {"message": message, "hint": hint})


def json_kind(value: object) -> str:
    """What a JSON value is, for messages."""
    kinds: dict[type, str] = {bool: "true or false", int: "a number", Decimal: "a number", dict: "an object"}
    kinds |= {list: "a list", type(None): "null"}
    return kinds.get(type(value), "a string")


def shown(value: object) -> str:
    """A JSON value as a message shows it."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 40 else f'"{value[:40]}…"'
    text = str(value)
    return json_kind(value) if isinstance(value, bool | dict | list) else text if len(text) <= 24 else f"{text[:20]}…"


VARIABLE: JsonSchemaValue = {"type": "string", "pattern": f"^{REFERENCE}$"}
"""A string that is one reference to a variable stands for values of any kind."""


class Kind:
    """A kind of value: `read` makes it from JSON, `schema` describes it."""

    def read(self, value: object) -> object:
        raise NotImplementedError

    def schema(self) -> JsonSchemaValue:
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return self.schema()


def read_number(value: object) -> int | Decimal:
    """A number, or a variable that holds one. Raises a fault."""
    if isinstance(value, Substituted):
        try:
            number = Decimal(value.strip())
        except ArithmeticError:
            raise fault(f"{shown(value)} is not a number") from None
        # Decimal reads "NaN", "sNaN" and "Infinity" too, and what compares with a signalling one fails.
        if not number.is_finite():
            raise fault(f"{shown(value)} is not a number")
        return number
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        hint = None
        if isinstance(value, str) and _NUMBER_TEXT.fullmatch(value):
            hint = "write it without quotes"
        elif isinstance(value, str) and value.strip().endswith("%"):
            hint = "write a number: lengths are pixels, and shares are 0 to 1"
        raise fault(f"must be a number, not {json_kind(value)}", hint)
    return value


_NUMBER_TEXT = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def in_range(number: int | Decimal, low: float, high: float) -> float:
    """The number as float. Raises a fault where it is out of range."""
    if not low <= number <= high:
        raise fault(f"{shown(number)} is out of range: it must be {low} to {high}")
    return float(number)


@dataclass(frozen=True, slots=True)
class Number(Kind):
    """A float from `low` to `high`; `over` shuts out `low` itself."""

    low: float
    high: float
    over: bool = False

    def read(self, value: object) -> float:
        number = read_number(value)
        if self.over and number == self.low:
            raise fault(f"must be greater than {self.low}")
        return in_range(number, self.low, self.high)

    def schema(self) -> JsonSchemaValue:
        lowest = "exclusiveMinimum" if self.over else "minimum"
        return {"anyOf": [{"type": "number", lowest: self.low, "maximum": self.high}, VARIABLE]}


@dataclass(frozen=True, slots=True)
class Whole(Kind):
    """An integer from `low` to `high`."""

    low: int
    high: int

    def read(self, value: object) -> int:
        number = read_number(value)
        in_range(number, self.low, self.high)
        if number != int(number):
            raise fault(f"must be a whole number, not {shown(number)}")
        return int(number)

    def schema(self) -> JsonSchemaValue:
        return {"anyOf": [{"type": "integer", "minimum": self.low, "maximum": self.high}, VARIABLE]}


@dataclass(frozen=True, slots=True)
class FormatVersion(Kind):
    """The version of the file's format."""

    def read(self, value: object) -> int:
        if read_number(value) != 1:
            raise fault(f"{shown(value)} is not a version of the project file that can be read; 1 is")
        return 1

    def schema(self) -> JsonSchemaValue:
        return {"const": 1}


@dataclass(frozen=True, slots=True)
class BitRate(Kind):
    """Bits a second: a whole number, or one with k or M behind it."""

    _TEXT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([kKM])")

    def read(self, value: object) -> int:
        if isinstance(value, str) and (match := self._TEXT.fullmatch(value.strip())):
            value = Decimal(match[1]) * (10**6 if match[2] == "M" else 1000)
        elif isinstance(value, str) and not isinstance(value, Substituted):
            raise fault(f"{shown(value)} is not a bit rate", 'write 192000, "192k" or "8M"')
        return Whole(500, 10**10).read(value)

    def schema(self) -> JsonSchemaValue:
        number = {"type": "integer", "minimum": 500, "maximum": 10**10}
        return {"anyOf": [number, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?[kKM]$"}, VARIABLE]}


@dataclass(frozen=True, slots=True)
class Switch(Kind):
    """true or false."""

    def read(self, value: object) -> bool:
        if isinstance(value, Substituted) and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        if not isinstance(value, bool):
            hint = "write it without quotes" if value in ("true", "false") else None
            raise fault(f"must be true or false, not {json_kind(value)}", hint)
        return value

    def schema(self) -> JsonSchemaValue:
        return {"anyOf": [{"type": "boolean"}, VARIABLE]}


@dataclass(frozen=True, slots=True)
class Characters(Kind):
    """A string of at most `most` characters, and of one at least unless `empty`."""

    most: int = MAX_NAME_LENGTH
    empty: bool = False

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            raise fault(f"must be a string, not {json_kind(value)}")
        if not value and not self.empty:
            raise fault("must not be empty")
        if len(value) > self.most:
            raise fault(f"has {len(value)} characters; {self.most} is the limit")
        return str(value)

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "minLength": 0 if self.empty else 1, "maxLength": self.most}


@dataclass(frozen=True, slots=True)
class Label(Kind):
    """A string, or a number or switch that is turned into one: values of tags."""

    def read(self, value: object) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, str | int | Decimal):
            raise fault(f"must be a string or a number, not {json_kind(value)}")
        return str(value)

    def schema(self) -> JsonSchemaValue:
        return {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, slots=True)
class VariableValue(Kind):
    """What a variable may hold: any JSON but null, which planner.template has refused."""

    def read(self, value: object) -> object:
        return value

    def schema(self) -> JsonSchemaValue:
        return {"type": ["string", "number", "boolean", "array", "object"]}


class Choice:
    """One of a few words: the arguments of the Literal that it annotates."""

    __slots__ = ()

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        words = get_args(source)
        listed = ", ".join(words)

        def choose(value: object) -> str:
            if not isinstance(value, str):
                raise fault(f"must be one of {listed}, not {json_kind(value)}")
            if value not in words:
                native = native_word(value)
                meant = native if native is not None and native in words else value.replace("-", "_")
                hint = did_you_mean(meant, words)
                raise fault(f"{shown(value)} is not one of {listed}", hint)
            return str(value)

        return core_schema.no_info_before_validator_function(choose, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [handler(core), VARIABLE]}


@dataclass(frozen=True, slots=True)
class FrameRate(Kind):
    """Frames a second, exact: a number or "N/D"."""

    def read(self, value: object) -> Fraction:
        return read_rate(value)

    def schema(self) -> JsonSchemaValue:
        number = {"type": "number", "minimum": 0.01, "maximum": 1000}
        return {"anyOf": [number, {"type": "string", "pattern": r"^\s*\+?[0-9]+(/[0-9]+|\.[0-9]+)?\s*$|\$\{"}]}


def read_rate(value: object) -> Fraction:
    """A frame rate. Raises a fault."""
    try:
        return parse_rate(value)
    except TimeError as error:
        hint = 'write 25, 29.97 or "30000/1001"'
        raise fault(f"{shown(value)} is not a frame rate from 0.01 to 1000 frames a second", hint) from error


@dataclass(frozen=True, slots=True)
class Speed(Kind):
    """A factor of time, exact: a number or "N/D", from −1000 to 1000."""

    def read(self, value: object) -> Fraction:
        if not isinstance(value, int | Decimal | str) or isinstance(value, bool):
            raise fault(f"must be a number, not {json_kind(value)}")
        try:
            speed = parse_time(value).seconds
        except TimeError:
            speed = None
        if speed is None or abs(speed) > 1000:
            raise fault(f"{shown(value)} is not a speed", 'write a number from -1000 to 1000, or "N/D"')
        return speed

    def schema(self) -> JsonSchemaValue:
        number = {"type": "number", "minimum": -1000, "maximum": 1000}
        return {"anyOf": [number, {"type": "string", "pattern": r"^\s*[+-]?[0-9]+(/[0-9]+|\.[0-9]+)?\s*$|\$\{"}]}


@dataclass(frozen=True, slots=True)
class CssColour(Kind):
    """#rgb, #rrggbb, #rrggbbaa, a CSS name or transparent."""

    def read(self, value: object) -> Colour:
        if not isinstance(value, str):
            raise fault(
                f"must be a colour, not {json_kind(value)}", 'write "#rrggbb", a CSS colour name or transparent'
            )
        try:
            return parse_colour(value)
        except ColourError as error:
            raise fault(str(error), error.hint) from error

    def schema(self) -> JsonSchemaValue:
        hexadecimal = r"#([0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})"
        return {"type": "string", "pattern": rf"^\s*({hexadecimal}|[A-Za-z]+)\s*$|\$\{{"}


@dataclass(frozen=True, slots=True)
class Numbers(Kind):
    """A list of `count` numbers from `low` to `high`, as a tuple."""

    count: int
    low: float
    high: float
    names: str
    """What they are, for messages."""

    def read(self, value: object) -> tuple[float, ...]:
        if not isinstance(value, list) or len(value) != self.count:
            given = f"a list of {len(value)}" if isinstance(value, list) else json_kind(value)
            hint = f"write {self.names}, two numbers" if isinstance(value, str) and self.count == 2 else None
            raise fault(f"must be a list of {self.count} numbers {self.names}, not {given}", hint)
        return tuple(in_range(read_number(number), self.low, self.high) for number in value)

    def schema(self) -> JsonSchemaValue:
        number = {"anyOf": [{"type": "number", "minimum": self.low, "maximum": self.high}, VARIABLE]}
        return {"type": "array", "items": number, "minItems": self.count, "maxItems": self.count}


@dataclass(frozen=True, slots=True)
class Points(Kind):
    """A list of [x, y]."""

    most: int
    high: float

    def read(self, value: object) -> tuple[tuple[float, ...], ...]:
        if not isinstance(value, list):
            raise fault(f"must be a list of [x, y], not {json_kind(value)}")
        if len(value) > self.most:
            raise fault(f"has {len(value)} points; {self.most} is the limit")
        point = self._point()
        return tuple(point.read(item) for item in value)

    def _point(self) -> Numbers:
        return Numbers(2, -self.high, self.high, "[x, y]")

    def schema(self) -> JsonSchemaValue:
        return {"type": "array", "items": self._point().schema(), "minItems": 2, "maxItems": self.most}


@dataclass(frozen=True, slots=True)
class EasingCurve(Kind):
    """The name of an easing, or the four numbers of a CSS cubic-bezier."""

    def read(self, value: object) -> Easing:
        if isinstance(value, list):
            x1, y1, x2, y2 = Numbers(4, -1000, 1000, "[x1, y1, x2, y2]").read(value)
            if not (0 <= x1 <= 1 and 0 <= x2 <= 1):
                raise fault("x1 and x2 of a cubic-bezier must lie in 0 to 1")
            return Easing(x1, y1, x2, y2)
        if not isinstance(value, str) or value not in EASINGS:
            hint = did_you_mean(value.replace("-", "_"), EASINGS) if isinstance(value, str) else None
            raise fault(f"{shown(value)} is not an easing: write {', '.join(EASINGS)} or [x1, y1, x2, y2]", hint)
        return EASINGS[value]

    def schema(self) -> JsonSchemaValue:
        x, y = ({"type": "number", "minimum": low, "maximum": high} for low, high in ((0, 1), (-1000, 1000)))
        curve = {"type": "array", "prefixItems": [x, y, x, y], "items": False, "minItems": 4}
        return {"anyOf": [{"enum": list(EASINGS)}, curve, VARIABLE]}
