"""Fades in a project file: a time, or a time and a curve."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from reelmill.planner import timeline
from reelmill.planner.fields.kinds import Choice
from reelmill.planner.fields.places import FieldContext, Seconds

_LENGTH = Seconds("not negative")


class FadeModel(BaseModel):
    """A fade."""

    model_config = ConfigDict(extra="forbid")

    duration: Annotated[Fraction, _LENGTH]
    """How long it takes."""
    curve: Annotated[timeline.FadeCurve, Choice()] = "linear"
    """linear: the amplitude goes in a straight line; equal_power: in a quarter of a sine; exponential: the level in
    decibels goes almost in a straight line."""


@dataclass(frozen=True, slots=True)
class _TimeOrShape:
    """Marks a field as a FadeShape that may be written as its duration alone."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_wrap_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [_LENGTH.schema(), handler(core["schema"])]}

    def _read(
        self, value: object, handler: core_schema.ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> FadeModel:
        if isinstance(value, dict):
            return cast(FadeModel, handler(value))
        return FadeModel.model_construct(duration=_LENGTH.read(value, cast(FieldContext, info.context)))


Fade = Annotated[FadeModel, _TimeOrShape()]
