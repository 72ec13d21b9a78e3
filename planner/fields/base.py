"""What all objects of the project file have in common, and kinds of values that many of them hold."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails, core_schema

from reelmill.planner.colour import Colour
from reelmill.planner.fields.kinds import CssColour, Number, Numbers, fault
from reelmill.planner.limits import MAX_CANVAS_PX

_T = TypeVar("_T")
AnyColour = Annotated[Colour, CssColour()]
LineWidth = Annotated[float, Number(0, MAX_CANVAS_PX)]
PictureSize = Annotated[tuple[float, float], Numbers(2, 0.01, MAX_CANVAS_PX, "[width, height]")]


@dataclass(frozen=True, slots=True)
class Shorthand:
    """Marks an object that may be written as a string: the value of one of its keys."""

    key: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        text = {"type": "string", "minLength": 1, "description": f'Short for {{"{self.key}": …}}.'}
        whole = core["schema"]
        if "ref" in whole:
            # A model that stands at one place only would be written out there, and not among the definitions.
            reference = core_schema.definition_reference_schema(whole["ref"])
            whole = core_schema.definitions_schema(reference, [whole])
        return {"anyOf": [handler(whole), text]}

    def _read(self, value: object, handler: core_schema.ValidatorFunctionWrapHandler) -> object:
        if not isinstance(value, str):
            return handler(value)
        try:
            return handler({self.key: value})
        except ValidationError as error:
            # The file holds no such key: the fault stands where the string does.
            faults = [_without_key(details, self.key) for details in error.errors(include_url=False)]
            raise ValidationError.from_exception_data("Project", faults) from error


def _without_key(details: ErrorDetails, key: str) -> InitErrorDetails:
    context, location = details.get("ctx", {}), details["loc"]
    kind = fault(context["message"], context["hint"]) if details["type"] == "reelmill" else details["type"]
    return {"type": kind, "loc": location[1:] if location[:1] == (key,) else location, "input": None, "ctx": context}


SUFFIX = "Model"
"""Ends the name of each class that is a model of an object of the project file."""


class ObjectModel(BaseModel):
    """An object of the project file. `metadata`, allowed on each, has been taken out before."""

    model_config = ConfigDict(extra="forbid")

    value: ClassVar[type[Any]]
    """The dataclass that the object becomes where it stands inside another one."""

    def build(self, kind: type[_T], /, **given: object) -> _T:
        """The dataclass `kind` with the fields of the same names: objects become values, lists become tuples.

        `given` holds the fields that differ. What is left out in the project file takes the default of the dataclass.
        """
        for name, has_default in _shared_fields(type(self), cast(Any, kind)):
            if name not in given:
                held = getattr(self, name)
                if held is not None or not has_default:
                    given[name] = value_of(held)
        return kind(**given)


def value_of(held: object) -> object:
    """The value on the timeline of what a model holds."""
    if isinstance(held, ObjectModel):
        return held.build(held.value)
    return tuple(map(value_of, held)) if isinstance(held, list) else held


@cache
def _shared_fields(model: type[ObjectModel], kind: type[Any]) -> tuple[tuple[str, bool], ...]:
    """The fields that a model and a dataclass have in common, each with whether the dataclass has a default for it."""
    return tuple(
        (field.name, field.default is not MISSING or field.default_factory is not MISSING)
        for field in fields(kind)
        if field.name in model.model_fields
    )


def object_name(model: type[BaseModel]) -> str:
    """The name of an object of the project file, as the JSON Schema has it: `Clip` for ClipModel."""
    return model.__name__.removesuffix(SUFFIX)
