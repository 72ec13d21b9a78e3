"""`checks` in a project file: what `reelmill check` looks at. A list of moments, or an object with more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from reelmill.planner.checks import CheckMoment, Tolerance, ToleranceError, parse_moment, parse_tolerance
from reelmill.planner.clock import Time, TimeError
from reelmill.planner.fields.base import ObjectModel
from reelmill.planner.fields.kinds import Kind, fault, json_kind, shown
from reelmill.planner.fields.places import FieldContext, PlacedKind, Seconds
from reelmill.planner.limits import MAX_CHECKS


@dataclass(frozen=True, slots=True)
class Moments(PlacedKind):
    """A list of times, "every:N" and "auto"."""

    def read(self, value: object, reading: FieldContext) -> tuple[CheckMoment, ...]:
        if not isinstance(value, list):
            raise fault(f"must be a list of times, not {json_kind(value)}", 'write [2.5, "120f", "every:30", "auto"]')
        if not 1 <= len(value) <= MAX_CHECKS:
            raise fault(f"must have 1 to {MAX_CHECKS} moments, not {len(value)}")
        return tuple(self._moment(item, reading) for item in value)

    def _moment(self, value: object, reading: FieldContext) -> CheckMoment:
        if isinstance(value, bool | dict | list):
            raise fault(f"must hold times, not {json_kind(value)}")
        try:
            moment = parse_moment(value)
            if isinstance(moment, Time):
                moment.resolve(reading.fps)
        except TimeError as error:
            raise fault(f"{shown(value)}: {error}") from error
        return moment

    def schema(self) -> JsonSchemaValue:
        times = Seconds("not negative").schema()["anyOf"]
        moment = {"anyOf": [*times, {"type": "string", "pattern": r"^\s*(auto|every:[0-9]{1,9})\s*$"}]}
        return {"type": "array", "items": moment, "minItems": 1, "maxItems": MAX_CHECKS}


@dataclass(frozen=True, slots=True)
class ToleranceText(Kind):
    """A tolerance in the words of the command line."""

    def read(self, value: object) -> Tolerance:
        if not isinstance(value, str):
            raise fault(
                f"must be a tolerance, not {json_kind(value)}", 'write "exact", "renderer", "encoder" or "2:0.1%"'
            )
        try:
            return parse_tolerance(value)
        except ToleranceError as error:
            raise fault(str(error)) from error

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "minLength": 1}


class ChecksModel(ObjectModel):
    """What a render check looks at."""

    frames: Annotated[tuple[CheckMoment, ...], Moments()] | None = None
    """Moments: times, "every:N" (every so many-th frame) and "auto" (where things change). Default: auto."""
    tolerance: Annotated[Tolerance, ToleranceText()] | None = None
    """How far a render may be from the stored one: exact, renderer, encoder, or figures such as "2:0.1%". Default:
    exact, on another OpenGL renderer than the stored one renderer."""


@dataclass(frozen=True, slots=True)
class _ListOrObject:
    """Marks a field as Checks that may be written as its frames alone."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [Moments().schema(), handler(core)]}

    def _read(self, value: object, handler: core_schema.ValidatorFunctionWrapHandler) -> ChecksModel:
        return cast(ChecksModel, handler({"frames": value} if isinstance(value, list) else value))


MomentsOrChecks = Annotated[ChecksModel, _ListOrObject()]
