"""Values of a project file that may be animated: a constant, or keyframes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, cast

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, ValidationError, core_schema

from reelmill.planner import animation
from reelmill.planner.animation import LINEAR, Animated, Easing
from reelmill.planner.clock import format_time
from reelmill.planner.fields.kinds import EasingCurve, Kind, Numbers, fault, in_range, json_kind, read_number
from reelmill.planner.fields.lists import Several, keep_faults
from reelmill.planner.fields.places import FieldContext, Seconds
from reelmill.planner.limits import MAX_KEYFRAMES, MAX_PROBLEMS


@dataclass(frozen=True, slots=True)
class _AnyNumbers(Kind):
    """A number, or a list of them; how many and how large they may be, the animation says."""

    def read(self, value: object) -> tuple[object, ...]:
        return tuple(value) if isinstance(value, list) else (value,)

    def schema(self) -> JsonSchemaValue:
        number = {"type": ["number", "string"]}
        return {"anyOf": [number, {"type": "array", "items": number, "minItems": 2, "maxItems": 2}]}


class KeyframeModel(BaseModel):
    """A value at a time."""

    model_config = ConfigDict(extra="forbid")

    time: Annotated[Fraction, Seconds()]
    """Time from the clip's start (for a track's opacity and sound: from the start of the composition); not changed by
    `speed`."""
    value: Annotated[tuple[object, ...], _AnyNumbers()]
    """The number or numbers at that time."""
    easing: Annotated[Easing, EasingCurve()] = LINEAR
    """The way to the next keyframe: linear (the default), hold, ease_in, ease_out, ease_in_out, or [x1, y1, x2, y2]."""


class KeyframesModel(BaseModel):
    """A value that changes over time. The first holds before the first keyframe, the last after the last."""

    model_config = ConfigDict(extra="forbid")

    keyframes: Annotated[list[KeyframeModel], Several()] = Field(
        json_schema_extra={"minItems": 1, "maxItems": MAX_KEYFRAMES}
    )
    """In ascending order of time."""


@dataclass(frozen=True, slots=True)
class Animation:
    """Marks a field as one number or `count` numbers from `low` to `high`, constant or animated."""

    low: float
    high: float
    count: int = 1
    names: str = ""
    """Of several numbers, for messages."""
    spread: bool = False
    """A single number stands for `count` equal ones."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        keyframes = handler.generate_schema(KeyframesModel)
        return core_schema.with_info_wrap_validator_function(self._read, keyframes)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        number = {"type": "number", "minimum": self.low, "maximum": self.high}
        several = Numbers(self.count, self.low, self.high, self.names).schema()
        constants = [number] if self.count == 1 else [number, several] if self.spread else [several]
        keyframes = handler(core["schema"])
        return {"anyOf": [*constants, keyframes, {"type": "string", "pattern": r"^\$\{"}]}

    def _read(self, value: object, handler: core_schema.ValidatorFunctionWrapHandler, info: ValidationInfo) -> Animated:
        if not isinstance(value, dict):
            return Animated.constant(*self._values(value))
        reading, keyframes = cast(FieldContext, info.context), value.get("keyframes")
        if isinstance(keyframes, list) and not 1 <= len(keyframes) <= MAX_KEYFRAMES:
            wrong = fault(f"must be 1 to {MAX_KEYFRAMES} keyframes, not {len(keyframes)}")
            raise ValidationError.from_exception_data(
                "Keyframes", [{"type": wrong, "loc": ("keyframes",), "input": None}]
            )
        faults = self._faults(keyframes, reading)
        try:
            document: KeyframesModel = handler(value)
        except ValidationError as error:
            keep_faults(faults, error, reading)
        if faults:
            raise ValidationError.from_exception_data("Keyframes", faults)
        return Animated(
            tuple(
                animation.Keyframe(keyframe.time, self._values(_plain(keyframe.value)), keyframe.easing)
                for keyframe in document.keyframes
            )
        )

    def _values(self, value: object) -> tuple[float, ...]:
        if isinstance(value, list) or (self.count > 1 and not self.spread):
            if self.count == 1:
                raise fault(f"must be a number, not {json_kind(value)}")
            return Numbers(self.count, self.low, self.high, self.names).read(value)
        return (in_range(read_number(value), self.low, self.high),) * self.count

    def _faults(self, keyframes: object, reading: FieldContext) -> list[InitErrorDetails]:
        """What the model of a keyframe can't see: their order, the range of their values."""
        faults: list[InitErrorDetails] = []

        def note(error: PydanticCustomError, *location: str | int) -> None:
            if len(faults) < MAX_PROBLEMS:
                faults.append({"type": error, "loc": ("keyframes", *location), "input": None})
            else:
                reading.unlisted.count += 1

        before: Fraction | None = None
        for index, item in enumerate(keyframes if isinstance(keyframes, list) else []):
            if not isinstance(item, dict):
                continue
            try:
                if "value" in item:
                    self._values(item["value"])
            except PydanticCustomError as error:
                note(error, index, "value")
            time = _time(item.get("time"), reading)
            if time is not None and before is not None and time <= before:
                note(fault(f"is not later than the keyframe before it, at {format_time(before)}"), index, "time")
            before = before if time is None else time
        return faults


def _plain(value: tuple[object, ...]) -> object:
    return value[0] if len(value) == 1 else list(value)


def _time(value: object, reading: FieldContext) -> Fraction | None:
    """The time of a keyframe; None where it is none, which its model reports."""
    try:
        return Seconds().read(value, reading)
    except PydanticCustomError:
        return None
