"""The kinds of values in a project file that mean something only within the project: times, names, paths.

As in planner.fields.kinds, but what a kind must know of the rest of the file comes with pydantic's context, a
`Reading`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from reelmill.planner.clock import MAX_SECONDS, TimeError, parse_time
from reelmill.planner.fields.kinds import fault, json_kind, shown
from reelmill.planner.suggestion import did_you_mean


@dataclass(slots=True)
class Unlisted:
    """Faults of a file beside those that are told."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class FieldContext:
    """What the check of a single value must know of the rest of the file."""

    fps: Fraction
    """Of the root canvas: frames and timecodes count its frames."""
    media: Collection[str] | None
    """Names that clips may use; None where the file's `media` can't be read."""
    compositions: Collection[str] | None
    base_dir: Path
    """Absolute; relative paths begin here."""
    allow_network: bool
    unlisted: Unlisted = field(default_factory=Unlisted)


class PlacedKind:
    """A kind of value: `read` makes it from JSON and what the project says, `schema` describes it."""

    def read(self, value: object, reading: FieldContext) -> object:
        raise NotImplementedError

    def schema(self) -> JsonSchemaValue:
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object, info: ValidationInfo) -> object:
            return self.read(value, cast(FieldContext, info.context))

        return core_schema.with_info_plain_validator_function(read)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return self.schema()


_TIME_PATTERN = (
    r"^\s*({sign}[0-9]+(/[0-9]+|f|\.[0-9]+)?|[0-9]{{1,3}}:[0-9]{{2}}:[0-9]{{2}}[:;][0-9]{{2,3}}"
    r"|([0-9]{{1,3}}:)?[0-9]{{1,2}}:[0-9]{{2}}(\.[0-9]+)?)\s*$|\$\{{"
)


@dataclass(frozen=True, slots=True)
class Seconds(PlacedKind):
    """A time, resolved to seconds: a number, "N/D", "120f" or a timecode of the root canvas."""

    sign: str = "any"
    """`any`, `not negative` or `positive`."""

    def read(self, value: object, reading: FieldContext) -> Fraction:
        if isinstance(value, bool | dict | list):
            raise fault(f"must be a time, not {json_kind(value)}", 'write seconds, "N/D", "120f" or a timecode')
        try:
            seconds = parse_time(value).resolve(reading.fps)
        except TimeError as error:
            raise fault(str(error)) from error
        if abs(seconds) > MAX_SECONDS:
            raise fault(f"{shown(value)} is beyond the limit of {MAX_SECONDS} seconds")
        if seconds < 0 and self.sign != "any":
            raise fault(f"must not be negative, but is {shown(value)}")
        if seconds == 0 and self.sign == "positive":
            raise fault("must be greater than 0")
        return seconds

    def schema(self) -> JsonSchemaValue:
        number: JsonSchemaValue = {"type": "number", "minimum": -1_000_000, "maximum": 1_000_000}
        pattern = _TIME_PATTERN.format(sign="[+-]?" if self.sign == "any" else r"\+?")
        if self.sign != "any":
            del number["minimum"]
            number["exclusiveMinimum" if self.sign == "positive" else "minimum"] = 0
        return {"anyOf": [number, {"type": "string", "pattern": pattern}]}


FILL = "fill"
"""The duration of a clip that lasts as long as the others."""


@dataclass(frozen=True, slots=True)
class SecondsOrFill(Seconds):
    """A time in seconds, or the word for a clip that lasts as long as the others."""

    def read(self, value: object, reading: FieldContext) -> Any:
        return FILL if value == FILL else Seconds.read(self, value, reading)

    def schema(self) -> JsonSchemaValue:
        return {"anyOf": [{"const": FILL}, Seconds.schema(self)]}


@dataclass(frozen=True, slots=True)
class EntryName(PlacedKind):
    """The name of a media entry or of a composition."""

    section: str
    """`media` or `compositions`."""

    def read(self, value: object, reading: FieldContext) -> str:
        if not isinstance(value, str):
            raise fault(f"must be the name of one of the {self.section}, not {json_kind(value)}")
        known = reading.media if self.section == "media" else reading.compositions
        if known is not None and value not in known:
            hint = did_you_mean(value, known) or (None if known else f'"{self.section}" has no entries')
            raise fault(f'"{value[:200]}" is not one of the {self.section}', hint)
        return str(value)

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "minLength": 1}


_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


@dataclass(frozen=True, slots=True)
class FilePath(PlacedKind):
    """A path, made absolute from the project's folder; or a network address where those are allowed."""

    network: bool = False
    """Whether --allow-network lets an address through."""

    def read(self, value: object, reading: FieldContext) -> str:
        if not isinstance(value, str):
            raise fault(f"must be a path, not {json_kind(value)}")
        if not value or "\0" in value or len(value) > 4096:
            raise fault("is not a path")
        if match := _ADDRESS.match(value):
            return self._address(value, match[1], reading)
        return str(reading.base_dir / value)

    def _address(self, value: str, scheme: str, reading: FieldContext) -> str:
        if scheme.lower() == "file":
            raise fault(f'"{value[:200]}" is an address, not a path', f'write the path without "{scheme}://"')
        if not self.network:
            raise fault(f'"{value[:200]}" is a network address; only files can be used here')
        if not reading.allow_network:
            hint = "copy the file beside the project, or give --allow-network"
            raise fault(
                f'"{value[:200]}" is a network address, and media are files unless --allow-network is given', hint
            )
        return str(value)

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "minLength": 1, "maxLength": 4096}


@dataclass(frozen=True, slots=True)
class FilePaths(PlacedKind):
    """One path or a list of them, as a tuple."""

    most: int

    def read(self, value: object, reading: FieldContext) -> tuple[str, ...]:
        items = value if isinstance(value, list) else [value]
        if not 1 <= len(items) <= self.most:
            raise fault(f"must be 1 to {self.most} paths, not {len(items)}")
        return tuple(FilePath().read(item, reading) for item in items)

    def schema(self) -> JsonSchemaValue:
        path = FilePath().schema()
        return {"anyOf": [path, {"type": "array", "items": path, "minItems": 1, "maxItems": self.most}]}
